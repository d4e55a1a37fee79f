"""Single inputs, each spread over a vector, meet vectors of weights of output channels; written by hand for LLVM.

Inputs are read as they lie, wherever they are, so no vector has an element that is no output.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial, reduce
from typing import Any

from numba import types

from app.core.algorithms.vectors.simd import I64, VECTOR, Vectors, choose, piece, pointers, summed_over, write_noted

#: Vectors of channels that are summed at once, and outputs of each: with 32 registers 2·10 sums or 4·5, with 16 2·5.
AT_ONCE = {2: 10, 4: 5} if VECTOR == 64 else {2: 5}
WIDEST = max(AT_ONCE)

#: Loops over so few taps are written out: a loop of its own for each channel would take half as long as they do. More
#: of them would be read at once, into registers that there are not. Beside more than two vectors a loop counts less.
FEW, FEWER = 3, 1


@piece
def sum_spread(
    _context, vectors, count, x, x_at, x_step, apart, channels, offsets, steps, first, taps,
    w, w_at, w_vector, w_apart, bias, sums, sums_at, sums_step, sums_vector, begun, ended, seen,
):  # fmt: skip
    """Sum `count` outputs of so many vectors of channels, as many as `AT_ONCE` tells for these.

        sums[sums_at + v·sums_vector + n·sums_step + r] = bias[v·lanes + r] + Σ over c and t of
            w[w_at + v·w_vector + c·w_apart + steps[t] + r]·x[x_at + n·x_step + c·apart + offsets[t]]

    for v below `vectors`, n below `count`, c below `channels`, r below `lanes`, the elements of a vector, and so many
    taps t from `first` on, at least one. What has `begun` goes on from the sums that are there, and only what has
    `ended` gets its bias: so channels can be summed in parts, with the bits of all at once. Weights and sums begin with
    lines of the cache. What is seen of the sums comes into `seen` (`Vectors.note`).
    """
    i = types.int64
    signature = types.void(
        i, i, x, i, i, i, i, offsets, steps, i, i, w, i, i, i, bias, sums, i, i, i, i, i, seen
    )  # fmt: skip

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors, count, *rest = pointers(context, builder, signature.args, arguments)
        vec = Vectors(context, builder, signature.args[2].dtype)
        taps = arguments[10]
        few = builder.select(builder.icmp_signed("<=", vectors, I64(2)), I64(FEW), I64(FEWER))
        known = builder.select(builder.icmp_signed("<=", taps, few), taps, I64(0))
        shape = builder.add(builder.mul(count, I64(WIDEST)), vectors)
        shape = builder.add(builder.mul(shape, I64(FEW + 1)), known)
        cases = {(FEW + 1) * (n * WIDEST + v) + k: partial(_write, vec, v, n, k, *rest) for v, n, k in _shapes()}
        choose(builder, shape, cases)
        return context.get_dummy_value()

    return signature, generate


def _shapes() -> Iterator[tuple[int, int, int]]:
    """(vectors, outputs, known taps, or 0 for a loop over them)."""
    for vectors in range(1, WIDEST + 1):
        most = next(count for abreast, count in AT_ONCE.items() if vectors <= abreast)
        yield from itertools.product([vectors], range(1, most + 1), range((FEW if vectors <= 2 else FEWER) + 1))


def _write(
    vec: Vectors, vectors: int, count: int, known: int, x: Any, x_at: Any, x_step: Any, apart: Any, channels: Any,
    offsets: Any, steps: Any, first: Any, taps: Any, w: Any, w_at: Any, w_vector: Any, w_apart: Any, bias: Any,
    sums: Any, sums_at: Any, sums_step: Any, sums_vector: Any, begun: Any, ended: Any, seen: Any,
) -> None:  # fmt: skip
    """A loop over channels and one over taps, whose number may be `known` (or 0); arrays are pointers."""
    builder = vec.builder
    x, w, sums = builder.gep(x, [x_at]), builder.gep(w, [w_at]), builder.gep(sums, [sums_at])
    offsets, steps = builder.gep(offsets, [first]), builder.gep(steps, [first])

    def of_channel(channel: Any, held: list[Any]) -> list[Any]:
        source, weights = builder.gep(x, [builder.mul(channel, apart)]), builder.gep(w, [builder.mul(channel, w_apart)])

        def of_tap(tap: Any, held: list[Any]) -> list[Any]:
            weight = builder.gep(weights, [builder.load(builder.gep(steps, [tap]))])
            each = [
                vec.load(builder.gep(weight, [builder.mul(w_vector, I64(v))]), aligned=True) for v in range(vectors)
            ]
            place, summed = builder.gep(source, [builder.load(builder.gep(offsets, [tap]))]), []
            for n in range(count):
                met = vec.spread(builder.load(builder.gep(place, [builder.mul(x_step, I64(n))])))
                summed += [vec.multiply_add(each[v], met, held[n * vectors + v]) for v in range(vectors)]
            return summed

        if known == 0:
            return summed_over(builder, taps, held, of_tap)
        return reduce(lambda held, tap: of_tap(I64(tap), held), range(known), held)

    lines = [builder.gep(sums, [builder.mul(sums_vector, I64(v))]) for v in range(vectors)]
    places = [builder.gep(line, [builder.mul(sums_step, I64(n))]) for n in range(count) for line in lines]
    goes_on, has_ended = (builder.icmp_signed("!=", each, I64(0)) for each in (begun, ended))
    held = [builder.select(goes_on, vec.load(place, aligned=True), vec.nothing) for place in places]
    summed = summed_over(builder, channels, held, of_channel)
    constants = [vec.load(builder.gep(bias, [I64(v * vec.lanes)]), aligned=True) for v in range(vectors)]
    totals = [
        (builder.select(has_ended, vec.add(each, constants[m % vectors]), each), places[m])
        for m, each in enumerate(summed)
    ]
    write_noted(vec, totals, seen)
