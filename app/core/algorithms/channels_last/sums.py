"""Sums with channels side by side in vectors, for groups of few channels: small planes, wide steps, long kernels.

The other algorithms for such layers have neighbours along a line in a vector: it is not filled where lines are short,
most reads lie across two lines of the cache, and steps take inputs apart. Here as many groups as a vector has elements
are turned into vectors of channels and back, at a tenth of a nanosecond an element; in between each product is of
whole vectors, wherever its inputs lie. Zeros are laid to the left and right of inputs, and above and below nothing is
multiplied at all.
"""

from __future__ import annotations

import math

import numpy as np

from app.core.algorithms.channels_last.tables import goes_by_lines, memory_of, tables_of
from app.core.algorithms.classes import most_classes
from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.scratch import LINE, thread_rows
from app.core.algorithms.taps import Axis
from app.core.algorithms.vectors.interleaving import AT_ONCE, SIDE_BY_SIDE, sum_line, sum_places, turn_in, turn_out
from app.core.algorithms.vectors.simd import VECTOR
from app.core.geometry import ceil_div
from app.core.layout import Array
from app.core.parallel import MOST_IN_A_TASK, run_parted, team
from app.core.parted import parted
from app.core.problem import Problem

#: Bytes of the laid inputs, of the weights and of the sums, at most: half of a usual second cache for the largest.
MOST_BYTES = 2**19

#: Inputs of a group, at most, laid or not: tables tell of all.
MOST_INPUTS = 2**15

#: Channels of a group: for more, other algorithms meet several with the same inputs.
MOST_CHANNELS = 8

#: Taps of all classes of outputs, and these classes, at most: tables are kept.
MOST_TAPS, MOST_CLASSES = 2**13, 2**9


def fits(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> bool:
    """Whether there are enough groups, of few channels, whose planes and tables are small."""
    lanes, phases = VECTOR // dtype.itemsize, math.prod(axis.counts.phases for axis in axes)
    if not lanes <= problem.groups or problem.pads_by_copying or not phases:
        return False
    if max(problem.in_channels, problem.out_channels) > MOST_CHANNELS * problem.groups:
        return False
    if problem.in_group * math.prod(problem.input_size) > MOST_INPUTS:
        return False
    classes = most_classes(axes[0]) * most_classes(axes[1])
    taps = problem.in_group * math.prod(axis.kernel for axis in axes)
    if classes * axes[2].counts.phases > MOST_CLASSES or classes * taps > MOST_TAPS:
        return False
    small = max(memory_of(problem, axes, lanes)) * dtype.itemsize <= MOST_BYTES
    return small and problem.macs <= MOST_IN_A_TASK * _tasks(problem, dtype)


def _tasks(problem: Problem, dtype: np.dtype[np.generic]) -> int:
    """As many groups of a sample as a vector has elements are a task."""
    return problem.batch * ceil_div(problem.groups, VECTOR // dtype.itemsize)


def effort(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to.

    Vectors of inputs, weights and outputs that are `turned`; `blocks` of sums, `steps` of their innermost loops, and
    these by vectors, `sums`; or `lines` of kernels that blocks meet, and products of vectors by `lined`.
    """
    tasks, lanes = _tasks(problem, dtype), VECTOR // dtype.itemsize
    in_group, out_group = problem.in_group, problem.out_group
    inputs, outputs = (ceil_div(count, lanes) for count in (math.prod(problem.input_size), _outputs(axes)))
    kernels = ceil_div(problem.kernel_elements // problem.groups, lanes)
    sums = tasks * in_group * out_group * axes[0].counts.pairs * axes[1].counts.pairs * axes[2].counts.visits
    by_lines, share = goes_by_lines(axes), _share_of_blocks(axes)
    shared: Features = {
        "tasks": tasks,
        "turned": tasks * (in_group * inputs + out_group * outputs + kernels / problem.batch),
        "blocks": tasks * out_group * _outputs(axes) * share,
        "lines" if by_lines else "steps": sums * share / (axes[2].kernel if by_lines else 1),
        "lined" if by_lines else "sums": sums,
        "bytes": (problem.input_elements + problem.output_elements) * dtype.itemsize,
    }
    alone: Features = {"call": 1.0, "classes": most_classes(axes[0]) * most_classes(axes[1]) * axes[2].counts.phases}
    return Effort(alone, shared, tasks, _work(problem, axes, dtype))


def _outputs(axes: tuple[Axis, ...]) -> int:
    """The outputs of a plane."""
    return math.prod(axis.output for axis in axes)


def _share_of_blocks(axes: tuple[Axis, ...]) -> float:
    """Blocks for each output: each line by itself, or those in the middle of a plane cut as one."""
    _, height, width = axes
    lines, row = height.counts.positions, width.counts.positions
    if goes_by_lines(axes):
        return ceil_div(row, SIDE_BY_SIDE) / row
    ends = min(lines, ceil_div(height.kernel, height.counts.phases) - 1)
    blocks = ends * ceil_div(row, AT_ONCE) + ceil_div((lines - ends) * row, AT_ONCE)
    return blocks / (lines * row)


def _work(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Multiply-adds by their time, and some for each element that is turned; of eight bytes they take twice as long."""
    pairs = axes[0].counts.pairs * axes[1].counts.pairs * axes[2].counts.visits
    sums = problem.batch * problem.out_channels * problem.in_group * pairs
    return (sums + 4 * (problem.input_elements + problem.output_elements)) * dtype.itemsize // 4


def workspace(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output: each thread's memory, and the tables with what they are made from."""
    lanes = VECTOR // dtype.itemsize
    laid, weights, sums = memory_of(problem, axes, lanes)
    out_group = problem.out_group
    own = (laid + weights + sums) * dtype.itemsize + (out_group + 1) * VECTOR + 6 * LINE
    taps = problem.in_group * math.prod(axis.kernel for axis in axes)
    planes = math.prod(problem.input_size) * problem.in_group + 8 * _outputs(axes) + weights
    tables = 2**13 + 4 * planes + 4 * min(MOST_TAPS, most_classes(axes[0]) * most_classes(axes[1]) * taps)
    return team.size * own + tables * np.dtype(np.int64).itemsize


def run(problem: Problem, axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> bool:
    """Write the operation's output into `out`; whether all of it is known to be finite. Shapes as for `tiles`."""
    tables, lanes = tables_of(problem, x.dtype.itemsize), VECTOR // x.dtype.itemsize
    in_group, out_group = problem.in_group, problem.out_group
    flat_x, flat_w, flat_out = x.reshape(-1), w.reshape(-1), out.reshape(-1)
    pieces = thread_rows((*tables.memory, out_group * lanes, lanes), x.dtype)
    kernel = math.prod(w.shape[2:])
    apart = kernel * (in_group if problem.op == "conv" else 1)
    return run_parted(
        _sum_side_by_side, _tasks(problem, x.dtype), _work(problem, axes, x.dtype), flat_x, flat_w, bias, flat_out,
        *pieces, tables.inputs, tables.weights, tables.blocks, tables.places, tables.targets, tables.offsets,
        tables.steps, problem.groups, in_group, out_group, kernel, apart, problem.batch,
    )  # fmt: skip


@parted
def _sum_side_by_side(
    me, low, high, x, w, bias, out, all_at_hand, all_laid, all_weights, all_sums, all_constants, all_seen,
    inputs, own_weights, blocks, places, targets, offsets, steps, groups, in_group, out_group, kernel, apart, batch,
):  # fmt: skip
    """Sum the tasks from `low` to `high`, counted over (groups, batch); tells whether all sums are known to be finite.

    Of `all` pieces a thread has its row. The last groups of a sample may be some of those before once more, for the
    same bits, also beside another thread.
    """
    at_hand, laid, weights = all_at_hand[me], all_laid[me], all_weights[me]
    sums, constants, seen = all_sums[me], all_constants[me], all_seen[me]
    if at_hand[0] < 0:  # what lies around the inputs stays zero from task to task
        laid[:] = 0
        at_hand[0] = 0
    seen[:] = 0
    lanes, kernels, held = VECTOR // x.itemsize, in_group * out_group * kernel, -1
    plane, out_plane, row = (
        len(x) // (batch * groups * in_group),
        len(out) // (batch * groups * out_group),
        len(inputs) // in_group,
    )
    for task in range(low, high):
        number, b = divmod(task, batch)
        g = min(number * lanes, groups - lanes)
        if held != number:
            turn_in(w, g * kernels, kernels, kernels, weights, 0, own_weights, 0)
            for co in range(out_group):
                for r in range(lanes):
                    constants[co * lanes + r] = bias[(g + r) * out_group + co]
            held = number
        source, target = (b * groups + g) * in_group * plane, (b * groups + g) * out_group * out_plane
        for ci in range(in_group):
            turn_in(x, source + ci * plane, in_group * plane, plane, laid, 0, inputs, ci * row)
        for co in range(out_group):
            w_at, bias_at = co * apart * lanes, co * lanes
            for n in range(len(blocks)):
                at, count, tap, taps, width = blocks[n, 0], blocks[n, 1], blocks[n, 2], blocks[n, 3], blocks[n, 4]
                if width:
                    sum_line(
                        count, laid, places[at], offsets, steps, tap, taps, width, weights, w_at, constants, bias_at,
                        sums, targets[at], seen,
                    )  # fmt: skip
                else:
                    sum_places(
                        count, laid, places, targets, at, offsets, steps, tap, taps, weights, w_at, constants, bias_at,
                        sums, seen,
                    )  # fmt: skip
            turn_out(sums, 0, out, target + co * out_plane, out_group * out_plane, out_plane)
    return not seen.any()
