"""Where the stamps of `col2im` go, and how output channels are shared: from shapes alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.core.algorithms.scratch import LINE
from app.core.algorithms.taps import Axis, Int64Array, axes_of
from app.core.algorithms.vectors.simd import ROWS
from app.core.algorithms.vectors.tile_sums import TILES
from app.core.geometry import ceil_div
from app.core.parallel import MOST_IN_A_TASK
from app.core.problem import Problem

#: Tasks for each thread.
TASKS = 4

#: Bytes of a row of inputs from which on some of eight would push each other out of the first cache.
LONG_ROW = 2**10

#: The time of a turn of a tile's innermost loop, by its vectors: it loads as many weights in any case.
TURNS = (12, 18, 24)

#: Of units that take hardly more time for a channel than the best, the shortest is taken.
NEARLY = 1.03

WIDEST = TILES[ROWS][0]


@dataclass(frozen=True)
class Places:
    """Where stamps go, from shapes alone.

    Tiles begin anew with each `unit` of output channels, so that no sum depends on how channels are shared. Position n
    of the batch's inputs puts its stamps from `begins[n]` on, beside which that of each of the unit's weights lies by
    `offsets`; for positions that are not `inside`, `beside` (3, weights) tells by which places along each axis, and
    `starts` (3, positions) from where, since some fall outside. It `covers` where every output is met once. The stamps
    of so many of the unit's weights, from one on, are made in one of the `tiles` (tiles, 2); those of a section, from
    one of the `firsts` to the next, meet no output that others meet.
    """

    unit: int
    begins: Int64Array
    inside: NDArray[np.bool_]
    starts: Int64Array
    offsets: Int64Array
    beside: Int64Array
    covers: bool
    tiles: Int64Array
    firsts: Int64Array


def pitch_of(problem: Problem, itemsize: int) -> int:
    """Elements of a row of inputs: of long ones a few more, since rows a power of two apart would share cache sets."""
    in_group = problem.in_group
    return in_group + (LINE // itemsize if in_group * itemsize >= LONG_ROW else 0)


def unit_of(problem: Problem, lanes: int) -> int:
    """Output channels whose weights fill the vectors of tiles well."""
    most = min(problem.out_group, WIDEST * lanes)
    return _filling(math.prod(problem.kernel_size), most, lanes)


@lru_cache(maxsize=1024)
def _filling(kernel: int, most: int, lanes: int) -> int:
    times = [time_of(ceil_div(channels * kernel, lanes)) / channels for channels in range(1, most + 1)]
    return next(n for n, time in enumerate(times, 1) if time <= NEARLY * min(times))


def time_of(vectors: int) -> int:
    """The time of so many vectors, in tiles."""
    whole, left = divmod(vectors, WIDEST)
    return whole * TURNS[WIDEST - 1] + (TURNS[left - 1] if left else 0)


def chunk_of(problem: Problem, lanes: int, threads: int) -> int:
    """Output channels of a task, where so many threads share them: some units."""
    unit, out_group = unit_of(problem, lanes), problem.out_group
    tasks = max(TASKS * threads, problem.macs // MOST_IN_A_TASK)
    return max(1, out_group * problem.groups // (tasks * unit)) * unit


def working_of(problem: Problem, lanes: int) -> tuple[int, int]:
    """Elements of the stamps and of the weights of one tile."""
    return ROWS * WIDEST * lanes, problem.in_group * WIDEST * lanes


def sections_of(problem: Problem, lanes: int, threads: int) -> int:
    """In how many sections the weights of a line are summed, by which outputs of a stride they meet.

    More than one where there are fewer channels than threads, and windows move by some tiles: each output gets its
    stamps in the same order then, whatever the sections.
    """
    axis, along = axes_of(problem)[2], max(problem.dimensions, key=lambda dim: dim.kernel)
    is_line = math.prod(problem.kernel_size) == axis.kernel and along.dilation == problem.out_group == 1
    if not is_line or problem.groups >= threads or axis.out_step < 2 * WIDEST * lanes:
        return 1
    return min(TASKS * threads, axis.out_step // (WIDEST * lanes))


def _cut(problem: Problem, lanes: int, threads: int) -> tuple[Int64Array, Int64Array]:
    """The tiles of a unit's weights, section by section, and the first of each section, with the end."""
    columns, sections = unit_of(problem, lanes) * math.prod(problem.kernel_size), sections_of(problem, lanes, threads)
    own = np.zeros(columns, np.int64)  # the section of each weight
    if sections > 1:
        axis = axes_of(problem)[2]
        taps, _, residues = axis.all_taps
        ends = np.arange(1, sections) * axis.out_step // (sections * lanes) * lanes
        own[taps] = np.searchsorted(ends, residues, side="right")
    runs = np.split(np.arange(columns), 1 + np.flatnonzero(np.diff(own)))
    cut = [
        (own[first], first, min(WIDEST * lanes, run[-1] + 1 - first))
        for run in runs
        for first in range(run[0], run[-1] + 1, WIDEST * lanes)
    ]
    tiles = np.array(sorted(cut), np.int64)
    return tiles[:, 1:].copy(), np.searchsorted(tiles[:, 0], np.arange(sections + 1))


@lru_cache(maxsize=64)
def places_of(problem: Problem, lanes: int, threads: int) -> Places:
    """The table of a problem, for vectors of so many elements and so many threads."""
    axes, unit = axes_of(problem), unit_of(problem, lanes)
    apart = (axes[1].output * axes[2].output, axes[2].output, 1)
    plane = axes[0].output * apart[0]
    along = [places_along(axis) for axis in axes]
    beside = np.stack([part.reshape(-1) for part in np.meshgrid(*along, indexing="ij")])
    starts = [np.arange(axis.input) * axis.out_step for axis in axes]
    placed = np.stack([part.reshape(-1) for part in np.meshgrid(*starts, indexing="ij")])
    inside = np.ones(placed.shape[1], np.bool_)
    for own, start, axis in zip(along, placed, axes, strict=True):
        inside &= (start + own.min() >= 0) & (start + own.max() < axis.output)
    samples = np.arange(problem.batch) * problem.out_channels * plane
    tiles, firsts = _cut(problem, lanes, threads)
    return Places(
        unit,
        begins=(samples[:, None] + np.dot(apart, placed)).reshape(-1),
        inside=np.tile(inside, problem.batch),
        starts=np.tile(placed, problem.batch),
        offsets=(np.arange(unit)[:, None] * plane + np.dot(apart, beside)).reshape(-1),
        beside=np.tile(beside, unit),
        covers=all(meets_each_once(axis, own) for axis, own in zip(axes, along, strict=True)),
        tiles=tiles,
        firsts=firsts,
    )


def meets_each_once(axis: Axis, places: Int64Array) -> bool:
    """Whether each output along an axis is met by one weight of one input."""
    side_by_side = np.array_equal(np.sort(places), np.arange(axis.kernel))
    return (
        side_by_side and axis.output == axis.input * axis.kernel and (axis.input == 1 or axis.out_step == axis.kernel)
    )


def places_along(axis: Axis) -> Int64Array:
    """Where each weight of an axis puts the stamp of the first input, in the output."""
    taps, shifts, residues = axis.all_taps
    places = np.empty(axis.kernel, np.int64)
    places[taps] = residues - axis.out_step * shifts
    return places
