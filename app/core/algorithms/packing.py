"""Named tuples of whole numbers as rows of int64, which a kernel takes in their place.

To take a tuple apart at a call, Python looks at each of its fields: two microseconds for some forty of them,
during which no other thread can begin a call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import types

from app.core.algorithms.taps import Int64Array
from app.core.algorithms.vectors.simd import I64, piece, pointers


def packed(numbers: Sequence[int]) -> Int64Array:
    """A named tuple as a row."""
    return np.array(numbers, np.int64)


def unpacking(kind: type[NamedTuple]) -> Any:
    """A piece of kernels that makes such a named tuple of a row again."""
    made = _tuple_type(kind)

    def unpack(_context: Any, row: Any) -> Any:
        """The named tuple."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            (start,) = pointers(context, builder, signature.args, arguments)
            return _read(context, builder, made, start)

        return made(row), generate

    return piece(unpack)


def picking(kind: type[NamedTuple]) -> Any:
    """A piece of kernels that makes such a named tuple of one of several rows.

    To take a record of a structured array would count a reference to it.
    """
    made = _tuple_type(kind)

    def pick(_context: Any, rows: Any, _number: Any) -> Any:
        """The named tuple of this row."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            start, number = pointers(context, builder, signature.args, arguments)
            return _read(context, builder, made, builder.gep(start, [builder.mul(number, I64(made.count))]))

        return made(rows, types.int64), generate

    return piece(pick)


def _tuple_type(kind: type[NamedTuple]) -> Any:
    return types.NamedUniTuple(types.int64, len(kind._fields), kind)  # type: ignore[no-untyped-call]


def _read(context: Any, builder: Any, made: Any, start: Any) -> Any:
    fields = [builder.load(builder.gep(start, [I64(number)])) for number in range(made.count)]
    return context.make_tuple(builder, made, fields)
