"""Where `channels_last` lays its inputs, and what each output takes of them: from shapes alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.core.algorithms.classes import Class, all_sums, classes_of
from app.core.algorithms.taps import Axis, Int64Array, axes_of
from app.core.algorithms.vectors.interleaving import AT_ONCE, SIDE_BY_SIDE
from app.core.algorithms.vectors.simd import VECTOR
from app.core.geometry import ceil_div, even_pieces
from app.core.problem import Problem


@dataclass(frozen=True)
class ChannelsLast:
    """The tables of `channels_last`; places in the laid inputs, weights and sums are in elements.

    `inputs` (channels of a group, places of a plane) tells where an input goes, `weights` where a weight does.
    `blocks` (blocks, 5): a block's first number in `places`, where its outputs meet the laid inputs, and in `targets`,
    where they go; how many they are; its first number in `offsets` and `steps`, where each tap lies beside a place, and
    its weight; how many taps it has; and the width of the kernel where these are the first ones of its lines (see
    `sum_line`), or 0. `memory`: the elements of inputs, weights and sums.
    """

    inputs: Int64Array
    weights: Int64Array
    blocks: Int64Array
    places: Int64Array
    targets: Int64Array
    offsets: Int64Array
    steps: Int64Array
    memory: tuple[int, int, int]


def reach(axis: Axis) -> tuple[int, int]:
    """The first place that outputs look at, within the input or not, and how many there are up to the last."""
    phases = range(axis.counts.phases)
    first = min(int(axis.shifts(q).min()) for q in phases)
    last = max(int(axis.shifts(q).max()) + (axis.positions(q) - 1) * axis.in_step for q in phases)
    return first, last - first + 1


def memory_of(problem: Problem, axes: tuple[Axis, ...], lanes: int) -> tuple[int, int, int]:
    """The elements of the laid inputs, weights and sums of as many groups as a vector has elements.

    Behind the inputs lie a vector of zeros and one for what is not used.
    """
    laid = problem.in_group * _plane(axes) + 2
    weights, outputs = (
        ceil_div(count, lanes) * lanes
        for count in (problem.kernel_elements // problem.groups, math.prod(axis.output for axis in axes))
    )
    return laid * lanes, weights * lanes, outputs * lanes


def goes_by_lines(axes: tuple[Axis, ...]) -> bool:
    """Whether outputs side by side share what is loaded: windows move by one, and weights lie as what they meet."""
    width = axes[2]
    plain = width.in_step == width.out_step == 1 and width.span == width.kernel - 1 > 0
    return plain and bool(np.all(width.shifts(0) - width.taps(0) == width.shifts(0)[0] - width.taps(0)[0]))


@lru_cache(maxsize=128)
def tables_of(problem: Problem, itemsize: int) -> ChannelsLast:
    """The tables of a problem for elements of so many bytes."""
    axes, lanes = axes_of(problem), VECTOR // itemsize
    memory = memory_of(problem, axes, lanes)
    unused = memory[0] // lanes - 1
    blocks, places, targets, offsets, steps = list[tuple[int, ...]](), [], [], [], []
    at = taps_at = 0
    for own in _classes(problem, axes, unused - 1):
        by_lines = goes_by_lines(axes) and own.places[0] < unused - 1
        order, width = np.argsort(own.taps), axes[2].kernel if by_lines else 0
        order = order[:: width or None]
        steps.append(own.taps[order])
        offsets.append(own.offsets[order])
        places.append(own.places)
        targets.append(own.outputs)
        row, most = (axes[2].output, SIDE_BY_SIDE) if by_lines else (len(own.outputs), AT_ONCE)
        pieces = even_pieces(row, most)
        for line in range(at, at + len(own.outputs), row):
            blocks += [(line + begin, count, taps_at, len(order), width) for begin, count in pieces]
        at, taps_at = at + len(own.outputs), taps_at + len(order)
    return ChannelsLast(
        _inputs(problem, axes, unused, lanes) * lanes, np.arange(memory[1] // lanes) * lanes, np.array(blocks),
        np.concatenate(places) * lanes, np.concatenate(targets) * lanes,
        np.concatenate(offsets) * lanes, np.concatenate(steps) * lanes, memory,
    )  # fmt: skip


def _plane(axes: tuple[Axis, ...]) -> int:
    """The places of a channel's laid inputs."""
    return math.prod(reach(axis)[1] for axis in axes)


def _strides(axes: tuple[Axis, ...]) -> tuple[int, int, int]:
    """How far apart neighbours along each axis are laid."""
    height, width = (reach(axis)[1] for axis in axes[1:])
    return height * width, width, 1


def _inputs(problem: Problem, axes: tuple[Axis, ...], unused: int, lanes: int) -> Int64Array:
    """The places of the inputs of a group, for whole vectors of each channel; `unused` where nothing looks at one."""
    places, inside = np.zeros((), np.int64), np.ones((), np.bool_)
    for axis, stride in zip(axes, _strides(axes), strict=True):
        first, length = reach(axis)
        own = np.arange(axis.input) - first
        places = places[..., None] + own * stride
        inside = inside[..., None] & (own >= 0) & (own < length)
    channels = np.arange(problem.in_group)[:, None] * _plane(axes)
    laid = np.where(inside.reshape(-1), channels + places.reshape(-1), unused)
    return np.pad(laid, ((0, 0), (0, -laid.shape[1] % lanes)), constant_values=unused).reshape(-1)


def _classes(problem: Problem, axes: tuple[Axis, ...], zeros: int) -> Iterator[Class]:
    """The outputs of a plane in classes, whose taps are those of all channels; without any, they meet zeros."""
    in_group, kernel = problem.in_group, [axis.kernel for axis in axes]
    numbers, nothing = np.arange(in_group), np.zeros(1, np.int64)
    channels = [Class(nothing, nothing, numbers, numbers)]
    apart = math.prod(kernel) * (1 if problem.op == "conv" else problem.out_group)
    along_taps = apart, kernel[1] * kernel[2], kernel[2], 1
    along_outputs = 0, axes[1].output * axes[2].output, axes[2].output, 1
    along_places = _plane(axes), *_strides(axes)
    met = np.zeros(math.prod(axis.output for axis in axes), np.bool_)
    lines = [classes_of(axis, reach(axis)[0], apart=n < len(axes) - 1) for n, axis in enumerate(axes)]
    for parts in itertools.product(channels, *lines):
        outputs, places, taps, offsets = zip(*parts, strict=True)
        own = Class(
            all_sums(outputs, along_outputs), all_sums(places, along_places),
            all_sums(taps, along_taps), all_sums(offsets, along_places),
        )  # fmt: skip
        met[own.outputs] = True
        yield own
    if len(left := np.flatnonzero(~met)):
        yield Class(left, np.full(len(left), zeros), nothing, nothing)
