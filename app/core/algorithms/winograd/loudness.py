"""The kernels of Winograd's guard: magnitudes of inputs, and what they and the kernels' say of the errors."""

from __future__ import annotations

import math
from typing import NamedTuple

from numba import uint64

from app.core.algorithms.packing import unpacking
from app.core.algorithms.vectors.magnitudes import (
    add_magnitudes,
    add_magnitudes_and_energy,
    add_magnitudes_and_squares,
)
from app.core.algorithms.winograd.copies import added_by_copies, around_of
from app.core.jit import compiled, inlined
from app.core.parted import parted

#: Places of a channel that are looked at together, at most: their sums over the channels stay in the first cache.
STRETCH = 1024


class Sizes(NamedTuple):
    """An operation's counts, and how its kernels lie in memory.

    A channel is a `plane` of inputs in so many `strips`, of `classes` that each meet weights of their own. The kernels
    of an output channel are so many `runs` of `run` weights; those of two output and two input channels of a
    group begin `apart_out` and `apart_in` weights apart.
    """

    batch: int
    groups: int
    in_group: int
    out_group: int
    plane: int
    strips: int
    classes: int
    outputs: int
    taps: int
    run: int
    runs: int
    apart_out: int
    apart_in: int


#: In a kernel, the `Sizes` of their row.
sizes_of = unpacking(Sizes)


class Limits(NamedTuple):
    """When norms tell of errors: a square from `square` on, and a product of two from `least` to `most`."""

    square: float
    least: float
    most: float


@parted
def measure_strips(
    me, low, high, x, core, all_energy, packed_sizes, packed_around, bits, marks, cell, all_met, all_of_shapes,
    magnitudes, peaks, loud, places,
):  # fmt: skip
    """Measure the strips from `low` to `high`, counted over (batch, group, strip).

    `magnitudes` (tasks, C_in/groups, classes) gets Σ|x| over the `core` of each class (1 there, else 0); `peaks` and
    `places` the largest Σx² over the channels at one place, and where that is; `loud` the same where copies count as
    often as they are, of the loudest places of both halves: a single place may hide the copies around it. Where one is
    no number, `loud` is infinite.
    """
    energy, met, of_shapes = all_energy[me], all_met[me], all_of_shapes[me]
    sizes, around = sizes_of(packed_sizes), around_of(packed_around)
    length = len(core) // sizes.classes
    for task in range(low, high):
        pair, strip = divmod(task, sizes.strips)
        begin = strip * sizes.plane // sizes.strips
        count = (strip + 1) * sizes.plane // sizes.strips - begin
        energy[:] = 0
        for ci in range(sizes.in_group):
            at = (pair * sizes.in_group + ci) * sizes.plane + begin
            own = (task * sizes.in_group + ci) * sizes.classes
            add_magnitudes_and_energy(x, at, core, begin, energy, count, magnitudes, own)
            for c in range(1, sizes.classes):
                add_magnitudes(x, at, core, c * length + begin, count, magnitudes, own + c)
        first, second = _loudest(energy, 0, count // 2), _loudest(energy, count // 2, count)
        place = first if energy[first] >= energy[second] else second
        peaks[task], places[task], loud[task] = energy[place], begin + place, 0
        for own in (first, second):
            added = added_by_copies(
                x, pair, begin + own, float(energy[place]), sizes, around, bits, marks, cell, met, of_shapes
            )
            loud[task] = max(loud[task], energy[own] + added)
        if math.isnan(energy[first] + energy[second]):
            loud[task] = math.inf


@inlined
def _loudest(energy, low, high):
    """The place with the most energy, from one to another; the first where there is none, and one that is NaN."""
    place = low
    for m in range(low, high):
        own = energy[uint64(m)]
        if own > energy[uint64(place)] or math.isnan(own):
            place = m
    return place


@compiled
def sum_strips(magnitudes, packed_sizes, means):
    """Of each channel Σ|x| over the core of each class: (batch·groups, C_in/groups, classes), from those of strips."""
    sizes = sizes_of(packed_sizes)
    row = sizes.in_group * sizes.classes
    for pair in range(sizes.batch * sizes.groups):
        own = pair * row
        means[own : own + row] = 0
        for task in range(pair * sizes.strips, (pair + 1) * sizes.strips):
            for m in range(row):
                means[own + m] += magnitudes[task * row + m]


@compiled
def weigh_inputs(peaks, loud, places, classes, packed_sizes, roundings, means, loudness, loud_places, shares):
    """What each sample's groups weigh: their `loudness` (batch, groups), and the `shares` of their channels.

    Loudness is the most that errors are for kernels of norm 1, and shares are the bound
    that a magnitude of 1 for all weights brings, beside it: (batch, groups, C_in/groups,
    taps), after them the smallest of all samples. `means` are those of `sum_strips`; `classes` has that of the inputs
    of each tap.
    """
    sizes = sizes_of(packed_sizes)
    bound = (sizes.in_group * sizes.taps + 2) / sizes.outputs
    row = sizes.in_group * sizes.taps
    least = sizes.batch * sizes.groups * row
    for pair in range(sizes.batch * sizes.groups):
        most = largest = 0.0
        for task in range(pair * sizes.strips, (pair + 1) * sizes.strips):
            if peaks[task] >= most:
                most, loud_places[pair] = peaks[task], places[task]
            largest = max(largest, loud[task])
        loudness[pair] = roundings * math.sqrt(largest)
        if most == 0:
            continue
        g = pair % sizes.groups
        is_first = _is_silent_before(loudness, g, pair, sizes.groups)
        for ci in range(sizes.in_group):
            for t in range(sizes.taps):
                share = means[(pair * sizes.in_group + ci) * sizes.classes + classes[t]] * (bound / loudness[pair])
                at = ci * sizes.taps + t
                shares[pair * row + at] = share
                smallest = shares[least + g * row + at]
                shares[least + g * row + at] = share if is_first else min(smallest, share)


@inlined
def _is_silent_before(loudness, first, end, step):
    """Whether all earlier samples of a group are silent."""
    silent = True
    for pair in range(first, end, step):
        silent = silent and loudness[pair] <= 0
    return silent


@parted
def weigh_kernels(me, low, high, w, amplified, shares, loudness, bias, packed_sizes, limits, all_sums, needed):
    """The S that some output must have (C_out, batch), for the output channels from `low` to `high`.

    0 where there certainly is one, infinity where S cannot tell. `all_sums` is working memory, a row for each thread.
    """
    sums = all_sums[me]
    sizes = sizes_of(packed_sizes)
    row, bound = sizes.in_group * sizes.taps, sizes.in_group * sizes.taps + 2
    for channel in range(low, high):
        g = channel // sizes.out_group
        first = (g * sizes.in_group * sizes.out_group * sizes.taps) + channel % sizes.out_group * sizes.apart_out
        loudest, quietest = _range_of(loudness, g, sizes)
        if loudest == 0:
            continue
        total, square = _weigh(w, first, shares, (sizes.batch * sizes.groups + g) * row, amplified, sizes, sums)
        norm = math.sqrt(square)
        if not _is_usual(square, loudest, quietest, limits):
            if square > 0 or not _is_silent(w, first, sizes):
                needed[channel, :] = math.inf
            continue
        added = abs(bias[channel]) * bound
        if total + added / loudest >= norm:
            continue
        for b in range(sizes.batch):
            own = loudness[b * sizes.groups + g]
            if own > 0:
                total, _ = _weigh(w, first, shares, (b * sizes.groups + g) * row, amplified, sizes, sums)
                if total + added / own < norm:
                    needed[channel, b] = (norm * own - added) / bound


@parted
def weigh_phases(
    _me, low, high, w, amplified, phases, shares, loudness, bias, packed_sizes, limits, magnitudes, squares, needed
):
    """As `weigh_kernels` where each tap is of one of the `phases`, whose outputs have the errors of their own weights.

    Where it takes more than all samples' smallest shares to tell, infinity. `magnitudes` and `squares` (C_out,
    taps) are zeros. Kernels lie in the transposed operation's order, and are read in it.
    """
    sizes = sizes_of(packed_sizes)
    taps, channel = sizes.taps, low
    bound = sizes.in_group * taps + 2
    while channel < high:
        g, first = divmod(channel, sizes.out_group)
        end = min(high, (g + 1) * sizes.out_group)
        at, count = channel * taps, uint64((end - channel) * taps)
        for ci in range(sizes.in_group):
            begin = uint64(((g * sizes.in_group + ci) * sizes.out_group + first) * taps)
            share = shares[((sizes.batch * sizes.groups + g) * sizes.in_group + ci) * taps]
            for m in range(count):
                magnitudes[uint64(at) + m] += abs(w[begin + m]) * share
                squares[uint64(at) + m] += w[begin + m] * w[begin + m]
        loudest, quietest = _range_of(loudness, g, sizes)
        for co in range(channel, end if loudest > 0 else channel):
            own = co * taps
            total, square, least = _of_phases(magnitudes, squares, own, amplified, phases)
            needs = total + abs(bias[co]) * bound / loudest < math.sqrt(square)
            if needs or not (
                _is_usual(square, loudest, quietest, limits) and _is_usual(least, loudest, quietest, limits)
            ):
                needed[co, :] = math.inf
        channel = end


@inlined
def _of_phases(magnitudes, squares, at, amplified, phases):
    """Of an output channel: Σ|w|·share, and the largest and the smallest of its phases' Σα·w²."""
    total = most = 0.0
    least = math.inf
    for q in range(phases.max() + 1):
        square = 0.0
        for t in range(len(phases)):
            if phases[t] == q:
                total += magnitudes[at + t]
                square += squares[at + t] * amplified[t]
        most, least = max(most, square), min(least, square)
    return total, most, least


@inlined
def _range_of(loudness, g, sizes):
    """The most and the least loudness of a group's samples, without those that are silent."""
    loudest = quietest = 0.0
    for b in range(sizes.batch):
        own = loudness[b * sizes.groups + g]
        loudest = max(loudest, own)
        quietest = own if quietest == 0 or 0 < own < quietest else quietest
    return loudest, quietest


@inlined
def _is_usual(square, loudest, quietest, limits):
    """Whether norms tell of errors: none so small or large that digits are lost."""
    norm = math.sqrt(square)
    return limits.square <= square and limits.least <= norm * quietest and norm * loudest <= limits.most


@inlined
def _weigh(w, first, shares, at, amplified, sizes, sums):
    """Σ|w|·share and Σα·w² of an output channel's weights."""
    sums[0] = sums[1] = 0
    for number in range(sizes.runs):
        begin = first + number * sizes.apart_in
        add_magnitudes_and_squares(w, begin, shares, at + number * sizes.run, amplified, 0, sizes.run, sums, 0)
    return float(sums[0]), float(sums[1])


@inlined
def _is_silent(w, first, sizes):
    """Whether an output channel's weights are all zero."""
    for number in range(sizes.runs):
        for m in range(sizes.run):
            if w[first + number * sizes.apart_in + m] != 0:
                return False
    return True


@compiled
def is_told(x, loudness, least, pair_elements):
    """Whether all loudness (batch, groups) is that of the inputs: nothing vanished or passed the largest float."""
    for pair in range(len(loudness)):
        if loudness[pair] == 0:
            for m in range(pair * pair_elements, (pair + 1) * pair_elements):
                if x[m] != 0:
                    return False
        elif not least <= loudness[pair] < math.inf:
            return False
    return True
