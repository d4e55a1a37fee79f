"""safetensors bodies put together by hand, to say what no honest writer would."""

from __future__ import annotations

import json
import struct
from typing import Any

from tests.api.client import CONV, SAFETENSORS, Entry, one

#: The bytes of two int64 numbers, 3 and 4.
TWO = struct.pack("<2q", 3, 4)


def entry(shape: list[Any], begin: Any, end: Any, dtype: Any = "I64") -> dict[str, Any]:
    """What a header says of one tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


#: One number each, as honest as can be.
INPUT, KERNEL = entry([1], 0, 8), entry([1], 8, 16)


def name_of(dtype: str) -> str:
    """The format's name for one of NumPy's."""
    return {"int64": "I64", "float64": "F64", "float32": "F32", "int16": "I16"}[dtype]


def raw(header: Any, data: bytes = TWO, length: int | None = None) -> bytes:
    """A body of a header, as JSON or as it stands, and data; `length` lies about the header's."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def with_metadata(metadata: Any, **tensors: Any) -> bytes:
    """A body with this metadata, and honest tensors unless others are given."""
    return raw({"__metadata__": metadata, **({"input": INPUT, "kernel": KERNEL} | tensors)})


def bad(body: bytes, status: int = 422) -> Entry:
    """The one fault of a body."""
    return one(CONV, body, status, Content_Type=SAFETENSORS)
