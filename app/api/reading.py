"""JSON text to Python values."""

from __future__ import annotations

from typing import Any

import msgspec

from app.api.problems import MalformedBodyError
from app.core.errors import Fault, ProblemError
from app.core.findings import shown
from app.core.text import say

_decode = msgspec.json.Decoder().decode


def read_object(text: bytes | bytearray) -> dict[str, Any]:
    """A JSON object; whole numbers of any size stay whole, of a repeated key the last counts.

    Raises:
        MalformedBodyError: it is not JSON, or a number in it is beyond what can be read.
        ProblemError: it is JSON and not an object.
    """
    try:
        value = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = say("the body is not JSON: {error}", error=_reason(error))
        raise MalformedBodyError("malformed_json", message) from error
    if not isinstance(value, dict):
        raise ProblemError([Fault((), "wrong_type", say("the body must be a JSON object"))])
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8"
    return shown(str(error).removeprefix("JSON is malformed: "))


def frozen(value: Any) -> Any:
    """Lists as tuples, so that a setting can be kept."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value
