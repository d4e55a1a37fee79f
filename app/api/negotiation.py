"""Which media type a request is in, and in which type, encoding and language it wants its answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from starlette.types import Scope

from app.api.problems import StatusError
from app.core.findings import shown
from app.core.text import Text, say
from app.languages import CHINESE, ENGLISH

JSON = "application/json"
SAFETENSORS = "application/vnd.safetensors"

#: The encoding of what is sent as it is.
IDENTITY = "identity"

#: Longer headers are read each time, so that no client fills the cache with large ones.
CACHED_LENGTH = 200

#: Of longer ones that list what is liked, the ranges within so many bytes count: browsers need a tenth of that, and to
#: read 60 KiB would hold up the event loop for tens of milliseconds.
READ_LENGTH = 2000


def header(scope: Scope, name: bytes) -> str:
    """A request header's value, several of the same name joined by commas; "" where there is none."""
    values = [value for key, value in scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1") if values else ""


def answer_type(scope: Scope, served: tuple[str, ...] = (JSON,)) -> str:
    """The one of `served` that `Accept` likes best; the first where it has no preference.

    Raises:
        StatusError: 406, it takes none of them.
    """
    accept = header(scope, b"accept")
    if accept in ("", "*/*", served[0]):
        return served[0]
    chosen = (preferred if len(accept) <= CACHED_LENGTH else preferred.__wrapped__)(accept, served)
    if chosen is None:
        raise StatusError(406, say("Accept takes none of what is served here: {served}", served=", ".join(served)))
    return chosen


@lru_cache(maxsize=256)
def preferred(accept: str, served: tuple[str, ...]) -> str | None:
    """The served media type of the highest quality, or None (RFC 9110, 12.5.1).

    Of several ranges that cover a type the most specific one counts.
    """
    ranges = dict(_ranges(accept))
    best, chosen = 0.0, None
    for media_type in served:
        wider = (media_type, media_type.partition("/")[0] + "/*", "*/*")
        quality = next((ranges[name] for name in wider if name in ranges), 0.0)
        if quality > best:
            best, chosen = quality, media_type
    return chosen


def answer_encoding(scope: Scope, served: tuple[str, ...]) -> str:
    """The one of `served` that `Accept-Encoding` likes best, as it is where it takes no other (RFC 9110, 12.5.3).

    Of equal ones the first counts, and what is not asked for is never sent.
    """
    codings = dict(_ranges(header(scope, b"accept-encoding")))
    best, chosen = 0.0, IDENTITY
    for encoding in served:
        quality = codings.get(encoding, codings.get("*", 0.0))
        if quality > best:
            best, chosen = quality, encoding
    return chosen


def _ranges(value: str) -> Iterator[tuple[str, float]]:
    """What is liked, with its quality: all of a header of usual length, of others the whole ranges at its beginning."""
    if len(value) > READ_LENGTH:
        value = value[:READ_LENGTH].rpartition(",")[0]
    return map(_quality, value.split(","))


def _quality(part: str) -> tuple[str, float]:
    """("application/json", 0.5) from `application/json;q=0.5`."""
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            return (name, _number(value.strip()))
    return (name, 1.0)


def _number(value: str) -> float:
    """A quality from 0 to 1; one that cannot be read is none at all."""
    digits = value.replace(".", "", 1)
    return min(float(value), 1.0) if digits.isascii() and digits.isdigit() and len(value) <= 8 else 0.0


def language_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The language that Accept-Language likes best; English where it has no preference."""
    asked = b",".join([value for name, value in headers if name == b"accept-language"])
    if not asked:
        return ENGLISH
    return (preferred_language if len(asked) <= CACHED_LENGTH else preferred_language.__wrapped__)(asked)


@lru_cache(maxsize=256)
def preferred_language(accept: bytes) -> str:
    """The language of the higher quality, or of the earlier range (RFC 9110, 12.5.4).

    Any kind of Chinese (`zh`, `zh-CN`, `zh-Hant-TW`) is Chinese; what cannot be read counts as not there.
    """
    ranges = [
        (tag.partition("-")[0], quality, -place)
        for place, (tag, quality) in enumerate(_ranges(accept.decode("latin-1")))
    ]
    anything = max(((quality, place) for name, quality, place in ranges if name == "*"), default=(0.0, 0))

    def liked(language: str) -> tuple[float, int]:
        return max(((quality, place) for name, quality, place in ranges if name == language), default=anything)

    chinese = liked(CHINESE)
    return CHINESE if chinese[0] > 0 and chinese > liked(ENGLISH) else ENGLISH


def body_type(scope: Scope, taken: tuple[str, ...] = (JSON,)) -> str:
    """The one of `taken` that the body is in; the first where Content-Type is left out.

    Raises:
        StatusError: 415, it is another.
    """
    given = header(scope, b"content-type")
    if given in ("", taken[0]):
        return taken[0]
    media_type, *parameters = (piece.strip().lower() for piece in given.split(";"))
    if media_type not in taken or not all(map(_is_utf8, parameters)):
        template = "The Content-Type is {given}; send {taken}"
        raise StatusError(415, say(template, given=shown(given), taken=either(taken)), {"Accept": ", ".join(taken)})
    return media_type


def either(words: tuple[str, ...]) -> Text | str:
    """One of these: "a or b"."""
    found: Text | str = words[0]
    for word in words[1:]:
        found = say("{first} or {second}", first=found, second=word)
    return found


def _is_utf8(parameter: str) -> bool:
    """Whether a parameter of Content-Type leaves the text in UTF-8."""
    name, _, value = parameter.partition("=")
    return name.strip() != "charset" or value.strip().strip('"') in ("utf-8", "utf8", "us-ascii")
