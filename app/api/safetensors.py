"""safetensors in and out: the header is read here, and the numbers are never copied to lists.

The format (https://github.com/huggingface/safetensors): eight bytes with the length of a
JSON header, the header (name → dtype, shape, data_offsets; `__metadata__` → strings), then
the tensors' bytes, one after the other without a gap.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from app.api.body import Body
from app.api.problems import MalformedBodyError
from app.api.tensors import DEEPEST, Tensor
from app.core.errors import Fault
from app.core.findings import NAMED_UNKNOWN, Findings, shown
from app.core.layout import Array
from app.core.text import Text, say

TENSORS = ("input", "kernel", "bias")
PARAMETERS = "parameters"
RESULT = "result"

#: A header holds three entries and the parameters; a longer one is no honest request.
LONGEST_HEADER = 2**20

_LENGTH_BYTES = 8

#: What is taken, by the name in the file: (as it is stored, as it is computed with).
DTYPES: dict[str, tuple[str, str]] = {
    "F32": ("<f4", "float32"),
    "F64": ("<f8", "float64"),
    "I64": ("<i8", "int64"),
    "U8": ("u1", "int64"),
    "I8": ("i1", "int64"),
    "U16": ("<u2", "int64"),
    "I16": ("<i2", "int64"),
    "U32": ("<u4", "int64"),
    "I32": ("<i4", "int64"),
    "F16": ("<f2", "float32"),
    "BF16": ("<u2", "float32"),
}

_NAMES = {np.dtype(np.float32): "F32", np.dtype(np.float64): "F64", np.dtype(np.int64): "I64"}


def read_safetensors(body: Body, findings: Findings) -> tuple[dict[str, Tensor], bytes]:
    """The tensors by name, as views of the body where its bytes allow, and the parameters' JSON.

    Findings get a tensor, a metadata key, a rank or a dtype that is not taken, and an empty
    tensor; such a tensor is not among those here.

    Raises:
        MalformedBodyError: it is not safetensors, or its header lies about the bytes.
    """
    header, data = _split(body)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise malformed(say("the header's __metadata__ must hold strings alone"))
    spans = {name: _span(name, entry, len(data)) for name, entry in header.items()}
    _check_no_gaps([(begin, end) for _, _, begin, end in spans.values()], len(data))
    unknown = [*(name for name in header if name not in TENSORS), *(key for key in metadata if key != PARAMETERS)]
    findings.take(map(_unknown, unknown[:NAMED_UNKNOWN]))
    findings.uncounted += max(0, len(unknown) - NAMED_UNKNOWN)
    tensors = {}
    for name in filter(spans.get, TENSORS):
        fault = _entry_fault(name, *spans[name][:2])
        if fault is None:
            tensors[name] = _tensor(data, name, *spans[name])
        else:
            findings.take([fault])
    return tensors, metadata.get(PARAMETERS, "{}").encode("utf-8", "surrogatepass")


def header_of(body: Body) -> memoryview:
    """The bytes of the header, as far as they are there."""
    length = min(int.from_bytes(body[:_LENGTH_BYTES], "little"), LONGEST_HEADER)
    return memoryview(body)[_LENGTH_BYTES : _LENGTH_BYTES + length]


def malformed(message: Text) -> MalformedBodyError:
    """The 400 of a body that is not safetensors."""
    return MalformedBodyError("malformed_safetensors", message)


def _split(body: Body) -> tuple[dict[str, Any], memoryview]:
    """The header and the bytes after it."""
    length = int.from_bytes(body[:_LENGTH_BYTES], "little")
    if len(body) < _LENGTH_BYTES or not 2 <= length <= min(len(body) - _LENGTH_BYTES, LONGEST_HEADER):
        message = say(
            "the first 8 bytes must give the header's length, 2 to {longest}; they give {length} in a body of {size}",
            longest=LONGEST_HEADER,
            length=length,
            size=len(body),
        )
        raise malformed(message)
    view = memoryview(body)
    try:
        header = _decode(bytes(view[_LENGTH_BYTES : _LENGTH_BYTES + length]).decode())
    except (ValueError, RecursionError) as error:
        raise malformed(say("the header is not JSON with each name once: {error}", error=_reason(error))) from error
    if not isinstance(header, dict):
        raise malformed(say("the header must be a JSON object"))
    return header, view[_LENGTH_BYTES + length :]


class _DuplicateError(ValueError):
    """A name occurs twice."""


def _reason(error: Exception) -> Text:
    if isinstance(error, _DuplicateError):
        return say("a name occurs twice")
    if isinstance(error, RecursionError):
        return say("it is nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return say("it is not UTF-8")
    if isinstance(error, json.JSONDecodeError):
        return say("it goes wrong at character {place}", place=error.pos)
    return say("a number in it cannot be read")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _DuplicateError
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)


_decode = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant).decode


def _span(name: str, entry: Any, size: int) -> tuple[str, tuple[int, ...], int, int]:
    """(dtype, shape, begin, end) of one tensor, with its offsets inside the data."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise malformed(say("tensor {name} must have dtype, shape and data_offsets", name=shown(name)))
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or not _whole_numbers(shape) or not _whole_numbers(offsets) or len(offsets) != 2:
        raise malformed(say("tensor {name}: dtype, shape or data_offsets are of the wrong kind", name=shown(name)))
    begin, end = offsets
    if not 0 <= begin <= end <= size:
        message = say(
            "tensor {name}: its data_offsets are outside the {size} bytes of data", name=shown(name), size=size
        )
        raise malformed(message)
    if dtype in DTYPES and _elements(shape, size) * np.dtype(DTYPES[dtype][0]).itemsize != end - begin:
        message = say(
            "tensor {name}: {bytes} bytes do not hold its shape in {dtype}",
            name=shown(name),
            bytes=end - begin,
            dtype=dtype,
        )
        raise malformed(message)
    return dtype, tuple(shape), begin, end


def _whole_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**63 for value in values)


def _elements(shape: Sequence[int], most: int) -> int:
    """The product of the shape, or the first partial one over `most`: a long shape takes no long numbers."""
    count = int(0 not in shape)
    for length in shape:
        count *= length
        if count > most:
            break
    return count


def _check_no_gaps(spans: Sequence[tuple[int, int]], size: int) -> None:
    at = 0
    for begin, end in sorted(spans):
        if begin != at:
            raise malformed(say("the tensors' bytes must follow each other without gap or overlap"))
        at = end
    if at != size:
        raise malformed(say("{count} bytes follow the last tensor", count=size - at))


def _unknown(name: str) -> Fault:
    message = say(
        "{name} is not known here; a request has the tensors input, kernel and bias, and the metadata key parameters",
        name=shown(name),
    )
    return Fault((name,), "unknown_field", message, allowed=[*TENSORS, PARAMETERS])


def _entry_fault(name: str, dtype: str, shape: tuple[int, ...]) -> Fault | None:
    if dtype not in DTYPES:
        message = say(
            "{name} has dtype {dtype}; taken are {known}", name=name, dtype=shown(dtype), known=", ".join(DTYPES)
        )
        return Fault((name,), "dtype_mismatch", message, given=shown(dtype), allowed=list(DTYPES))
    if len(shape) > DEEPEST:
        message = say(
            "{name} has rank {rank}; it must be at most {deepest}", name=name, rank=len(shape), deepest=DEEPEST
        )
        return Fault((name,), "wrong_rank", message, given=len(shape), allowed={"min": 1, "max": DEEPEST})
    if 0 in shape:
        return Fault((name,), "empty", say("{name} has a dimension of 0; each must be at least 1", name=name))
    return None


def _tensor(data: memoryview, name: str, dtype: str, shape: tuple[int, ...], begin: int, end: int) -> Tensor:
    return Tensor(name, shape, np.dtype(DTYPES[dtype][1]), lambda: _array(data, dtype, shape, begin, end))


def _array(data: memoryview, dtype: str, shape: tuple[int, ...], begin: int, end: int) -> Array:
    """The numbers in the dtype they are computed with, or whole ones as they are stored: where it can, as a view.

    Bytes become floats at once that way; by int64, a picture took several times as long.
    """
    stored, computed = DTYPES[dtype]
    values: Array = np.frombuffer(data[begin:end], np.dtype(stored)).reshape(shape)
    if computed == "int64" and values.itemsize < 8:
        return values
    if dtype == "BF16":
        bits = values.astype(np.uint32)
        bits <<= 16
        values = bits.view(np.float32)
    return values.astype(computed, copy=False)


def write_safetensors(tensors: Mapping[str, Array], result: bytes) -> list[bytes | memoryview]:
    """The pieces of a safetensors body: its head, then each tensor's own bytes, not copied."""
    header: dict[str, Any] = {"__metadata__": {RESULT: result.decode()}}
    del result  # it may be long, and is copied twice more
    at = 0
    for name, values in tensors.items():
        header[name] = {
            "dtype": _NAMES[values.dtype],
            "shape": values.shape,
            "data_offsets": [at, at + values.nbytes],
        }
        at += values.nbytes
    head = orjson.dumps(header)
    header.clear()
    room = -len(head) % _LENGTH_BYTES
    pieces: list[bytes | memoryview] = [
        b"".join(((len(head) + room).to_bytes(_LENGTH_BYTES, "little"), head, b" " * room))
    ]
    return pieces + [values.data.cast("B") for values in tensors.values()]
