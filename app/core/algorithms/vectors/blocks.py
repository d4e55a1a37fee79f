"""Blocks of a few lines of outputs, for kernels of 3, 5 or 7 lines; written by hand for LLVM."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

from numba import types

from app.core.algorithms.vectors.simd import I64, Vectors, choose, piece, pointers
from app.core.algorithms.vectors.walks import LINES
from app.core.jit import inlined

#: Lines of a kernel, and steps of its windows, that there is machine code for.
KERNELS, STEPS = (3, 5, 7), (1, 2)

#: Lines and vectors of a block, 0 for half a vector, for which half the inputs are enough. Of one vector more lines are
#: summed at once, or each sum would wait for the one before.
SHAPES = ((LINES, 2), (LINES, 1), (TALL := 7, 1), (TALL, 0))


def is_made(kernel: int, step: int, lines: int, vectors: int) -> bool:
    """Whether there are such blocks, for a kernel of so many lines whose windows move by such a step: 3×3 is walked."""
    if vectors == 0:
        return step > 1
    return lines == LINES or (step == 1 and kernel > KERNELS[0])


@inlined
def which(kernel: int, step: int, lines: int, vectors: int) -> int:
    """The number of a kind of block."""
    return ((kernel * 4 + step) * 8 + lines) * 4 + vectors


@piece
def sum_lines(
    _context, kind, x, inputs, kernels, planes, line, lines, length, first, w, columns, bias, bias_at, blank,
    out, out_at, out_row, live, count, seen,
):  # fmt: skip
    """A block of lines of outputs, one or two vectors wide (`SHAPES`), summed over so many planes of input.

    `kind` is the number of its kind. Plane j begins at x[inputs[j]] and
    meets the weights from w[kernels[j]] on, rows of `columns`. The block's first window begins
    at `line` and `first` of a plane of `lines` × `length`; `live` lines of it exist, and
    `count` outputs are left in a line of `out`. `blank` begins with a line of zeros, which
    stands for lines outside; what is seen of the outputs comes into `seen` (`Vectors.note`).
    """
    i = types.int64
    signature = types.void(i, x, inputs, kernels, i, i, i, i, i, w, i, bias, i, blank, out, i, i, i, i, seen)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, *rest = pointers(context, builder, signature.args, arguments)
        vec = Vectors(context, builder, signature.args[1].dtype)
        kinds = [(kernel, step, *shape) for kernel, step, shape in itertools.product(KERNELS, STEPS, SHAPES)]
        made = {which(*own): partial(_Block(vec, *own).write, *rest) for own in kinds if is_made(*own)}
        choose(builder, kind, made)
        return context.get_dummy_value()

    return signature, generate


class _Block:
    """The instructions of `sum_lines` for one kind of block; arrays are pointers."""

    def __init__(self, vec: Vectors, kernel: int, step: int, lines: int, vectors: int) -> None:
        self.vec, self.kernel, self.step, self.lines, self.vectors = vec, kernel, step, lines, max(1, vectors)
        self.parts = step if vectors else 1
        self.met = (lines - 1) * step + kernel

    def write(
        self, x: Any, inputs: Any, kernels: Any, planes: Any, line: Any, lines: Any, length: Any, first: Any,
        w: Any, columns: Any, bias: Any, bias_at: Any, blank: Any, out: Any, out_at: Any, out_row: Any,
        live: Any, count: Any, seen: Any,
    ) -> None:  # fmt: skip
        """Two loops, over planes and columns of the kernel, around the sums of a column."""
        vec, builder = self.vec, self.vec.builder
        constant = vec.spread(builder.load(builder.gep(bias, [bias_at])))
        before = builder.block
        plane_block, column_block, next_block, after = (
            builder.append_basic_block(name) for name in ("plane", "column", "next_plane", "lines_end")
        )
        builder.cbranch(builder.icmp_signed("<", I64(0), planes), plane_block, after)

        builder.position_at_end(plane_block)
        plane, outer = builder.phi(I64), self._phis()
        source = builder.gep(x, [builder.load(builder.gep(inputs, [plane]))])
        weights = builder.gep(w, [builder.load(builder.gep(kernels, [plane]))])
        places = [self._line(source, blank, builder.add(line, I64(i)), lines, length) for i in range(self.met)]
        builder.branch(column_block)

        builder.position_at_end(column_block)
        column, inner = builder.phi(I64), self._phis()
        summed = self._column(inner, places, builder.add(first, column), length, weights, columns, column)
        following = builder.add(column, I64(1))
        builder.cbranch(builder.icmp_signed("<", following, columns), column_block, next_block)
        column.add_incoming(I64(0), plane_block)
        column.add_incoming(following, column_block)

        builder.position_at_end(next_block)
        next_plane = builder.add(plane, I64(1))
        builder.cbranch(builder.icmp_signed("<", next_plane, planes), plane_block, after)
        plane.add_incoming(I64(0), before)
        plane.add_incoming(next_plane, next_block)
        for begun, going, done in zip(outer, inner, summed, strict=True):
            begun.add_incoming(vec.nothing, before)
            begun.add_incoming(done, next_block)
            going.add_incoming(begun, plane_block)
            going.add_incoming(done, column_block)

        builder.position_at_end(after)
        ends = self._phis()
        for end, done in zip(ends, summed, strict=True):
            end.add_incoming(vec.nothing, before)
            end.add_incoming(done, next_block)
        noted = vec.load(seen)
        for r in range(self.lines):
            exists = builder.select(builder.icmp_signed("<", I64(r), live), count, I64(0))
            target = builder.gep(out, [builder.add(out_at, builder.mul(out_row, I64(r)))])
            for v in range(self.vectors):
                some = vec.below(builder.sub(exists, I64(v * vec.lanes)))
                total = vec.add(ends[r * self.vectors + v], constant)
                vec.store_some(total, builder.gep(target, [I64(v * vec.lanes)]), some)
                noted = vec.note(noted, total)
        vec.store(noted, seen)

    def _phis(self) -> list[Any]:
        return [self.vec.builder.phi(self.vec.kind) for _ in range(self.lines * self.vectors)]

    def _line(self, source: Any, blank: Any, line: Any, lines: Any, length: Any) -> Any:
        """Where a line of a plane begins; lines outside are blank."""
        builder = self.vec.builder
        inside = builder.icmp_unsigned("<", line, lines)
        return builder.select(inside, builder.gep(source, [builder.mul(line, length)]), blank)

    def _column(
        self, sums: list[Any], places: list[Any], first: Any, length: Any, weights: Any, columns: Any, column: Any
    ) -> list[Any]:
        """The sums with one column of a kernel added to them."""
        vec, builder = self.vec, self.vec.builder
        column_weights = [
            vec.spread(builder.load(builder.gep(weights, [builder.add(builder.mul(columns, I64(k)), column)])))
            for k in range(self.kernel)
        ]
        summed = list(sums)
        for v in range(self.vectors):
            at = builder.add(first, I64(v * vec.lanes * self.step))
            masks = [vec.inside(builder.add(at, I64(j * vec.lanes)), length) for j in range(self.parts)]
            for i, place in enumerate(places):
                met = self._inputs(builder.gep(place, [at]), masks)
                for r in range(self.lines):
                    k, number = i - r * self.step, r * self.vectors + v
                    if 0 <= k < self.kernel:
                        summed[number] = vec.multiply_add(column_weights[k], met, summed[number])
        return summed

    def _inputs(self, pointer: Any, masks: list[Any]) -> Any:
        """A vector of every step-th element from here on."""
        vec, builder = self.vec, self.vec.builder
        parts = [vec.load_some(builder.gep(pointer, [I64(j * vec.lanes)]), mask) for j, mask in enumerate(masks)]
        return parts[0] if self.step == 1 else vec.shuffle(parts[0], parts[-1], range(0, 2 * vec.lanes, 2))
