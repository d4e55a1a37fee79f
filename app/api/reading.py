"""JSON text to Python values."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.api.body import Body
from app.api.problems import MalformedBodyError
from app.core.errors import Fault, ProblemError
from app.core.text import Text, say

_decode = msgspec.json.Decoder().decode

#: Whether a text is JSON at all, without its values: raises as `_decode` does.
_check = msgspec.json.Decoder(msgspec.Raw).decode

_BODY = say("the body")

#: While texts longer than this are read, the garbage collector rests: at every so many new lists it
#: would look through all that there are, and JSON makes no cycles for it to find.
_LONG = 64 * 1024


def read_object(text: Body, name: Text = _BODY) -> dict[str, Any]:
    """A JSON object; whole numbers of any size stay whole, of a repeated key the last counts.

    `name` is what messages call the text.

    Raises:
        MalformedBodyError: it is not JSON, or a number in it is beyond what can be read.
        ProblemError: it is JSON and not an object, or has far more names than are known.
    """
    try:
        value = _decode(text) if len(text) <= _LONG else _decode_long(text, name)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = say("{name} is not JSON: {error}", name=name, error=_reason(error))
        raise MalformedBodyError("malformed_json", message) from error
    if not isinstance(value, dict):
        raise ProblemError([Fault((), "wrong_type", say("{name} must be a JSON object", name=name))])
    return value


#: More names than this are not looked at: to make them takes a third of a microsecond each, in which nobody else has
#: the interpreter.
_MOST_NAMES = 2**18


def _decode_long(text: Body, name: Text) -> Any:
    names = sum(int(np.count_nonzero(stretch == ord(":"))) for stretch in _stretches(text))
    if names > _MOST_NAMES:
        _check(text)
        message = say("{name} has {count} names; no request has that many", name=name, count=names)
        raise ProblemError([Fault((), "unknown_field", message)])
    gc.disable()
    try:
        return _decode(text)
    finally:
        gc.enable()


#: Characters of a text that are looked at together.
_STRETCH = 2**18


def _stretches(text: Body) -> Iterator[NDArray[np.uint8]]:
    """The characters of a text, some after the others."""
    characters = np.frombuffer(text, np.uint8)
    return (characters[begin : begin + _STRETCH] for begin in range(0, len(characters), _STRETCH))


def value_bytes(text: Body) -> int:
    """The most memory that the values of a JSON text take, and the arrays that are made of them.

    Told from how often its characters occur, in a fraction of the time that reading takes: a list of
    one small number takes thirty times its text.
    """
    commas = lists = objects = quotes = escapes = 0
    is_wide = False
    for stretch in _stretches(text):
        commas, lists, objects, quotes, escapes = (
            count + int(np.count_nonzero(stretch == character))
            for count, character in zip((commas, lists, objects, quotes, escapes), b',]}"\\', strict=True)
        )
        is_wide = is_wide or bool(stretch.max() > 127)
    # Small whole numbers are kept by Python; others take two characters at least, beside their comma.
    boxed = min(commas, (len(text) - commas) // 2)
    places = commas * (_PLACE_BYTES + _ARRAY_BYTES) + (lists + objects) * _PLACE_BYTES
    texts = quotes * _STRING_BYTES // 2 + len(text) * (4 if is_wide or escapes else 1)
    return places + boxed * _NUMBER_BYTES + lists * _LIST_BYTES + objects * _OBJECT_BYTES + texts


#: What CPython takes on 64 bits: for a list, with two places among those that tell a shape; for an object with its
#: first names; for a short string; for a number; and for a value's place in a list, which has an eighth to spare.
_LIST_BYTES, _OBJECT_BYTES, _STRING_BYTES, _NUMBER_BYTES, _PLACE_BYTES = 88, 208, 64, 32, 9

#: What a number takes in the arrays before and after it is brought to the dtype of all.
_ARRAY_BYTES = 16


def _reason(error: Exception) -> Text:
    if isinstance(error, RecursionError):
        return say("it is nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return say("it is not UTF-8")
    said = str(error)
    place = _malformed(said)
    if place is None:
        return _REASONS.get(said.partition(" - ")[0], say("it cannot be read"))
    return say("{what} (byte {byte})", what=_AT_A_PLACE.get(place[1], say("not as JSON has it")), byte=int(place[2]))


_malformed = re.compile(r"JSON is malformed: (.+) \(byte (\d+)\)").fullmatch

#: What msgspec says, in words that tell what to change.
_REASONS = {
    "Input data was truncated": say("it ends too early, or half of a surrogate pair stands alone"),
    "Number out of range": say("a number in it is too large for a double"),
    "Integer value out of range": say("a whole number in it has too many digits"),
}

#: The same of a place in the text; its own words are plain already.
_AT_A_PLACE = {
    "invalid character": say("invalid character"),
    "invalid number": say("invalid number"),
    "trailing characters": say("trailing characters"),
    "trailing comma in array": say("trailing comma in array"),
    "trailing comma in object": say("trailing comma in object"),
    "object keys must be strings": say("object keys must be strings"),
    "expected ':'": say("expected ':'"),
    "expected ',' or ']'": say("expected ',' or ']'"),
    "expected ',' or '}'": say("expected ',' or '}}'"),
    "expected '\"'": say("expected '\"'"),
    "invalid escape character in string": say("invalid escape character in string"),
    "invalid character in unicode escape": say("invalid character in unicode escape"),
    "invalid utf-16 surrogate pair": say("invalid utf-16 surrogate pair"),
}


def frozen(value: Any) -> Any:
    """Lists as tuples, so that a setting can be kept."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value
