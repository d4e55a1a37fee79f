"""In which runs `blocked` sums its outputs, and what each of them takes: from shapes alone."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.core.algorithms.classes import Class, all_sums, classes_of
from app.core.algorithms.taps import Axis, Int64Array, axes_of
from app.core.algorithms.vectors.simd import VECTOR
from app.core.algorithms.vectors.spread_sums import AT_ONCE, WIDEST
from app.core.geometry import ceil_div, even_pieces
from app.core.parallel import PLANNED_THREADS
from app.core.problem import Problem

#: Outputs of a channel in a strip where a step along the axis that is cut has fewer: their sums stay in a near cache.
STRIP = 256

#: Runs along lines that are shorter go across them where these are more.
SHORT = 4

#: Where runs have no more outputs in the mean, more vectors of channels are summed at once instead: with few sums each
#: waits for the one before. Their weights are of so many bytes at most; and there are so many tasks at least, of which
#: threads have even shares, but for a part.
SHORT_RUNS, WIDE_BYTES, FEWEST_TASKS, UNEVEN = 5, 2**21, 2 * PLANNED_THREADS, 0.05

Ints = tuple[int, ...]


@dataclass(frozen=True)
class Blocked:
    """The tables of `blocked`.

    `abreast` vectors of channels are a chunk. `strips` (strips, 4): the first output of a strip, its outputs, and from
    which to which of the `runs` it has. `runs` (runs, 7): where the first output of a run finds its inputs and how far
    from these the next one does; how many outputs it has; the first one's number in the strip, and how far the next one
    is; where its taps begin in `offsets` (from that place to a tap's input) and `steps` (to its weights among those of
    an input channel), and how many there are. `weights` tells where each tap of all input channels is laid; `sums`, how
    many elements those of a strip take for each vector.
    """

    abreast: int
    strips: Int64Array
    runs: Int64Array
    offsets: Int64Array
    steps: Int64Array
    weights: Int64Array
    sums: int


def strips_of(axes: tuple[Axis, ...]) -> tuple[int, list[tuple[int, int]]]:
    """Along which axis planes are cut into strips, the first with several outputs; and (begin, count) of each strip."""
    lengths = [axis.output for axis in axes]
    number = next((n for n, length in enumerate(lengths) if length > 1), 2)
    return number, even_pieces(lengths[number], max(1, STRIP // each_of(axes, number)))


def each_of(axes: tuple[Axis, ...], number: int) -> int:
    """The outputs of a step along this axis."""
    return math.prod(axis.output for axis in axes[number + 1 :])


def sums_of(outputs: int, lanes: int) -> int:
    """Elements of the sums of so many outputs of a vector of channels."""
    return ceil_div(outputs, lanes) * lanes * lanes


def abreast_of(problem: Problem, axes: tuple[Axis, ...], lanes: int) -> int:
    """The vectors of a chunk of channels."""
    tasks = problem.groups * ceil_div(problem.out_group, WIDEST * lanes) * problem.batch * len(strips_of(axes)[1])
    suits = (
        problem.out_group > min(AT_ONCE) * lanes
        and SHORT_RUNS * runs_per_output(axes, min(AT_ONCE)) >= 1
        and WIDEST * weights_of(problem, lanes) * VECTOR <= WIDE_BYTES
        and tasks >= FEWEST_TASKS
        and -tasks % PLANNED_THREADS <= UNEVEN * tasks
    )
    return WIDEST if suits else min(AT_ONCE)


def runs_per_output(axes: tuple[Axis, ...], abreast: int) -> float:
    """Runs for each output of a plane: those within a line, and those of a line's ends, across lines."""
    _, height, width = axes
    lines, row, at_once = height.counts.positions, width.counts.positions, AT_ONCE[abreast]
    ends = min(row, ceil_div(width.kernel, width.counts.phases) - 1)
    middle = row - ends
    within = lines * ceil_div(middle, at_once) if middle >= SHORT else middle * ceil_div(lines, at_once)
    return (within + ends * ceil_div(lines, at_once)) / (lines * row)


@lru_cache(maxsize=128)
def tables_of(problem: Problem, itemsize: int) -> Blocked:
    """The tables of a problem for elements of so many bytes."""
    axes, lanes = axes_of(problem), VECTOR // itemsize
    abreast = abreast_of(problem, axes, lanes)
    cut, strips = strips_of(axes)
    begins, counts = np.array(strips).T * each_of(axes, cut)
    runs, offsets, steps = _runs_of_plane(axes, AT_ONCE[abreast], cut, [begin for begin, _ in strips])
    strip = begins.searchsorted(runs[:, 3], side="right") - 1
    runs[:, 3] -= begins[strip]
    order = np.argsort(strip, kind="stable")
    bounds = strip[order].searchsorted(np.arange(len(strips) + 1))
    return Blocked(
        abreast, np.stack([begins, counts, bounds[:-1], bounds[1:]], axis=1), runs[order], offsets, steps * lanes,
        np.arange(weights_of(problem, lanes)) * lanes, sums_of(int(counts.max()), lanes),
    )  # fmt: skip


def weights_of(problem: Problem, lanes: int) -> int:
    """Vectors of the weights of as many output channels as a vector has elements, with what is laid behind them."""
    return problem.kernel_elements // problem.out_channels + lanes


def _strides(lengths: list[int]) -> tuple[int, int, int]:
    """How far apart neighbours along each axis lie in planes of these lengths."""
    return lengths[1] * lengths[2], lengths[2], 1


def _runs_of_plane(
    axes: tuple[Axis, ...], at_once: int, cut: int, cuts: list[int]
) -> tuple[Int64Array, Int64Array, Int64Array]:  # fmt: skip
    """`runs` with the numbers of outputs in the plane, `offsets` and `steps`; no run goes across a cut of that axis."""
    inputs, outputs, kernel = (
        _strides([getattr(axis, name) for axis in axes]) for name in ("input", "output", "kernel")
    )
    found, offsets, steps = list[Int64Array](), [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    left, first = np.ones(math.prod(axis.output for axis in axes), np.bool_), 0
    for parts in itertools.product(*(classes_of(axis, 0, apart=True) for axis in axes)):
        weights = all_sums([part.taps for part in parts], kernel)
        order = np.argsort(weights)
        steps.append(weights[order])
        offsets.append(all_sums([part.offsets for part in parts], inputs)[order])
        found.append(_runs(axes, parts, at_once, (inputs, outputs), (cut, cuts), (first, len(order))))
        left[all_sums([part.outputs for part in parts], outputs)] = False
        first += len(order)
    bare = np.zeros((np.count_nonzero(left), 7), np.int64)
    bare[:, 2], bare[:, 3] = 1, np.flatnonzero(left)
    return np.concatenate([*found, bare]), np.concatenate(offsets), np.concatenate(steps)


def _runs(
    axes: tuple[Axis, ...], parts: tuple[Class, ...], at_once: int, strides: tuple[Ints, Ints],
    strips: tuple[int, list[int]], taps: tuple[int, int],
) -> Int64Array:  # fmt: skip
    """`Blocked.runs` of the outputs of a class along each axis, with their numbers in the plane.

    `strides` of inputs and outputs along the axes, the axis that `strips` cut and where, and where the class has its
    `taps`, and how many.
    """
    inputs, outputs = strides
    along = 1 if len(parts[2].outputs) < SHORT and len(parts[1].outputs) > len(parts[2].outputs) else 2
    others = [n for n in range(3) if n != along]
    low, length = _pieces(parts[along].outputs, axes[along].out_step, at_once, strips[1] if strips[0] == along else [])
    place = all_sums([parts[n].places for n in others], [inputs[n] for n in others])
    out = all_sums([parts[n].outputs for n in others], [outputs[n] for n in others])
    found = np.empty((len(out), len(low), 7), np.int64)
    found[:, :, 0] = place[:, None] + parts[along].places[low] * inputs[along]
    found[:, :, 1], found[:, :, 2] = axes[along].in_step * inputs[along], length
    found[:, :, 3] = out[:, None] + parts[along].outputs[low] * outputs[along]
    found[:, :, 4], found[:, :, 5:] = axes[along].out_step * outputs[along], taps
    return found.reshape(-1, 7)


def _pieces(outputs: Int64Array, step: int, at_once: int, cuts: list[int]) -> tuple[Int64Array, Int64Array]:
    """(first ones, counts) of outputs that are summed at once: each so far from the next, and no cut between them."""
    gaps = np.flatnonzero(np.diff(outputs) != step) + 1
    bounds = np.unique([0, *gaps, *outputs.searchsorted(cuts), len(outputs)])
    pieces = [
        (low + begin, count)
        for low, high in itertools.pairwise(bounds.tolist())
        for begin, count in even_pieces(high - low, at_once)
    ]
    first, count = np.array(pieces).T
    return first, count
