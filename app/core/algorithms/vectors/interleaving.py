"""Channels side by side in vectors: turned so from planes, summed at any places, and turned back; written for LLVM.

A line here is what one channel has, a place what as many channels as a vector has elements have at the same place.
Places lie one after the other, each a vector that begins with a line of the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from numba import types

from app.core.algorithms.vectors.lines import deal
from app.core.algorithms.vectors.simd import (
    I64,
    VECTOR,
    Vectors,
    choose,
    loop,
    piece,
    pointers,
    summed_over,
    write_noted,
)

#: Places that are summed at once: more than a processor has multiply-adds under way.
AT_ONCE = 8

#: The same of places side by side, whose inputs are in registers too: of these there are 32 or 16.
SIDE_BY_SIDE = 8 if VECTOR == 64 else 6

#: Within so many bytes of vectors elements change places in one instruction, and so do these among each other.
SHORT = 16

#: So many taps are dealt out to vectors by few shuffles: powers of two.
DEALT = (1, 2, 4, 8)


@piece
def turn_in(_context, x, x_at, x_row, count, laid, laid_at, targets, target_at):
    """Lay lines of `count` elements, as many lines as a vector has elements.

        laid[laid_at + targets[target_at + m] + r] = x[x_at + r·x_row + m]

    for m below `count`, and on to a whole number of vectors: there nothing is read, and zero is laid.
    """
    i = types.int64
    signature = types.void(x, i, i, i, laid, i, targets, i)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, x_at, x_row, count, laid, laid_at, targets, at = pointers(context, builder, signature.args, arguments)
        laid = builder.gep(laid, [laid_at])
        vec = Vectors(context, builder, signature.args[0].dtype)

        def write(begin: Any, read: Callable[[Any], Any]) -> None:
            lines = [read(line) for line in _lines(vec, builder.gep(x, [builder.add(x_at, begin)]), x_row)]
            own = builder.gep(targets, [builder.add(at, begin)])
            for n, place in enumerate(_turned(vec, lines)):
                vec.store(place, builder.gep(laid, [builder.load(builder.gep(own, [I64(n)]))]), aligned=True)

        _each(vec, count, lambda begin: write(begin, vec.load),
              lambda begin, mask: write(begin, lambda line: vec.load_some(line, mask)))  # fmt: skip
        return context.get_dummy_value()

    return signature, generate


@piece
def deal_taps(_context, w, w_at, w_step, channels, taps, laid, laid_at):
    """Lay kernels of few taps, of as many output channels as a vector has elements, one after the other in memory.

        laid[laid_at + (ci·taps + t)·(elements of a vector) + r] = w[w_at + ci·w_step + r·taps + t]

    for ci below `channels`; nothing where the number of taps is none of `DEALT`. What lies together is read so: lines
    of four elements, each in a vector of its own, would be read four times as long as these.
    """
    i = types.int64
    signature = types.void(w, i, i, i, i, laid, i)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        w, w_at, w_step, channels, taps, laid, laid_at = pointers(context, builder, signature.args, arguments)
        w, laid = builder.gep(w, [w_at]), builder.gep(laid, [laid_at])
        vec = Vectors(context, builder, signature.args[0].dtype)

        def write(taps: int, ci: Any) -> None:
            source = builder.gep(w, [builder.mul(ci, w_step)])
            target = builder.gep(laid, [builder.mul(ci, I64(taps * vec.lanes))])
            lying = [vec.load(builder.gep(source, [I64(n * vec.lanes)])) for n in range(taps)]
            for n, tap in enumerate(deal(vec, lying)):
                vec.store(tap, builder.gep(target, [I64(n * vec.lanes)]), aligned=True)

        choose(builder, taps, {n: partial(loop, builder, channels, partial(write, n)) for n in DEALT})
        return context.get_dummy_value()

    return signature, generate


@piece
def turn_out(_context, sums, sums_at, out, out_at, out_row, count):
    """Write lines of `count` elements, as many lines as a vector has elements.

        out[out_at + r·out_row + m] = sums[sums_at + m·(elements of a vector) + r]

    for m below `count`; `sums` is read on to a whole number of vectors.
    """
    i = types.int64
    signature = types.void(sums, i, out, i, i, i)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, sums_at, out, at, row, count = pointers(context, builder, signature.args, arguments)
        sums = builder.gep(sums, [sums_at])
        vec = Vectors(context, builder, signature.args[0].dtype)

        def write(begin: Any, put: Callable[[Any, Any], None]) -> None:
            source = builder.gep(sums, [builder.mul(begin, I64(vec.lanes))])
            places = [builder.gep(source, [I64(n * vec.lanes)]) for n in range(vec.lanes)]
            turned = _turned(vec, [vec.load(place, aligned=True) for place in places])
            for value, line in zip(turned, _lines(vec, builder.gep(out, [builder.add(at, begin)]), row), strict=True):
                put(value, line)

        _each(vec, count, lambda begin: write(begin, vec.store),
              lambda begin, mask: write(begin, lambda value, line: vec.store_some(value, line, mask)))  # fmt: skip
        return context.get_dummy_value()

    return signature, generate


def _each(vec: Vectors, count: Any, whole: Callable[[Any], None], last: Callable[[Any, Any], None]) -> None:
    """Write a loop over the vectors of a line; the last one, if it is not whole, gets the mask of what it has."""
    builder, lanes = vec.builder, I64(vec.lanes)
    vectors = builder.sdiv(count, lanes)
    loop(builder, vectors, lambda n: whole(builder.mul(n, lanes)))
    begin = builder.mul(vectors, lanes)
    left = builder.sub(count, begin)
    some = builder.zext(builder.icmp_signed("<", I64(0), left), I64)
    loop(builder, some, lambda _: last(begin, vec.below(left)))


def _lines(vec: Vectors, first: Any, row: Any) -> list[Any]:
    """Pointers to lines so far apart."""
    lines = [first]
    for _ in range(vec.lanes - 1):
        lines.append(vec.builder.gep(lines[-1], [row]))
    return lines


def _turned(vec: Vectors, lines: Sequence[Any]) -> list[Any]:
    """Vector m of the result has element m of each line.

    First in each run of elements of `SHORT` bytes, of as many lines as it has elements; then runs change places.
    """
    short = SHORT // vec.bytes
    blocks = [_unpacked(vec, lines[first : first + short], short) for first in range(0, vec.lanes, short)]
    by_column = [_dealt(vec, same, short) for same in zip(*blocks, strict=True)]
    return [by_column[m % short][m // short] for m in range(vec.lanes)]


def _unpacked(vec: Vectors, lines: Sequence[Any], short: int) -> Sequence[Any]:
    """Vector m has, in each run of `short` elements, element m of this run of each line."""
    low = [
        place
        for run in range(0, vec.lanes, short)
        for m in range(run, run + short // 2)
        for place in (m, m + vec.lanes)
    ]
    high = [place + short // 2 for place in low]
    half = short // 2
    for _ in range(short.bit_length() - 1):
        pairs = zip(lines[:half], lines[half:], strict=True)
        lines = [vec.shuffle(a, b, order) for a, b in pairs for order in (low, high)]
    return lines


def _dealt(vec: Vectors, same: Sequence[Any], short: int) -> Sequence[Any]:
    """Vector m has run m of each: the even runs of two, or the odd ones, again and again."""
    if len(same) == 1:
        return same
    runs = [range(first, first + short) for first in range(0, 2 * vec.lanes, short)]
    halves = []
    for odd in (0, 1):
        order = [place for run in runs[odd::2] for place in run]
        own = [vec.shuffle(a, b, order) for a, b in zip(same[::2], same[1::2], strict=True)]
        halves.append(_dealt(vec, own, short))
    return [vector for pair in zip(*halves, strict=True) for vector in pair]


@piece
def sum_places(
    _context, count, laid, places, targets, at, offsets, steps, first, taps, weights, weights_at, bias, bias_at,
    sums, seen,
):  # fmt: skip
    """Sum up to `AT_ONCE` places.

        sums[targets[at + n] + r] = bias[bias_at + r] + Σ over t of
            weights[weights_at + steps[t] + r]·laid[places[at + n] + offsets[t] + r]

    for n below `count`, r below the elements of a vector and so many taps t from `first` on, at least one. What is seen
    of the sums comes into `seen` (`Vectors.note`).
    """
    i = types.int64
    signature = types.void(i, laid, places, targets, i, offsets, steps, i, i, weights, i, bias, i, sums, seen)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count, *rest = pointers(context, builder, signature.args, arguments)
        vec = Vectors(context, builder, signature.args[1].dtype)
        choose(builder, count, {n: partial(_write_places, vec, n, *rest) for n in range(1, AT_ONCE + 1)})
        return context.get_dummy_value()

    return signature, generate


def _write_places(
    vec: Vectors, count: int, laid: Any, places: Any, targets: Any, at: Any, offsets: Any, steps: Any, first: Any,
    taps: Any, weights: Any, weights_at: Any, bias: Any, bias_at: Any, sums: Any, seen: Any,
) -> None:  # fmt: skip
    """The instructions for so many places; arrays are pointers."""
    builder = vec.builder
    places, targets = builder.gep(places, [at]), builder.gep(targets, [at])
    offsets, steps = builder.gep(offsets, [first]), builder.gep(steps, [first])
    weights = builder.gep(weights, [weights_at])
    sources = [builder.gep(laid, [builder.load(builder.gep(places, [I64(n)]))]) for n in range(count)]

    def of_tap(tap: Any, held: list[Any]) -> list[Any]:
        weight = vec.load(builder.gep(weights, [builder.load(builder.gep(steps, [tap]))]), aligned=True)
        offset = builder.load(builder.gep(offsets, [tap]))
        met = [vec.load(builder.gep(source, [offset]), aligned=True) for source in sources]
        return [vec.multiply_add(weight, value, one) for value, one in zip(met, held, strict=True)]

    summed = summed_over(builder, taps, [vec.nothing] * count, of_tap)
    constant = vec.load(builder.gep(bias, [bias_at]), aligned=True)
    outputs = [builder.gep(sums, [builder.load(builder.gep(targets, [I64(n)]))]) for n in range(count)]
    write_noted(vec, [(vec.add(one, constant), out) for one, out in zip(summed, outputs, strict=True)], seen)


@piece
def sum_line(
    _context, count, laid, place, offsets, steps, first, lines, width, weights, weights_at, bias, bias_at, sums, target,
    seen,
):  # fmt: skip
    """Sum up to `SIDE_BY_SIDE` places one after the other.

        sums[target + n·L + r] = bias[bias_at + r] + Σ over i and k of
            weights[weights_at + steps[i] + k·L + r]·laid[place + offsets[i] + (n + k)·L + r]

    for n below `count`, r below L, the elements of a vector, so many lines i of the kernel from `first` on and k below
    `width`, at least one of each. A place is loaded once for all outputs that it serves in a line. What is seen of the
    sums comes into `seen`.
    """
    i = types.int64
    signature = types.void(i, laid, i, offsets, steps, i, i, i, weights, i, bias, i, sums, i, seen)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count, *rest = pointers(context, builder, signature.args, arguments)
        vec = Vectors(context, builder, signature.args[1].dtype)
        choose(builder, count, {n: partial(_write_line, vec, n, *rest) for n in range(1, SIDE_BY_SIDE + 1)})
        return context.get_dummy_value()

    return signature, generate


def _write_line(
    vec: Vectors, count: int, laid: Any, place: Any, offsets: Any, steps: Any, first: Any, lines: Any, width: Any,
    weights: Any, weights_at: Any, bias: Any, bias_at: Any, sums: Any, target: Any, seen: Any,
) -> None:  # fmt: skip
    """The instructions for so many places; arrays are pointers."""
    builder = vec.builder
    laid, weights, sums = builder.gep(laid, [place]), builder.gep(weights, [weights_at]), builder.gep(sums, [target])
    offsets, steps = builder.gep(offsets, [first]), builder.gep(steps, [first])

    def at(begin: Any, number: Any) -> Any:
        return vec.load(builder.gep(begin, [builder.mul(number, I64(vec.lanes))]), aligned=True)

    def of_line(line: Any, held: list[Any]) -> list[Any]:
        source = builder.gep(laid, [builder.load(builder.gep(offsets, [line]))])
        own = builder.gep(weights, [builder.load(builder.gep(steps, [line]))])

        def of_column(column: Any, held: list[Any]) -> list[Any]:
            met = [*held[count:], at(source, builder.add(column, I64(count - 1)))]
            weight = at(own, column)
            return [vec.multiply_add(weight, met[n], held[n]) for n in range(count)] + met[1:]

        begun = [at(source, I64(n)) for n in range(count - 1)]
        return summed_over(builder, width, held + begun, of_column)[:count]

    summed = summed_over(builder, lines, [vec.nothing] * count, of_line)
    constant = vec.load(builder.gep(bias, [bias_at]), aligned=True)
    outputs = [builder.gep(sums, [I64(n * vec.lanes)]) for n in range(count)]
    write_noted(vec, [(vec.add(one, constant), out) for one, out in zip(summed, outputs, strict=True)], seen)
