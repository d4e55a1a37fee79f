"""Dot products along the taps, for few output positions: vectors run along the weights of a kernel.

Where there are fewer outputs in a channel than a vector or two hold, vectors of outputs
are mostly empty. Here the inputs that each output meets are gathered into a column of all
its taps, in the weights' own order, and a tile of kernels meets a tile of columns vector
by vector. The weights are read once, as they lie. Where a kernel is as large as the input, a
sample is such a column as it lies.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import uint64

from app.core.algorithms.boxes.laying import lay
from app.core.algorithms.boxes.tables import Boxes, boxes_of, cut_of, sizes_of
from app.core.algorithms.effort import Effort, Features, distance
from app.core.algorithms.one_call import OneCall
from app.core.algorithms.packing import packed
from app.core.algorithms.scratch import LINE, NOTED, aligned, thread_rows
from app.core.algorithms.taps import Axis, Int64Array, axes_of
from app.core.algorithms.vectors.dot_sums import COLUMNS, FEWEST_TAPS, at_once, dot_tile
from app.core.algorithms.vectors.simd import LONGEST, ROWS, VECTOR
from app.core.algorithms.watch import new_watches
from app.core.geometry import ceil_div
from app.core.jit import brief
from app.core.kept import kept_by_size
from app.core.layout import Array
from app.core.parallel import PLANNED_THREADS, WORTH_A_THREAD, run_parted, team
from app.core.parted import parted
from app.core.problem import Problem

#: Bytes of the columns that are multiplied with all kernels before the next ones: they are read again for each tile
#: of kernels, from the second cache. And of all columns, at most.
BLOCK_BYTES, MOST_BYTES = 2**19, 2**24

#: Tables of no more columns are kept.
KEPT_COLUMNS = 2**12

#: Slices of a sample's channels, which threads gather side by side.
SLICES = 8

#: Gathering an input takes as long as so many multiply-adds.
WORK_OF_AN_INPUT = 8


def fits(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> bool:
    """Whether there are few columns, and long ones."""
    taps = problem.in_group * math.prod(problem.kernel_size)
    columns = problem.batch * math.prod(problem.output_size)
    if problem.op != "conv" or problem.groups > 1 or taps < FEWEST_TAPS or taps * columns * dtype.itemsize > MOST_BYTES:
        return False
    if any(axis.farthest >= LONGEST for axis in axes):
        return False
    lengths = (axis.output + axis.span // axis.in_step for axis in axes)
    laid = problem.in_channels * math.prod(lengths) * math.prod(min(axis.in_step, axis.kernel) for axis in axes)
    return laid * dtype.itemsize <= MOST_BYTES


def in_one_call(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> OneCall | None:
    """The operation in one call, if it is for one thread, and samples are columns as they lie."""
    if not _is_brief(problem, dtype) or not fits(problem, axes, dtype):
        return None
    return OneCall(problem, dtype, _multiply_alone, lambda: (_table(problem, dtype.itemsize), _SEEN[dtype.name]))


def _is_brief(problem: Problem, dtype: np.dtype[np.generic]) -> bool:
    return dtype.kind == "f" and problem.macs < WORTH_A_THREAD and _are_samples(problem)


def effort(problem: Problem, _axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to: turns of the innermost loop, ends of dot products, inputs laid and gathered."""
    taps, columns = problem.kernel_elements // problem.out_channels, problem.batch * math.prod(problem.output_size)
    rows, vectors = ceil_div(problem.out_channels, ROWS), ceil_div(taps * dtype.itemsize, VECTOR)
    blocks, gathers = _blocks(columns, (vectors + 1) * VECTOR), not _are_samples(problem)
    size = problem.kernel_elements * dtype.itemsize
    shared: Features = {
        "sums": rows * ROWS * vectors * columns,
        "loads": rows * ROWS * vectors * ceil_div(columns, COLUMNS),
        "ends": rows * ROWS * columns,
        distance(size): blocks * size,
        "laid": cut_of(problem, dtype.itemsize, PLANNED_THREADS, whole=True).laid * problem.batch * gathers,
        "gathered": taps * columns * gathers,
    }
    alone: Features = {"call": 1.0, "made": float(gathers), "parted": float(not _is_brief(problem, dtype))}
    return Effort(alone, shared, blocks * rows, problem.macs)


def workspace(problem: Problem, _axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output."""
    cut, lanes = cut_of(problem, dtype.itemsize, team.size, whole=True), VECTOR // dtype.itemsize
    count, taps = problem.batch * math.prod(problem.output_size), cut.sizes.in_group * cut.taps
    tables = (3 * count + 4 * taps) * np.dtype(np.int64).itemsize
    return (
        tables
        + (count * (taps + 2 * lanes) + team.size * (cut.laid + lanes)) * dtype.itemsize
        + 8 * cut.listed * team.size
        + LINE
    )


def run(problem: Problem, _axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> bool:
    """Write the operation's output into `out`; shapes as for `tiles`. Whether all of it is known to be finite."""
    columns, tables = x.reshape(-1), _kept_tables(problem, x.dtype.itemsize)
    if not tables.are_samples:
        columns = _gathered(problem, boxes_of(problem, x.dtype.itemsize, whole=True), columns, tables.row)
    return run_parted(
        _multiply, tables.blocks * tables.rows, problem.macs, w.reshape(-1), columns, bias, out.reshape(-1),
        tables.targets, new_watches(x.dtype), tables.positions, tables.taps, tables.row, problem.out_channels,
        tables.blocks, tables.rows,
    )  # fmt: skip


class _Tables(NamedTuple):
    """What shapes alone say: columns of so many `taps`, a `row` apart, whose outputs go to the `targets`.

    Kernels are multiplied by `ROWS` with so many `blocks` of columns. `are_samples` where these are as they lie.
    """

    are_samples: bool
    positions: int
    taps: int
    row: int
    blocks: int
    rows: int
    targets: Int64Array


def _tables(problem: Problem, itemsize: int) -> _Tables:
    positions, taps = math.prod(problem.output_size), problem.in_group * math.prod(problem.kernel_size)
    are_samples, lanes, count = _are_samples(problem), VECTOR // itemsize, problem.batch * positions
    # Not a power of two: a tile's columns would meet in the cache.
    row = taps if are_samples else ceil_div(taps, lanes) * lanes + lanes
    sample, place = np.divmod(np.arange(count), positions)
    targets = sample * (problem.out_channels * positions) + place
    return _Tables(
        are_samples, positions, taps, row, _blocks(count, row * itemsize), ceil_div(problem.out_channels, ROWS), targets
    )


_kept_tables = kept_by_size(
    _tables, lambda problem, _: problem.batch * math.prod(problem.output_size), (KEPT_COLUMNS, 256)
)


@lru_cache(maxsize=1024)
def _are_samples(problem: Problem) -> bool:
    """Whether samples are columns as they lie: one output meets all inputs, in the weights' order."""
    return all(
        axis.output == 1
        and axis.input == axis.kernel == axis.counts.met
        and bool((axis.shifts(0) == axis.taps(0)).all())
        for axis in axes_of(problem)
    )


def _blocks(columns: int, row: int) -> int:
    """How many blocks columns of so many bytes are multiplied in."""
    return ceil_div(columns, max(COLUMNS, BLOCK_BYTES // row))


def _gathered(problem: Problem, boxes: Boxes, x: Array, row: int) -> Array:
    """The columns of all outputs, a `row` apart."""
    cut, sizes = boxes.cut, boxes.cut.sizes
    columns = aligned(problem.batch * math.prod(problem.output_size) * row, x.dtype)
    slices = math.gcd(sizes.in_group, SLICES)
    sizes, taps = sizes._replace(in_group=sizes.in_group // slices), len(boxes.places)
    # Behind the last line there is room: zeros that it would share with the next one.
    noted, laid = thread_rows((cut.laid // slices + VECTOR // x.itemsize,), x.dtype, cut.listed)
    run_parted(
        _gather, problem.batch * slices, WORK_OF_AN_INPUT * len(columns), x, laid, noted, packed(sizes),
        boxes.places[: taps // slices], *boxes.residues, cut.mode, columns, row, slices,
    )  # fmt: skip
    return columns


@parted
def _gather(
    me, low, high, x, all_laid, all_noted, packed_sizes, places, residues_z, residues_y, residues_x, mode,
    columns, row, slices,
):  # fmt: skip
    """Of columns (outputs, taps), a `row` apart, the slices from `low` to `high`, counted over (sample, slice).

    `packed_sizes` and `places` are those of the channels of one slice; of `all` pieces a thread has its row.
    """
    laid, listed = all_laid[me], all_noted[me, NOTED:]
    sizes = sizes_of(packed_sizes)
    count, plane = uint64(len(places)), sizes.lines * sizes.line_length
    for task in range(low, high):
        b, own = divmod(task, slices)
        source = task * sizes.in_group * sizes.input_channel
        lay(x, source, sizes, residues_z, residues_y, residues_x, mode, 0, 0, 0, laid, listed)
        at = uint64(b * sizes.output_channel * row + own * len(places))
        for z in range(sizes.output_z):
            for y in range(sizes.output_y):
                for column in range(sizes.output_x):
                    first = z * plane + y * sizes.line_length + column
                    for t in range(count):
                        columns[at + t] = laid[uint64(places[t] + first)]
                    at += uint64(row)


#: What `_multiply_alone` sees, for each dtype: callers come one after the other, as it keeps the interpreter lock.
_SEEN = {name: np.zeros(LINE // np.dtype(name).itemsize, name) for name in ("float32", "float64")}


def _table(problem: Problem, itemsize: int) -> Int64Array:
    """Taps and channels, and behind them where the outputs of each sample begin."""
    tables = _tables(problem, itemsize)
    return np.concatenate([[tables.taps, problem.out_channels], tables.targets])


@brief
def _multiply_alone(x, w, bias, out, table, seen):
    """The outputs of samples that are columns; whether all of them are finite."""
    taps, channels, count = table[0], table[1], len(table) - 2
    seen[:] = 0
    for co in range(0, channels, ROWS):
        first = 0
        while first < count:
            some = at_once(count - first)
            dot_tile(
                some, w, co * taps, taps, min(ROWS, channels - co), x, first * taps, taps, taps,
                bias, co, out, co, 1, table, 2 + first, seen,
            )  # fmt: skip
            first += some
    return not seen.any()


@parted
def _multiply(me, low, high, w, columns, bias, out, targets, all_seen, positions, taps, row, channels, blocks, rows):
    """The outputs of the tasks from `low` to `high`, counted over (block of columns, `ROWS` channels).

    Tells whether all of them are known to be finite.
    """
    seen = all_seen[me]
    for task in range(low, high):
        block, co = divmod(task, rows)
        co *= ROWS
        first, end = block * len(targets) // blocks, (block + 1) * len(targets) // blocks
        while first < end:
            count = at_once(end - first)
            dot_tile(
                count, w, co * taps, taps, min(ROWS, channels - co), columns, first * row, row, taps,
                bias, co, out, co * positions, positions, targets, first, seen,
            )  # fmt: skip
            first += count
    return not seen.any()
