"""Sums of a few lines of outputs at once over planes that are laid out; written by hand for LLVM.

Each vector of inputs is loaded once for all the lines that it serves: most loads lie across two lines of the cache, and
take longer than what they are multiplied with.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

from numba import types

from app.core.algorithms.vectors.simd import I64, Vectors, choose, piece, pointers

#: Lines of outputs; a kernel has at least as many.
LINES = 4

#: Vectors of a line that are summed at once.
WIDTHS = (2, 1)


@piece
def sum_four_lines(
    _context, vectors, x, x_at, pitch, apart, channels, beside, w, w_at, w_apart, height, width, bias, bias_at,
    out, out_at, out_row, seen,
):  # fmt: skip
    """Sum `LINES` lines of so many vectors of outputs.

        out[out_at + r·out_row + m] = bias[bias_at] + Σ over c, i, k of
            w[w_at + c·w_apart + i·width + k]·x[x_at + c·apart + (r + i)·pitch + k·beside + m]

    for c below `channels`, i below `height`, at least `LINES`, and k below `width`. What is seen of the outputs comes
    into `seen` (`Vectors.note`). x is read, and out written, over whole vectors.
    """
    i = types.int64
    signature = types.void(i, x, i, i, i, i, i, w, i, i, i, i, bias, i, out, i, i, seen)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors, *rest = pointers(context, builder, signature.args, arguments)
        vec = Vectors(context, builder, signature.args[1].dtype)
        choose(builder, vectors, {n: partial(_Lines(vec, n).write, *rest) for n in WIDTHS})
        return context.get_dummy_value()

    return signature, generate


class _Lines:
    """The instructions of `sum_four_lines` for so many vectors; arrays are pointers."""

    def __init__(self, vec: Vectors, vectors: int) -> None:
        self.vec, self.vectors, self.count = vec, vectors, LINES * vectors

    def write(
        self, x: Any, x_at: Any, pitch: Any, apart: Any, channels: Any, beside: Any, w: Any, w_at: Any, w_apart: Any,
        height: Any, width: Any, bias: Any, bias_at: Any, out: Any, out_at: Any, out_row: Any, seen: Any,
    ) -> None:  # fmt: skip
        """A loop over the columns of all channels, and one over the lines of inputs that serve all lines of outputs."""
        vec, builder = self.vec, self.vec.builder
        x, w = builder.gep(x, [x_at]), builder.gep(w, [w_at])
        before = builder.block
        outer, inner, following, after = (
            builder.append_basic_block(name) for name in ("column", "line", "next", "end")
        )
        builder.branch(outer)

        builder.position_at_end(outer)
        channel, column = builder.phi(I64), builder.phi(I64)
        begun = self._phis()
        places = [builder.mul(channel, own) for own in (apart, w_apart)]
        first = builder.gep(x, [builder.add(places[0], builder.mul(column, beside))])
        weight = builder.gep(w, [builder.add(places[1], column)])
        sums: list[Any] = list(begun)
        weights: list[Any] = []
        for line in range(LINES - 1):  # the first lines of inputs serve few lines of outputs
            weights.insert(0, self._weight(weight, builder.mul(width, I64(line))))
            sums = self._met(sums, weights, self._inputs(first, builder.mul(pitch, I64(line))), 0)
        ahead = builder.block
        builder.branch(inner)

        builder.position_at_end(inner)
        line, own = builder.phi(I64), self._phis()
        held = [builder.phi(vec.kind) for _ in weights]
        newest = [self._weight(weight, builder.mul(width, line)), *held]
        summed = self._met(own, newest, self._inputs(first, builder.mul(pitch, line)), 0)
        next_line = builder.add(line, I64(1))
        builder.cbranch(builder.icmp_signed("<", next_line, height), inner, following)
        carried = [(line, I64(LINES - 1), ahead), (line, next_line, inner)]
        for phi, begin, going in itertools.chain(
            zip(own, sums, summed, strict=True), zip(held, weights, newest[:-1], strict=True)
        ):
            carried += [(phi, begin, ahead), (phi, going, inner)]

        builder.position_at_end(following)
        sums = summed
        for more in range(LINES - 1):  # the last ones as well
            place = builder.mul(pitch, builder.add(height, I64(more)))
            sums = self._met(sums, newest, self._inputs(first, place), more + 1)
        next_column = builder.add(column, I64(1))
        ends = builder.icmp_signed("==", next_column, width)
        next_channel = builder.select(ends, builder.add(channel, I64(1)), channel)
        next_column = builder.select(ends, I64(0), next_column)
        builder.cbranch(builder.icmp_signed("<", next_channel, channels), outer, after)
        carried += [(channel, I64(0), before), (channel, next_channel, following)]
        carried += [(column, I64(0), before), (column, next_column, following)]
        for phi, going in zip(begun, sums, strict=True):
            carried += [(phi, vec.nothing, before), (phi, going, following)]
        for phi, value, block in carried:
            phi.add_incoming(value, block)
        builder.position_at_end(after)
        self._finish(sums, bias, bias_at, out, out_at, out_row, seen)

    def _phis(self) -> list[Any]:
        return [self.vec.builder.phi(self.vec.kind) for _ in range(self.count)]

    def _weight(self, weights: Any, place: Any) -> Any:
        return self.vec.spread(self.vec.builder.load(self.vec.builder.gep(weights, [place])))

    def _inputs(self, first: Any, place: Any) -> list[Any]:
        builder, line = self.vec.builder, self.vec.builder.gep(first, [place])
        return [self.vec.load(builder.gep(line, [I64(v * self.vec.lanes)])) for v in range(self.vectors)]

    def _met(self, sums: list[Any], weights: list[Any], inputs: list[Any], first: int) -> list[Any]:
        """The sums with a line of inputs: line r of outputs, from the `first` on, meets it with weight r − first."""
        summed = list(sums)
        for r, weight in enumerate(weights[: LINES - first] if first else weights, first):
            for v, met in enumerate(inputs):
                number = r * self.vectors + v
                summed[number] = self.vec.multiply_add(weight, met, summed[number])
        return summed

    def _finish(self, sums: list[Any], bias: Any, bias_at: Any, out: Any, out_at: Any, out_row: Any, seen: Any) -> None:
        """Write the sums with their bias."""
        vec, builder = self.vec, self.vec.builder
        constant, noted = vec.spread(builder.load(builder.gep(bias, [bias_at]))), vec.load(seen)
        for r in range(LINES):
            target = builder.gep(out, [builder.add(out_at, builder.mul(out_row, I64(r)))])
            for v in range(self.vectors):
                total = vec.add(sums[r * self.vectors + v], constant)
                vec.store(total, builder.gep(target, [I64(v * vec.lanes)]))
                noted = vec.note(noted, total)
        vec.store(noted, seen)
