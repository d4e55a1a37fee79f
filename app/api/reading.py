"""JSON text to Python values."""

from __future__ import annotations

import gc
from typing import Any

import msgspec

from app.api.body import Body
from app.api.problems import MalformedBodyError
from app.core.errors import Fault, ProblemError
from app.core.findings import shown
from app.core.text import Text, say

_decode = msgspec.json.Decoder().decode

_BODY = say("the body")

#: While texts longer than this are read, the garbage collector rests: at every so many new lists it
#: would look through all that there are, and JSON makes no cycles for it to find.
_LONG = 64 * 1024


def read_object(text: Body, name: Text = _BODY) -> dict[str, Any]:
    """A JSON object; whole numbers of any size stay whole, of a repeated key the last counts.

    `name` is what messages call the text.

    Raises:
        MalformedBodyError: it is not JSON, or a number in it is beyond what can be read.
        ProblemError: it is JSON and not an object.
    """
    try:
        value = _decode(text) if len(text) <= _LONG else _decode_long(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = say("{name} is not JSON: {error}", name=name, error=_reason(error))
        raise MalformedBodyError("malformed_json", message) from error
    if not isinstance(value, dict):
        raise ProblemError([Fault((), "wrong_type", say("{name} must be a JSON object", name=name))])
    return value


def _decode_long(text: Body) -> Any:
    gc.disable()
    try:
        return _decode(text)
    finally:
        gc.enable()


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return _REASONS.get(str(error).partition(" - ")[0], shown(str(error).removeprefix("JSON is malformed: ")))


#: What msgspec says, in words that tell what to change.
_REASONS = {
    "Input data was truncated": "it ends too early, or half of a surrogate pair stands alone",
    "Number out of range": "a number in it is too large for a double",
    "Integer value out of range": "a whole number in it has too many digits",
}


def frozen(value: Any) -> Any:
    """Lists as tuples, so that a setting can be kept."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value
