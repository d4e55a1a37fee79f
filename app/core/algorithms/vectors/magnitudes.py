"""Sums of magnitudes and of squares along a row, on vectors; written by hand for LLVM.

Sums in floats are never reordered by the compiler, so a plain loop would take one element
at a time.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from numba import types

from app.core.algorithms.vectors.simd import I32, I64, VECTOR, Vectors, piece, pointers

#: Vectors that are summed side by side.
_SIDE_BY_SIDE = 2

#: Bytes after the end of the factors that are read too.
SLACK = _SIDE_BY_SIDE * VECTOR


@piece
def add_magnitudes(_context, row, at, factors, factors_at, count, sums, sums_at):
    """Add the weighted magnitudes of a row, in flat arrays of one dtype.

        sums[sums_at] += Σ |row[at + m]|·factors[factors_at + m]

    for m below `count`, which is at least 1. `SLACK` bytes more of the factors are read; they
    are multiplied by zero, so they must be finite.
    """
    i = types.int64
    return types.void(row, i, factors, i, i, sums, i), _generate


@piece
def add_magnitudes_and_energy(_context, row, at, factors, factors_at, energy, count, sums, sums_at):
    """As `add_magnitudes`, and energy[m] += row[at + m]²; `SLACK` bytes more of this, too, are written."""
    i = types.int64
    return types.void(row, i, factors, i, energy, i, sums, i), partial(_generate, has_energy=True)


@piece
def add_magnitudes_and_squares(_context, row, at, factors, factors_at, squares_by, squares_at, count, sums, sums_at):
    """As `add_magnitudes`, and sums[sums_at + 1] += Σ row[at + m]²·squares_by[squares_at + m].

    `SLACK` bytes more of these factors, too, are read.
    """
    i = types.int64
    return types.void(row, i, factors, i, squares_by, i, i, sums, i), partial(_generate, has_squares=True)


def _generate(
    context: Any, builder: Any, signature: Any, arguments: Any, *, has_energy: bool = False, has_squares: bool = False
) -> Any:
    """Writes all three pieces."""
    row, at, factors, factors_at, *more, count, sums, sums_at = pointers(context, builder, signature.args, arguments)
    vec = Vectors(context, builder, signature.args[0].dtype)
    starts = builder.gep(row, [at]), builder.gep(factors, [factors_at])
    energy = more[0] if has_energy else None
    squares_by = builder.gep(*more[:1], more[1:]) if has_squares else None
    for number, total in enumerate(_write_sums(vec, *starts, squares_by, energy, count)):
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
    weighted = [factors] if squares_by is None else [factors, squares_by]
    sums = [[builder.phi(vec.kind) for _ in weighted] for _ in range(_SIDE_BY_SIDE)]
    summed = []
    for number, before_it in enumerate(sums):
        own = builder.add(place, I64(number * vec.lanes))
        values = vec.load_some(builder.gep(row, [own]), vec.inside(own, count))
        squared = builder.fmul(values, values)
        if energy is not None:
            there = builder.gep(energy, [own])
            vec.store(vec.add(vec.load(there), squared), there)
        summed.append(
            [
                vec.multiply_add(value, vec.load(builder.gep(by, [own])), total)
                for value, by, total in zip([vec.magnitude(values), squared], weighted, before_it, strict=False)
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
    return [_across(vec, list(own)) for own in zip(*summed, strict=True)]


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
