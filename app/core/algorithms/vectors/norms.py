"""The norms of a block of complex values, on vectors: one look tells both."""

from __future__ import annotations

from typing import Any

from numba import types

from app.core.algorithms.vectors.simd import I64, VECTOR, Vectors, piece, pointers, summed_over

#: Vectors that are measured side by side, so that none waits for the one before; and the bytes of them.
_SIDE_BY_SIDE = 2
TOGETHER = _SIDE_BY_SIDE * VECTOR


@piece
def measure(_context, re, im, count, measured):
    """Σ|z|² and the largest |z|² of `count` values z = re + i·im, in flat arrays of floats.

    The count takes up a multiple of `TOGETHER` bytes. `measured` becomes so many vectors of sums, and behind them
    of peaks: what is asked for is the sum of their elements, and the largest.
    """
    return types.void(re, im, types.int64, measured), _generate


def _generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    re, im, count, measured = pointers(context, builder, signature.args, arguments)
    vec = Vectors(context, builder, signature.args[0].dtype)
    each = _SIDE_BY_SIDE * vec.lanes

    def turn(number: Any, before: list[Any]) -> list[Any]:
        begin = builder.mul(number, I64(each))
        places = [builder.add(begin, I64(n * vec.lanes)) for n in range(_SIDE_BY_SIDE)]
        parts = [[vec.load(builder.gep(part, [at])) for part in (re, im)] for at in places]
        values = [vec.multiply_add(a, a, builder.fmul(b, b)) for a, b in parts]
        return [*map(vec.add, before[:_SIDE_BY_SIDE], values), *map(vec.larger, before[_SIDE_BY_SIDE:], values)]

    turns = builder.sdiv(count, I64(each))
    for number, total in enumerate(summed_over(builder, turns, [vec.nothing] * (2 * _SIDE_BY_SIDE), turn)):
        vec.store(total, builder.gep(measured, [I64(number * vec.lanes)]))
    return context.get_dummy_value()
