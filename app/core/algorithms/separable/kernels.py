"""The compiled passes of a separable kernel, a strip of output rows at a time."""

# Compiled kernels get their types from numba, at each call.
# mypy: allow-untyped-defs

from __future__ import annotations

from numba import uint64

from app.core.jit import inlined
from app.core.parted import parted


@parted
def pass_strips(me, low, high, x, weights, shifts, steps, strip, bias, out, all_scratch, infinite):
    """Do the strips from `low` to `high`, counted over (batch, channel, strip); tell of each whether it is infinite.

    `weights` (C_out, taps), `shifts` (taps) and `steps` belong to the three axes. The
    scratch, a row for each thread, holds an input row with its zeros, a plane's rows after the
    pass along x, and in a volume those of all planes after the pass along y.
    """
    scratch = all_scratch[me]
    scratch[:] = 0
    _, channels, planes, rows, columns = out.shape
    flat_out, nothing = out.reshape(-1), bias[0] * 0
    strips = (rows + strip - 1) // strip
    of_volume = len(shifts[0]) > 1
    passed_x = (columns - 1) * steps[2] + _span(shifts[2]) + 1
    passed_y = passed_x + ((strip - 1) * steps[1] + _span(shifts[1]) + 1) * columns
    beyond = False
    for task in range(low, high):
        rest, number = divmod(task, strips)
        b, co = divmod(rest, channels)
        begin = number * strip
        count = min(strip, rows - begin)
        target = (b * channels + co) * planes * rows * columns + begin * columns
        beyond = False
        for plane in range(x.shape[2] if of_volume else planes):
            at = plane if of_volume else plane * steps[0] + shifts[0][0]
            _pass_x(
                x, b, co // (channels // x.shape[1]), at, begin, count, weights[2], co, shifts, steps, scratch, columns
            )
            if of_volume:
                own = passed_y + plane * strip * columns
                _pass_y(scratch, passed_x, weights[1], co, shifts[1], steps[1], count, columns, nothing, scratch, own)
            else:
                own = target + plane * rows * columns
                beyond |= _pass_y(
                    scratch, passed_x, weights[1], co, shifts[1], steps[1], count, columns, bias[co], flat_out, own
                )
        for plane in range(planes if of_volume else 0):
            first, last = _taps_within(shifts[0], plane * steps[0], x.shape[2])
            source = passed_y + plane * steps[0] * strip * columns
            for row in range(count):
                own = target + (plane * rows + row) * columns
                _fill(flat_out, own, columns, bias[co])
                _add_taps(
                    flat_out,
                    own,
                    scratch,
                    source + row * columns,
                    strip * columns,
                    shifts[0],
                    weights[0],
                    co,
                    first,
                    last,
                    1,
                    columns,
                )
                beyond |= _is_infinite(flat_out, own, columns)
        infinite[task] = beyond


@inlined
def _span(shifts):
    """How far apart the first and the last tap lie; shifts ascend or descend."""
    return abs(shifts[len(shifts) - 1] - shifts[0])


@inlined
def _taps_within(shifts, at, length):
    """The range of the taps that meet one of so many planes from `at` on."""
    first, last = 0, len(shifts)
    while first < last and not 0 <= at + shifts[first] < length:
        first += 1
    while first < last and not 0 <= at + shifts[last - 1] < length:
        last -= 1
    return first, last


@inlined
def _pass_x(x, b, channel, plane, begin, count, weights, co, shifts, steps, scratch, columns):
    """Pass the input rows that a strip takes along x; those outside the input give zeros."""
    _, channels, planes, lines, length = x.shape
    flat_x, nothing = x.reshape(-1), scratch[0] * 0
    span = _span(shifts[2])
    least_y, least_x = (
        min(shifts[1][0], shifts[1][len(shifts[1]) - 1]),
        min(shifts[2][0], shifts[2][len(shifts[2]) - 1]),
    )
    row = (columns - 1) * steps[2] + span + 1
    first, last = max(0, least_x), min(length, least_x + row)
    for line in range((count - 1) * steps[1] + _span(shifts[1]) + 1):
        y = begin * steps[1] + least_y + line
        target = row + line * columns
        _fill(scratch, target, columns, nothing)
        if 0 <= y < lines and 0 <= plane < planes:
            source, p = (
                uint64((((b * channels + channel) * planes + plane) * lines + y) * length + first),
                uint64(first - least_x),
            )
            for m in range(uint64(max(0, last - first))):
                scratch[p + m] = flat_x[source + m]
            _add_taps(
                scratch, target, scratch, -least_x, 1, shifts[2], weights, co, 0, len(shifts[2]), steps[2], columns
            )


@inlined
def _pass_y(scratch, passed, weights, co, shifts, step, count, columns, bias, target, at):
    """Pass a strip's rows along y, from the bias on; says whether an answer is infinite."""
    least, beyond = min(shifts[0], shifts[len(shifts) - 1]), False
    for row in range(count):
        own = at + row * columns
        _fill(target, own, columns, bias)
        source = passed + (row * step - least) * columns
        _add_taps(target, own, scratch, source, columns, shifts, weights, co, 0, len(shifts), 1, columns)
        beyond |= _is_infinite(target, own, columns)
    return beyond


@inlined
def _fill(target, at, count, value):
    t = uint64(at)
    for m in range(uint64(count)):
        target[t + m] = value


@inlined
def _is_infinite(values, at, count):
    """Whether one of these is infinite or NaN; whole numbers never are."""
    t, found = uint64(at), False
    for m in range(uint64(count)):
        found |= values[t + m] - values[t + m] != 0
    return found


@inlined
def _add_taps(target, at, source, place, apart, shifts, weights, co, first, last, step, count):
    """target[at + m] += Σ over taps of weight·source[place + shift·apart + step·m], four taps in one pass."""
    t, inner, done = uint64(at), uint64(step), first
    while done + 4 <= last:
        p0, p1 = uint64(place + shifts[done] * apart), uint64(place + shifts[done + 1] * apart)
        p2, p3 = uint64(place + shifts[done + 2] * apart), uint64(place + shifts[done + 3] * apart)
        w0, w1, w2, w3 = weights[co, done], weights[co, done + 1], weights[co, done + 2], weights[co, done + 3]
        if step == 1:
            for m in range(uint64(count)):
                target[t + m] = (
                    target[t + m]
                    + w0 * source[p0 + m]
                    + w1 * source[p1 + m]
                    + w2 * source[p2 + m]
                    + w3 * source[p3 + m]
                )
        else:
            for m in range(uint64(count)):
                i = inner * m
                target[t + m] = (
                    target[t + m]
                    + w0 * source[p0 + i]
                    + w1 * source[p1 + i]
                    + w2 * source[p2 + i]
                    + w3 * source[p3 + i]
                )
        done += 4
    for tap in range(done, last):
        p0, w0 = uint64(place + shifts[tap] * apart), weights[co, tap]
        for m in range(uint64(count)):
            target[t + m] += w0 * source[p0 + inner * m]
