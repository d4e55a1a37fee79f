"""Sums of whole planes of outputs, for groups of few channels and any kernel: depthwise layers above all.

As in `tiles`, a group's inputs lie in planes without gaps, padding around them, and outputs are
one long row. There, what is around the sums counts for little; here an output takes so few
products that it would be most of the work. So zeros are written once for all groups, tables tell
which line goes where, and where there is neither padding nor a step, inputs are read as they lie.
Kernels of many lines are summed for a few lines of outputs at once, which share what is loaded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from app.core.algorithms.boxes.arranging import Lie
from app.core.algorithms.boxes.laying import lay_zeros_around
from app.core.algorithms.boxes.phases import phase_at
from app.core.algorithms.boxes.tables import (
    KEPT_TAPS,
    MOST_PHASES,
    Boxes,
    Cut,
    cut_into,
    positions_of,
    sizes_of,
    tables,
)
from app.core.algorithms.scratch import LINE, thread_rows
from app.core.algorithms.taps import Axis, Int64Array, axes_of
from app.core.algorithms.vectors.line_sums import LINES, sum_four_lines
from app.core.algorithms.vectors.lines import copy_line, place_apart, weave_two
from app.core.algorithms.vectors.simd import LONGEST, VECTOR
from app.core.algorithms.vectors.tile_sums import sum_tile_and_note
from app.core.geometry import ceil_div
from app.core.jit import inlined
from app.core.layout import Array
from app.core.parallel import MOST_IN_A_TASK, run_parted, team
from app.core.parted import parted
from app.core.problem import Problem

#: Bytes of a group's inputs: half of a usual second cache.
MOST_BYTES = 2**19

#: Tables of more lines are made anew each time.
KEPT_LINES = 2**12

#: Channels of a group: for more, `tiles` meets several with the same inputs.
MOST_CHANNELS = 8

#: Bytes of sums that are made before they are copied to their places: a part of the first cache.
SUMS_BYTES = 2**13

#: Vectors of the widest tile, and how many are summed at most beyond a row's end.
WIDEST, BEYOND = 8, 3

#: The time of a product of vectors as one row, beside one of several lines, since most loads lie across lines of the
#: cache; and so many lines more a column of a kernel takes for its beginning and end.
ROW_TIME, ENDS = 1.8, 4

#: Lines whose every step-th inputs are laid by vectors have no longer steps.
LONGEST_STEP = 4


@dataclass(frozen=True)
class Groups:
    """The tables of `channelwise`.

    The line of a channel's plane that begins at `sources` goes to `targets` among its laid planes. Of
    each line, `columns` (3, remainders) tell where the inputs of a remainder go, from where, and how many, if these are
    laid one by one.
    As many lines of outputs are summed `at_once`. The groups before number `readable` are read as they lie. Where the
    `kernel` is told (height, width, places from one column to the next), its sums are those of `sum_four_lines`. What
    else a call would work out anew: whether lines are laid `in_vectors`, the elements of its `memory`, its `work`.
    """

    boxes: Boxes
    sources: Int64Array
    targets: Int64Array
    columns: Int64Array
    at_once: int
    readable: int
    kernel: tuple[int, int, int]
    in_vectors: bool
    memory: tuple[int, int]
    work: int


def fits(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> bool:
    """Whether groups are of few channels, whose planes and tables are small, and which zeros surround."""
    counts, in_group = [axis.counts for axis in axes], problem.in_channels // problem.groups
    if max(problem.in_channels, problem.out_channels) > MOST_CHANNELS * problem.groups or problem.pads_by_copying:
        return False
    if math.prod(problem.input_size) >= LONGEST or any(axis.farthest >= LONGEST for axis in axes):
        return False
    phases, taps = math.prod(one.phases for one in counts), in_group * math.prod(problem.kernel_size)
    planes = math.prod(min(axis.in_step, axis.kernel) for axis in axes)
    laid = in_group * planes * math.prod(one.positions + one.end - one.begin for one in counts)
    few = 0 < phases <= MOST_PHASES and taps <= KEPT_TAPS and problem.macs <= MOST_IN_A_TASK * tasks_of(problem)
    return few and laid * dtype.itemsize <= MOST_BYTES


def laid_lines(axes: tuple[Axis, ...], cut: Cut) -> int:
    """The lines of a channel's planes."""
    planes = math.prod(len(axis.in_residues) for axis in axes[:2])
    return planes * (cut.sizes.box_z + cut.sizes.span_z) * cut.sizes.lines


def tasks_of(problem: Problem) -> int:
    """How many tasks there are: groups of all samples."""
    return problem.batch * problem.groups


def work_of(problem: Problem, cut: Cut) -> int:
    """Multiply-adds by their time: those of places without outputs, and some for each element that is moved."""
    sizes = cut.sizes
    row = sizes.positions_z * sizes.positions_y * sizes.line_length
    sums = problem.batch * problem.out_channels * sizes.in_group * cut.taps * row
    return sums + 4 * (problem.input_elements + problem.output_elements)


def workspace(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output: each thread's planes and sums, and the tables."""
    cut = cut_of(problem)
    laid, sums = _memory(cut, dtype.itemsize, by_lines=goes_by_lines(axes, cut, dtype.itemsize))
    tables = 4 * laid_lines(axes, cut) + 2 * cut.sizes.in_group * cut.taps
    tables += 4 * (cut.sizes.box_x + cut.sizes.span_x) * len(axes[2].in_residues)
    return team.size * ((laid + sums) * dtype.itemsize + VECTOR + 3 * LINE) + tables * np.dtype(np.int64).itemsize


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


@lru_cache(maxsize=1024)
def cut_of(problem: Problem) -> Cut:
    """One box of a whole group."""
    axes = axes_of(problem)
    return cut_into(problem, Lie(axes), positions_of(axes), problem.out_channels, most_shared=LONGEST)


def goes_by_lines(axes: tuple[Axis, ...], cut: Cut, itemsize: int) -> bool:
    """Whether lines of outputs share their loads: of convolutions as they come, where that takes less time."""
    depth, height, _ = axes
    if depth.kernel > 1 or height.kernel < LINES or height.span >= height.kernel:
        return False
    if not all(axis.in_step == axis.out_step == 1 and _ascends(axis) for axis in axes):
        return False
    sizes, lanes = cut.sizes, VECTOR // itemsize
    row = ceil_div((sizes.positions_y - 1) * sizes.line_length + sizes.positions_x, lanes)
    lines = ceil_div(sizes.positions_y, LINES) * LINES * ceil_div(sizes.positions_x, lanes)
    return lines * (height.kernel + ENDS) < ROW_TIME * row * height.kernel


def _ascends(axis: Axis) -> bool:
    """Whether one weight after the other meets inputs further on: not in transposed and flipped kernels."""
    shifts = axis.shifts(0)[np.argsort(axis.taps(0))]
    return bool(shifts[0] <= shifts[-1])


def _memory(cut: Cut, itemsize: int, *, by_lines: bool) -> tuple[int, int]:
    """Elements of a group's laid planes, and of the sums, with what is read and written beyond their ends.

    The zeros that the last line would share with a next one lie behind it.
    """
    sizes, lanes = cut.sizes, VECTOR // itemsize
    shared = sizes.box_x + sizes.span_x - sizes.line_length
    if by_lines:
        sums = LINES * ceil_div(sizes.positions_x, lanes) * lanes
    else:
        sums = sizes.woven * (lines_at_once(cut, itemsize) * sizes.line_length + (BEYOND + 1) * lanes)
    return cut.laid + shared + _beyond(cut, itemsize, by_lines=by_lines), sums


def _beyond(cut: Cut, itemsize: int, *, by_lines: bool) -> int:
    """Elements that are read behind a group's planes."""
    lanes = VECTOR // itemsize
    return max((BEYOND + 1) * lanes, (LINES - 1) * cut.sizes.line_length + lanes if by_lines else 0)


def lines_at_once(cut: Cut, itemsize: int) -> int:
    """Lines of outputs that are summed before they are copied."""
    return min(cut.sizes.positions_y, max(1, SUMS_BYTES // itemsize // cut.sizes.line_length))


def reads_as_it_lies(axes: tuple[Axis, ...], cut: Cut) -> bool:
    """Whether a group's input is what would be laid."""
    sizes = cut.sizes
    begins, laid = (sizes.begin_z, sizes.begin_y, sizes.begin_x), (sizes.box_z + sizes.span_z, sizes.lines)
    lying = (*laid, sizes.line_length) == (sizes.input_z, sizes.input_y, sizes.input_x)
    return lying and begins == (0, 0, 0) and all(axis.in_step == 1 for axis in axes)


def lays_in_vectors(axis: Axis) -> bool:
    """Whether lines along the last axis are laid by vectors."""
    return axis.in_step == 1 or len(axis.in_residues) == axis.in_step <= LONGEST_STEP


def groups_of(problem: Problem, itemsize: int) -> Groups:
    """The tables of a problem for elements of so many bytes."""
    make = _kept_groups if math.prod(problem.input_size[:-1]) <= KEPT_LINES else _groups
    return make(problem, itemsize)


def _groups(problem: Problem, itemsize: int) -> Groups:
    axes, cut = axes_of(problem), cut_of(problem)
    boxes, sizes = tables(cut, axes), cut.sizes
    begins = (sizes.begin_z, sizes.begin_y, sizes.begin_x)
    lengths = (sizes.box_z + sizes.span_z, sizes.box_y + sizes.span_y, sizes.box_x + sizes.span_x)
    places = [
        (begin + np.arange(length)) * axis.in_step + residues[:, None]
        for axis, residues, begin, length in zip(axes, boxes.residues, begins, lengths, strict=True)
    ]
    (rz, u, iz), (ry, v, iy), (rx, m, ix) = (_inside(own, axis.input) for own, axis in zip(places, axes, strict=True))
    slab = sizes.lines * sizes.line_length
    plane, (along_y, along_x) = (sizes.box_z + sizes.span_z) * slab, map(len, boxes.residues[1:])
    sources = iz[:, None] * sizes.input_slab + iy * sizes.input_x
    targets = ((rz[:, None] * along_y + ry) * along_x) * plane + u[:, None] * slab + v * sizes.line_length
    _, first, counts = np.unique(rx, return_index=True, return_counts=True)
    columns = np.stack([rx[first] * plane + m[first], ix[first], counts])
    readable, tasks, by_lines = 0, tasks_of(problem), goes_by_lines(axes, cut, itemsize)
    if reads_as_it_lies(axes, cut):  # nothing is read after the input: the last groups are laid
        each = sizes.in_group * sizes.input_channel
        readable = max(0, tasks - ceil_div(_beyond(cut, itemsize, by_lines=by_lines), each))
    kernel, at_once = (0, 0, 0), lines_at_once(cut, itemsize)
    if by_lines:
        kernel = axes[1].kernel, axes[2].kernel, axes[2].span // max(1, axes[2].kernel - 1)
    return Groups(
        boxes, sources.reshape(-1), targets.reshape(-1), columns, at_once, readable, kernel,
        lays_in_vectors(axes[2]), _memory(cut, itemsize, by_lines=by_lines), work_of(problem, cut),
    )  # fmt: skip


_kept_groups = lru_cache(maxsize=256)(_groups)


def _inside(places: NDArray[np.int64], length: int) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Those places (residues, steps) that lie within the input: which residue, which step, and the place."""
    residue, step = np.nonzero((places >= 0) & (places < length))
    return residue, step, places[residue, step]


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
