"""Whether the outputs of loud inputs are as loud as errors of a transform ask: what keeps them within the promise."""

# Compiled kernels get their types from numba, at each call.
# mypy: allow-untyped-defs

from __future__ import annotations

import numpy as np
from numba import uint64

from app.core.algorithms.taps import Int64Array
from app.core.jit import compiled, inlined, shared
from app.core.layout import Array

#: Values whose loudest is found in one vector loop.
_STRETCH = 4096


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
