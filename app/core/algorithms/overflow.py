"""Whether an answer fits its dtype: int64 sums beforehand, floats afterwards."""

from __future__ import annotations

import numpy as np
from numba import uint64

from app.core.algorithms.direct import phase_of
from app.core.algorithms.jit import compiled
from app.core.algorithms.taps import Axis
from app.core.errors import Fault, OverflowingError, Path, Suggestion
from app.core.layout import Array
from app.core.text import say

LARGEST = 2**63 - 1


def check_int64(axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out_shape: tuple[int, ...]) -> None:
    """Refuse where for some output Σ|x·w| + |bias| > 2^63 − 1; otherwise no sum can wrap.

    Shapes as for the algorithms. Nearly always a bound from the largest |x| decides; the
    exact sums are made only when it does not.

    Raises:
        OverflowingError: `int64_overflow`.
    """
    if _largest_sum(x, w, bias) < 2.0**62:
        return
    tables = [axis.table for axis in axes]
    if _exceeds(_magnitude(x), _magnitude(w), _magnitude(bias), *tables, out_shape):
        raise int64_overflow(())


def int64_overflow(field: Path) -> OverflowingError:
    """The refusal of int64 sums; `field` is what was asked for that needs them."""
    message = say(
        "the sum of the products' magnitudes can exceed int64's largest number, {limit}: use smaller numbers, "
        "or a float dtype",
        limit=LARGEST,
    )
    return OverflowingError(
        [Fault(field, "int64_overflow", message, limit=LARGEST, suggestion=Suggestion(("dtype",), "float64"))]
    )


def _magnitude(values: Array) -> Array:
    """|values| as unsigned numbers: −2^63 has no int64 magnitude."""
    return np.abs(values).view(np.uint64)


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
def _exceeds(x, w, bias, depth, height, width, out_shape):
    """Whether some output's sum of magnitudes is over 2^63 − 1, exactly."""
    samples, channels, planes, lines, length = out_shape
    in_group = w.shape[1]
    out_group = channels // (x.shape[1] // in_group)
    limit = uint64(LARGEST)
    for row in range(samples * channels * planes * lines):
        rest, line = divmod(row, lines)
        rest, plane = divmod(rest, planes)
        b, co = divmod(rest, channels)
        if bias[co] > limit:
            return True
        z, y = phase_of(depth, plane % depth[1]), phase_of(height, line % height[1])
        for column in range(length):
            q = phase_of(width, column % width[1])
            if z < 0 or y < 0 or q < 0:
                continue
            total = bias[co]
            for ci in range(in_group):
                source = x[b, co // out_group * in_group + ci]
                weights = w[co, ci]
                total = _add_taps(total, source, weights, depth, height, width, z, y, q, plane, line, column)
                if total > limit:
                    return True
    return False


@compiled
def _add_taps(total, source, weights, depth, height, width, z, y, q, plane, line, column):
    """total + Σ source·weights over one output's taps; anything over 2^63 − 1 once that is passed."""
    limit = uint64(LARGEST)
    first_z, first_y, first_x = 4 + depth[2], 4 + height[2], 4 + width[2]
    tap_z, tap_y, tap_x = first_z + depth[2] + 1, first_y + height[2] + 1, first_x + width[2] + 1
    for tz in range(depth[first_z + z], depth[first_z + z + 1]):
        iz = plane // depth[1] * depth[0] + depth[tap_z + depth[3] + tz]
        if iz < 0 or iz >= source.shape[0]:
            continue
        for ty in range(height[first_y + y], height[first_y + y + 1]):
            iy = line // height[1] * height[0] + height[tap_y + height[3] + ty]
            if iy < 0 or iy >= source.shape[1]:
                continue
            for tx in range(width[first_x + q], width[first_x + q + 1]):
                ix = column // width[1] * width[0] + width[tap_x + width[3] + tx]
                if ix < 0 or ix >= source.shape[2]:
                    continue
                weight = weights[depth[tap_z + tz], height[tap_y + ty], width[tap_x + tx]]
                total = _add_product(total, source[iz, iy, ix], weight)
                if total > limit:
                    return total
    return total


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


def check_finite(output: Array, field: Path = ()) -> None:
    """Refuse a float answer that became infinite, or NaN on the way there.

    Raises:
        OverflowingError: `float_overflow`.
    """
    bits, infinite = _BITS[output.dtype.itemsize]
    if _largest_bits(output.view(bits), infinite) < infinite:
        return
    message = say("the result is too large for {dtype}: use smaller numbers or a wider dtype", dtype=output.dtype.name)
    suggestion = Suggestion(("dtype",), "float64") if output.dtype == np.float32 else None
    raise OverflowingError([Fault(field, "float_overflow", message, suggestion=suggestion)])


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
