"""Direct sums, vectorised along the output row: no im2col, no copies of windows.

A task is a stretch of one output row. For each weight that reaches it, a stretch of an
input row is added, `row += weight·stretch`, four weights in one pass so that the row is
loaded and stored a quarter as often. Every output is summed in the order of its taps,
wherever the work is cut, so the bits never change with the number of threads.
"""

from __future__ import annotations

import math

import numpy as np
from numba import uint64

from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.taps import Axis, first_phase, phase_of, taps_within
from app.core.geometry import ceil_div
from app.core.jit import inlined
from app.core.layout import Array
from app.core.parallel import run_parted
from app.core.parted import parted
from app.core.problem import Problem

#: Outputs in one task: short enough for the first cache, and to spread a single long row.
STRETCH = 4096

#: Bytes of a row that one turn of its loop takes, as the compiler unrolls it.
TURN = 128

#: Taps that are gathered before they are added.
GATHERED = 256

# A kernel indexes flat arrays by unsigned places: signed ones are tested for Python's
# negative indices, and slices are counted references, which two threads then fight over.


def run(problem: Problem, axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> None:
    """Write the operation's output into `out`.

    Shapes, with sizes extended to three dimensions: x (batch, C_in, *size), w (C_out,
    C_in/groups, *kernel), bias (C_out), out (batch, C_out, *output); all contiguous.
    """
    depth, height, width = (axis.table for axis in axes)
    stretches = ceil_div(out.shape[-1], STRETCH)
    tasks = math.prod(out.shape[:-1]) * stretches
    run_parted(_sum_stretches, tasks, problem.work, x, w, bias, out, depth, height, width)


def effort(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to.

    `rows`: rows of outputs, phase by phase; `gathered`: taps of each that are looked
    at; `lines`: lines of a kernel's taps; `in_line`, `ends`: multiply-adds along a row,
    and those in what is left of it after whole turns of its loop; `strided`: all of them where
    windows move by more than one; `spread`: outputs copied to a phase's places; `swapped`:
    weights brought into a convolution's order before.
    """
    in_group, channels = problem.in_group, problem.batch * problem.out_channels
    depth, height, width = axes
    rows = channels * depth.output * height.output * ceil_div(width.output, STRETCH)
    lines = channels * in_group * depth.counts.pairs * height.counts.pairs
    stretches = ceil_div(width.output, STRETCH * width.out_step)
    gathered, macs = lines * _looked_at(width) * stretches, lines * width.counts.pairs
    shared: Features = {
        "rows": rows * width.counts.phases,
        "gathered": gathered,
        "lines": lines * width.counts.phases * stretches,
        "bytes": (problem.input_elements + problem.output_elements) * dtype.itemsize,
    }
    if width.in_step > 1:
        shared["strided"] = macs
    else:
        turn, length = TURN // dtype.itemsize, macs // max(1, gathered)
        shared["in_line"] = gathered * (length - length % turn)
        shared["ends"] = gathered * (length % turn)
    if width.out_step > 1:
        shared["spread"] = problem.output_elements
    swapped = problem.kernel_elements if problem.op == "conv_transpose" else 0
    return Effort({"call": 1.0, "swapped": swapped}, shared, rows, problem.macs)


def _looked_at(axis: Axis) -> int:
    """The taps that a row looks at: those that meet an input; where windows move by more, those between them too."""
    if axis.in_step == 1:
        return axis.counts.met
    shifts = axis.shifts(0)
    return int(np.count_nonzero((shifts >= -axis.in_step * (axis.output - 1)) & (shifts < axis.input)))


@parted
def _sum_stretches(_me, low, high, x, w, bias, out, depth, height, width):
    """Sum the tasks from `low` to `high`, counted over (batch, channel, plane, line, stretch)."""
    _, channels, planes, lines, length = out.shape
    stretches = (length + STRETCH - 1) // STRETCH
    flat_x, flat_w, flat_out = x.reshape(-1), w.reshape(-1), out.reshape(-1)
    out_group = channels // (x.shape[1] // w.shape[1])
    out_step, phases = width[1], width[2]
    sums = np.empty(min(length, STRETCH), out.dtype)
    weights, places = np.empty(GATHERED, x.dtype), np.empty((GATHERED, 3), np.int64)
    for task in range(low, high):
        rest, stretch = divmod(task, stretches)
        rest, line = divmod(rest, lines)
        rest, plane = divmod(rest, planes)
        b, co = divmod(rest, channels)
        row, begin = (task // stretches) * length, stretch * STRETCH
        end = min(length, begin + STRETCH)
        for m in range(uint64(row + begin), uint64(row + end)):
            flat_out[m] = bias[co]
        z, y = phase_of(depth, plane % depth[1]), phase_of(height, line % height[1])
        if z < 0 or y < 0:
            continue
        channel = b * x.shape[1] + co // out_group * w.shape[1]
        at_z, at_y = plane // depth[1] * depth[0], line // height[1] * height[0]
        # From the first residue in the stretch on, around to the last: not all of a million phases.
        around = begin % out_step
        nearest = first_phase(width, around)
        for turn in range(phases):
            q = (nearest + turn) % phases
            residue = width[4 + q]
            if (residue - around) % out_step >= end - begin:
                break
            first = max(0, (begin - residue + out_step - 1) // out_step)
            count = (end - residue + out_step - 1) // out_step - first
            sources = (channel, at_z, at_y, width[0] * first)
            if out_step == 1:
                _sum_row(
                    flat_out,
                    row + begin,
                    count,
                    x,
                    flat_x,
                    w,
                    flat_w,
                    co,
                    sources,
                    depth,
                    z,
                    height,
                    y,
                    width,
                    q,
                    weights,
                    places,
                )
                continue
            sums[:count] = bias[co]
            _sum_row(sums, 0, count, x, flat_x, w, flat_w, co, sources, depth, z, height, y, width, q, weights, places)
            for m in range(count):
                flat_out[row + residue + out_step * (first + m)] = sums[m]


@inlined
def _sum_row(row, at, count, x, flat_x, w, flat_w, co, sources, depth, z, height, y, width, q, weights, places):
    """row[at + m] += the sum over the taps of phases z, y, q, for m below `count`.

    `sources` is where the input begins: channel, plane, line and column before the shifts.
    """
    in_group, kernel_z, kernel_y, kernel_x = w.shape[1:]
    _, _, planes, lines, length = x.shape
    in_step = width[0]
    gathered = 0
    begin_z, end_z = taps_within(depth, z, -sources[1], planes - 1 - sources[1])
    begin_y, end_y = taps_within(height, y, -sources[2], lines - 1 - sources[2])
    begin_x, end_x = taps_within(width, q, -sources[3] - in_step * (count - 1), length - 1 - sources[3])
    for ci in range(in_group):
        for tz in range(begin_z, end_z):
            iz = sources[1] + depth[kernel_z + tz]
            for ty in range(begin_y, end_y):
                iy = sources[2] + height[kernel_y + ty]
                line = (((sources[0] + ci) * planes + iz) * lines + iy) * length
                taps = ((co * in_group + ci) * kernel_z + depth[tz]) * kernel_y + height[ty]
                for tx in range(begin_x, end_x):
                    shift = sources[3] + width[kernel_x + tx]
                    begin = 0 if shift >= 0 else (in_step - 1 - shift) // in_step
                    end = min(count, (length - 1 - shift) // in_step + 1)
                    if begin >= end:
                        continue
                    weights[gathered] = flat_w[taps * kernel_x + width[tx]]
                    places[gathered, 0] = line + shift
                    places[gathered, 1] = begin
                    places[gathered, 2] = end
                    gathered += 1
                    if gathered == GATHERED:
                        _add_taps(row, at, flat_x, in_step, weights, places, gathered)
                        gathered = 0
    _add_taps(row, at, flat_x, in_step, weights, places, gathered)


@inlined
def _add_taps(row, at, flat_x, in_step, weights, places, gathered):
    """Add the gathered taps in their order, four in one pass where all four have an input."""
    done = 0
    while done + 4 <= gathered:
        begin = max(max(places[done, 1], places[done + 1, 1]), max(places[done + 2, 1], places[done + 3, 1]))
        end = min(min(places[done, 2], places[done + 1, 2]), min(places[done + 2, 2], places[done + 3, 2]))
        end = max(begin, end)
        for j in range(done, done + 4):
            stop = min(begin, places[j, 2])
            _add_one(row, at, flat_x, in_step, weights[j], places[j, 0], places[j, 1], stop)
            _add_one(row, at, flat_x, in_step, weights[j], places[j, 0], max(end, stop), places[j, 2])
        _add_four(row, at, flat_x, in_step, weights, places, done, begin, end)
        done += 4
    for j in range(done, gathered):
        _add_one(row, at, flat_x, in_step, weights[j], places[j, 0], places[j, 1], places[j, 2])


@inlined
def _add_four(row, at, flat_x, in_step, weights, places, j, begin, end):
    """Four taps in one pass over row[at + begin : at + end]."""
    w0, w1, w2, w3 = weights[j], weights[j + 1], weights[j + 2], weights[j + 3]
    skipped = in_step * begin
    p0, p1 = uint64(places[j, 0] + skipped), uint64(places[j + 1, 0] + skipped)
    p2, p3 = uint64(places[j + 2, 0] + skipped), uint64(places[j + 3, 0] + skipped)
    r, count = uint64(at + begin), uint64(end - begin)
    if in_step == 1:
        for m in range(count):
            row[r + m] = (
                row[r + m] + w0 * flat_x[p0 + m] + w1 * flat_x[p1 + m] + w2 * flat_x[p2 + m] + w3 * flat_x[p3 + m]
            )
    else:
        step = uint64(in_step)
        for m in range(count):
            i = step * m
            row[r + m] = (
                row[r + m] + w0 * flat_x[p0 + i] + w1 * flat_x[p1 + i] + w2 * flat_x[p2 + i] + w3 * flat_x[p3 + i]
            )


@inlined
def _add_one(row, at, flat_x, in_step, weight, place, begin, end):
    """row[at + m] += weight·flat_x[place + in_step·m] for m from `begin` to `end`."""
    if begin >= end:
        return
    p, r, step = uint64(place + in_step * begin), uint64(at + begin), uint64(in_step)
    if in_step == 1:
        for m in range(uint64(end - begin)):
            row[r + m] += weight * flat_x[p + m]
    else:
        for m in range(uint64(end - begin)):
            row[r + m] += weight * flat_x[p + step * m]
