"""Answers to JSON text, in pieces: their tensors may be long."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson

from app.core.layout import Array

Pieces = list[bytes | memoryview]

#: Numbers that are written at once. orjson makes an object of a hundred bytes for each row, and for each row of rows,
#: before it writes the first, and nobody else has the interpreter meanwhile.
AT_ONCE = 2**14

#: The most bytes that one number takes, with its comma; and what a row has beside its numbers.
_NUMBER_BYTES = {np.dtype(np.float32): 18, np.dtype(np.float64): 26, np.dtype(np.int64): 21}
_ROW_BYTES = 3

#: Where a tensor that is written apart belongs: no other text of JSON has this byte.
_PLACE = b"\0"


class _Apart:
    """An array that is too long to be written at once; no dataclass, which orjson writes by itself."""

    def __init__(self, array: Array) -> None:
        self.array = array


def apart(value: Any) -> Any:
    """A value as `json_pieces` takes it: a long array is written apart from what is around it."""
    return _Apart(value) if isinstance(value, np.ndarray) and value.size > AT_ONCE else value


def json_pieces(value: Any) -> Pieces:
    """JSON text; arrays are written as they lie in memory, row by row, and those that are `apart` in stretches."""
    long: list[Array] = []

    def default(value: Any) -> Any:
        if isinstance(value, _Apart):
            long.append(value.array)
            return orjson.Fragment(_PLACE)
        if isinstance(value, np.ndarray) and value.ndim == 0:
            return orjson.Fragment(_text(value.reshape(1))[1:-1])  # which orjson does not write by itself
        raise TypeError(type(value).__name__)

    text = _text(value, default)
    if not long:
        return [text]
    first, *others = text.split(_PLACE)
    pieces: Pieces = [first]
    for array, other in zip(long, others, strict=True):
        pieces += [*_stretches(array), other]
    return pieces


def _stretches(array: Array) -> Pieces:
    """The JSON text of a long array, in pieces of some ten thousand numbers."""
    rows = AT_ONCE * len(array) // array.size
    pieces: Pieces = []
    if rows:
        for begin in range(0, len(array), rows):
            text = memoryview(_text(array[begin : begin + rows]))
            pieces.append(b"".join((b"," if begin else b"[", text[1:-1])))
    else:
        for number, row in enumerate(array):
            pieces += [b"," if number else b"[", *_stretches(row)]
    return [*pieces, b"]"]


def _text(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    return orjson.dumps(value, default=default, option=orjson.OPT_SERIALIZE_NUMPY)


def json_bytes(shape: Sequence[int], dtype: np.dtype[Any]) -> int:
    """The most bytes that an array takes as JSON."""
    rows = sum(math.prod(shape[:depth]) for depth in range(len(shape)))
    return _NUMBER_BYTES[dtype] * math.prod(shape) + _ROW_BYTES * rows


def number_bytes(dtype: np.dtype[Any]) -> int:
    """The most bytes that a number takes as JSON, if each has rows of its own in all five dimensions."""
    return _NUMBER_BYTES[dtype] + 4 * _ROW_BYTES
