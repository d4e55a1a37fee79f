"""Kernels that any number of threads do in parts: `parted` makes one of a function of the parts."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from app.core.board import FLAWED, run_job
from app.core.jit import Kernel, brief, inlined

_WORD, _POINTER = ir.IntType(64), ir.IntType(8).as_pointer()


def parted(function: Kernel) -> Kernel:
    """A kernel of function(me, low, high, *arguments), which does the numbers from low to high as thread number `me`.

    The function says whether what it wrote is known to be finite, or nothing. The kernel is for `parallel.run_parted`:
    it takes what `run_job` does, but for the entry, and then the arguments.
    """
    body = inlined(function)

    def part_of(board, threads, signal, lasting, count, least, most, *arguments):
        entry, held = _entry_of(body, arguments)
        return run_job(board, threads, signal, lasting, entry, held, count, least, most)

    part_of.__name__, part_of.__qualname__, part_of.__module__ = (
        function.__name__,
        function.__qualname__,
        function.__module__,
    )
    return brief(part_of, of=function)


def _entry(context: Any, body: Any, arguments: Any) -> Any:
    """The address of an entry that calls `body`, and of the arguments, which lie in the caller's frame.

    An entry has numba's own two places, of which a body that fails writes the second, before the three numbers.
    """
    own = context.resolve_function_type(body, (types.int64,) * 3 + tuple(arguments), {})

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        packed = cgutils.alloca_once_value(builder, values[1])
        kind = ir.FunctionType(ir.IntType(32), [_POINTER, builder.function.args[1].type, _WORD, _WORD, _WORD])
        name = f"part_of_{builder.function.name}"
        entry = ir.Function(builder.module, kind, name)
        entry.linkage = "internal"
        inner = ir.IRBuilder(entry.append_basic_block("entry"))
        held = inner.load(inner.bitcast(entry.args[0], packed.type))
        unpacked = cgutils.unpack_tuple(inner, held, len(arguments))
        said = context.get_function(body, own)(inner, [*entry.args[2:], *unpacked])
        if own.return_type == types.boolean:
            flawed = inner.icmp_unsigned("==", said, said.type(0))
            inner.ret(inner.select(flawed, ir.IntType(32)(FLAWED), ir.IntType(32)(0)))
        else:
            inner.ret(ir.IntType(32)(0))
        addresses = [builder.ptrtoint(each, _WORD) for each in (entry, packed)]
        return context.make_tuple(builder, signature.return_type, addresses)

    return types.UniTuple(types.int64, 2)(body, arguments), write


_entry_of: Any = intrinsic(_entry)
