"""Whether an answer fits its dtype: int64 sums beforehand, floats afterwards."""

from __future__ import annotations

import math

import numpy as np
from numba import uint64

from app.core.algorithms.scratch import LINE
from app.core.algorithms.taps import Axis, phase_of, taps_within
from app.core.errors import Fault, OverflowingError, Suggestion
from app.core.finite import all_finite, work_of_looking
from app.core.jit import brief, compiled, inlined, shared
from app.core.layout import Array
from app.core.parallel import run_parted, team
from app.core.parted import parted
from app.core.text import say

LARGEST = 2**63 - 1


def check_int64(axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out_shape: tuple[int, ...], work: int) -> None:
    """Refuse where for some output Σ|x·w| + |bias| > 2^63 − 1; otherwise no sum can wrap.

    Shapes as for the algorithms; `work` in multiply-adds. Nearly always the largest |x|
    and |w| decide, or with the largest |x| the sums of |w|. Otherwise the sums of
    magnitudes are made.

    Raises:
        OverflowingError: `int64_overflow`.
    """
    taps = math.prod(w.shape[1:])
    if x.size + w.size < _FEW and surely_fits(x.ravel(), w.ravel(), bias, taps):
        return
    largest_x = _largest(x, work)
    if w.size < _FEW and surely_fits(np.array([min(largest_x, LARGEST)]), w.ravel(), bias, taps):
        return
    largest_w, largest_bias = _largest(w), _largest(bias)
    if largest_x * largest_w * taps + largest_bias <= LARGEST:
        return
    shift = max(0, (largest_w * taps).bit_length() - 64)
    weights = (_largest_row(w.reshape(len(w), -1), shift) << shift) + taps * (2**shift - 1)
    if largest_x * weights + largest_bias <= LARGEST:
        return
    rows = math.prod(out_shape[:-1])
    if not run_parted(_stay_within, rows, work * _SUMS_WORK, x, w, bias, *(axis.table for axis in axes), out_shape):
        raise _int64_overflow()


#: So few elements take one thread a few microseconds: less than another call of a kernel.
_FEW = 50_000

#: What a product of magnitudes takes, in multiply-adds of the algorithms.
_SUMS_WORK = 3


def _largest(values: Array, work: int = 0) -> int:
    """The largest magnitude."""
    flat = values.reshape(-1)
    ends = np.full((team.size, LINE // flat.itemsize), flat[0])
    run_parted(_ends, flat.size, work_of_looking(flat, work), flat, ends)
    return max(int(ends[:, 0].max()), -int(ends[:, 1].min()))


def _int64_overflow() -> OverflowingError:
    message = say(
        "the sum of the products' magnitudes can exceed int64's largest number, {limit}: use smaller numbers, "
        "or a float dtype",
        limit=LARGEST,
    )
    return OverflowingError(
        [Fault((), "int64_overflow", message, limit=LARGEST, suggestion=Suggestion(("dtype",), "float64"))]
    )


@brief
def surely_fits(x, w, bias, taps):
    """Whether bounds that are at most four times too large tell that no sum of so many products can wrap."""
    return _above(x) * _above(w) * taps + _above(bias) <= 2.0**62


@shared
def _above(values):
    """A number no smaller than any magnitude, and at most twice the largest: in a loop over whole vectors."""
    bits = 0
    for m in range(uint64(len(values))):
        bits |= values[m] ^ (values[m] >> 63)
    return float(bits) + 1.0


@parted
def _ends(me, low, high, values, ends):
    """The largest and the smallest of values[low:high] and of those so far, in a loop over whole vectors."""
    largest, smallest = ends[me, 0], ends[me, 1]
    for m in range(uint64(low), uint64(high)):
        largest, smallest = max(largest, values[m]), min(smallest, values[m])
    ends[me, 0], ends[me, 1] = largest, smallest


@compiled
def _largest_row(rows, shift):
    """The largest Σ ⌊|w| / 2^shift⌋ of a row, which must be below 2^64."""
    largest = uint64(0)
    for row in range(rows.shape[0]):
        total = uint64(0)
        for m in range(rows.shape[1]):
            total += _magnitude(rows[row, m]) >> uint64(shift)
        largest = max(largest, total)
    return largest


#: Outputs whose sums of magnitudes are made at once, in float64.
_STRETCH = 1024

#: By how much these may be wrong, beside 1: more than 2^27 products come to.
_FLOAT_ERROR = 2.0**-20


@parted
def _stay_within(_me, low, high, x, w, bias, depth, height, width, out_shape):
    """Whether no output's sum of magnitudes is over 2^63 − 1; in the rows from `low` to `high`."""
    return not _exceeds(x, w, bias, depth, height, width, out_shape, low, high)


@shared
def _exceeds(x, w, bias, depth, height, width, out_shape, low, high):
    """Whether some output's sum of magnitudes is over 2^63 − 1; in the rows from `low` to `high`.

    Rows are counted over (batch, channel, plane, line). Sums in floats decide, except for
    the rows where one comes so close to the limit that only exact ones can tell.
    """
    _, channels, planes, lines, _ = out_shape
    out_group = channels // (x.shape[1] // w.shape[1])
    sums = np.empty(_STRETCH)
    for row in range(low, high):
        rest, line = divmod(row, lines)
        rest, plane = divmod(rest, planes)
        b, co = divmod(rest, channels)
        if _magnitude(bias[co]) > uint64(LARGEST):
            return True
        z, y = phase_of(depth, plane % depth[1]), phase_of(height, line % height[1])
        if z < 0 or y < 0:
            continue
        sources = (b, co // out_group * w.shape[1], plane // depth[1] * depth[0], line // height[1] * height[0])
        largest = _largest_in_row(x, w, bias, co, depth, height, width, z, y, sources, out_shape[4], sums)
        if largest > 2.0**63 * (1 + _FLOAT_ERROR):
            return True
        close = largest >= 2.0**63 * (1 - _FLOAT_ERROR)
        if close and _row_exceeds(x, w, bias, co, depth, height, width, z, y, sources, out_shape[4]):
            return True
    return False


@shared
def _largest_in_row(x, w, bias, co, depth, height, width, z, y, sources, length, sums):
    """The largest sum of magnitudes of a row's outputs, in float64."""
    largest, step = 0.0, width[0]
    for q in range(width[2]):
        count = (length - width[4 + q] + width[1] - 1) // width[1]
        for begin in range(0, count, _STRETCH):
            end = min(count, begin + _STRETCH)
            sums[: end - begin] = abs(float(bias[co]))
            _add_row(x, w, co, depth, height, width, z, y, q, sources, step * begin, end - begin, sums)
            for m in range(uint64(end - begin)):
                largest = max(largest, sums[m])
    return largest


@inlined
def _add_row(x, w, co, depth, height, width, z, y, q, sources, at_x, count, sums):
    """sums[m] += Σ |input|·|weight| over the taps of phases z, y, q, for m below `count`."""
    b, channel, at_z, at_y = sources
    step, length = width[0], x.shape[4]
    begin_z, end_z = taps_within(depth, z, -at_z, x.shape[2] - 1 - at_z)
    begin_y, end_y = taps_within(height, y, -at_y, x.shape[3] - 1 - at_y)
    begin_x, end_x = taps_within(width, q, -at_x - step * (count - 1), length - 1 - at_x)
    for ci in range(w.shape[1]):
        for tz in range(begin_z, end_z):
            for ty in range(begin_y, end_y):
                line = x[b, channel + ci, at_z + depth[tz + depth[3]], at_y + height[ty + height[3]]]
                weights = w[co, ci, depth[tz], height[ty]]
                for tx in range(begin_x, end_x):
                    shift = at_x + width[tx + width[3]]
                    weight = abs(float(weights[width[tx]]))
                    first = 0 if shift >= 0 else (step - 1 - shift) // step
                    last = min(count, (length - 1 - shift) // step + 1)
                    for m in range(first, last):
                        sums[uint64(m)] += weight * abs(float(line[uint64(shift + step * m)]))


@shared
def _row_exceeds(x, w, bias, co, depth, height, width, z, y, sources, length):
    """Whether the exact sum of magnitudes of one of a row's outputs is over 2^63 − 1."""
    b, channel, at_z, at_y = sources
    for q in range(width[2]):
        for column in range(width[4 + q], length, width[1]):
            at_x = column // width[1] * width[0]
            total = _magnitude(bias[co])
            for ci in range(w.shape[1]):
                total = _add_taps(total, x, b, channel + ci, w, co, ci, depth, height, width, z, y, q, at_z, at_y, at_x)
                if total > uint64(LARGEST):
                    return True
    return False


@inlined
def _add_taps(total, x, b, channel, w, co, ci, depth, height, width, z, y, q, at_z, at_y, at_x):
    """total + Σ |input|·|weight| over one output's taps; anything over 2^63 − 1 once that is passed."""
    limit = uint64(LARGEST)
    begin_z, end_z = taps_within(depth, z, -at_z, x.shape[2] - 1 - at_z)
    begin_y, end_y = taps_within(height, y, -at_y, x.shape[3] - 1 - at_y)
    begin_x, end_x = taps_within(width, q, -at_x, x.shape[4] - 1 - at_x)
    for tz in range(begin_z, end_z):
        iz = at_z + depth[tz + depth[3]]
        for ty in range(begin_y, end_y):
            iy = at_y + height[ty + height[3]]
            for tx in range(begin_x, end_x):
                ix = at_x + width[tx + width[3]]
                weight = w[co, ci, depth[tz], height[ty], width[tx]]
                if total <= limit:
                    total = _add_product(total, _magnitude(x[b, channel, iz, iy, ix]), _magnitude(weight))
    return total


@shared
def _magnitude(value):
    """|value| as an unsigned number: −2^63 has no int64 magnitude."""
    return uint64(value) if value >= 0 else uint64(0) - uint64(value)


@shared
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


def check_finite(output: Array, work: int) -> None:
    """Refuse a float answer that became infinite, or NaN on the way there.

    `work` is what it took to compute, in multiply-adds.

    Raises:
        OverflowingError: `float_overflow`.
    """
    if all_finite(output, work):
        return
    wider = output.dtype == np.float32
    template = (
        "the result is too large for {dtype}: use smaller numbers or float64"
        if wider
        else "the result is too large for {dtype}: use smaller numbers"
    )
    message = say(template, dtype=output.dtype.name)
    suggestion = Suggestion(("dtype",), "float64") if wider else None
    raise OverflowingError([Fault((), "float_overflow", message, suggestion=suggestion)])
