"""Sums in tiles of registers over inputs as they lie, for convolutions whose output is as large as the input.

There every tap is the same plane from another place on; what it would take from beyond a line
or a plane is masked, by a table that all channels share. So nothing is laid out, no line of
outputs has a gap to the next, and taps that meet padding alone are left out, tile by tile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.core.algorithms.effort import FAR, Effort, Features
from app.core.algorithms.scratch import thread_rows
from app.core.algorithms.taps import Axis, Int64Array, axes_of
from app.core.algorithms.vectors.simd import LONGEST, ROWS, VECTOR
from app.core.algorithms.vectors.tile_sums import MASKS, sum_masked_tile
from app.core.geometry import ceil_div, even_pieces
from app.core.layout import Array
from app.core.parallel import MOST_IN_A_TASK, PLANNED_THREADS, run_parted, team
from app.core.parted import parted
from app.core.problem import Problem

#: Masks of a table, for each tile of a plane, each tap and each vector: 128 KiB.
MOST_MASKS = 2**14

#: Output channels of a group at least: tiles are for so many.
FEWEST_CHANNELS = ROWS // 2

#: Tasks for each thread.
TASKS = 8

#: What tells of a tile while tables are made, beside its taps.
_TILE_BYTES = 1024


@dataclass(frozen=True)
class Masked:
    """The tables of `masked`, from shapes alone.

    `tiles` (tiles, 4): where a tile begins in a plane, its vectors, its first tap in the tables, and its taps. The
    tables have for each of these where its inputs lie beside the outputs (`places`), where its weight lies in the
    kernel (`steps`), and which elements of each vector it serves (`masks`).
    """

    tiles: Int64Array
    places: Int64Array
    steps: Int64Array
    masks: Int64Array


def fits(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> bool:
    """Whether planes of outputs are like those of inputs, hold a vector, and take a small table."""
    length, lanes = math.prod(axis.output for axis in axes), VECTOR // dtype.itemsize
    taps = math.prod(axis.kernel for axis in axes)
    return (
        problem.op == "conv"
        and not problem.pads_by_copying
        and all(axis.in_step == 1 and axis.input == axis.output for axis in axes)
        and problem.out_channels >= FEWEST_CHANNELS * problem.groups
        and lanes <= length < LONGEST
        and ceil_div(ceil_div(length, lanes), MASKS) * MASKS * taps <= MOST_MASKS
    )


def effort(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to.

    Turns of the innermost loop, these by rows and vectors, tiles, vectors of inputs that each block of rows reads, and
    bytes, of inputs from afar too.
    """
    vectors = ceil_div(math.prod(axis.output for axis in axes), VECTOR // dtype.itemsize)
    taps = axes[2].kernel * math.prod(axis.counts.pairs / axis.output for axis in axes[:2])
    tiles, runs = ceil_div(vectors, MASKS), problem.batch * problem.groups
    whole, left = divmod(problem.out_group, ROWS)
    rows = whole * ROWS + (0 if not left else ROWS // 2 if left <= ROWS // 2 else ROWS)
    blocks = whole + (1 if left else 0)
    turns = problem.in_group * taps * runs
    shared: Features = {
        "tasks": (tasks := runs * math.prod(_pieces(problem, tiles, PLANNED_THREADS))),
        "tiles": runs * tiles * blocks,
        "turns": turns * tiles * blocks,
        "sums": turns * vectors * rows,
        "inputs": runs * problem.in_group * vectors * blocks,
        "bytes": (problem.input_elements + problem.kernel_elements + problem.output_elements) * dtype.itemsize,
        "afar": size if (size := problem.input_elements * dtype.itemsize) > FAR else 0,
    }
    return Effort({"call": 1.0}, shared, tasks, problem.macs)


def workspace(_problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output: the tables, with what they are made from."""
    length, taps = math.prod(axis.output for axis in axes), math.prod(axis.kernel for axis in axes)
    tiles = ceil_div(ceil_div(length * dtype.itemsize, VECTOR), MASKS)
    of_tile = taps * (4 * MASKS + 6) * np.dtype(np.int64).itemsize + _TILE_BYTES
    return taps * (length + VECTOR) * 3 + tiles * of_tile + team.size * VECTOR


def run(problem: Problem, _axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> bool:
    """Write the operation's output into `out`; whether all of it is known to be finite. Shapes as for `tiles`."""
    tables = tables_of(problem, x.dtype.itemsize)
    strips, chunks = _pieces(problem, len(tables.tiles), team.size)
    length, in_group, out_group = math.prod(x.shape[2:]), w.shape[1], problem.out_group
    flat_x, flat_w, flat_out = x.reshape(-1), w.reshape(-1), out.reshape(-1)
    _, seen = thread_rows((VECTOR // x.dtype.itemsize,), x.dtype)
    tasks = problem.batch * problem.groups * strips * chunks
    return run_parted(
        _sum_tiles, tasks, problem.macs, flat_x, flat_w, bias, flat_out, seen, tables.tiles, tables.places,
        tables.steps, tables.masks, length, in_group, out_group, problem.groups, math.prod(w.shape[2:]), strips, chunks,
    )  # fmt: skip


def _pieces(problem: Problem, tiles: int, threads: int) -> tuple[int, int]:
    """(strips of tiles, chunks of channels) that a sample and group is cut into, for enough tasks."""
    blocks = ceil_div(problem.out_group, ROWS)
    enough = max(TASKS * threads, problem.macs // MOST_IN_A_TASK)
    needed = ceil_div(enough, problem.batch * problem.groups)
    chunks = min(blocks, needed)
    return min(tiles, ceil_div(needed, chunks)), chunks


@lru_cache(maxsize=128)
def tables_of(problem: Problem, itemsize: int) -> Masked:
    """The tables of a problem for elements of so many bytes."""
    axes, lanes = axes_of(problem), VECTOR // itemsize
    served, shifts = _served_by(axes)
    taps, length = served.shape
    tiles, places, steps, masks, count = [], [], [], [], 0
    for start, vectors in _tiles(length, lanes):
        own = served[:, start : start + vectors * lanes].reshape(taps, vectors, lanes)
        live = np.flatnonzero(own.any(axis=(1, 2)))
        live = live if len(live) else np.zeros(1, np.int64)  # one that serves nothing stands for none
        bits = np.zeros((len(live), MASKS), np.int64)
        bits[:, :vectors] = _as_bits(own[live])
        tiles.append((start, vectors, count, len(live)))
        places.append(shifts[live])
        steps.append(live)
        masks.append(bits)
        count += len(live)
    return Masked(np.array(tiles), np.concatenate(places), np.concatenate(steps), np.concatenate(masks).reshape(-1))


def _tiles(length: int, lanes: int) -> list[tuple[int, int]]:
    """(begin, vectors) of each tile of a plane, about equally long; the last one is moved back to end with it."""
    found = [(first * lanes, vectors) for first, vectors in even_pieces(ceil_div(length, lanes), MASKS)]
    _, last = found.pop()
    if last * lanes > length:
        found, last = [(0, last - 1)], 1
    return [*found, (length - last * lanes, last)]


def _as_bits(masks: NDArray[np.bool_]) -> Int64Array:
    """Each vector of masks, along the last axis, as a number whose lowest bits they are."""
    packed = np.packbits(masks, axis=-1, bitorder="little").astype(np.int64)
    bits: Int64Array = (packed << np.arange(packed.shape[-1]) * 8).sum(axis=-1)
    return bits


def _served_by(axes: tuple[Axis, ...]) -> tuple[NDArray[np.bool_], Int64Array]:
    """Of planes of outputs that are as large as their inputs, each as one row.

    (taps, outputs): which outputs find an input within the plane; and where the inputs of each tap lie beside the
    outputs. Taps are in the order of their weights, which are read as they lie.
    """
    shifts = [axis.shifts(0)[np.argsort(axis.taps(0))] for axis in axes]
    z, y, x = (_served(axis.input, own) for axis, own in zip(axes, shifts, strict=True))
    served = z[:, None, None, :, None, None] & y[None, :, None, None, :, None] & x[None, None, :, None, None, :]
    places = (shifts[0][:, None, None] * axes[1].input + shifts[1][:, None]) * axes[2].input + shifts[2]
    return served.reshape(places.size, -1), places.reshape(-1)


def _served(length: int, shifts: Int64Array) -> NDArray[np.bool_]:
    """Which outputs of a line find an input within it, for each tap: (taps, outputs)."""
    places = np.arange(length)
    return (places >= -shifts[:, None]) & (places < length - shifts[:, None])


_HALF = ROWS // 2


@parted
def _sum_tiles(
    me, low, high, x, w, bias, out, all_seen, tiles, places, steps, masks,
    length, in_group, out_group, groups, kernel, strips, chunks,
):  # fmt: skip
    """Sum the tasks from `low` to `high`, counted over (batch, group, strip, chunk of channels).

    The last tile of a plane may write outputs of the one before once more, the same bits, also beside another thread.
    Tells whether all sums are known to be finite.
    """
    seen = all_seen[me]
    seen[:] = 0
    blocks = (out_group + ROWS - 1) // ROWS
    for task in range(low, high):
        rest, number = divmod(task, chunks)
        rest, strip = divmod(rest, strips)
        b, g = divmod(rest, groups)
        source, channel = rest * in_group * length, g * out_group
        first, last = number * blocks // chunks * ROWS, min(out_group, (number + 1) * blocks // chunks * ROWS)
        for n in range(strip * len(tiles) // strips, (strip + 1) * len(tiles) // strips):
            start, vectors, at, taps = tiles[n, 0], tiles[n, 1], tiles[n, 2], tiles[n, 3]
            for co in range(first, last, ROWS):
                live = min(ROWS, last - co)
                sum_masked_tile(
                    ROWS if live > _HALF else _HALF, vectors, x, source + start, length, in_group,
                    places, masks, steps, at, taps, w, (channel + co) * in_group * kernel, in_group * kernel, kernel,
                    live, bias, channel + co, out, (b * groups * out_group + channel + co) * length + start, length,
                    seen,
                )  # fmt: skip
    return not seen.any()
