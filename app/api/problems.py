"""Errors as `application/problem+json` (RFC 9457).

One table gives each error of the core its status and type; the core knows neither.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from app.core.errors import Fault, OverflowingError, Path, ProblemError, Suggestion, TooCostlyError
from app.core.findings import shown
from app.core.text import Text, say
from app.languages import ENGLISH, tell

MEDIA_TYPE = "application/problem+json"

#: Every code that an entry may have: of what cannot be read, of fields and tensors, of shapes, of results and costs.
CODES = (
    *("malformed_json", "malformed_safetensors"),
    *("missing", "unknown_field", "wrong_type", "out_of_range", "not_finite", "integer_too_large"),
    *("wrong_length", "empty", "uneven", "wrong_rank", "dtype_mismatch", "conflict", "not_for_this_operation"),
    *("channel_mismatch", "groups_do_not_divide", "bias_length", "kernel_too_large", "padding_too_large"),
    *("empty_output", "output_padding_too_large", "output_size_unreachable"),
    *("int64_overflow", "float_overflow"),
    *("too_many_elements", "too_much_work", "too_much_memory", "too_many_step_elements"),
)

#: What one answer holds at most, so that a megabyte of wrong values is told in a page.
MOST_ENTRIES = 16
MOST_BYTES = 4096

#: How long a client's own key may be to be repeated in a pointer, in characters.
LONGEST_KEY = 128

#: How much of a message is shown, in characters.
LONGEST_MESSAGE = 240


class StatusError(Exception):
    """A plain status, without a code of its own: 404, 405, 406, 408, 413, 415, 503.

    `linger` is for refusals in the middle of a body: what the client still sends is
    taken and thrown away for a moment, so that it comes to read the answer.
    """

    def __init__(
        self, status: int, detail: Text, headers: Mapping[str, str] | None = None, *, linger: bool = False
    ) -> None:
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.linger = linger
        super().__init__(str(detail))


class MalformedBodyError(ProblemError):
    """The body is not JSON, or not safetensors, at all."""

    def __init__(self, code: str, message: Text) -> None:
        super().__init__([Fault((), code, message)])


#: The first that fits: error, status, type, title.
KINDS: tuple[tuple[type[ProblemError], int, str, Text], ...] = (
    (MalformedBodyError, 400, "urn:convarith:malformed-body", say("Malformed body")),
    (TooCostlyError, 422, "urn:convarith:too-costly", say("Too costly")),
    (OverflowingError, 422, "urn:convarith:overflow", say("Overflow")),
    (ProblemError, 422, "urn:convarith:invalid-request", say("Invalid request")),
)


def unavailable(detail: Text, retry_after: int = 1, *, unread: bool = False) -> StatusError:
    """A 503 that says when to come back, in seconds; `unread` where more of the body is to come."""
    closing = {"Connection": "close"} if unread else {}
    return StatusError(503, detail, {"Retry-After": str(retry_after), **closing}, linger=unread)


def status_response(
    status: int, detail: Text | None, headers: Mapping[str, str] | None = None, language: str = ENGLISH
) -> Response:
    """The answer to a plain status; its title is the status phrase."""
    title = tell(say(HTTPStatus(status).phrase), language)
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail is not None:
        body["detail"] = printable(tell(detail, language))
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)


def problem_of(error: ProblemError, language: str = ENGLISH) -> Response:
    """The answer to an error of the core: 400 or 422, with an entry for each fault."""
    status, kind, title = next(row[1:] for row in KINDS if isinstance(error, row[0]))
    count = len(error.faults) + error.uncounted
    detail = _cut(tell(_detail(error.faults, count), language))
    body: dict[str, Any] = {"type": kind, "title": tell(title, language), "status": status, "detail": detail}
    room = MOST_BYTES - len(orjson.dumps(body)) - len('"errors":[],"more":99999999')
    entries = entries_of(error.faults, room, language)
    body["errors"] = entries
    if len(entries) < count:
        body["more"] = count - len(entries)
    return Response(orjson.dumps(body), status, media_type=MEDIA_TYPE)


def entries_of(faults: Iterable[Fault], room: int, language: str) -> list[orjson.Fragment]:
    """As many of the faults as go into `room` bytes, each already JSON."""
    entries: list[orjson.Fragment] = []
    for fault in faults:
        shown_entry = entry_of(fault, language)
        entry = orjson.dumps(shown_entry)
        if len(entry) > room and not entries:
            entry = orjson.dumps({"pointer": "", "code": fault.code, "message": shown_entry["message"]})
        room -= len(entry) + 1
        if room < 0 or len(entries) == MOST_ENTRIES:
            break
        entries.append(orjson.Fragment(entry))
    return entries


def entry_of(fault: Fault, language: str) -> dict[str, Any]:
    """One fault as the contract shows it, ready for orjson; what does not apply is absent."""
    entry: dict[str, Any] = {
        "pointer": pointer(fault.field),
        "code": fault.code,
        "message": _cut(tell(fault.message, language)),
    }
    for name in ("given", "allowed", "limit", "would_be", "suggestion"):
        value = getattr(fault, name)
        if value is not None:
            entry[name] = plain(value)
    return entry


def pointer(path: Path) -> str:
    """The path as a JSON Pointer (RFC 6901); that of the whole request where a key is too long to repeat."""
    parts = [printable(str(part)) for part in path]
    if any(len(part) > LONGEST_KEY for part in parts):
        return ""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def plain(value: Any) -> Any:
    """The value in terms that orjson writes: whole numbers stay numbers, however large."""
    if isinstance(value, Suggestion):
        return {"pointer": pointer(value.field), "value": plain(value.value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _plain_one(value)


def _plain_one(value: Any) -> Any:
    """A single number or text in terms that orjson writes."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return orjson.Fragment(str(value)) if value.bit_length() < 10_000 else shown(hex(value))
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def printable(text: str) -> str:
    """The text with lone surrogates spelled out, since UTF-8 has none."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _detail(faults: tuple[Fault, ...], count: int) -> Text:
    """The one fault, or how many there are."""
    first = faults[0].message
    if count == 1:
        return first
    return say("{count} things are wrong with the request; the first: {first}", count=count, first=first)


def _cut(message: str) -> str:
    """The message, no longer than an entry may be."""
    message = printable(message)
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"
