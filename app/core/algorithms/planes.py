"""Direct sums along whole planes: the rows of a small picture joined to one long row.

The input of a group is laid once into a plane with its zeros around it. Then each tap is
the same plane from another place on, so one vector loop runs over all rows at once, also
over the few outputs between two rows that belong to none and are dropped. Four output
channels share what is loaded for four taps. For windows that move by one: convolutions
with stride 1 and every phase of a transposed convolution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import uint64

from app.core.algorithms.jit import compiled, inlined
from app.core.algorithms.phases import Phase, fill_with_bias, phases_of
from app.core.algorithms.taps import Axis
from app.core.geometry import ceil_div
from app.core.layout import Array
from app.core.parallel import run_in_parts
from app.core.problem import Problem

#: Sums that are made together, in the first cache.
STRETCH = 2048

#: Output channels that share what is loaded.
BLOCK = 4

#: Elements of a group's input with its zeros, at most: each thread has its own.
LARGEST_PLANE = 2**21

#: More phases than this are too many planes of few outputs.
MOST_PHASES = 256


def plane_size(axes: tuple[Axis, ...], in_group: int) -> int:
    """Elements of a group's input with its zeros around it, at most over the phases."""
    return in_group * math.prod(axis.positions(0) + axis.span for axis in axes)


def run(problem: Problem, axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> None:
    """Write the operation's output into `out`; shapes as for the direct algorithm."""
    fill_with_bias(axes, bias, out)
    for phase in phases_of(axes, w, problem.groups):
        _run_phase(phase, axes, x, bias, out)


@dataclass(frozen=True)
class _Plane:
    """How a phase's inputs are laid: `size` of a channel, where the input begins, each tap's place."""

    size: tuple[int, ...]
    begin: tuple[int, ...]
    places: Array

    @property
    def count(self) -> int:
        """Elements of one channel."""
        return math.prod(self.size)


def _plane(phase: Phase, axes: tuple[Axis, ...], in_group: int) -> _Plane:
    shifts = [axis.shifts(q) for axis, q in zip(axes, phase.index, strict=True)]
    size = tuple(n + int(np.ptp(own)) for n, own in zip(phase.positions, shifts, strict=True))
    z, y, x = (own - own.min() for own in shifts)
    places = (z[:, None, None] * size[1] + y[:, None]) * size[2] + x
    channels = np.arange(in_group)[:, None] * math.prod(size)
    return _Plane(size, tuple(int(own.min()) for own in shifts), (channels + places.reshape(-1)).reshape(-1))


def _run_phase(phase: Phase, axes: tuple[Axis, ...], x: Array, bias: Array, out: Array) -> None:
    groups, out_group, taps = phase.weights.shape
    in_group = x.shape[1] // groups
    plane = _plane(phase, axes, in_group)
    block = BLOCK if out_group >= BLOCK - 1 else 1
    blocks = ceil_div(out_group, block)
    steps = tuple(axis.out_step for axis in axes)
    residues = tuple(int(axis.residues[q]) for axis, q in zip(axes, phase.index, strict=True))

    def part(low: int, high: int) -> None:
        laid = np.zeros(in_group * plane.count, x.dtype)
        sums = np.empty(block * STRETCH, x.dtype)
        _sum_planes(
            x,
            phase.weights,
            bias,
            out,
            laid,
            sums,
            plane.places,
            plane.size,
            plane.begin,
            phase.positions,
            steps,
            residues,
            block,
            low,
            high,
        )

    run_in_parts(part, len(x) * groups * blocks, work=len(x) * phase.count * taps * out.shape[1])


@compiled
def _sum_planes(x, weights, bias, out, laid, sums, places, size, begin, positions, steps, residues, block, low, high):
    """Sum the blocks of output channels from `low` to `high`, counted over (batch, group, block)."""
    groups, out_group, taps = weights.shape
    in_group = x.shape[1] // groups
    blocks = (out_group + block - 1) // block
    flat_w = weights.reshape(-1)
    length = ((positions[0] - 1) * size[1] + positions[1] - 1) * size[2] + positions[2]
    at_hand = -1
    for task in range(low, high):
        sample, number = divmod(task, blocks)
        b, g = divmod(sample, groups)
        if sample != at_hand:
            _lay(x, b, g * in_group, in_group, size, begin, laid)
            at_hand = sample
        first = number * block
        channels = min(block, out_group - first)
        row = (g * out_group + first) * taps
        for start in range(0, length, STRETCH):
            count = min(STRETCH, length - start)
            for c in range(block):
                for m in range(uint64(c * STRETCH), uint64(c * STRETCH + count)):
                    sums[m] = 0
            if block == 1:
                _sum_one(sums, laid, flat_w, row, places, taps, start, count)
            else:
                _sum_four(sums, laid, flat_w, row, places, taps, start, count, channels)
            for c in range(channels):
                channel = g * out_group + first + c
                _place(
                    sums, c * STRETCH, start, count, bias[channel], out, b, channel, size, positions, steps, residues
                )


@inlined
def _lay(x, b, channel, in_group, size, begin, laid):
    """Copy a group's input into its planes; what is not covered stays 0."""
    _, channels, planes, lines, length = x.shape
    flat_x = x.reshape(-1)
    first, last = max(0, begin[2]), min(length, begin[2] + size[2])
    for ci in range(in_group):
        for z in range(max(0, begin[0]), min(planes, begin[0] + size[0])):
            for y in range(max(0, begin[1]), min(lines, begin[1] + size[1])):
                source = uint64((((b * channels + channel + ci) * planes + z) * lines + y) * length + first)
                line = (ci * size[0] + z - begin[0]) * size[1] + y - begin[1]
                target = uint64(line * size[2] + first - begin[2])
                for m in range(uint64(max(0, last - first))):
                    laid[target + m] = flat_x[source + m]


@inlined
def _sum_one(sums, laid, flat_w, row, places, taps, start, count):
    """One channel's sums of a stretch: four taps in one pass."""
    done = 0
    while done + 4 <= taps:
        p0, p1 = uint64(places[done] + start), uint64(places[done + 1] + start)
        p2, p3 = uint64(places[done + 2] + start), uint64(places[done + 3] + start)
        w0, w1 = flat_w[row + done], flat_w[row + done + 1]
        w2, w3 = flat_w[row + done + 2], flat_w[row + done + 3]
        for m in range(uint64(count)):
            sums[m] = sums[m] + w0 * laid[p0 + m] + w1 * laid[p1 + m] + w2 * laid[p2 + m] + w3 * laid[p3 + m]
        done += 4
    for tap in range(done, taps):
        p0, w0 = uint64(places[tap] + start), flat_w[row + tap]
        for m in range(uint64(count)):
            sums[m] = sums[m] + w0 * laid[p0 + m]


@inlined
def _sum_four(sums, laid, flat_w, row, places, taps, start, count, channels):
    """Four channels' sums of a stretch: two taps in one pass. A channel that is not there sums nothing."""
    nothing = flat_w[0] * 0
    r0, r1 = row, row + taps
    r2, r3 = row + 2 * taps, row + 3 * taps
    done = 0
    while done < taps:
        p0 = uint64(places[done] + start)
        a0, a1 = flat_w[r0 + done], flat_w[r1 + done]
        a2 = flat_w[r2 + done]
        a3 = flat_w[r3 + done] if channels == 4 else nothing
        if done + 1 < taps:
            p1 = uint64(places[done + 1] + start)
            b0, b1 = flat_w[r0 + done + 1], flat_w[r1 + done + 1]
            b2 = flat_w[r2 + done + 1]
            b3 = flat_w[r3 + done + 1] if channels == 4 else nothing
        else:
            p1, b0, b1, b2, b3 = p0, nothing, nothing, nothing, nothing
        for m in range(uint64(count)):
            u, v = laid[p0 + m], laid[p1 + m]
            sums[m] = sums[m] + a0 * u + b0 * v
            sums[m + uint64(STRETCH)] = sums[m + uint64(STRETCH)] + a1 * u + b1 * v
            sums[m + uint64(2 * STRETCH)] = sums[m + uint64(2 * STRETCH)] + a2 * u + b2 * v
            sums[m + uint64(3 * STRETCH)] = sums[m + uint64(3 * STRETCH)] + a3 * u + b3 * v
        done += 2


@inlined
def _place(sums, at, start, count, bias, out, b, channel, size, positions, steps, residues):
    """Lay a stretch's sums into their places with the bias added; those between two rows are dropped."""
    _, channels, planes, lines, length = out.shape
    flat_out = out.reshape(-1)
    done = 0
    while done < count:
        line, column = divmod(start + done, size[2])
        plane, row = divmod(line, size[1])
        stop = min(count, done + size[2] - column)
        if row < positions[1] and column < positions[2]:
            z, y = plane * steps[0] + residues[0], row * steps[1] + residues[1]
            target = (((b * channels + channel) * planes + z) * lines + y) * length
            t, step = uint64(target + column * steps[2] + residues[2]), uint64(steps[2])
            s = uint64(at + done)
            for m in range(uint64(min(stop - done, positions[2] - column))):
                flat_out[t + step * m] = sums[s + m] + bias
        done = stop
