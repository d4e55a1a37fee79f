"""Matrix product and col2im, for transposed convolutions of few input positions and large kernels.

The weights lie as (C_in, C_out/groups·kernel), so each input position's product with all
of them is a row of stamps, made by tiles whose vectors run along the weights as they lie:
they are read once, side by side, however many phases they belong to. As soon as a tile's
stamps are made, each is added to its place in the output; what falls outside of it is dropped.
"""

from __future__ import annotations

import math

import numpy as np
from numba import uint64

from app.core.algorithms.col2im.tables import (
    WIDEST,
    chunk_of,
    meets_each_once,
    pitch_of,
    places_along,
    places_of,
    sections_of,
    time_of,
    unit_of,
    working_of,
)
from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.scratch import thread_rows
from app.core.algorithms.taps import Axis
from app.core.algorithms.vectors.simd import ROWS, VECTOR
from app.core.algorithms.vectors.tile_sums import sum_tile
from app.core.geometry import ceil_div
from app.core.jit import inlined
from app.core.layout import Array
from app.core.parallel import MOST_IN_A_TASK, PLANNED_THREADS, run_parted, team
from app.core.parted import parted
from app.core.problem import Problem

#: Input positions at most: each has a line in a table.
MOST_POSITIONS = 2**13

#: Weights of one kernel at most: so are these.
MOST_WEIGHTS = 4096

#: Multiply-adds that take as long as to turn an input.
TURNING = 16

_HALF = ROWS // 2


def fits(problem: Problem, _axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> bool:
    """Whether there are few enough input positions and weights, also for one task."""
    kernel = math.prod(problem.kernel_size)
    positions = problem.batch * math.prod(problem.input_size)
    if problem.op != "conv_transpose" or positions > MOST_POSITIONS or kernel > MOST_WEIGHTS:
        return False
    in_group = problem.in_group
    return unit_of(problem, VECTOR // dtype.itemsize) * kernel * positions * in_group <= MOST_IN_A_TASK


def effort(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to: inputs turned, turns by vectors and calls of the innermost loop, stamps."""
    positions, lanes = problem.batch * math.prod(problem.input_size), VECTOR // dtype.itemsize
    kernel, in_group = math.prod(problem.kernel_size), problem.in_group
    out_group, unit = problem.out_group, unit_of(problem, lanes)
    blocks = ceil_div(positions, ROWS)
    units = [(unit, out_group // unit * problem.groups), (out_group % unit, problem.groups)]
    vectors = [(ceil_div(channels * kernel, lanes), count) for channels, count in units]
    covers = all(meets_each_once(axis, places_along(axis)) for axis in axes)
    shared: Features = {
        "turned": problem.input_elements,
        "turns": (blocks if positions > _HALF else 0.5)
        * in_group
        * sum(count * time_of(own) for own, count in vectors),
        "tiles": blocks * sum(count * ceil_div(own, WIDEST) for own, count in vectors),
        "gathered": problem.kernel_elements,
        "written" if covers else "stamps": problem.out_channels * kernel * positions,
        "bytes": (problem.kernel_elements + problem.output_elements) * dtype.itemsize,
    }
    chunks = problem.groups * ceil_div(out_group, chunk_of(problem, lanes, PLANNED_THREADS))
    return Effort({"call": 1.0}, shared, chunks * sections_of(problem, lanes, PLANNED_THREADS), problem.macs)


def workspace(problem: Problem, _axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output: stamps and weights of a tile, the turned input, and the tables."""
    positions, lanes = problem.batch * math.prod(problem.input_size), VECTOR // dtype.itemsize
    columns = unit_of(problem, lanes) * math.prod(problem.kernel_size)
    rows = positions * problem.groups * pitch_of(problem, dtype.itemsize)
    own = (sum(working_of(problem, lanes)) * team.size + rows) * dtype.itemsize
    return own + 2 * (5 * positions + 4 * columns) * np.dtype(np.int64).itemsize


def run(problem: Problem, axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> None:
    """Write the operation's output into `out`; shapes as for `tiles`."""
    positions, lanes = math.prod(problem.input_size), VECTOR // x.dtype.itemsize
    in_group, out_group = problem.in_group, problem.out_group
    kernel, chunk = math.prod(problem.kernel_size), chunk_of(problem, lanes, team.size)
    pitch = pitch_of(problem, x.dtype.itemsize)
    rows = np.empty(problem.groups * problem.batch * positions * pitch, x.dtype)
    run_parted(
        _turn, positions, TURNING * problem.input_elements, x.reshape(-1), rows, problem.batch, problem.groups,
        in_group, positions, pitch,
    )  # fmt: skip
    chunks, zeros, places = ceil_div(out_group, chunk), np.zeros(ROWS, x.dtype), places_of(problem, lanes, team.size)
    flat_w, flat_out = w.reshape(-1), out.reshape(-1)
    sections = len(places.firsts) - 1
    if sections > 1 and not places.covers:
        out[:] = bias.reshape(-1, *[1] * (out.ndim - 2))
    _, stamps, tile = thread_rows(working_of(problem, lanes), x.dtype)
    run_parted(
        _stamp, problem.groups * chunks * sections, problem.work, flat_w, rows, bias, zeros, flat_out, stamps, tile,
        np.arange(in_group) * (WIDEST * lanes), places.begins, places.inside, places.starts, places.offsets,
        places.beside, places.covers, places.tiles, places.firsts, tuple(axis.output for axis in axes), problem.batch,
        in_group, pitch, out_group, kernel, places.unit, chunk, chunks,
    )  # fmt: skip


@parted
def _turn(_me, low, high, x, rows, batch, groups, in_group, positions, pitch):
    """Lay inputs (batch, groups, C_in/groups, positions) in rows (groups, batch, positions, pitch), from `low` on."""
    for g in range(groups):
        for b in range(batch):
            for ci in range(in_group):
                source = uint64(((b * groups + g) * in_group + ci) * positions)
                target = uint64((g * batch + b) * positions * pitch + ci)
                for m in range(uint64(low), uint64(high)):
                    rows[target + m * uint64(pitch)] = x[source + m]


@parted
def _stamp(
    me, low, high, w, rows, bias, zeros, out, all_stamps, all_tile, along, begins, inside, starts, offsets, beside,
    covers, tiles, firsts, outputs, batch, in_group, pitch, out_group, kernel, unit, chunk, chunks,
):  # fmt: skip
    """Make and place the stamps of the tasks from `low` to `high`, counted over (group, chunk of channels, section).

    Of `all` pieces a thread has its row.
    """
    stamps, tile = all_stamps[me], all_tile[me]
    plane, lanes = outputs[0] * outputs[1] * outputs[2], VECTOR // w.itemsize
    count, sections = len(begins), len(firsts) - 1
    for task in range(low, high):
        rest, section = divmod(task, sections)
        g, number = divmod(rest, chunks)
        for first in range(number * chunk, min(out_group, (number + 1) * chunk), unit):
            channels, channel = min(unit, out_group - first), g * out_group + first
            if sections == 1 and not covers:
                _fill_planes(out, bias, batch, plane, channel, channel + channels)
            for number_of_tile in range(firsts[section], firsts[section + 1]):
                start = tiles[number_of_tile, 0]
                length = min(tiles[number_of_tile, 1], channels * kernel - start)
                if length <= 0:
                    break
                vectors = (length + lanes - 1) // lanes
                _gather_weights(w, tile, g * in_group, in_group, out_group * kernel, first * kernel + start, length)
                for row in range(0, count, ROWS):
                    live = min(ROWS, count - row)
                    sum_tile(
                        ROWS if live > _HALF else _HALF, vectors, tile, 0, along, 0, in_group,
                        rows, (g * count + row) * pitch, pitch, live, zeros, 0, stamps, 0, vectors * lanes,
                    )  # fmt: skip
                    _place_stamps(
                        stamps, vectors * lanes, live, row, begins, inside, starts, offsets, beside, covers, outputs,
                        start, length, kernel, bias, channel, out, channel * plane,
                    )  # fmt: skip


@inlined
def _fill_planes(out, bias, batch, plane, first, last):
    """The outputs of the channels from `first` to `last`, with what they begin with."""
    for b in range(batch):
        for c in range(first, last):
            target = (b * len(bias) + c) * plane
            for m in range(uint64(target), uint64(target + plane)):
                out[m] = bias[c]


@inlined
def _place_stamps(
    stamps, width, live, row, begins, inside, starts, offsets, beside, covers, outputs,
    start, length, kernel, bias, channel, out, target,
):  # fmt: skip
    """Place the stamps of some positions, from number `row` on, a row of so much `width` for each."""
    for r in range(live):
        at, own = r * width, target + begins[row + r]
        if covers:
            _write_stamps(stamps, at, offsets, start, length, kernel, bias, channel, out, own)
        elif inside[row + r]:
            _add_stamps(stamps, at, offsets, start, length, out, own)
        else:
            _add_some(stamps, at, offsets, start, length, out, own, starts, row + r, beside, outputs)


@inlined
def _gather_weights(w, tile, channel, in_group, apart, begin, length):
    """The weights of a tile, one input channel after the other, with zeros behind them."""
    lanes = VECTOR // w.itemsize
    for ci in range(in_group):
        source, target = uint64((channel + ci) * apart + begin), uint64(ci * WIDEST * lanes)
        for m in range(uint64(length)):
            tile[target + m] = w[source + m]
        for m in range(uint64(length), uint64(WIDEST * lanes)):
            tile[target + m] = 0


@inlined
def _write_stamps(stamps, at, offsets, start, length, kernel, bias, channel, out, target):
    """Write stamps to places that get no others."""
    m, own = 0, start // kernel
    while m < length:
        constant, end = bias[channel + own], min(length, (own + 1) * kernel - start)
        for n in range(m, end):
            out[uint64(target + offsets[uint64(start + n)])] = stamps[uint64(at + n)] + constant
        m, own = end, own + 1


@inlined
def _add_stamps(stamps, at, offsets, start, length, out, target):
    """Add stamps to their places."""
    for m in range(length):
        out[uint64(target + offsets[uint64(start + m)])] += stamps[uint64(at + m)]


@inlined
def _add_some(stamps, at, offsets, start, length, out, target, starts, row, beside, outputs):
    """Add those stamps whose places lie within the output."""
    for m in range(length):
        column = start + m
        z, y, x = (
            starts[0, row] + beside[0, column],
            starts[1, row] + beside[1, column],
            starts[2, row] + beside[2, column],
        )
        if 0 <= z < outputs[0] and 0 <= y < outputs[1] and 0 <= x < outputs[2]:
            out[uint64(target + offsets[column])] += stamps[uint64(at + m)]
