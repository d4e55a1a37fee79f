"""Sums of magnitudes and of squares along a row, on vectors; written by hand for LLVM.

Sums in floats are never reordered by the compiler, so a plain loop would take one element
at a time.
"""

from __future__ import annotations

from typing import Any

from numba import types

from app.core.algorithms.vectors.simd import I32, I64, VECTOR, Vectors, piece, pointers

#: Vectors that are summed side by side.
_SIDE_BY_SIDE = 2

#: Bytes after the end of the factors that are read too.
SLACK = _SIDE_BY_SIDE * VECTOR


@piece
def add_magnitudes(_context, row, at, factors, factors_at, squares_by, squares_at, count, sums, sums_at):
    """Add the weighted magnitudes and squares of a row, in flat arrays of one dtype.

        sums[sums_at]     += Σ |row[at + m]|·factors[factors_at + m]
        sums[sums_at + 1] += Σ row[at + m]²·squares_by[squares_at + m]

    for m below `count`, which is at least 1. Of both kinds of factors `SLACK` bytes more are
    read; they are multiplied by zero, so they must be finite.
    """
    i = types.int64
    return types.void(row, i, factors, i, squares_by, i, i, sums, i), _generate


@piece
def add_magnitudes_and_squares(
    _context, row, at, factors, factors_at, squares_by, squares_at, squares, count, sums, sums_at
):  # fmt: skip
    """As `add_magnitudes`, and squares[m] += row[at + m]², and sums[sums_at + 2] += Σ row[at + m]².

    Of `squares`, too, `SLACK` bytes more are written.
    """
    i = types.int64
    return types.void(row, i, factors, i, squares_by, i, squares, i, sums, i), _generate


def _generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Writes both pieces: their arguments differ by the squares."""
    row, at, factors, factors_at, squares_by, squares_at, *squares, count, sums, sums_at = pointers(
        context, builder, signature.args, arguments
    )
    vec = Vectors(context, builder, signature.args[0].dtype)
    starts = (builder.gep(row, [at]), builder.gep(factors, [factors_at]), builder.gep(squares_by, [squares_at]))
    for number, total in enumerate(_write_sums(vec, *starts, squares[0] if squares else None, count)):
        place = builder.gep(sums, [builder.add(sums_at, I64(number))])
        builder.store(builder.fadd(builder.load(place), total), place)
    return context.get_dummy_value()


def _write_sums(vec: Vectors, row: Any, factors: Any, squares_by: Any, energy: Any, count: Any) -> list[Any]:
    """The loop over the row, which adds squares to the `energy` where there is one; the totals."""
    builder = vec.builder
    before, body, after = builder.block, builder.append_basic_block("more"), builder.append_basic_block("added")
    builder.branch(body)
    builder.position_at_end(body)
    place = builder.phi(I64)
    kinds = 2 if energy is None else 3
    sums = [[builder.phi(vec.kind) for _ in range(kinds)] for _ in range(_SIDE_BY_SIDE)]
    summed = []
    for number, (magnitudes, squares, *all_squares) in enumerate(sums):
        own = builder.add(place, I64(number * vec.lanes))
        values = vec.load_some(builder.gep(row, [own]), vec.inside(own, count))
        magnitude = vec.magnitude(values)
        squared = builder.fmul(values, values)
        if energy is not None:
            there = builder.gep(energy, [own])
            vec.store(vec.add(vec.load(there), squared), there)
        summed.append(
            [
                vec.multiply_add(magnitude, vec.load(builder.gep(factors, [own])), magnitudes),
                vec.multiply_add(squared, vec.load(builder.gep(squares_by, [own])), squares),
                *(vec.add(total, squared) for total in all_squares),
            ]
        )
    following = builder.add(place, I64(_SIDE_BY_SIDE * vec.lanes))
    place.add_incoming(I64(0), before)
    place.add_incoming(following, body)
    for phis, values in zip(sums, summed, strict=True):
        for phi, value in zip(phis, values, strict=True):
            phi.add_incoming(vec.nothing, before)
            phi.add_incoming(value, body)
    builder.cbranch(builder.icmp_signed("<", following, count), body, after)
    builder.position_at_end(after)
    return [_across(vec, [own[kind] for own in summed]) for kind in range(kinds)]


def _across(vec: Vectors, vectors: list[Any]) -> Any:
    """The sum of all elements of some vectors, halved again and again."""
    total = vectors[0]
    for vector in vectors[1:]:
        total = vec.add(total, vector)
    half = vec.lanes // 2
    while half:
        total = vec.add(total, vec.shuffle(total, total, [(m + half) % vec.lanes for m in range(vec.lanes)]))
        half //= 2
    return vec.builder.extract_element(total, I32(0))
