"""Dot products along the taps, for few output positions: vectors run along the weights of a kernel.

Where there are fewer outputs in a channel than a vector or two hold, vectors of outputs
are mostly empty. Here the inputs that each output meets are gathered into a column of all
its taps, in the weights' own order, and a tile of kernels meets a tile of columns vector
by vector. The weights are read once, as they lie.
"""

from __future__ import annotations

import math

import numpy as np
from numba import uint64

from app.core.algorithms.boxes.laying import lay
from app.core.algorithms.boxes.tables import Boxes, boxes_of, cut_of, sizes_of
from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.packing import packed
from app.core.algorithms.scratch import LINE, NOTED, aligned, thread_rows
from app.core.algorithms.taps import Axis
from app.core.algorithms.vectors.dot_sums import COLUMNS, FEWEST_TAPS, at_once, dot_tile
from app.core.algorithms.vectors.simd import LONGEST, ROWS, VECTOR
from app.core.algorithms.watch import new_watches
from app.core.geometry import ceil_div
from app.core.layout import Array
from app.core.parallel import PLANNED_THREADS, run_parted, team
from app.core.parted import parted
from app.core.problem import Problem

#: Bytes of the columns that are multiplied with all kernels before the next ones: they are read again for each tile
#: of kernels, from the second cache. And of all columns, at most.
BLOCK_BYTES, MOST_BYTES = 2**19, 2**24

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


def effort(problem: Problem, _axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to: turns of the innermost loop, ends of dot products, inputs laid and gathered."""
    taps, columns = problem.kernel_elements // problem.out_channels, problem.batch * math.prod(problem.output_size)
    rows, vectors = ceil_div(problem.out_channels, ROWS), ceil_div(taps * dtype.itemsize, VECTOR)
    blocks = _blocks(columns, (vectors + 1) * VECTOR)
    shared: Features = {
        "sums": rows * ROWS * vectors * columns,
        "loads": rows * ROWS * vectors * ceil_div(columns, COLUMNS),
        "ends": rows * ROWS * columns,
        "bytes": blocks * problem.kernel_elements * dtype.itemsize,
        "laid": cut_of(problem, dtype.itemsize, PLANNED_THREADS, whole=True).laid * problem.batch,
        "gathered": taps * columns,
    }
    return Effort({"call": 1.0}, shared, blocks * rows, problem.macs)


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
    boxes = boxes_of(problem, x.dtype.itemsize, whole=True)
    positions, taps = math.prod(problem.output_size), len(boxes.places)
    lanes = VECTOR // x.dtype.itemsize
    row = ceil_div(taps, lanes) * lanes + lanes  # not a power of two: a tile's columns would meet in the cache
    count = problem.batch * positions
    columns = aligned(count * row, x.dtype)
    _gather_columns(problem, boxes, x.reshape(-1), columns, row)
    sample, place = np.divmod(np.arange(count), positions)
    targets = sample * (problem.out_channels * positions) + place
    flat_w, flat_out = w.reshape(-1), out.reshape(-1)
    blocks, rows = _blocks(count, row * x.dtype.itemsize), ceil_div(problem.out_channels, ROWS)
    return run_parted(
        _multiply, blocks * rows, problem.macs, flat_w, columns, bias, flat_out, targets, new_watches(x.dtype),
        positions, taps, row, problem.out_channels, blocks, rows,
    )  # fmt: skip


def _blocks(columns: int, row: int) -> int:
    """How many blocks columns of so many bytes are multiplied in."""
    return ceil_div(columns, max(COLUMNS, BLOCK_BYTES // row))


def _gather_columns(problem: Problem, boxes: Boxes, x: Array, columns: Array, row: int) -> None:
    cut, sizes = boxes.cut, boxes.cut.sizes
    slices = math.gcd(sizes.in_group, SLICES)
    sizes, taps = sizes._replace(in_group=sizes.in_group // slices), len(boxes.places)
    # Behind the last line there is room: zeros that it would share with the next one.
    noted, laid = thread_rows((cut.laid // slices + VECTOR // x.itemsize,), x.dtype, cut.listed)
    run_parted(
        _gather, problem.batch * slices, WORK_OF_AN_INPUT * len(columns), x, laid, noted, packed(sizes),
        boxes.places[: taps // slices], *boxes.residues, cut.mode, columns, taps, row, slices,
    )  # fmt: skip


@parted
def _gather(
    me, low, high, x, all_laid, all_noted, packed_sizes, places, residues_z, residues_y, residues_x, mode,
    columns, taps, row, slices,
):  # fmt: skip
    """Of columns (outputs, taps), with zeros behind, the slices from `low` to `high`, counted over (sample, slice).

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
        behind = uint64(row - taps if own == slices - 1 else 0)
        for z in range(sizes.output_z):
            for y in range(sizes.output_y):
                for column in range(sizes.output_x):
                    first = z * plane + y * sizes.line_length + column
                    for t in range(count):
                        columns[at + t] = laid[uint64(places[t] + first)]
                    for t in range(behind):
                        columns[at + count + t] = 0
                    at += uint64(row)


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
