"""Kernels of 3×3 walked along a few lines of one plane; written by hand for LLVM.

The nine weights stay in registers all along the lines. Masks are made at the ends of lines
alone: in between every window lies within.
"""

from __future__ import annotations

from typing import Any

from numba import types

from app.core.algorithms.vectors.simd import I64, Vectors, piece, pointers

#: Lines and columns of the kernel.
KERNEL = 3

#: Lines of outputs. Of lines that are powers of two apart a cache keeps eight: more of them would push each other out.
LINES = 4


@piece
def walk_lines(
    _context, x, x_at, line, lines, length, first, w, w_at, bias, bias_at, blank,
    out, out_at, out_row, live, count, seen,
):  # fmt: skip
    """`LINES` lines of `count` outputs, from x[x_at], a plane of `lines` × `length`, and the weights from w[w_at] on.

    The first window begins at `line` and `first`, either of which may lie outside; windows
    move by one. Only `live` lines of outputs exist. `blank` has a line of zeros, which
    stands for inputs outside, and behind it room for a line of outputs that do not exist.
    What is seen comes into `seen`: of floats of the outputs (`Vectors.note`), of integers of all inputs in the windows
    (`Vectors.note_bits`).
    """
    i = types.int64
    signature = types.void(x, i, i, i, i, i, w, i, bias, i, blank, out, i, i, i, i, seen)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vec = Vectors(context, builder, signature.args[0].dtype)
        _Walk(vec, *pointers(context, builder, signature.args, arguments)).write()
        return context.get_dummy_value()

    return signature, generate


class _Walk:
    """The instructions of `walk_lines`; arrays are pointers."""

    def __init__(
        self, vec: Vectors, x: Any, x_at: Any, line: Any, lines: Any, length: Any, first: Any, w: Any, w_at: Any,
        bias: Any, bias_at: Any, blank: Any, out: Any, out_at: Any, out_row: Any, live: Any, count: Any, seen: Any,
    ) -> None:  # fmt: skip
        self.vec, self.builder = vec, vec.builder
        self.length, self.first, self.count, self.seen = length, first, count, seen
        self.constant = self._spread(bias, bias_at)
        self.weights = [self._spread(w, self._plus(w_at, k)) for k in range(KERNEL * KERNEL)]
        source, target = self._at(x, x_at), self._at(out, out_at)
        self.sources, self.targets = [], []
        for i in range(LINES + KERNEL - 1):
            place = self._plus(line, i)
            exists = self.builder.icmp_unsigned("<", place, lines)
            own = self._at(source, self.builder.mul(place, length))
            self.sources.append(self.builder.select(exists, own, blank))
        for r in range(LINES):
            exists = self.builder.icmp_signed("<", I64(r), live)
            own = self._at(target, self.builder.mul(out_row, I64(r)))
            self.targets.append(self.builder.select(exists, own, self._at(blank, length)))

    def write(self) -> None:
        """A loop over the vectors of a line, with and without masks."""
        vec, builder = self.vec, self.builder
        before, had = builder.block, vec.load(self.seen)
        head, within, at_end, go_on, after = (
            builder.append_basic_block(name) for name in ("vector", "within", "at_end", "go_on", "walked")
        )
        builder.branch(head)
        builder.position_at_end(head)
        column, seen = builder.phi(I64), builder.phi(vec.kind)
        place = builder.add(self.first, column)
        fits = [
            builder.icmp_signed(">=", place, I64(0)),
            builder.icmp_signed("<=", self._plus(place, vec.lanes + KERNEL - 1), self.length),
            # The last vector of integers counts as an end: there the whole width of its windows is noted.
            builder.icmp_signed("<" if vec.is_integer else "<=", self._plus(column, vec.lanes), self.count),
        ]
        builder.cbranch(builder.and_(fits[0], builder.and_(fits[1], fits[2])), within, at_end)

        noted = {}
        for block, masked in ((within, False), (at_end, True)):
            builder.position_at_end(block)
            noted[block] = self._vector(column, place, seen, masked=masked)
            builder.branch(go_on)

        builder.position_at_end(go_on)
        all_seen = builder.phi(vec.kind)
        for block, value in noted.items():
            all_seen.add_incoming(value, block)
        following = self._plus(column, vec.lanes)
        for phi, begun, going in ((column, I64(0), following), (seen, had, all_seen)):
            phi.add_incoming(begun, before)
            phi.add_incoming(going, go_on)
        builder.cbranch(builder.icmp_signed("<", following, self.count), head, after)
        builder.position_at_end(after)
        vec.store(all_seen, self.seen)

    def _vector(self, column: Any, place: Any, seen: Any, *, masked: bool) -> Any:
        """Sum and store one vector of each line; what is seen by then."""
        vec = self.vec
        masks = [vec.inside(self._plus(place, k), self.length) for k in range(KERNEL)] if masked else []
        sums = [self.constant] * LINES
        for i, source in enumerate(self.sources):
            for k in range(KERNEL):
                pointer = self._at(source, self._plus(place, k))
                met = vec.load_some(pointer, masks[k]) if masked else vec.load(pointer)
                if masked or k == 0:
                    seen = vec.note_bits(seen, met)
                for r in range(max(0, i - KERNEL + 1), min(LINES, i + 1)):
                    sums[r] = vec.multiply_add(self.weights[(i - r) * KERNEL + k], met, sums[r])
        left = vec.below(self.builder.sub(self.count, column)) if masked else None
        for total, target in zip(sums, self.targets, strict=True):
            if masked:
                vec.store_some(total, self._at(target, column), left)
            else:
                vec.store(total, self._at(target, column))
            seen = vec.note(seen, total)
        return seen

    def _spread(self, array: Any, place: Any) -> Any:
        return self.vec.spread(self.builder.load(self._at(array, place)))

    def _at(self, array: Any, place: Any) -> Any:
        return self.builder.gep(array, [place])

    def _plus(self, value: Any, number: int) -> Any:
        return self.builder.add(value, I64(number))
