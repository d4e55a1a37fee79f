"""Sums of whole planes of outputs, for groups of few channels and any kernel: depthwise layers above all.

As in `tiles`, a group's inputs lie in planes without gaps, padding around them, and outputs are
one long row. There, what is around the sums counts for little; here an output takes so few
products that it would be most of the work. So zeros are written once for all groups, tables tell
which line goes where, and where there is neither padding nor a step, inputs are read as they lie.
Kernels of many lines are summed for a few lines of outputs at once, which share what is loaded.
"""

from __future__ import annotations

import math

import numpy as np
from numba import uint64

from app.core.algorithms.boxes.laying import lay_zeros_around
from app.core.algorithms.boxes.phases import phase_at
from app.core.algorithms.boxes.tables import KEPT_TAPS, MOST_PHASES, bytes_of_tables, sizes_of
from app.core.algorithms.channelwise.tables import (
    WIDEST,
    cut_of,
    goes_by_lines,
    groups_of,
    laid_lines,
    memory_of,
    tasks_of,
)
from app.core.algorithms.scratch import LINE, thread_rows
from app.core.algorithms.taps import Axis
from app.core.algorithms.vectors.line_sums import LINES, sum_four_lines
from app.core.algorithms.vectors.lines import copy_line, place_apart, weave_two
from app.core.algorithms.vectors.simd import LONGEST, VECTOR
from app.core.algorithms.vectors.tile_sums import sum_tile_and_note
from app.core.jit import inlined
from app.core.layout import Array
from app.core.parallel import MOST_IN_A_TASK, run_parted, team
from app.core.parted import parted
from app.core.problem import Problem

#: Bytes of a group's inputs: half of a usual second cache.
MOST_BYTES = 2**19

#: Channels of a group: for more, `tiles` meets several with the same inputs.
MOST_CHANNELS = 8


def fits(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> bool:
    """Whether groups are of few channels, whose planes and tables are small, and which zeros surround."""
    counts, in_group = [axis.counts for axis in axes], problem.in_group
    if max(problem.in_channels, problem.out_channels) > MOST_CHANNELS * problem.groups or problem.pads_by_copying:
        return False
    if math.prod(problem.input_size) >= LONGEST or any(axis.farthest >= LONGEST for axis in axes):
        return False
    phases, taps = math.prod(one.phases for one in counts), in_group * math.prod(problem.kernel_size)
    planes = math.prod(min(axis.in_step, axis.kernel) for axis in axes)
    laid = in_group * planes * math.prod(one.positions + one.end - one.begin for one in counts)
    few = 0 < phases <= MOST_PHASES and taps <= KEPT_TAPS and problem.macs <= MOST_IN_A_TASK * tasks_of(problem)
    return few and laid * dtype.itemsize <= MOST_BYTES


def workspace(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output: each thread's planes and sums, and the tables."""
    cut = cut_of(problem)
    laid, sums = memory_of(cut, dtype.itemsize, by_lines=goes_by_lines(axes, cut, dtype.itemsize))
    lines = 4 * (laid_lines(axes, cut) + (cut.sizes.box_x + cut.sizes.span_x) * len(axes[2].in_residues))
    own = (laid + sums) * dtype.itemsize + VECTOR + 3 * LINE
    return team.size * own + lines * np.dtype(np.int64).itemsize + bytes_of_tables(cut)


def run(problem: Problem, _axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> bool:
    """Write the operation's output into `out`; whether all of it is known to be finite. Shapes as for `tiles`."""
    groups = groups_of(problem, x.dtype.itemsize)
    boxes, cut = groups.boxes, groups.boxes.cut
    if cut.leaves_gaps:
        out[:] = bias[:, None, None, None]
    flat_x, flat_w, flat_out = x.reshape(-1), w.reshape(-1), out.reshape(-1)
    pieces = thread_rows((*groups.memory, VECTOR // x.dtype.itemsize), x.dtype)
    return run_parted(
        _sum_groups, tasks_of(problem), groups.work, flat_x, flat_w, bias, flat_out, *pieces, groups.readable,
        boxes.row, boxes.phases, boxes.places, boxes.steps, groups.sources, groups.targets, groups.columns,
        cut.laid // cut.sizes.in_group, groups.in_vectors, groups.at_once, groups.kernel, math.prod(w.shape[2:]),
    )  # fmt: skip


@parted
def _sum_groups(
    me, low, high, x, w, bias, out, all_at_hand, all_laid, all_sums, all_seen, readable, row, phases, places, steps,
    sources, targets, columns, laid_channel, in_vectors, at_once, by_lines, kernel,
):  # fmt: skip
    """Sum the groups from `low` to `high`, counted over (batch, group).

    Of `all` pieces a thread has its row. What the groups before number `readable` need is read from the input, and
    else one group's planes are laid. Tells whether all sums are known to be finite.
    """
    at_hand, laid, sums, seen = all_at_hand[me], all_laid[me], all_sums[me], all_seen[me]
    if at_hand[0] < 0 and high > readable:  # what lies around the inputs stays zero from group to group
        laid[:] = 0
        at_hand[0] = 0
    sizes = sizes_of(row)
    seen[:] = 0
    for task in range(low, high):
        b, g = divmod(task, sizes.groups)
        at, lays = task * sizes.in_group * sizes.input_channel, task >= readable
        data = laid if lays else x
        if lays:
            for ci in range(sizes.in_group):
                source = at + ci * sizes.input_channel
                _lay_channel(x, source, data, ci * laid_channel, sizes, sources, targets, columns, in_vectors)
            at = 0
        if by_lines[0]:
            apart = laid_channel if lays else sizes.input_channel
            for co in range(sizes.out_group):
                _sum_by_lines(data, at + places[0], apart, sums, seen, w, bias, out, sizes, by_lines, b, g, co)
            continue
        for p in range(0, sizes.phases, sizes.woven):
            for co in range(sizes.out_group):
                _sum_channel(
                    data, at, sums, seen, w, bias, out, sizes, phases, p, places, steps, at_once, kernel, b, g, co
                )
    return not seen.any()


@inlined
def _lay_channel(x, source, laid, at, sizes, sources, targets, columns, in_vectors):
    """Lay the inputs of a channel: those lines that are taken, cut into planes for each remainder of their columns."""
    step, first, count = sizes.in_step_x, sizes.begin_x * sizes.in_step_x, sizes.box_x + sizes.span_x
    plane = (sizes.box_z + sizes.span_z) * sizes.lines * sizes.line_length
    for n in range(len(sources)):
        line, target = source + sources[n], at + targets[n]
        if in_vectors:
            lay_zeros_around(x, line, sizes.input_x, step, first, laid, target, plane, count)
        else:
            for r in range(columns.shape[1]):
                own, begin = target + columns[0, r], line + columns[1, r]
                for m in range(columns[2, r]):
                    laid[uint64(own + m)] = x[uint64(begin + m * step)]


@inlined
def _sum_channel(
    data, at, sums, seen, w, bias, out, sizes, phases, first_phase, places, steps, at_once, kernel, b, g, co
):
    """Sum the outputs of a channel in a phase, or in two that are woven; the inputs of its group begin at data[at]."""
    phase, lanes, apart = phase_at(phases, first_phase), VECTOR // data.itemsize, len(sums) // sizes.woven
    channel = g * sizes.out_group + co
    w_at = (g * sizes.in_group * sizes.out_group + co * sizes.apart_out) * kernel
    out_at = (b * sizes.groups * sizes.out_group + channel) * sizes.output_channel + phase.residue_x
    width = phase.positions_x
    for z in range(phase.positions_z):
        for y in range(0, phase.positions_y, at_once):
            height = min(at_once, phase.positions_y - y)
            length = (height - 1) * sizes.line_length + width
            for j in range(sizes.woven):
                own, done = phase_at(phases, first_phase + j), 0
                while done < length:
                    vectors = _vectors((length - done + lanes - 1) // lanes)
                    sum_tile_and_note(
                        1, vectors, data, at + (z * sizes.lines + y) * sizes.line_length + done, places, own.places_at,
                        own.taps * sizes.in_group, w, w_at, 0, 1, steps, bias, channel, sums, j * apart + done, 0, seen,
                    )  # fmt: skip
                    done += vectors * lanes
            line = (y * sizes.out_step_y + phase.residue_y) * sizes.output_x
            target = out_at + (z * sizes.out_step_z + phase.residue_z) * sizes.output_slab + line
            for n in range(height):
                t, s = target + n * sizes.out_step_y * sizes.output_x, n * sizes.line_length
                if sizes.woven > 1:
                    weave_two(out, t, sums, s, apart, min(2 * width, sizes.output_x))
                elif sizes.out_step_x == 1:
                    copy_line(out, t, sums, s, width)
                else:
                    place_apart(out, t, sizes.out_step_x, sums, s, width)


@inlined
def _sum_by_lines(data, at, apart, sums, seen, w, bias, out, sizes, kernel, b, g, co):
    """Sum the outputs of a channel, some lines at once; what its first weight meets first is data[at]."""
    lanes, channel, weights = VECTOR // data.itemsize, g * sizes.out_group + co, kernel[0] * kernel[1]
    row = (sizes.output_x + lanes - 1) // lanes * lanes
    w_at = (g * sizes.in_group * sizes.out_group + co * sizes.apart_out) * weights
    out_at = (b * sizes.groups * sizes.out_group + channel) * sizes.output_channel
    for z in range(sizes.output_z):
        for y in range(0, sizes.output_y, LINES):
            source = at + (z * sizes.lines + y) * sizes.line_length
            for column in range(0, sizes.output_x, 2 * lanes):
                sum_four_lines(
                    2 if sizes.output_x - column > lanes else 1, data, source + column, sizes.line_length, apart,
                    sizes.in_group, kernel[2], w, w_at, sizes.apart_in * weights, kernel[0], kernel[1],
                    bias, channel, sums, column, row, seen,
                )  # fmt: skip
            target = out_at + z * sizes.output_slab + y * sizes.output_x
            for n in range(min(LINES, sizes.output_y - y)):
                copy_line(out, target + n * sizes.output_x, sums, n * row, sizes.output_x)


@inlined
def _vectors(left):
    """Vectors of the next tile, where so many are left: one of four takes no longer than two of fewer."""
    return WIDEST if left > 4 else 4 if left > 2 else left
