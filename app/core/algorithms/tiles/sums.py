"""Sums in tiles of registers, over boxes of outputs whose inputs are laid out without gaps.

The inputs that a box of outputs needs are laid once into planes with their padding around
them: a plane for each channel and, where windows move by s, for each remainder of the
place modulo s. Then every tap is the same plane from another place on, and all outputs
are one long row, with a few between two lines that belong to none and are dropped. Tiles
of it are summed by `sum_tile_and_note` at the processor's peak, with the weights as they lie.

It serves convolutions and, phase by phase, transposed convolutions, in every dtype.
"""

from __future__ import annotations

import math

import numpy as np
from numba import uint64

from app.core.algorithms.boxes.laying import lay
from app.core.algorithms.boxes.phases import phase_at
from app.core.algorithms.boxes.tables import Cut, boxes_of, bytes_of_tables, cut_of, sizes_of
from app.core.algorithms.scratch import LINE, NOTED, thread_rows
from app.core.algorithms.taps import Axis
from app.core.algorithms.vectors.dot_sums import at_once, dot_tile
from app.core.algorithms.vectors.lines import copy_line, place_apart, weave_two
from app.core.algorithms.vectors.simd import ROWS, VECTOR, WIDEST
from app.core.algorithms.vectors.tile_sums import sum_tile_and_note
from app.core.geometry import ceil_div
from app.core.jit import inlined
from app.core.layout import Array
from app.core.parallel import run_parted, team
from app.core.parted import parted
from app.core.problem import Problem


def run(problem: Problem, _axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> bool:
    """Write the operation's output into `out`; whether all of it is known to be finite.

    Shapes, with sizes extended to three dimensions: x (batch, C_in, *size) without its
    padding, w in the operation's own layout, bias (C_out), out (batch, C_out, *output);
    all contiguous.
    """
    boxes = boxes_of(problem, x.dtype.itemsize)
    cut = boxes.cut
    if cut.leaves_gaps:
        out[:] = bias[:, None, None, None]
    flat_x, flat_w, flat_out = x.reshape(-1), w.reshape(-1), out.reshape(-1)
    kernel = math.prod(w.shape[2:])
    tile, slack = ROWS * WIDEST * VECTOR // x.dtype.itemsize, WIDEST * VECTOR // x.dtype.itemsize
    lanes = VECTOR // x.dtype.itemsize
    column = _column(cut, lanes)
    pieces = tile * cut.sizes.woven, lanes, cut.laid + slack, cut.tail * column
    at_hand, sums, seen, laid, columns = thread_rows(pieces, x.dtype, 0 if cut.ready else cut.listed)
    laid[:, cut.laid :] = 0
    inputs = flat_x.reshape(1, -1) if cut.ready else laid
    return run_parted(
        _sum_boxes, cut.tasks, problem.work, flat_x, flat_w, bias, flat_out, inputs, sums, seen, at_hand,
        columns, column, boxes.row, boxes.phases, boxes.places, boxes.steps, *boxes.residues, cut.mode, cut.ready,
        cut.tail, kernel,
    )  # fmt: skip


def workspace(problem: Problem, _axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output: each thread's box, and the tables of taps."""
    cut = cut_of(problem, dtype.itemsize, team.size)
    own = ROWS * WIDEST * VECTOR * cut.sizes.woven + WIDEST * VECTOR + 4 * LINE
    own += 8 * cut.listed + (cut.laid + cut.tail * _column(cut, VECTOR // dtype.itemsize)) * dtype.itemsize
    return own * team.size + bytes_of_tables(cut)


def _column(cut: Cut, lanes: int) -> int:
    """The elements of a column of the tail: its inputs, in the order of the weights, and zeros."""
    return ceil_div(cut.sizes.in_group, lanes) * lanes + lanes


@parted
def _sum_boxes(
    me, low, high, x, w, bias, out, all_laid, all_sums, all_seen, all_at_hand, all_columns, column_row,
    row, phases, places, steps, residues_z, residues_y, residues_x, mode, ready, tail, kernel,
):  # fmt: skip
    """Sum the tasks from `low` to `high`, counted over (batch, group, box, chunk of channels, phase or two).

    Of `all` pieces a thread has its row, and `at_hand` holds the box whose inputs are laid. Tells whether all sums are
    known to be finite.
    """
    laid, sums, seen = all_laid[0 if ready else me], all_sums[me], all_seen[me]
    at_hand, columns = all_at_hand[me], all_columns[me]
    sizes = sizes_of(row)
    seen[:] = 0
    for task in range(low, high):
        rest, p = divmod(task, sizes.phases // sizes.woven)
        place, number = divmod(rest, sizes.chunks)
        rest, column = divmod(place, sizes.boxes_x)
        rest, strip = divmod(rest, sizes.boxes_y)
        rest, slab = divmod(rest, sizes.boxes_z)
        b, g = divmod(rest, sizes.groups)
        phase = phase_at(phases, p * sizes.woven)
        z, y, left = slab * sizes.box_z, strip * sizes.box_y, column * sizes.box_x
        source = (b * sizes.groups + g) * sizes.in_group * sizes.input_channel
        if not ready and place != at_hand[0]:
            lay(x, source, sizes, residues_z, residues_y, residues_x, mode, z, y, left, laid, at_hand[NOTED:])
            at_hand[0] = place
        depth = min(sizes.box_z, phase.positions_z - z)
        height = min(sizes.box_y, phase.positions_y - y)
        width = min(sizes.box_x, phase.positions_x - left)
        if depth <= 0 or height <= 0 or width <= 0:
            continue
        at = source + left if ready else 0
        length = ((depth - 1) * sizes.lines + height - 1) * sizes.line_length + width
        first, last = number * sizes.chunk, min(sizes.out_group, (number + 1) * sizes.chunk)
        _sum_box(
            laid, at, sums, seen, w, bias, out, sizes, phases, p * sizes.woven, places, steps,
            b, g, z, y, left, height, width, first, last, length - tail, ready, kernel,
        )  # fmt: skip
        if tail:
            if place != at_hand[0]:
                _gather(x, at + length - tail, places, columns, column_row, tail)
                at_hand[0] = place
            _sum_tail(columns, column_row, tail, w, bias, out, b, g, first, last, length - tail, sizes, steps, seen)
    return not seen.any()


@inlined
def _sum_box(
    x, at, sums, seen, w, bias, out, sizes, phases, first_phase, places, steps, b, g, z, y, left, height, width,
    first, last, length, ready, kernel,
):  # fmt: skip
    """Sum a box of outputs, one row of `length` whose inputs begin at x[at], of the channels from `first` to `last`."""
    phase, lanes, w_row = phase_at(phases, first_phase), VECTOR // x.itemsize, sizes.apart_out * kernel
    run, joined = _runs(sizes, height, width)
    start = 0
    while start < length:
        row = start // sizes.line_length
        if row % sizes.lines >= height:  # lines between two slabs, which hold no output
            start = (row // sizes.lines + 1) * sizes.lines * sizes.line_length
        vectors = _vectors((length - start + lanes - 1) // lanes, last - first)
        if ready:  # nothing is read after the input: the last tile ends with it
            vectors = _vectors(min(vectors, (left + length) // lanes), last - first)
            start = min(start, length - vectors * lanes)
        tile = vectors * lanes
        whole = sizes.out_step_x == 1 and (ready or (start % run + tile <= joined and start + tile <= length))
        # `start` may lie before the box, where the last tile was moved back.
        target = left + start if ready else _target(sizes, phase, z, y, left, start)
        for co in range(first, last, ROWS):
            live = min(ROWS, last - co)
            rows = _rows(live, vectors)
            channel = g * sizes.out_group + co
            w_at = (g * sizes.in_group * sizes.out_group + co * sizes.apart_out) * kernel
            out_at = (b * sizes.groups * sizes.out_group + channel) * sizes.output_channel
            if whole:
                sum_tile_and_note(
                    rows, vectors, x, at + start, places, phase.places_at, phase.taps * sizes.in_group,
                    w, w_at, w_row, live, steps, bias, channel, out, out_at + target, sizes.output_channel, seen,
                )  # fmt: skip
                continue
            for j in range(sizes.woven):
                own = phase_at(phases, first_phase + j)
                sum_tile_and_note(
                    rows, vectors, x, start, places, own.places_at, own.taps * sizes.in_group, w, w_at, w_row, live,
                    steps, bias, channel, sums, j * ROWS * tile, tile, seen,
                )  # fmt: skip
            _place(
                sums, tile, live, start, min(length, start + tile), sizes, phase, z, y, left, height, width,
                out, out_at, sizes.output_channel,
            )  # fmt: skip
        start += tile


@inlined
def _gather(x, at, places, columns, row, tail):
    """The inputs of the last outputs of a row, a column for each."""
    for c in range(tail):
        for t in range(len(places)):
            columns[uint64(c * row + t)] = x[uint64(at + c + places[uint64(t)])]
        for t in range(len(places), row):
            columns[uint64(c * row + t)] = 0


@inlined
def _sum_tail(columns, row, tail, w, bias, out, b, g, first, last, length, sizes, steps, seen):
    """The last outputs of a row, of the channels from `first` to `last`: dot products along the weights.

    `steps` begin with 0, 1, 2: each weight meets one input.
    """
    taps = sizes.in_group
    for co in range(first, last, ROWS):
        channel = g * sizes.out_group + co
        target = (b * sizes.groups * sizes.out_group + channel) * sizes.output_channel + length
        done = 0
        while done < tail:
            count = at_once(tail - done)
            dot_tile(
                count, w, channel * taps, taps, min(ROWS, last - co), columns, done * row, row, taps,
                bias, channel, out, target + done, sizes.output_channel, steps, 0, seen,
            )  # fmt: skip
            done += count


@inlined
def _runs(sizes, height, width):
    """(positions, outputs): a box is runs of so many positions, whose first outputs lie side by side in the output."""
    if sizes.line_length != width or width != sizes.output_x or sizes.out_step_y > 1:
        return sizes.line_length, width
    lines = sizes.lines * width
    if sizes.lines != height or sizes.output_slab != lines or sizes.out_step_z > 1:
        return lines, height * width
    return sizes.box_z * lines, sizes.box_z * lines


@inlined
def _vectors(left, rows):
    """Vectors of the next tile, where so many are left to do for so many rows."""
    if rows > _HALF:
        return min(left, 3)
    if rows > _QUARTER:
        return 6 if left >= 6 else min(left, 3)
    return 8 if left >= 8 else 4 if left >= 4 else min(left, 2)


_HALF, _QUARTER, _EIGHTH = ROWS // 2, ROWS // 4, ROWS // 8


@inlined
def _rows(live, vectors):
    """Rows of the smallest tile that holds so many."""
    if live > _HALF:
        return ROWS
    if live > _QUARTER or vectors % 3 == 0:
        return _HALF
    return _QUARTER if live > _EIGHTH and _QUARTER > 0 else 1


@inlined
def _target(sizes, phase, z, y, left, start):
    """Where a position of a box lies in its output channel."""
    line, column = divmod(start, sizes.line_length)
    plane, row = divmod(line, sizes.lines)
    oz = (z + plane) * sizes.out_step_z + phase.residue_z
    oy = (y + row) * sizes.out_step_y + phase.residue_y
    return oz * sizes.output_slab + oy * sizes.output_x + (left + column) * sizes.out_step_x + phase.residue_x


@inlined
def _place(sums, tile, live, start, end, sizes, phase, z, y, left, height, width, out, out_at, out_row):
    """Copy a tile's sums to their places in the output; those between two lines are dropped."""
    done = start
    while done < end:
        line, column = divmod(done, sizes.line_length)
        stop = min(end, done + sizes.line_length - column)
        if line % sizes.lines < height and column < width:
            count = min(stop - done, width - column)
            target = out_at + _target(sizes, phase, z, y, left, done)
            for r in range(live):
                t, s = target + r * out_row, r * tile + done - start
                if sizes.woven > 1:
                    following = sizes.output_x - 2 * (left + column)
                    weave_two(out, t, sums, s, ROWS * tile, min(2 * count, following))
                elif sizes.out_step_x == 1:
                    copy_line(out, t, sums, s, count)
                else:
                    place_apart(out, t, sizes.out_step_x, sums, s, count)
        done = stop
