"""Sums with output channels side by side in vectors, inputs spread over them: for small maps and wide steps.

Where neighbours along a line are in a vector, maps of seven by seven leave a quarter of it empty, and steps take inputs
apart. Here inputs are read one by one as they lie, wherever a window is, and only the kernel is turned: by its output
channels, two vectors of them at a time, or four where lines are short. Outputs that meet other taps, at a border, are
summed by themselves, so padding is neither laid nor multiplied.
"""

from __future__ import annotations

import math

import numpy as np

from app.core.algorithms.blocked.tables import (
    SMALL,
    chunks_of,
    each_of,
    strips_of,
    sums_of,
    tables_of,
    taps_of,
    tasks_of,
    way_of,
    weights_of,
)
from app.core.algorithms.classes import most_classes
from app.core.algorithms.effort import Effort, Features, distance
from app.core.algorithms.scratch import LINE, thread_rows
from app.core.algorithms.taps import Axis
from app.core.algorithms.vectors.interleaving import DEALT, deal_taps, turn_in, turn_out
from app.core.algorithms.vectors.simd import VECTOR
from app.core.algorithms.vectors.spread_sums import sum_spread
from app.core.geometry import ceil_div
from app.core.jit import inlined
from app.core.layout import Array
from app.core.parallel import MOST_IN_A_TASK, PLANNED_THREADS, run_parted, team
from app.core.parted import parted
from app.core.problem import Problem

#: Bytes of the weights of a vector of channels, and of its sums of a strip, at most.
MOST_BYTES = 2**21

#: Outputs of a plane, taps of all classes of outputs, and these classes, at most: tables are kept.
MOST_OUTPUTS, MOST_TAPS, MOST_CLASSES = 2**17, 2**17, 2**9

#: Runs of outputs that are listed at most, and outputs that meet no input: each takes some microseconds, once.
MOST_RUNS = 2**14

#: The most classes of a large plane: each takes a tenth of a millisecond or two, and few such tables are kept.
MOST_OF_LARGE = 2**7

#: The tables of more classes than this take more than some milliseconds to make, once: these have a price, so that
#: they are not made where others wait.
FEW_CLASSES = 64


def fits(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> bool:
    """Whether output channels fill a vector, and tables are small."""
    lanes, outputs = VECTOR // dtype.itemsize, math.prod(axis.output for axis in axes)
    classes = math.prod(map(most_classes, axes))
    if problem.out_channels < lanes * problem.groups or problem.pads_by_copying or outputs > MOST_OUTPUTS:
        return False
    if (
        not 0 < classes <= (MOST_CLASSES if outputs <= SMALL else MOST_OF_LARGE)
        or taps_of(axes) > MOST_TAPS
        or not all(axis.counts.phases for axis in axes)
    ):
        return False
    way = way_of(problem, lanes)
    if way.runs + way.bare > MOST_RUNS:
        return False
    largest = max(_weights(problem, dtype), _sums(axes, 1, dtype)) * dtype.itemsize
    return largest <= MOST_BYTES and problem.macs <= MOST_IN_A_TASK * tasks_of(problem, lanes)


def _weights(problem: Problem, dtype: np.dtype[np.generic]) -> int:
    """Elements of the weights of a vector of channels."""
    lanes = VECTOR // dtype.itemsize
    return weights_of(problem, lanes) * lanes


def _sums(axes: tuple[Axis, ...], samples: int, dtype: np.dtype[np.generic]) -> int:
    """Elements of the sums of the longest strip of so many samples, for a vector of channels."""
    number, strips = strips_of(axes)
    return sums_of(max(count for _, count in strips) * each_of(axes, number) * samples, VECTOR // dtype.itemsize)


def effort(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to.

    Vectors of weights and outputs that are `turned`; `runs` of outputs, those that are `bare` of inputs; `steps` of the
    innermost loops, and these by vectors, `sums`.
    """
    lanes = VECTOR // dtype.itemsize
    tasks, chunks = tasks_of(problem, lanes), chunks_of(problem, lanes)
    way = way_of(problem, lanes)
    in_group, out_group = problem.in_group, problem.out_group
    vectors, taps = ceil_div(out_group, lanes), math.prod(axis.kernel for axis in axes)
    in_lines = in_group * (taps / lanes if taps in DEALT else ceil_div(taps, lanes))
    turned = ceil_div(in_group * taps, lanes) if problem.op == "conv" else in_lines
    times, outputs = problem.batch // way.samples * problem.groups, math.prod(axis.output for axis in axes)
    shared: Features = {
        "tasks": tasks,
        "turned": problem.batch * problem.groups * vectors * ceil_div(outputs, lanes),
        "runs": times * chunks * way.runs,
        "bare": times * chunks * way.bare,
        "steps": times * in_group * chunks * way.steps,
        "sums": times * in_group * way.slots,
        "bytes": problem.output_elements * dtype.itemsize,
        distance(problem.input_elements * dtype.itemsize): problem.input_elements * chunks * dtype.itemsize,
    }
    alone: Features = {
        "call": 1.0,
        "classes": max(0, math.prod(map(most_classes, axes)) - FEW_CLASSES),
        "kernels": ceil_div(problem.groups * chunks, PLANNED_THREADS) * way.abreast * turned,
    }
    return Effort(alone, shared, tasks, problem.macs)


def workspace(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output: each thread's weights and sums, and the tables."""
    lanes, outputs = VECTOR // dtype.itemsize, math.prod(axis.output for axis in axes)
    way = way_of(problem, lanes)
    own = (_weights(problem, dtype) + _sums(axes, way.samples, dtype)) * dtype.itemsize + VECTOR
    own = way.abreast * own + VECTOR + 4 * LINE
    listed = 4 * taps_of(axes) + 20 * (way.runs + way.bare) + 6 * way.samples * outputs
    tables = 2**13 + listed + 2 * weights_of(problem, lanes)
    return team.size * own + tables * np.dtype(np.int64).itemsize


def run(problem: Problem, _axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> bool:
    """Write the operation's output into `out`; whether all of it is known to be finite. Shapes as for `tiles`."""
    tables = tables_of(problem, x.dtype.itemsize)
    way = tables.way
    at_hand, turned, sums, constants, seen = thread_rows(tables.pieces, x.dtype)
    return run_parted(
        _sum_tasks, tables.tasks, problem.work, x.reshape(-1), w.reshape(-1), bias, out.reshape(-1), turned, sums,
        constants, seen, at_hand, way.abreast, tables.weights_apart, tables.sums_apart, way.samples, tables.strips,
        tables.runs, tables.offsets, tables.steps, tables.weights, tables.depth, tables.together, problem.groups,
        problem.in_group, problem.out_group, tables.kernel, problem.op == "conv",
    )  # fmt: skip


@parted
def _sum_tasks(
    me, low, high, x, w, bias, out, all_turned, all_sums, all_constants, all_seen, all_at_hand, abreast, w_vector,
    sums_vector, samples, strips, runs, offsets, steps, order, depth, together, groups, in_group, out_group, kernel,
    in_rows,
):  # fmt: skip
    """Sum the tasks from `low` to `high`, counted over (group, chunk, samples together, strip).

    Of `all` pieces a thread has its row. The kernel is (out, in, taps) where it is `in_rows`, or (in, out, taps). The
    last vector of a group's channels may have some of the one before once more, for the same bits, also beside another
    thread. Tells whether all sums are known to be finite.
    """
    turned, sums, constants = all_turned[me], all_sums[me], all_constants[me]
    seen, at_hand = all_seen[me], all_at_hand[me]
    seen[:] = 0
    lanes = VECTOR // x.itemsize
    vectors = (out_group + lanes - 1) // lanes
    chunks = (vectors + abreast - 1) // abreast
    plane = len(x) // (together * samples * groups * in_group)
    out_plane = len(out) // (together * samples * groups * out_group)
    for task in range(low, high):
        rest, strip = divmod(task, len(strips))
        number, turn = divmod(rest, together)
        g, chunk = divmod(number, chunks)
        count = min(abreast, vectors - chunk * abreast)
        if at_hand[0] != number:
            for v in range(count):
                channel = min((chunk * abreast + v) * lanes, out_group - lanes)
                _turn_weights(
                    w, g, channel, in_group, out_group, kernel, in_rows, turned, v * w_vector, order
                )  # fmt: skip
                for r in range(lanes):
                    constants[v * lanes + r] = bias[g * out_group + channel + r]
            at_hand[0] = number
        begin, length, first, end = strips[strip, 0], strips[strip, 1], strips[strip, 2], strips[strip, 3]
        source = (turn * samples * groups + g) * in_group * plane
        for ci in range(0, in_group, depth):
            channels = min(depth, in_group - ci)
            for n in range(first, end):
                target, taps = runs[n, 3] * lanes, runs[n, 6]
                if taps == 0:
                    _write_bias(constants, sums, target, count, sums_vector, seen)
                    continue
                sum_spread(
                    count, runs[n, 2], x, source + ci * plane + runs[n, 0], runs[n, 1], plane, channels, offsets, steps,
                    runs[n, 5], taps, turned, ci * kernel * lanes, w_vector, kernel * lanes, constants,
                    sums, target, runs[n, 4] * lanes, sums_vector, ci, ci + channels == in_group, seen,
                )  # fmt: skip
        for v in range(count):
            channel = min((chunk * abreast + v) * lanes, out_group - lanes)
            for n in range(samples):
                place = (((turn * samples + n) * groups + g) * out_group + channel) * out_plane + begin
                turn_out(sums, v * sums_vector + n * out_plane * lanes, out, place, out_plane, length // samples)
    return not seen.any()


@inlined
def _write_bias(constants, sums, target, vectors, sums_vector, seen):
    """An output without any input: the bias is all."""
    lanes = VECTOR // sums.itemsize
    for v in range(vectors):
        for r in range(lanes):
            value = constants[v * lanes + r]
            sums[v * sums_vector + target + r] = value
            seen[r] += value - value  # as `Vectors.note` does


@inlined
def _turn_weights(w, g, channel, in_group, out_group, kernel, in_rows, turned, at, order):
    """Lay the weights of a vector of channels, those of each tap side by side.

    What a line leaves of its last vector is zeros, until the next line comes there.
    """
    if in_rows:
        row = in_group * kernel
        turn_in(w, (g * out_group + channel) * row, row, row, turned, at, order, 0)
    elif kernel in DEALT:
        place = (g * in_group * out_group + channel) * kernel
        deal_taps(w, place, out_group * kernel, in_group, kernel, turned, at)
    else:
        lanes = VECTOR // w.itemsize
        for ci in range(in_group):
            place = ((g * in_group + ci) * out_group + channel) * kernel
            turn_in(w, place, kernel, kernel, turned, at + ci * kernel * lanes, order, 0)
