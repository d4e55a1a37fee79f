"""Dot products of rows of weights and columns of inputs, vectors of both along the taps; written by hand for LLVM."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any

from numba import types

from app.core.algorithms.vectors.simd import I32, I64, ROWS, Vectors, choose, piece, pointers
from app.core.jit import inlined

#: Columns of the widest tile.
COLUMNS = 3

#: With fewer taps the sums at the ends of the dot products would be most of the work.
FEWEST_TAPS = 64


@inlined
def at_once(left):
    """How many columns to take of so many that are left: sums of one alone would wait for those before."""
    return (COLUMNS + 1) // 2 if left == COLUMNS + 1 else min(COLUMNS, left)


@piece
def dot_tile(
    _context, count, w, w_at, w_row, live, columns, columns_at, columns_row, taps,
    bias, bias_at, out, out_at, out_row, targets, targets_at, seen,
):  # fmt: skip
    """`ROWS` × `count` dot products, of 1 to `COLUMNS` columns.

        out[out_at + r·out_row + targets[targets_at + c]] = bias[bias_at + r]
            + Σ over t of w[w_at + r·w_row + t]·columns[columns_at + c·columns_row + t]

    Only `live` rows exist; the others repeat the last of them. What is seen of the
    outputs comes into `seen` (`Vectors.note`).
    """
    i = types.int64
    signature = types.void(i, w, i, i, i, columns, i, i, i, bias, i, out, i, i, targets, i, seen)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count, *rest = pointers(context, builder, signature.args, arguments)
        vec = Vectors(context, builder, signature.args[1].dtype)
        choose(builder, count, {c: partial(_write_dots, vec, c, *rest) for c in range(1, COLUMNS + 1)})
        return context.get_dummy_value()

    return signature, generate


def _write_dots(
    vec: Vectors, count: int, w: Any, w_at: Any, w_row: Any, live: Any, columns: Any, columns_at: Any, columns_row: Any,
    taps: Any, bias: Any, bias_at: Any, out: Any, out_at: Any, out_row: Any, targets: Any, targets_at: Any,
    seen: Any,
) -> None:  # fmt: skip
    """The instructions of `dot_tile` for one number of columns; arrays are pointers."""
    builder = vec.builder
    last = builder.sub(live, I64(1))
    real = [builder.select(builder.icmp_signed("<", I64(r), last), I64(r), last) for r in range(ROWS)]
    kernels = [builder.gep(w, [builder.add(w_at, builder.mul(r, w_row))]) for r in real]
    inputs = [builder.gep(columns, [builder.add(columns_at, builder.mul(columns_row, I64(c)))]) for c in range(count)]
    whole = builder.mul(builder.sdiv(taps, I64(vec.lanes)), I64(vec.lanes))

    def added(sums: list[Any], at: Any, some: Any) -> list[Any]:
        def load(row: Any) -> Any:
            place = builder.gep(row, [at])
            return vec.load(place) if some is None else vec.load_some(place, some)

        met = [load(own) for own in inputs]
        following = []
        for r in range(ROWS):
            weights = load(kernels[r])
            following += [vec.multiply_add(weights, met[c], sums[r * count + c]) for c in range(count)]
        return following

    before, body, after = (builder.block, *(builder.append_basic_block(name) for name in ("dot", "end")))
    builder.cbranch(builder.icmp_signed("<", I64(0), whole), body, after)
    builder.position_at_end(body)
    at = builder.phi(I64)
    sums = [builder.phi(vec.kind) for _ in range(ROWS * count)]
    summed = added(sums, at, None)
    following = builder.add(at, I64(vec.lanes))
    at.add_incoming(I64(0), before)
    at.add_incoming(following, body)
    for one, new in zip(sums, summed, strict=True):
        one.add_incoming(vec.nothing, before)
        one.add_incoming(new, body)
    builder.cbranch(builder.icmp_signed("<", following, whole), body, after)
    builder.position_at_end(after)
    ends = [builder.phi(vec.kind) for _ in summed]
    for one, new in zip(ends, summed, strict=True):
        one.add_incoming(vec.nothing, before)
        one.add_incoming(new, body)
    ends = added(ends, whole, vec.below(builder.sub(taps, whole)))
    totals = vec.sum_all([ends[r * count + c] for c in range(count) for r in range(ROWS)])
    known = vec.load_some(builder.gep(bias, [bias_at]), vec.below(live))
    constants = vec.shuffle(known, known, [m % ROWS for m in range(vec.lanes)])
    totals = [vec.add(total, constants) for total in totals]
    targets = [builder.load(builder.gep(targets, [builder.add(targets_at, I64(c))])) for c in range(count)]
    for r in reversed(range(ROWS)):  # what repeats the last row goes before it, to the same place: it has no constant
        target = builder.gep(out, [builder.add(out_at, builder.mul(real[r], out_row))])
        for c in range(count):
            vector, element = divmod(c * ROWS + r, vec.lanes)
            builder.store(builder.extract_element(totals[vector], I32(element)), builder.gep(target, [targets[c]]))
    vec.store(reduce(vec.note, totals, vec.load(seen)), seen)
