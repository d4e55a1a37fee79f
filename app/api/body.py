"""Reads a request's body: no larger than its limit, no slower than its pace, unpacked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from app.api.budget import Hold
from app.api.problems import MalformedBodyError, StatusError
from app.api.unpacking import ENCODINGS, PIECE, CorruptError, Unpacker
from app.core.findings import shown
from app.core.text import Text, say
from app.settings import Settings

#: So many digits of a Content-Length are read: no limit has as many, and Python refuses numbers of thousands.
LONGEST_LENGTH = 20

#: A whole body, in whichever memory it was gathered.
Body = bytes | bytearray | memoryview


SMALLER = say("send a smaller one")
OR_BINARY = say("send a smaller one, or tensors as safetensors")


@dataclass(frozen=True)
class Kind:
    """What a body may be: how many bytes it has at most, unpacked; what helps where it has more.

    `code` is the fault's where a packed body is damaged.
    """

    limit: int
    advice: Text = SMALLER
    code: str = "malformed_json"


async def read_body(scope: Scope, receive: Receive, kind: Kind, settings: Settings, held: Hold) -> Body:
    """The whole body, unpacked; `held` counts its bytes as they come.

    Raises:
        StatusError: 408, it comes too slowly; 413, it is over the limit; 415, its encoding is another;
            503, there is no memory for it now.
        MalformedBodyError: It is not what its encoding says.
        ClientDisconnect: The client went away.
    """
    length, encoding = _announced(scope)
    if length > packed_limit(kind.limit, encoding):
        raise too_large(kind)
    held.expect(length)
    pace = Pace(receive, settings)
    if encoding:
        return await _unpacked(pace, kind, Unpacker(encoding), held)
    message = await pace.next()
    first: bytes = message.get("body", b"")
    if len(first) > kind.limit:
        raise too_large(kind)
    if not message.get("more_body"):
        return first
    return await (_laid_out(pace, message, length, held) if length else _joined(pace, message, kind, held))


async def _laid_out(pace: Pace, message: Message, length: int, held: Hold) -> memoryview:
    """A body of an announced length: each part is laid where it stays.

    NumPy's memory comes in large pages, and none before it is written to.
    """
    body, at = np.empty(length, np.uint8).data, 0
    while True:
        part = message.get("body", b"")
        if at + len(part) > length:
            raise too_large(Kind(length))
        held.take(at + len(part), unread=True)
        body[at : at + len(part)] = part
        at += len(part)
        if not message.get("more_body"):
            return body[:at]
        message = await pace.next()


async def _joined(pace: Pace, message: Message, kind: Kind, held: Hold) -> bytearray:
    """A body of which nobody said how long it is."""
    body = bytearray(message.get("body", b""))
    while message.get("more_body"):
        message = await pace.next()
        body += message.get("body", b"")
        if len(body) > kind.limit:
            raise too_large(kind)
        held.take(len(body), unread=True)
    return body


async def _unpacked(pace: Pace, kind: Kind, unpacker: Unpacker, held: Hold) -> bytearray:
    """A packed body; the event loop gets a turn after every piece."""
    body = bytearray()
    more = True
    try:
        while more:
            message = await pace.next()
            more = message.get("more_body", False)
            if pace.received > packed_limit(kind.limit, "gzip"):
                raise too_large(kind)
            for piece in unpacker.pieces(message.get("body", b"")):
                body += piece
                if len(body) > kind.limit:
                    raise too_large(kind)
                held.take(len(body), unread=more)
                if len(piece) in (0, PIECE):
                    await asyncio.sleep(0)
        unpacker.finish()
    except CorruptError as error:
        raise MalformedBodyError(kind.code, say("the body is not whole and sound in its Content-Encoding")) from error
    return body


class Pace:
    """Takes the messages of a body and gives up on a client that stalls.

    A body has its grace in all before its average pace counts, and never stalls for
    longer than that.
    """

    def __init__(self, receive: Receive, settings: Settings) -> None:
        self._receive = receive
        self._grace = settings.body_grace
        self._rate = settings.body_rate
        self._now = asyncio.get_running_loop().time
        self._begun = self._now()
        self._deadline = self._begun + self._grace
        self.received = 0

    async def next(self) -> Message:
        """The next message of the body.

        Raises:
            StatusError: 408, it did not come in time.
            ClientDisconnect: The client went away.
        """
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise too_slow(self._grace, self._rate) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if message.get("more_body"):
            self.received += len(message.get("body", b""))
            earned = self._begun + max(self._grace, self.received / self._rate)
            self._deadline = min(earned, self._now() + self._grace)
        return message


def packed_limit(limit: int, encoding: str) -> int:
    """How many bytes a body of `limit` may be on its way: packing may add a little."""
    return limit + limit // 256 + 1024 if encoding else limit


def too_slow(grace: float, rate: float) -> StatusError:
    """The 408 for a body that stalls for `grace` seconds, or keeps fewer than `rate` bytes a second after them."""
    template = "The body must keep {rate:g} bytes a second after its first {grace:g} s; send it faster or packed"
    return StatusError(408, say(template, rate=rate, grace=grace), {"Connection": "close"}, linger=True)


def too_large(kind: Kind) -> StatusError:
    """The 413 for a body that is over its limit."""
    detail = say("The body, unpacked, may be {limit} bytes; {advice}", limit=kind.limit, advice=kind.advice)
    return StatusError(413, detail, {"Connection": "close"}, linger=True)


def _announced(scope: Scope) -> tuple[int, str]:
    """Content-Length, 0 where there is none, and Content-Encoding, "" where there is none.

    Raises:
        StatusError: 415, an encoding that is not taken.
    """
    length, encodings = 0, []
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            length = int(value.lstrip(b"0")[:LONGEST_LENGTH] or b"0")
        elif name == b"content-encoding":
            encodings.append(value.decode("latin-1").strip().lower())
    encoding = ", ".join(encodings)
    if encoding in ("", "identity"):
        return length, ""
    if encoding not in ENCODINGS:
        detail = say("The Content-Encoding is {given}; gzip and zstd are taken, one at a time", given=shown(encoding))
        raise StatusError(415, detail, {"Accept-Encoding": "gzip, zstd"})
    return length, encoding


async def drain(receive: Receive, seconds: float, most: int) -> None:
    """Throw away what still comes of a body, for a while."""
    try:
        async with asyncio.timeout(seconds):
            while most > 0:
                message = await receive()
                if not message.get("more_body"):
                    return
                most -= len(message.get("body", b""))
    except TimeoutError:
        return
