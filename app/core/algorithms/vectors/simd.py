"""Machine code written by hand, as vector operations for LLVM.

numba turns scalar loops into vectors by guesswork: it does not keep a block of sums in
registers, and leaves the ends of short lines to scalar code. So the few innermost pieces
are given to LLVM as vectors. `Vectors` has what they share.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
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

#: Lines are shorter than this: masks count places in 32 bits (`Vectors.inside`).
LONGEST = 2**30

#: Vectors of the widest tile.
WIDEST = 8


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

    def load(self, pointer: Any, *, aligned: bool = False) -> Any:
        """A vector from here on, which may be known to lie in one line of the cache."""
        return self.builder.load(self._as_vector(pointer), align=VECTOR if aligned else self.bytes)

    def store(self, value: Any, pointer: Any, *, aligned: bool = False) -> None:
        """Write a vector from here on, which may be known to lie in one line of the cache."""
        self.builder.store(value, self._as_vector(pointer), align=VECTOR if aligned else self.bytes)

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

    def of_bits(self, bits: Any) -> Any:
        """The mask whose elements are the lowest bits of a number."""
        return self.builder.bitcast(self.builder.trunc(bits, ir.IntType(self.lanes)), ir.VectorType(I1, self.lanes))

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

    def larger(self, a: Any, b: Any) -> Any:
        """The larger of each two floats; b, where a is NaN."""
        return self.builder.select(self.builder.fcmp_ordered(">", a, b), a, b)

    def sum_all(self, vectors: Sequence[Any]) -> list[Any]:
        """The sum of the elements of each vector, in their order: as few vectors of them as can be.

        Two vectors are halved and put together at once, until each element is the sum of another one.
        """
        made = []
        for first in range(0, len(vectors), self.lanes):
            level, apart = list(vectors[first : first + self.lanes]), 1
            while apart < self.lanes:
                level += level[-1:] if len(level) % 2 else []
                level = [self._folded(a, b, apart) for a, b in zip(level[::2], level[1::2], strict=True)]
                apart *= 2
            made.append(level[0])
        return made

    def magnitude(self, value: Any) -> Any:
        """|value|, of floats."""
        return self._call(f"llvm.fabs.{self._suffix}", self.kind, [self.kind], [value])

    def note(self, seen: Any, output: Any) -> Any:
        """`seen`, and of a float output whether it is finite: 0 as long as all are, NaN from the first that is not."""
        if self.is_integer:
            return seen
        return self.builder.fadd(seen, self.builder.fsub(output, output))

    def note_bits(self, seen: Any, input_: Any) -> Any:
        """`seen`, and of an integer input the bits of its magnitude, or of that less one."""
        if not self.is_integer:
            return seen
        signs = self.builder.ashr(input_, self.spread(self.element(8 * self.bytes - 1)))
        return self.builder.or_(seen, self.builder.xor(input_, signs))

    def shuffle(self, a: Any, b: Any, order: Sequence[int]) -> Any:
        """The elements of a and b in this order."""
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, len(order)), list(order)))

    def _folded(self, a: Any, b: Any, apart: int) -> Any:
        """Sums of elements so far apart: those of a where the number has no such bit, and those of b where it has."""
        of_b = [bool(m & apart) for m in range(self.lanes)]
        low = [m - apart + self.lanes if other else m for m, other in enumerate(of_b)]
        high = [m + self.lanes if other else m + apart for m, other in enumerate(of_b)]
        return self.add(self.shuffle(a, b, low), self.shuffle(a, b, high))

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


def summed_over(
    builder: Any, count: Any, begun: Sequence[Any], write: Callable[[Any, list[Any]], list[Any]]
) -> list[Any]:
    """Write a loop over 0 to `count`, one turn at least, whose vectors stay in registers.

    `write` gets the number and the vectors so far, at first `begun`, and returns those of the next turn; the last ones
    are returned. LLVM is to leave the loop as it is: for two turns in one there are too few registers.
    """
    before, body, after = builder.block, builder.append_basic_block("turn"), builder.append_basic_block("summed")
    builder.branch(body)
    builder.position_at_end(body)
    number, held = builder.phi(I64), [builder.phi(one.type) for one in begun]
    summed = write(number, held)
    following = builder.add(number, I64(1))
    for phi, begin, going in ((number, I64(0), following), *zip(held, begun, summed, strict=True)):
        phi.add_incoming(begin, before)
        phi.add_incoming(going, builder.block)
    _keep_rolled(builder, builder.cbranch(builder.icmp_signed("<", following, count), body, after))
    builder.position_at_end(after)
    return summed


def write_noted(vec: Vectors, totals: Sequence[tuple[Any, Any]], seen: Any) -> None:
    """Write each sum to its place, which begins with a line of the cache, and note it in `seen` (`Vectors.note`)."""
    noted = vec.load(seen)
    for total, place in totals:
        vec.store(total, place, aligned=True)
        noted = vec.note(noted, total)
    vec.store(noted, seen)


def _keep_rolled(builder: Any, branch: Any) -> None:
    """Have LLVM leave the loop that ends with this branch as it is.

    The node that says so refers to itself, as LLVM's language reference asks of loops.
    """
    off = builder.module.add_metadata([ir.MetaDataString(builder.module, "llvm.loop.unroll.disable")])
    node = ir.MDValue(builder.module, [off], name=str(len(builder.module.metadata)))
    node.operands = (node, off)
    branch.set_metadata("llvm.loop", node)


def choose(builder: Any, number: Any, cases: Mapping[int, Callable[[], None]]) -> None:
    """Write a choice by a number, nothing where it is none of the cases; each writes its own, in a block left open."""
    after = builder.append_basic_block("chosen")
    choice = builder.switch(number, after)
    for value, write in cases.items():
        block = builder.append_basic_block(f"case_{value}")
        choice.add_case(I64(value), block)
        builder.position_at_end(block)
        write()
        builder.branch(after)
    builder.position_at_end(after)


def piece(function: Callable[..., Any]) -> Any:
    """A piece of kernels whose instructions are written here.

    The function gets the types of the arguments, and returns the signature and what writes it.
    """
    return intrinsic(function)
