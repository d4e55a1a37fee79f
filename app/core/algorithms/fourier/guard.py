"""What keeps the Fourier algorithm within the promise: loudest values, a bound's check, few products."""

# Compiled kernels get their types from numba, at each call.
# mypy: allow-untyped-defs

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from app.core.algorithms.taps import Axis, Int64Array, phase_of, taps_within
from app.core.geometry import ceil_div
from app.core.jit import compiled, inlined, shared
from app.core.layout import Array
from app.core.problem import Problem

#: Values whose loudest is found in one vector loop.
_STRETCH = 4096

#: Outputs near the ends of an axis at most: where there are more, nearly all of them lie in padding.
MOST_UNLIKE = 2**18


@dataclass(frozen=True)
class Scaling:
    """Powers of two that bring inputs and kernels to at most 1.

    `loud_x` (batch, groups) and `loud_w` (C_out) are the largest magnitudes; the loudest
    input of a group lies at `places` (batch, groups). `factors` and `weight_factors` scale
    down or up; `halves` (2, batch, C_out) are two factors that together take it back.
    """

    loud_x: Array
    loud_w: Array
    places: Int64Array
    factors: Array
    weight_factors: Array
    halves: Array

    def silent(self, channels: Int64Array, out_group: int) -> Array:
        """Where nothing but zeros meet: (channels, batch)."""
        silent: Array = (self.loud_w[channels, None] == 0) | (self.loud_x[:, channels // out_group].T == 0)
        return silent


def scaling_of(problem: Problem, x: Array, w: Array) -> Scaling:
    """The scaling of an input and a kernel, output channels first."""
    loud_x, places = loudest(x.reshape(problem.batch * problem.groups, -1))
    loud_w, _ = loudest(w.reshape(problem.out_channels, -1))
    loud_x, places = loud_x.reshape(problem.batch, -1), places.reshape(problem.batch, -1)
    exponents, weight_exponents = _exponents(loud_x), _exponents(loud_w)
    back = np.repeat(exponents, problem.out_group, axis=1) + weight_exponents
    one = x.dtype.type(1)
    halves = np.ldexp(one, np.stack([back // 2, back - back // 2]))
    return Scaling(loud_x, loud_w, places, np.ldexp(one, -exponents), np.ldexp(one, -weight_exponents), halves)


def _exponents(magnitudes: Array) -> Array:
    """The powers of two of some magnitudes, as far as their inverse is a normal number."""
    most = np.finfo(magnitudes.dtype).maxexp - 2
    return np.clip(np.frexp(magnitudes)[1], -most, most)


def fewest_products(axis: Axis) -> int:
    """The fewest inputs that an output of a phase meets along an axis."""
    phases = range(axis.counts.phases)
    return min((int(products_at(axis, q, unlike_positions(axis, q, 1)).min()) for q in phases), default=0)


def products_at(axis: Axis, phase: int, positions: Int64Array) -> Int64Array:
    """How many inputs the outputs at some positions of a phase meet along an axis."""
    shifts, first = np.sort(axis.shifts(phase)), axis.in_step * positions
    met: Int64Array = np.searchsorted(shifts, axis.input - first) - np.searchsorted(shifts, -first)
    return met


def unlike_positions(axis: Axis, phase: int, period: int) -> Int64Array:
    """Positions of a phase that stand for all: those near its ends, which meet fewer inputs, and a period more."""
    positions, (near, far) = axis.positions(phase), _ends(axis, phase, period)
    if near + far >= positions:
        return np.arange(positions)
    return np.concatenate([np.arange(near), np.arange(positions - far, positions)])


def _ends(axis: Axis, phase: int, period: int) -> tuple[int, int]:
    """How many positions of a phase are near its first one, and near its last."""
    shifts, positions = axis.shifts(phase), axis.positions(phase)
    near = ceil_div(max(0, -int(shifts.min())), axis.in_step) + period
    far = positions - 1 - (axis.input - 1 - int(shifts.max())) // axis.in_step + period
    return near, max(0, far)


def has_few_unlike(axes: tuple[Axis, ...]) -> bool:
    """Whether the outputs near the ends of an axis can be looked at one by one, before anything is computed."""
    unlike = (sum(min(axis.positions(q), sum(_ends(axis, q, 1))) for q in range(axis.counts.phases)) for axis in axes)
    return max(unlike) <= MOST_UNLIKE


def products(axis: Axis) -> NDArray[np.int32]:
    """How many inputs each output meets along an axis."""
    counts = np.zeros(axis.output, np.int32)
    for q in range(len(axis.residues)):
        shifts = np.sort(axis.shifts(q))
        first = axis.in_step * np.arange(axis.positions(q))
        edge = (first + shifts[0] < 0) | (first + shifts[-1] >= axis.input)
        own = np.full(len(first), len(shifts), np.int32)
        own[edge] = products_at(axis, q, np.flatnonzero(edge))
        counts[axis.residues[q] :: axis.out_step] = own
    return counts


def few_products(axes: tuple[Axis, ...], in_group: int, few: int) -> tuple[int, int]:
    """(outputs of a channel that take fewer products than `few`, products of all these)."""
    if in_group * math.prod(map(fewest_products, axes)) >= few:
        return 0, 0
    found = {in_group: 1}  # outputs by their products, axis by axis
    for axis in axes:
        own = _outputs_by_products(axis)
        longer: dict[int, int] = {}
        for some, outputs in found.items():
            for more, along in own.items():
                if 0 < some * more < few:
                    longer[some * more] = longer.get(some * more, 0) + outputs * along
        found = longer
    return sum(found.values()), sum(count * outputs for count, outputs in found.items())


def _outputs_by_products(axis: Axis) -> dict[int, int]:
    """How many outputs meet so many inputs along an axis; looks at those near its ends alone."""
    found: dict[int, int] = {}
    for q in range(len(axis.residues)):
        positions, taps = axis.positions(q), len(axis.shifts(q))
        ends = unlike_positions(axis, q, 0)
        met = products_at(axis, q, ends)
        for count, outputs in zip(*np.unique(met, return_counts=True), strict=True):
            found[int(count)] = found.get(int(count), 0) + int(outputs)
        found[taps] = found.get(taps, 0) + positions - len(ends)
    return found


def loudest(rows: Array) -> tuple[Array, Int64Array]:
    """The largest magnitude of each row, and where it is first."""
    bits = rows.view(np.dtype(f"i{rows.dtype.itemsize}"))
    places = np.empty(len(rows), np.int64)
    _loudest(bits, np.iinfo(bits.dtype).max, places)
    return np.abs(rows[np.arange(len(rows)), places]), places


@compiled
def _loudest(bits, mask, places):
    """Floats without their sign are in the order of their bits, whose largest is found in a vector loop."""
    flat, length = bits.reshape(-1), bits.shape[1]
    for row in range(len(bits)):
        most, found = (mask & 0) - 1, 0
        for start in range(row * length, (row + 1) * length, _STRETCH):
            largest = mask & 0
            for m in range(uint64(start), uint64(min(start + _STRETCH, (row + 1) * length))):
                largest = max(largest, flat[m] & mask)
            if largest > most:
                most, found = largest, start
        while flat[found] & mask != most:
            found += 1
        places[row] = found - row * length


@compiled
def exceeds(needed, first, x, w, shifts, in_steps, positions, loud_x, loud_w, factors, weight_factors):
    """Whether for some sample and channel no output that is looked at has Σ|x·w| ≥ needed (channels, batch).

    Channels are counted from `first` on. The outputs looked at are the one that brings the
    loudest input to the loudest weight, or is next to it, and those at each quarter of all axes. All scaled.
    """
    _, _, planes, lines, length = x.shape
    _, in_group, _, taps_y, taps_x = w.shape
    out_group = len(w) // (x.shape[1] // in_group)
    for c in range(len(needed)):
        group = (first + c) // out_group
        rest, tap_x = divmod(loud_w[first + c], taps_x)
        rest, tap_y = divmod(rest, taps_y)
        tap_z = rest % w.shape[2]
        for b in range(len(x)):
            rest, at_x = divmod(loud_x[b, group], length)
            rest, at_y = divmod(rest, lines)
            at_z = rest % planes
            loud = (
                _nearest(at_z - shifts[0][tap_z], in_steps[0], positions[0]),
                _nearest(at_y - shifts[1][tap_y], in_steps[1], positions[1]),
                _nearest(at_x - shifts[2][tap_x], in_steps[2], positions[2]),
            )
            own = (x, b, group * in_group, w, first + c, shifts)
            scales = (factors[b, group], weight_factors[first + c])
            reaches = _reaches(needed[c, b], *own, loud, *scales)
            for quarter in range(1, 4):
                place = (
                    positions[0] * quarter // 4 * in_steps[0],
                    positions[1] * quarter // 4 * in_steps[1],
                    positions[2] * quarter // 4 * in_steps[2],
                )
                reaches = reaches or _reaches(needed[c, b], *own, place, *scales)
            if not reaches:
                return True
    return False


@inlined
def _nearest(place, in_step, positions):
    """The input place of the output whose own is this one, or next to it."""
    return max(0, min(positions - 1, place // in_step)) * in_step


@shared
def _reaches(bound, x, b, channel, w, co, shifts, origin, scale, weight_scale):
    """Whether Σ|x·w| of one output is at least the bound; looks no further than that takes."""
    _, _, planes, lines, length = x.shape
    total = 0.0
    for ci in range(w.shape[1]):
        for z in range(w.shape[2]):
            iz = origin[0] + shifts[0][z]
            if not 0 <= iz < planes:
                continue
            for y in range(w.shape[3]):
                iy = origin[1] + shifts[1][y]
                if not 0 <= iy < lines:
                    continue
                for k in range(w.shape[4]):
                    ix = origin[2] + shifts[2][k]
                    if 0 <= ix < length:
                        value, weight = x[b, channel + ci, iz, iy, ix] * scale, w[co, ci, z, y, k] * weight_scale
                        total += abs(float(value) * float(weight))
                if total >= bound:
                    return True
    return total >= bound


@compiled
def sum_few(x, w, bias, out, depth, height, width, counts, few):
    """Sum the outputs of fewer than `few` products directly. `counts`: the inputs that each output meets, by axis."""
    in_group = w.shape[1]
    out_group = out.shape[1] // (x.shape[1] // in_group)
    least_x = counts[2].min()
    for z in range(out.shape[2]):
        for y in range(out.shape[3]):
            plane = counts[0][z] * counts[1][y] * in_group
            if plane * least_x >= few:
                continue
            for column in range(out.shape[4]):
                if plane * counts[2][column] < few:
                    for b in range(out.shape[0]):
                        for co in range(out.shape[1]):
                            channel = co // out_group * in_group
                            out[b, co, z, y, column] = _sum_one(
                                bias[co], x, b, channel, w, co, depth, height, width, z, y, column
                            )


@inlined
def _sum_one(total, x, b, channel, w, co, depth, height, width, z, y, column):
    """total + the products of one output, in the order of its taps."""
    q_z, q_y, q_x = phase_of(depth, z % depth[1]), phase_of(height, y % height[1]), phase_of(width, column % width[1])
    if q_z < 0 or q_y < 0 or q_x < 0:
        return total
    at_z, at_y, at_x = z // depth[1] * depth[0], y // height[1] * height[0], column // width[1] * width[0]
    begin_z, end_z = taps_within(depth, q_z, -at_z, x.shape[2] - 1 - at_z)
    begin_y, end_y = taps_within(height, q_y, -at_y, x.shape[3] - 1 - at_y)
    begin_x, end_x = taps_within(width, q_x, -at_x, x.shape[4] - 1 - at_x)
    for ci in range(w.shape[1]):
        for tz in range(begin_z, end_z):
            iz, kz = at_z + depth[tz + depth[3]], depth[tz]
            for ty in range(begin_y, end_y):
                iy, ky = at_y + height[ty + height[3]], height[ty]
                for tx in range(begin_x, end_x):
                    ix, kx = at_x + width[tx + width[3]], width[tx]
                    total += x[b, channel + ci, iz, iy, ix] * w[co, ci, kz, ky, kx]
    return total
