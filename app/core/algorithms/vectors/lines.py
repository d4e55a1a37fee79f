"""Lines of a picture copied by whole vectors, with a masked last one; written by hand for LLVM.

Lines are short, a few dozen elements, so that what a compiler leaves to scalar code at
their ends would be most of the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numba import types, uint64

from app.core.algorithms.vectors.simd import I64, Vectors, loop, piece, pointers
from app.core.jit import inlined


@piece
def copy_line(_context, target, at, source, begin, count):
    """target[at + m] = source[begin + m] for m below `count`, in flat arrays."""
    signature = types.void(target, types.int64, source, types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, at, source, begin, count = pointers(context, builder, signature.args, arguments)
        vec = Vectors(context, builder, signature.args[0].dtype)
        _split(vec, target, at, I64(0), source, begin, count, 1, 1, lambda place: vec.inside(place, count))
        return context.get_dummy_value()

    return signature, generate


@piece
def lay_line(_context, target, at, apart, source, line, length, first, count):
    """target[at + m] = source[line + first + m] for m below `count`; 0 for what lies outside of the line's length."""
    return _laying(target, source, 1, 1)


@piece
def lay_second(_context, target, at, apart, source, line, length, first, count):
    """As `lay_line`: target[at + m] = source[line + first + 2·m]."""
    return _laying(target, source, 2, 1)


@piece
def lay_two(_context, target, at, apart, source, line, length, first, count):
    """As `lay_line`: target[at + j·apart + m] = source[line + first + 2·m + j] for j below 2."""
    return _laying(target, source, 2, 2)


@piece
def lay_three(_context, target, at, apart, source, line, length, first, count):
    """As `lay_two`, with 3."""
    return _laying(target, source, 3, 3)


@piece
def lay_four(_context, target, at, apart, source, line, length, first, count):
    """As `lay_two`, with 4."""
    return _laying(target, source, 4, 4)


@piece
def lay_four_in_twos(_context, target, at, apart, source, line, length, first, count):
    """As `lay_four`, by runs of two: target[at + j·apart + 2·m + r] = source[line + first + 2·(4·m + j) + r]."""
    return _laying(target, source, 4, 4, 2)


@piece
def lay_four_in_fours(_context, target, at, apart, source, line, length, first, count):
    """As `lay_four_in_twos`, by runs of four."""
    return _laying(target, source, 4, 4, 4)


@piece
def split_in_three(_context, target, at, apart, source, begin, count):
    """target[at + j·apart + m] = source[begin + 3·m + j] for m below `count` and j below 3."""
    return _splitting(target, source, 3)


@piece
def split_in_nine(_context, target, at, apart, source, begin, count):
    """target[at + j·apart + m] = source[begin + 9·m + j] for m below `count` and j below 9."""
    return _splitting(target, source, 9)


@piece
def weave_two(_context, target, at, source, begin, apart, count):
    """target[at + 2·m + j] = source[begin + j·apart + m] for j below 2 and 2·m + j below `count`."""
    return _weaving(target, source, 2)


@piece
def weave_four(_context, target, at, source, begin, apart, count):
    """target[at + 4·m + j] = source[begin + j·apart + m] for j below 4 and 4·m + j below `count`."""
    return _weaving(target, source, 4)


@piece
def weave_four_in_twos(_context, target, at, source, begin, apart, count):
    """As `weave_four`, by runs of two: target[at + 2·(4·m + j) + r] = source[begin + j·apart + 2·m + r]."""
    return _weaving(target, source, 4, 2)


@piece
def weave_four_in_fours(_context, target, at, source, begin, apart, count):
    """As `weave_four_in_twos`, by runs of four."""
    return _weaving(target, source, 4, 4)


@inlined
def place_apart(target, at, step, source, begin, count):
    """target[at + step·m] = source[begin + m] for m below `count`: one by one, since masked writes take longer."""
    for m in range(count):
        target[uint64(at + step * m)] = source[uint64(begin + m)]


def _laying(target: Any, source: Any, step: int, lines: int, run: int = 1) -> Any:
    """Every step-th run of so many elements of a line, the first so many of each, with zeros around it."""
    i = types.int64
    signature = types.void(target, i, i, source, i, i, i, i)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, at, apart, source, line, length, first, count = pointers(context, builder, signature.args, arguments)
        vec = Vectors(context, builder, signature.args[0].dtype)
        _split(
            vec, target, at, apart, source, builder.add(line, first), count, step, lines,
            lambda place: vec.inside(builder.add(first, place), length), run,
        )  # fmt: skip
        return context.get_dummy_value()

    return signature, generate


def _splitting(target: Any, source: Any, step: int) -> Any:
    """Every step-th element, all of each."""
    signature = types.void(target, types.int64, types.int64, source, types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, at, apart, source, begin, count = pointers(context, builder, signature.args, arguments)
        vec = Vectors(context, builder, signature.args[0].dtype)
        needed = builder.mul(count, I64(step))
        _split(
            vec, target, at, apart, source, begin, count, step, step,
            lambda place: vec.inside(place, needed),
        )  # fmt: skip
        return context.get_dummy_value()

    return signature, generate


def _split(
    vec: Vectors, target: Any, at: Any, apart: Any, source: Any, begin: Any, count: Any,
    step: int, lines: int, some: Callable[[Any], Any], run: int = 1,
) -> None:  # fmt: skip
    """Write the first `lines` lines of every step-th run of elements; `some` masks what is read from a place on."""
    builder = vec.builder
    target, source = builder.gep(target, [at]), builder.gep(source, [begin])

    def write(number: Any) -> None:
        first = builder.mul(number, I64(vec.lanes * step))
        parts = []
        for j in range(step):
            place = builder.add(first, I64(j * vec.lanes))
            parts.append(vec.load_some(builder.gep(source, [place]), some(place)))
        place = builder.mul(number, I64(vec.lanes))
        written = vec.inside(place, count)
        for j, dealt in enumerate(deal(vec, parts, run)[:lines]):
            line = builder.gep(target, [builder.add(builder.mul(apart, I64(j)), place)])
            vec.store_some(dealt, line, written)

    loop(builder, _vectors_of(vec, count), write)


def deal(vec: Vectors, parts: Sequence[Any], run: int = 1) -> list[Any]:
    """Of so many vectors, one after the other: vector j of the result has element j and, from it, every so-many-th.

    Even numbers are halved first, into the elements of even and of odd places: 8 shuffles for four vectors, not 12.
    Of these, runs of so many elements (a power of two) can be dealt out as if each were one.
    """
    if len(parts) % 2:
        return [_picked(vec, parts, j) for j in range(len(parts))]
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    orders = [[m for m in range(2 * vec.lanes) if m // run % 2 == odd] for odd in (0, 1)]
    halves = [deal(vec, [vec.shuffle(a, b, order) for a, b in pairs], run) for order in orders]
    return [dealt for both in zip(*halves, strict=True) for dealt in both]


def _picked(vec: Vectors, parts: Sequence[Any], first: int) -> Any:
    """Element `first` of the parts, and as many on as there are parts: each part in turn gives those that it has."""
    places = range(first, vec.lanes * len(parts), len(parts))
    result = parts[0]
    for number, part in enumerate(parts[1:], 1):
        # Of what was picked so far nothing moves, but of the first part everything does.
        order = [
            vec.lanes + place % vec.lanes if place // vec.lanes == number else place if number == 1 else m
            for m, place in enumerate(places)
        ]
        order = [place if place < 2 * vec.lanes else 0 for place in order]
        result = vec.shuffle(result, part, order)
    return result


def _weaving(target: Any, source: Any, step: int, run: int = 1) -> Any:
    signature = types.void(target, types.int64, source, types.int64, types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, at, source, begin, apart, count = pointers(context, builder, signature.args, arguments)
        vec = Vectors(context, builder, signature.args[0].dtype)
        target, source = builder.gep(target, [at]), builder.gep(source, [begin])
        each = builder.mul(builder.sdiv(builder.add(count, I64(step * run - 1)), I64(step * run)), I64(run))

        def write(number: Any) -> None:
            first = builder.mul(number, I64(vec.lanes))
            some = vec.inside(first, each)
            parts = [
                vec.load_some(builder.gep(source, [builder.add(builder.mul(apart, I64(j)), first)]), some)
                for j in range(step)
            ]
            for j, part in enumerate(_woven(vec, parts, run)):
                place = builder.add(builder.mul(number, I64(vec.lanes * step)), I64(j * vec.lanes))
                vec.store_some(part, builder.gep(target, [place]), vec.inside(place, count))

        loop(builder, _vectors_of(vec, each), write)
        return context.get_dummy_value()

    return signature, generate


def _woven(vec: Vectors, parts: list[Any], run: int) -> list[Any]:
    """The runs of elements of the parts by turns: of two, or of two pairs that are woven first."""
    if len(parts) == 4:
        (a, b), (c, d) = _woven(vec, parts[::2], run), _woven(vec, parts[1::2], run)
        return [*_woven(vec, [a, c], run), *_woven(vec, [b, d], run)]
    by_turns = [m + r for m in range(0, vec.lanes, run) for own in (0, vec.lanes) for r in range(own, own + run)]
    a, b = parts
    return [vec.shuffle(a, b, by_turns[: vec.lanes]), vec.shuffle(a, b, by_turns[vec.lanes :])]


def _vectors_of(vec: Vectors, count: Any) -> Any:
    return vec.builder.sdiv(vec.builder.add(count, I64(vec.lanes - 1)), I64(vec.lanes))
