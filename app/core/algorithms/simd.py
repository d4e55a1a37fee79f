"""Machine code written by hand, as vector operations for LLVM.

numba turns scalar loops into vectors by guesswork: it does not keep a block of sums in
registers, and leaves the ends of short lines to scalar code. So the few innermost pieces
are given to LLVM as vectors. `Vectors` has what they share; `sum_tile` is the heart of
the dense algorithms: R rows of weights meet V vectors of inputs at each tap, and R·V
vectors of sums never leave the registers until the last tap.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

I1, I32, I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)


@cache
def _vector_bytes() -> int:
    """Bytes of a vector register of the processor that kernels are compiled for."""
    named = os.environ.get("NUMBA_CPU_NAME") or "host"
    if named == "host":
        wide = bool(dict(binding.get_host_cpu_features()).get("avx512f"))
    else:
        wide = "avx512" in named or named in ("x86-64-v4", "znver4", "znver5")
    return 64 if wide or "+avx512f" in os.environ.get("NUMBA_CPU_FEATURES", "") else 32


#: Bytes of a vector.
VECTOR = _vector_bytes()

#: Rows of weights of the largest tile; with 32 registers 8·3 sums, with 16 4·3.
ROWS = 8 if VECTOR == 64 else 4

#: Vectors of the widest tile.
WIDEST = 8

#: The shapes of tiles: how many vectors, for each number of rows.
TILES = {
    ROWS: (3, 2, 1),
    ROWS // 2: (6, 3, 2, 1),
    **({ROWS // 4: (8, 4, 2, 1)} if ROWS > 4 else {}),
    1: (8, 4, 2, 1),
}

#: The same of `add_tile`.
ADDING_TILES = {ROWS: (3, 2, 1), ROWS // 2: (3, 2, 1)}


class Vectors:
    """Writes vector instructions for one dtype. Pointers of arrays stand for the arrays."""

    def __init__(self, context: Any, builder: Any, dtype: Any) -> None:
        self.builder = builder
        self.element = context.get_data_type(dtype)
        self.bytes = dtype.bitwidth // 8
        self.lanes = VECTOR // self.bytes
        self.kind = ir.VectorType(self.element, self.lanes)
        self.is_integer = isinstance(self.element, ir.IntType)
        self.nothing = ir.Constant(self.kind, [self.element(0)] * self.lanes)

    def load(self, pointer: Any) -> Any:
        """A vector from here on."""
        return self.builder.load(self._as_vector(pointer), align=self.bytes)

    def store(self, value: Any, pointer: Any) -> None:
        """Write a vector from here on."""
        self.builder.store(value, self._as_vector(pointer), align=self.bytes)

    def fetch(self, pointer: Any) -> None:
        """Have what is here in the first cache soon; nothing is read where there is no memory."""
        place = self.builder.bitcast(pointer, ir.IntType(8).as_pointer())
        kinds = [place.type, I32, I32, I32]
        self._call("llvm.prefetch.p0i8", ir.VoidType(), kinds, [place, I32(0), I32(3), I32(1)])

    def load_some(self, pointer: Any, mask: Any) -> Any:
        """A vector whose elements outside the mask are 0, and not read."""
        arguments = [self._as_vector(pointer), I32(self.bytes), mask, self.nothing]
        kinds = [self.kind.as_pointer(), I32, ir.VectorType(I1, self.lanes), self.kind]
        return self._call(f"llvm.masked.load.{self._suffix}.p0{self._suffix}", self.kind, kinds, arguments)

    def store_some(self, value: Any, pointer: Any, mask: Any) -> None:
        """Write the elements of a vector that the mask has."""
        arguments = [value, self._as_vector(pointer), I32(self.bytes), mask]
        kinds = [self.kind, self.kind.as_pointer(), I32, ir.VectorType(I1, self.lanes)]
        self._call(f"llvm.masked.store.{self._suffix}.p0{self._suffix}", ir.VoidType(), kinds, arguments)

    def below(self, count: Any) -> Any:
        """The mask of the elements whose number is below `count`."""
        numbers = ir.Constant(ir.VectorType(I64, self.lanes), [I64(m) for m in range(self.lanes)])
        return self.builder.icmp_signed("<", numbers, self._spread(count, I64))

    def inside(self, place: Any, length: Any) -> Any:
        """The mask of the elements from a place on that lie in a line of this length."""
        numbers = ir.Constant(ir.VectorType(I32, self.lanes), [I32(m) for m in range(self.lanes)])
        begin, end = (self._spread(self.builder.trunc(value, I32), I32) for value in (place, length))
        return self.builder.icmp_unsigned("<", self.builder.add(numbers, begin), end)

    def spread(self, value: Any) -> Any:
        """A vector of one value."""
        return self._spread(value, self.element)

    def add(self, a: Any, b: Any) -> Any:
        """a + b."""
        return self.builder.add(a, b) if self.is_integer else self.builder.fadd(a, b)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """a·b + c, rounded once where the processor can."""
        if self.is_integer:
            return self.builder.add(c, self.builder.mul(a, b))
        return self._call(f"llvm.fmuladd.{self._suffix}", self.kind, [self.kind] * 3, [a, b, c])

    def sum_up(self, a: Any) -> Any:
        """The sum of a vector's elements, as a scalar: halves are added until one is left."""
        half = self.lanes // 2
        while half:
            a = self.add(a, self.shuffle(a, a, [m % (2 * half) for m in range(half, half + self.lanes)]))
            half //= 2
        return self.builder.extract_element(a, I32(0))

    def magnitude(self, value: Any) -> Any:
        """|value|, of floats."""
        return self._call(f"llvm.fabs.{self._suffix}", self.kind, [self.kind], [value])

    def note(self, seen: Any, output: Any) -> Any:
        """`seen`, and of a float output whether it is finite: 0 as long as all are, NaN from the first that is not."""
        if self.is_integer:
            return seen
        return self.builder.fadd(seen, self.builder.fsub(output, output))

    def shuffle(self, a: Any, b: Any, order: Sequence[int]) -> Any:
        """The elements of a and b in this order."""
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, len(order)), list(order)))

    @property
    def _suffix(self) -> str:
        return f"v{self.lanes}{'i' if self.is_integer else 'f'}{8 * self.bytes}"

    def _as_vector(self, pointer: Any) -> Any:
        return self.builder.bitcast(pointer, self.kind.as_pointer())

    def _spread(self, value: Any, element: Any) -> Any:
        undefined = ir.Constant(ir.VectorType(element, self.lanes), ir.Undefined)
        first = self.builder.insert_element(undefined, value, I32(0))
        return self.shuffle(first, undefined, [0] * self.lanes)

    def _call(self, name: str, result: Any, kinds: Sequence[Any], arguments: Sequence[Any]) -> Any:
        kind: Any = ir.FunctionType(result, kinds)
        function: Any = cgutils.get_or_insert_function(self.builder.module, kind, name)  # type: ignore[no-untyped-call]
        return self.builder.call(function, arguments)


def pointers(context: Any, builder: Any, kinds: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """The values, with arrays as pointers to their first element."""
    return [
        context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
        for kind, value in zip(kinds, values, strict=True)
    ]


def loop(builder: Any, count: Any, write: Callable[[Any], None]) -> None:
    """Write a loop over 0 to `count`; `write` gets the number and leaves the block open."""
    before, body, after = builder.block, builder.append_basic_block("body"), builder.append_basic_block("after")
    builder.cbranch(builder.icmp_signed("<", I64(0), count), body, after)
    builder.position_at_end(body)
    number = builder.phi(I64)
    write(number)
    following = builder.add(number, I64(1))
    number.add_incoming(I64(0), before)
    number.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, count), body, after)
    builder.position_at_end(after)


def piece(function: Callable[..., Any]) -> Any:
    """A piece of kernels whose instructions are written here.

    The function gets the types of the arguments, and returns the signature and what writes it.
    """
    return intrinsic(function)


@piece
def sum_tile(
    _context, rows, vectors, x, x_at, places, place_at, taps, w, w_at, w_row, live, bias, bias_at, out, out_at, out_row
):
    """Sum rows × vectors of outputs over all taps, for one of the shapes in `TILES`.

        out[out_at + r·out_row + m] = Σ over t of w[w_at + r·w_row + t]·x[x_at + places[place_at + t] + m]
                                      + bias[bias_at + r]

    for r below `rows` and m below vectors·(elements of a vector), in flat arrays. Taps are
    summed in their order, for every m alike, so a result does not depend on where tiles
    begin. Only `live` rows exist; the others repeat the last of them. x is read, and out
    written, over whole vectors.
    """
    i = types.int64
    signature = types.void(i, i, x, i, places, i, i, w, i, i, i, bias, i, out, i, i)
    return _choosing(signature, TILES, _finish_summing)


@piece
def sum_tile_and_note(
    _context, rows, vectors, x, x_at, places, place_at, taps, w, w_at, w_row, live, steps, bias, bias_at,
    out, out_at, out_row, seen,
):  # fmt: skip
    """As `sum_tile`, with the weight of a tap at w[w_at + r·w_row + steps[place_at + t]].

    It notes in a vector `seen` whether all sums are finite (`Vectors.note`).
    """
    i = types.int64
    signature = types.void(i, i, x, i, places, i, i, w, i, i, i, steps, bias, i, out, i, i, seen)
    return _choosing(signature, TILES, _finish_summing, "steps")


@piece
def add_tile(
    _context, rows, vectors, x, x_at, places, place_at, taps, w, w_at, w_row, live, ahead, adds, out, out_at, out_row
):
    """As `sum_tile` for `ADDING_TILES`, without a bias; where `adds` is not 0, to what `out` holds.

    All `rows` of `out` are written; those from `live` on hold what is of no use. Weights come in `rows` rows without
    gaps; those that follow, `ahead` of these, are fetched meanwhile: the processor does not foresee them.
    """
    i = types.int64
    signature = types.void(i, i, x, i, places, i, i, w, i, i, i, i, i, out, i, i)
    return _choosing(signature, ADDING_TILES, _finish_adding, "ahead")


def _choosing(signature: Any, tiles: Mapping[int, tuple[int, ...]], finish: Callable[..., None], *more: str) -> Any:
    """What writes a piece that sums a tile of one of these shapes; `finish` writes where the sums go.

    Its arguments after the shape are those that `_write_tile` takes in any case, `more` of them, and those of `finish`.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, vectors, *rest = pointers(context, builder, signature.args, arguments)
        what, own, where = rest[:_ALWAYS], rest[_ALWAYS : _ALWAYS + len(more)], rest[_ALWAYS + len(more) :]
        shape = builder.add(builder.mul(rows, I64(WIDEST + 1)), vectors)
        after = builder.append_basic_block("summed")
        choice = builder.switch(shape, after)
        for r, widths in tiles.items():
            for v in widths:
                block = builder.append_basic_block(f"tile_{r}_{v}")
                choice.add_case(I64(r * (WIDEST + 1) + v), block)
                builder.position_at_end(block)
                vec = Vectors(context, builder, signature.args[2].dtype)
                summed, real = _write_tile(vec, r, v, *what, **dict(zip(more, own, strict=True)))
                finish(vec, summed, real, *where)
                builder.branch(after)
        builder.position_at_end(after)
        return context.get_dummy_value()

    return signature, generate


#: How many arguments tell what is summed, after the shape.
_ALWAYS = 9

Sums = list[list[Any]]


def _write_tile(
    vec: Vectors, rows: int, vectors: int,
    x: Any, x_at: Any, places: Any, place_at: Any, taps: Any, w: Any, w_at: Any, w_row: Any, live: Any, *,
    steps: Any = None, ahead: Any = None,
) -> tuple[Sums, list[Any]]:  # fmt: skip
    """The instructions of all taps for one shape: the sums, and the number of each row; arrays are pointers."""
    builder = vec.builder
    x, places = builder.gep(x, [x_at]), builder.gep(places, [place_at])
    steps = None if steps is None else builder.gep(steps, [place_at])
    last = builder.sub(live, I64(1))
    real = [builder.select(builder.icmp_signed("<", I64(r), last), I64(r), last) for r in range(rows)]
    weights = [builder.gep(w, [builder.add(w_at, builder.mul(r, w_row))]) for r in real]
    before, body, after = builder.block, builder.append_basic_block("tap"), builder.append_basic_block("sums")
    builder.branch(body)
    builder.position_at_end(body)
    tap = builder.phi(I64)
    sums = [[builder.phi(vec.kind) for _ in range(vectors)] for _ in range(rows)]
    source = builder.gep(x, [builder.load(builder.gep(places, [tap]))])
    inputs = [vec.load(builder.gep(source, [I64(v * vec.lanes)])) for v in range(vectors)]
    step = tap if steps is None else builder.load(builder.gep(steps, [tap]))
    summed = []
    for r in range(rows):
        weight = vec.spread(builder.load(builder.gep(weights[r], [step])))
        summed.append([vec.multiply_add(weight, inputs[v], sums[r][v]) for v in range(vectors)])
    if ahead is not None:
        vec.fetch(builder.gep(w, [builder.add(builder.add(w_at, ahead), builder.mul(tap, I64(rows)))]))
    following = builder.add(tap, I64(1))
    tap.add_incoming(I64(0), before)
    tap.add_incoming(following, body)
    for r in range(rows):
        for v in range(vectors):
            sums[r][v].add_incoming(vec.nothing, before)
            sums[r][v].add_incoming(summed[r][v], body)
    _keep_rolled(builder, builder.cbranch(builder.icmp_signed("<", following, taps), body, after))
    builder.position_at_end(after)
    return summed, real


def _keep_rolled(builder: Any, branch: Any) -> None:
    """Have LLVM leave the loop that ends with this branch as it is: for two turns in one there are too few registers.

    The node that says so refers to itself, as LLVM's language reference asks of loops.
    """
    off = builder.module.add_metadata([ir.MetaDataString(builder.module, "llvm.loop.unroll.disable")])
    node = ir.MDValue(builder.module, [off], name=str(len(builder.module.metadata)))
    node.operands = (node, off)
    branch.set_metadata("llvm.loop", node)


def _finish_summing(
    vec: Vectors, summed: Sums, real: list[Any], bias: Any, bias_at: Any, out: Any, out_at: Any, out_row: Any,
    seen: Any = None,
) -> None:  # fmt: skip
    """Add the bias, and write the sums of each row to its place in the output."""
    builder = vec.builder
    noted = [vec.nothing] * len(summed[0])
    for r, sums in enumerate(summed):
        added = vec.spread(builder.load(builder.gep(bias, [builder.add(bias_at, real[r])])))
        target = builder.gep(out, [builder.add(out_at, builder.mul(real[r], out_row))])
        for v, one in enumerate(sums):
            total = vec.add(one, added)
            vec.store(total, builder.gep(target, [I64(v * vec.lanes)]))
            if seen is not None:
                noted[v] = vec.note(noted[v], total)
    if seen is not None:
        vec.store(reduce(vec.add, noted, vec.load(seen)), seen)


def _finish_adding(
    vec: Vectors, summed: Sums, _real: list[Any], adds: Any, out: Any, out_at: Any, out_row: Any
) -> None:
    """Add the sums to what is there, or write them in its place."""
    builder = vec.builder
    is_more = builder.icmp_signed("!=", adds, I64(0))
    for r, sums in enumerate(summed):
        target = builder.gep(out, [builder.add(out_at, builder.mul(I64(r), out_row))])
        for v, one in enumerate(sums):
            place = builder.gep(target, [I64(v * vec.lanes)])
            before = builder.select(is_more, vec.load(place), vec.nothing)
            vec.store(vec.add(one, before), place)
