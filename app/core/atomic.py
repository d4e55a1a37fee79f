"""Words of memory that several threads change, for kernels: each of these does one thing to `words[at]` at once.

All threads see all that is done so in one order.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_ORDER = "seq_cst"


def _place(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    words = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(words.data, [arguments[1]])


def _load(_context: Any, words: Any, at: Any) -> Any:
    """What is there now: the compiler would make a plain load once, before a loop."""

    def load(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_place(context, builder, signature, arguments), _ORDER, 8)

    return types.int64(words, at), load


def _store(_context: Any, words: Any, at: Any, _value: Any) -> Any:
    """Write a value."""

    def store(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[2], _place(context, builder, signature, arguments), _ORDER, 8)
        return context.get_dummy_value()

    return types.void(words, at, types.int64), store


def _add(_context: Any, words: Any, at: Any, _value: Any) -> Any:
    """Add a value; what was there before."""

    def add(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.atomic_rmw("add", _place(context, builder, signature, arguments), arguments[2], _ORDER)

    return types.int64(words, at, types.int64), add


def _swap(_context: Any, words: Any, at: Any, _expected: Any, _value: Any) -> Any:
    """Write a value where the expected one is; whether it was."""

    def swap(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature, arguments)
        return builder.extract_value(builder.cmpxchg(place, *arguments[2:], _ORDER, _ORDER), 1)

    return types.boolean(words, at, types.int64, types.int64), swap


def _look_at(_context: Any, _address: Any) -> Any:
    """The word at an address, as it is now."""

    def look(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()), _ORDER, 8)

    return types.int64(types.int64), look


load: Any = intrinsic(_load)
store: Any = intrinsic(_store)
add: Any = intrinsic(_add)
swap: Any = intrinsic(_swap)
look_at: Any = intrinsic(_look_at)
