"""Tiny operations in one compiled call: sums, and the check that they fit their dtype.

Where the whole computation takes a microsecond, the time goes into what stands around it.
So the shapes are worked out beforehand, down to a table of which input meets which weight
for every output position; a call then passes five flat arrays and makes one.
"""

from __future__ import annotations

import math

import numpy as np
from numba import uint64

from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.one_call import OneCall
from app.core.algorithms.overflow import surely_fits
from app.core.algorithms.taps import Axis, phase_of, taps_within
from app.core.geometry import ceil_div
from app.core.jit import brief, compiled, shared
from app.core.layout import Array
from app.core.problem import Problem

#: Steps of the innermost loop, of a nanosecond each, and elements of the input and the output:
#: above them other algorithms are worth their preparations.
MOST_STEPS = 4000
MOST_ELEMENTS = 4000

#: Pairs of an input and a weight in one channel: what a table has to hold, as many are kept.
MOST_PAIRS = 1000

#: Output channels that are summed at once.
BLOCK = 4


def in_one_call(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> OneCall | None:
    """The operation in one call, if it is tiny."""
    if not is_tiny(problem, axes):
        return None
    kernel = _sum_int64 if dtype.kind == "i" else _sum_floats
    return OneCall(problem, dtype, kernel, lambda: (_table(problem, axes),))


def is_tiny(problem: Problem, axes: tuple[Axis, ...]) -> bool:
    """Whether an operation is done sooner than its arrays would be prepared for another algorithm."""
    pairs = math.prod(axis.counts.visits for axis in axes)
    blocks = problem.batch * problem.groups * ceil_div(problem.out_group, BLOCK)
    steps = pairs * blocks * problem.in_group
    elements = max(problem.input_elements, problem.output_elements)
    return pairs <= MOST_PAIRS and steps <= MOST_STEPS and elements <= MOST_ELEMENTS


def effort(problem: Problem, axes: tuple[Axis, ...]) -> Effort:
    """What the time is proportional to: the call, blocks of channels, their sums, and products that meet an input."""
    pairs = math.prod(axis.counts.pairs for axis in axes)
    products = problem.batch * problem.out_channels * problem.in_group * pairs
    blocks = problem.batch * problem.groups * ceil_div(problem.out_group, BLOCK)
    sums = blocks * math.prod(problem.output_size)
    counts: Features = {"tiny": 1.0, "tiny_blocks": blocks, "tiny_sums": sums, "tiny_products": products}
    return Effort(counts, {}, 1, 0)


#: What a table begins with: batch, groups, output and input channels of a group, positions,
#: and how far apart lie input channels, and the weights of groups, output and input channels.
#: Then, for each output position, where its pairs begin; then the pairs, each an input's
#: place in its channel and a weight's in its kernel, with a −1 behind a position's last: a
#: loop without a count is left alone by the vectoriser, whose gathers are slow here.
_HEAD = 9


def _table(problem: Problem, axes: tuple[Axis, ...]) -> Array:
    in_group, out_group = problem.in_group, problem.out_group
    inner = math.prod(problem.kernel_size)
    if problem.op == "conv":
        apart = (out_group * in_group * inner, in_group * inner, inner)
    else:
        apart = (out_group * in_group * inner, inner, out_group * inner)
    positions = math.prod(problem.output_size)
    head = (problem.batch, problem.groups, out_group, in_group, positions, math.prod(problem.input_size), *apart)
    table = np.zeros(_HEAD + 2 * positions + 2 * math.prod(axis.counts.visits for axis in axes), np.int64)
    table[:_HEAD] = head
    lengths = np.array([(axis.input, axis.output) for axis in axes])
    end = _fill(table, lengths, *(axis.table for axis in axes))
    return table[:end].copy()


@compiled
def _fill(table, lengths, depth, height, width):
    """Write the pairs of every output position; the table's length."""
    position, pair = _HEAD, _HEAD + table[4]
    for plane in range(lengths[0, 1]):
        for line in range(lengths[1, 1]):
            for column in range(lengths[2, 1]):
                table[position] = pair
                position += 1
                pair = _add_pairs(table, pair, lengths, depth, height, width, plane, line, column)
                table[pair] = -1
                pair += 1
    return pair


@shared
def _add_pairs(table, pair, lengths, depth, height, width, plane, line, column):
    """Write the pairs of one output from `pair` on; where they end."""
    z, y, x = phase_of(depth, plane % depth[1]), phase_of(height, line % height[1]), phase_of(width, column % width[1])
    if z < 0 or y < 0 or x < 0:
        return pair
    at_z, at_y, at_x = plane // depth[1] * depth[0], line // height[1] * height[0], column // width[1] * width[0]
    begin_z, end_z = taps_within(depth, z, -at_z, lengths[0, 0] - 1 - at_z)
    begin_y, end_y = taps_within(height, y, -at_y, lengths[1, 0] - 1 - at_y)
    begin_x, end_x = taps_within(width, x, -at_x, lengths[2, 0] - 1 - at_x)
    for tz in range(begin_z, end_z):
        iz = at_z + depth[tz + depth[3]]
        for ty in range(begin_y, end_y):
            iy = at_y + height[ty + height[3]]
            for tx in range(begin_x, end_x):
                ix = at_x + width[tx + width[3]]
                table[pair] = (iz * lengths[1, 0] + iy) * lengths[2, 0] + ix
                table[pair + 1] = (depth[tz] * height[3] + height[ty]) * width[3] + width[tx]
                pair += 2
    return pair


@brief
def _sum_floats(x, w, bias, out, table):
    """Write the output; whether all of it is finite."""
    return _sum(x, w, bias, out, table) == 0


@brief
def _sum_int64(x, w, bias, out, table):
    """Write the output where no sum can wrap; whether that is certain."""
    taps = table[3] * (len(w) // (table[1] * table[2] * table[3]))
    if not surely_fits(x, w, bias, taps):
        return False
    _sum(x, w, bias, out, table)
    return True


@shared
def _sum(x, w, bias, out, table):
    """Write the output, every one summed in the order of its taps; 0 if all of it is finite, otherwise NaN.

    Four output channels at once, since each sum has to wait for its last product. Where
    there are fewer, the last one is made several times.
    """
    batch, groups, out_group, in_group, positions = table[0], table[1], table[2], table[3], table[4]
    unlike_zero = x[0] - x[0]
    for sample in range(batch):
        for group in range(groups):
            begin = (sample * groups + group) * in_group * table[5]
            for channel in range(0, out_group, BLOCK):
                last = out_group - 1
                c0 = group * out_group + channel
                c1, c2, c3 = c0 + min(1, last - channel), c0 + min(2, last - channel), c0 + min(3, last - channel)
                w0 = group * table[6] + channel * table[7]
                w1, w2, w3 = w0 + (c1 - c0) * table[7], w0 + (c2 - c0) * table[7], w0 + (c3 - c0) * table[7]
                to = sample * groups * out_group * positions
                for position in range(positions):
                    t0, t1, t2, t3 = bias[c0], bias[c1], bias[c2], bias[c3]
                    for ci in range(in_group):
                        source, weight = begin + ci * table[5], ci * table[8]
                        pair = table[_HEAD + position]
                        while table[pair] >= 0:
                            value = x[uint64(source + table[pair])]
                            place = weight + table[pair + 1]
                            t0 += value * w[uint64(w0 + place)]
                            t1 += value * w[uint64(w1 + place)]
                            t2 += value * w[uint64(w2 + place)]
                            t3 += value * w[uint64(w3 + place)]
                            pair += 2
                    out[uint64(to + c0 * positions + position)] = t0
                    out[uint64(to + c1 * positions + position)] = t1
                    out[uint64(to + c2 * positions + position)] = t2
                    out[uint64(to + c3 * positions + position)] = t3
                    unlike_zero += (t0 - t0) + (t1 - t1) + (t2 - t2) + (t3 - t3)
    return unlike_zero
