"""Whether an answer fits its dtype: int64 sums beforehand, floats afterwards."""

from __future__ import annotations

import math

import numpy as np
from numba import uint64

from app.core.algorithms.direct import phase_of, taps_within
from app.core.algorithms.taps import Axis
from app.core.errors import Fault, OverflowingError, Suggestion
from app.core.jit import compiled, inlined
from app.core.layout import Array
from app.core.parallel import run_in_parts
from app.core.text import say

LARGEST = 2**63 - 1


def check_int64(axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out_shape: tuple[int, ...], work: int) -> None:
    """Refuse where for some output Σ|x·w| + |bias| > 2^63 − 1; otherwise no sum can wrap.

    Shapes as for the algorithms; `work` in multiply-adds. Nearly always a bound from the
    largest |x| decides; the exact sums are made only when it does not.

    Raises:
        OverflowingError: `int64_overflow`.
    """
    if _largest_sum(x, w, bias) < 2.0**62:
        return
    found: list[bool] = []

    def part(low: int, high: int) -> None:
        if not found and _exceeds(x, w, bias, *(axis.table for axis in axes), out_shape, low, high):
            found.append(True)

    run_in_parts(part, math.prod(out_shape[:-1]), work * _EXACT_WORK)
    if found:
        raise _int64_overflow()


#: What an exact product of magnitudes takes, in multiply-adds of the algorithms.
_EXACT_WORK = 50


def _int64_overflow() -> OverflowingError:
    message = say(
        "the sum of the products' magnitudes can exceed int64's largest number, {limit}: use smaller numbers, "
        "or a float dtype",
        limit=LARGEST,
    )
    return OverflowingError(
        [Fault((), "int64_overflow", message, limit=LARGEST, suggestion=Suggestion(("dtype",), "float64"))]
    )


@compiled
def _largest_sum(x, w, bias):
    """No output's Σ|x·w| + |bias| is larger, but for a rounding of a few parts in 10^8.

    Each weight matrix row belongs to one output channel. In float64, where no sum wraps.
    """
    flat_x, rows = x.reshape(-1), w.reshape(len(w), -1)
    high, low = flat_x[0], flat_x[0]
    for value in flat_x:
        high, low = max(high, value), min(low, value)
    largest = max(float(high), -float(low))
    result = 0.0
    for co in range(len(rows)):
        weights = 0.0
        for weight in rows[co]:
            weights += abs(float(weight))
        result = max(result, largest * weights + abs(float(bias[co])))
    return result


@compiled
def _exceeds(x, w, bias, depth, height, width, out_shape, low, high):
    """Whether some output's sum of magnitudes is over 2^63 − 1, exactly; in the rows from `low` to `high`.

    Rows are counted over (batch, channel, plane, line).
    """
    _, channels, planes, lines, length = out_shape
    in_group = w.shape[1]
    out_group = channels // (x.shape[1] // in_group)
    limit = uint64(LARGEST)
    for row in range(low, high):
        rest, line = divmod(row, lines)
        rest, plane = divmod(rest, planes)
        b, co = divmod(rest, channels)
        magnitude = _magnitude(bias[co])
        if magnitude > limit:
            return True
        z, y = phase_of(depth, plane % depth[1]), phase_of(height, line % height[1])
        if z < 0 or y < 0:
            continue
        at_z, at_y = plane // depth[1] * depth[0], line // height[1] * height[0]
        channel = co // out_group * in_group
        for q in range(width[2]):
            for column in range(width[4 + q], length, width[1]):
                at_x = column // width[1] * width[0]
                total = magnitude
                for ci in range(in_group):
                    total = _add_taps(
                        total, x, b, channel + ci, w, co, ci, depth, height, width, z, y, q, at_z, at_y, at_x
                    )
                    if total > limit:
                        return True
    return False


@inlined
def _add_taps(total, x, b, channel, w, co, ci, depth, height, width, z, y, q, at_z, at_y, at_x):
    """total + Σ |input|·|weight| over one output's taps; anything over 2^63 − 1 once that is passed."""
    limit = uint64(LARGEST)
    tap_z, tap_y, tap_x = 4 + 2 * depth[2] + 1, 4 + 2 * height[2] + 1, 4 + 2 * width[2] + 1
    begin_z, end_z = taps_within(depth, z, -at_z, x.shape[2] - 1 - at_z)
    begin_y, end_y = taps_within(height, y, -at_y, x.shape[3] - 1 - at_y)
    begin_x, end_x = taps_within(width, q, -at_x, x.shape[4] - 1 - at_x)
    for tz in range(begin_z, end_z):
        iz = at_z + depth[tap_z + depth[3] + tz]
        for ty in range(begin_y, end_y):
            iy = at_y + height[tap_y + height[3] + ty]
            for tx in range(begin_x, end_x):
                ix = at_x + width[tap_x + width[3] + tx]
                weight = w[co, ci, depth[tap_z + tz], height[tap_y + ty], width[tap_x + tx]]
                if total <= limit:
                    total = _add_product(total, _magnitude(x[b, channel, iz, iy, ix]), _magnitude(weight))
    return total


@compiled
def _magnitude(value):
    """|value| as an unsigned number: −2^63 has no int64 magnitude."""
    return uint64(value) if value >= 0 else uint64(0) - uint64(value)


@compiled
def _add_product(total, a, b):
    """total + a·b of numbers up to 2^63, or 2^63 where that is passed: no step here can wrap."""
    limit, half = uint64(LARGEST), uint64(32)
    low = uint64(0xFFFFFFFF)
    high_a, high_b = a >> half, b >> half
    if high_a != 0 and high_b != 0:
        return limit + uint64(1)
    middle = high_a * (b & low) + high_b * (a & low)
    bottom = (a & low) * (b & low)
    if middle >> uint64(31) != 0 or bottom > limit:
        return limit + uint64(1)
    product = (middle << half) + bottom
    if product > limit or total + product > limit:
        return limit + uint64(1)
    return total + product


def check_finite(output: Array) -> None:
    """Refuse a float answer that became infinite, or NaN on the way there.

    Raises:
        OverflowingError: `float_overflow`.
    """
    bits, infinite = _BITS[output.dtype.itemsize]
    if _largest_bits(output.view(bits), infinite) < infinite:
        return
    wider = output.dtype == np.float32
    template = "the result is too large for {dtype}: use smaller numbers"
    message = say(template + (" or float64" if wider else ""), dtype=output.dtype.name)
    suggestion = Suggestion(("dtype",), "float64") if wider else None
    raise OverflowingError([Fault((), "float_overflow", message, suggestion=suggestion)])


#: By the size of a float: its bits as a whole number, and those of infinity. Without the
#: sign, infinity and the NaNs are the largest.
_BITS = {4: (np.dtype(np.int32), 0x7F80_0000), 8: (np.dtype(np.int64), 0x7FF0_0000_0000_0000)}


@compiled
def _largest_bits(values, infinite):
    """The largest bits of some floats without their signs, in a loop over whole vectors."""
    flat, mask = values.reshape(-1), infinite | (infinite - 1)
    largest = infinite & 0
    for m in range(len(flat)):
        largest = max(largest, flat[m] & mask)
    return largest
