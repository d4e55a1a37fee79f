"""What shapes alone say of the errors of Winograd's filtering: how roundings show, which inputs meet which weights."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.core.algorithms.borders import products_at, unlike_positions
from app.core.algorithms.packing import packed
from app.core.algorithms.taps import Axis, Int64Array, joined_axes_of
from app.core.algorithms.vectors.magnitudes import SLACK
from app.core.algorithms.vectors.transforms import amplification
from app.core.algorithms.winograd.copies import Tiles, tiles_around
from app.core.algorithms.winograd.filters import Along, filters_of
from app.core.algorithms.winograd.loudness import STRETCH, Sizes
from app.core.geometry import ceil_div
from app.core.kept import kept_by_size
from app.core.layout import Array
from app.core.problem import Problem

#: An error takes fewer roundings of the norms. Measured with 16 to 1024 channels: below 2.5 for what is random; that of
#: one-signed data, and of stripes that the maps amplify most, can be more, but so is their S. A search for channels
#: that are nearly copies, but seem none, found errors that took 1.21 times as many as 4 allow.
ROUNDINGS = 5.0

#: With so many filters of all channels the square of that is twice as much, since sums of one sign grow.
GROWING_CHANNELS = 128

#: What is expected of errors is at most this share of the promise: data are not all alike.
MOST_EXPECTED = 0.55


@dataclass(frozen=True)
class Tables:
    """What shapes alone say.

    `row` has the sizes for kernels, `tiles` are those of an input, and each input channel has so many `filters`.
    `amplified` is α for the weights of a channel. Inputs, of these `lengths`, fall into classes that meet weights of
    their own: `cores` are the slabs, lines and columns of those that meet all of these, and `classes` has that of each
    weight. `shifts`, `steps` and `positions` are as for `exceeds`. Where outputs fall into phases, `phases` has that of
    each weight, and no output is looked at.
    """

    sizes: Sizes
    row: Int64Array
    tiles: Tiles
    filters: int
    amplified: Array
    phases: Int64Array | None
    lengths: tuple[int, int, int]
    cores: list[tuple[slice, slice, slice]]
    classes: Int64Array
    shifts: tuple[Int64Array, ...]
    steps: tuple[int, int, int]
    positions: tuple[int, int, int]


def suits(problem: Problem, dtype: np.dtype[np.generic]) -> bool:
    """Whether `holds` is to be expected: of inputs and kernels that are drawn from a normal distribution."""
    tables = tables_of(problem, dtype)
    sizes, taps = tables.sizes, tables.sizes.taps
    phases = np.zeros(taps, np.int64) if tables.phases is None else tables.phases
    loudness = math.sqrt(sizes.in_group) * roundings_of(tables)
    norm = math.sqrt(sizes.in_group * np.bincount(phases, tables.amplified).max())
    met = [math.prod(map(_count, core, tables.lengths)) for core in tables.cores]
    mean = sizes.in_group * sum(met[number] for number in tables.classes) / sizes.outputs * (2 / math.pi)
    return bool(loudness * norm <= MOST_EXPECTED * (sizes.in_group * taps + 2) * mean)


@lru_cache(maxsize=256)
def tables_of(problem: Problem, dtype: np.dtype[np.generic]) -> Tables:
    """The tables of a problem that `filters` cuts."""
    axes = joined_axes_of(problem)
    plane, taps = math.prod(problem.input_size), math.prod(problem.kernel_size)
    in_group, out_group = problem.in_group, problem.out_group
    row, transposed = in_group * taps, problem.op == "conv_transpose"
    lies = (taps, in_group, taps, out_group * taps) if transposed else (row, 1, row, row)
    along = [_classes(axis) for axis in axes]
    classes = list(itertools.product(*along))
    counts = (ceil_div(plane, STRETCH), len(classes), math.prod(problem.output_size), taps)
    sizes = Sizes(problem.batch, problem.groups, in_group, out_group, plane, *counts, *lies)
    met = joined_axes_of(problem, padded=problem.pads_by_copying)
    filters = filters_of(problem)
    along_z, along_y, along_x = map(_amplified, (filters.z, filters.y, filters.x), met)
    amplified = np.multiply.outer(along_z, np.outer(along_y, along_x)).reshape(-1)
    z, y, x = (axis.shifts(0)[np.argsort(axis.taps(0))] for axis in axes)
    return Tables(
        sizes,
        packed(sizes),
        tiles_around(filters, axes, dtype),
        filters.each,
        amplified.astype(dtype),
        _numbers([[axis.taps(q) for q in range(axis.counts.phases)] for axis in axes])
        if any(axis.out_step > 1 for axis in axes)
        else None,
        (axes[0].input, axes[1].input, axes[2].input),
        [(z, y, x) for (_, z), (_, y), (_, x) in classes],
        _numbers([[taps for taps, _ in own] for own in along]),
        (z, y, x),
        (axes[0].in_step, axes[1].in_step, axes[2].in_step),
        (axes[0].output, axes[1].output, axes[2].output),
    )


def _of_run(problem: Problem, dtype: np.dtype[np.generic]) -> Array:
    tables = tables_of(problem, dtype)
    beyond = np.zeros(SLACK // dtype.itemsize, dtype)  # vectors read over the end
    return np.append(np.tile(tables.amplified, tables.sizes.run // tables.sizes.taps), beyond)


#: α for each weight of a run, which lie beside each other: as many as an output channel has, that is.
amplified_of = kept_by_size(
    _of_run, lambda problem, _: problem.in_group * math.prod(problem.kernel_size), (2**15, 128), (2**17, 32)
)


def _amplified(along: Along, axis: Axis) -> Array:
    """The factors along an axis of which α is made, for each weight.

    The largest of all outputs; those that meet fewer inputs may have smaller errors, and
    count for as much more.
    """
    of_tile, by_weight = amplification(along.kind), np.zeros(axis.kernel)
    for phase in along.phases:
        positions = unlike_positions(axis, phase.number, along.run * along.kind.outputs)
        shares = products_at(axis, phase.number, positions)[:, None] / axis.kernel
        of_place, taps = of_tile[::-1] if phase.mirrored else of_tile, np.array(phase.taps)
        by_place = np.max(of_place[positions // along.run % along.kind.outputs] / shares**2, axis=0)
        met = taps >= 0
        np.maximum.at(by_weight, taps[met], by_place[np.arange(len(taps)) % along.kind.weights][met])
    return by_weight


def _numbers(taps: list[list[Int64Array]]) -> Int64Array:
    """For each weight the number of its part, where the taps of each axis fall into parts."""
    numbers = np.zeros(1, np.int64)
    for parts in taps:
        own = np.zeros(sum(map(len, parts)), np.int64)
        for number, part in enumerate(parts):
            own[part] = number
        numbers = (numbers[:, None] * len(parts) + own).reshape(-1)
    return numbers


def _classes(axis: Axis) -> list[tuple[Int64Array, slice]]:
    """The weights that meet the same inputs along an axis, with those of these inputs that meet all of them."""
    found, step = [], axis.in_step
    for remainder in axis.in_residues:
        begins, ends, taps = [], [], []
        for q in range(axis.counts.phases):
            own = axis.shifts(q) % step == remainder
            shifts = axis.shifts(q)[own]
            begins.append(int(shifts.max()))
            ends.append(step * (axis.positions(q) - 1) + int(shifts.min()) + 1)
            taps.append(axis.taps(q)[own])
        found.append((np.concatenate(taps), _within(max(begins), min(ends), axis.input, step)))
    return found


def _count(places: slice, length: int) -> int:
    return len(range(*places.indices(length)))


def roundings_of(tables: Tables) -> float:
    """How many roundings of the norms an error is counted as."""
    return ROUNDINGS * math.sqrt(1 + tables.sizes.in_group * tables.filters / GROWING_CHANNELS)


def _within(begin: int, end: int, length: int, step: int) -> slice:
    """The places from one to another, those in a line of this length."""
    begin += max(0, -(begin // step)) * step
    return slice(begin, max(begin, min(end, length)), step)
