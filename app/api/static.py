"""Files of the service's pages: read once, packed once, and known again by what they hold."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import sys
import threading
from pathlib import Path

from starlette.types import Receive, Scope, Send

from app.api.envelope import NO_PAGE, exchange_of
from app.api.negotiation import IDENTITY, answer_encoding, header
from app.languages import ENGLISH

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: A file is served where its name ends like one of these.
MEDIA_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".png": b"image/png",
}

#: Small ones, and pictures that are packed already, go as they are.
LEAST_PACKED = 512
NEVER_PACKED = (".png",)

#: In the order of liking: zstd unpacks fastest, and at this level packs as well as any.
PACKERS = {
    "zstd": lambda content: zstd.compress(content, level=12),
    "gzip": lambda content: gzip.compress(content, compresslevel=9, mtime=0),
}

#: Nothing from elsewhere and nothing inline. Pictures and films are made on the page itself, hence blob.
CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src blob:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class StaticFile:
    """Answers GET and HEAD with one file, which is read when the service starts.

    Browsers ask each time whether their copy is still the same (`no-cache`), so that the
    modules of a page never come from two versions; the answer is then an empty 304.
    """

    def __init__(self, file: Path) -> None:
        self.content = file.read_bytes()
        self.media_type = MEDIA_TYPES[file.suffix]
        self.tag = hashlib.sha256(self.content).hexdigest()[:32]
        packable = len(self.content) >= LEAST_PACKED and file.suffix not in NEVER_PACKED
        self.encodings = (*PACKERS, IDENTITY) if packable else (IDENTITY,)
        self.policy = CONTENT_SECURITY_POLICY if file.suffix == ".html" else NO_PAGE
        self._bodies = {IDENTITY: self.content}
        self._packing = threading.Lock()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the file in the encoding that the client likes best, or 304 where it has that already."""
        exchange = exchange_of(scope)
        exchange.vary, exchange.language = b"Accept-Encoding", ENGLISH
        exchange.cache, exchange.policy = b"no-cache", self.policy
        encoding = answer_encoding(scope, self.encodings)
        # A strong tag stands for the very bytes, and so for their encoding.
        tag = f'"{self.tag}"' if encoding == IDENTITY else f'"{self.tag}-{encoding}"'
        headers = [(b"etag", tag.encode())]
        if is_known(tag, header(scope, b"if-none-match")):
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body"})
            return
        body = await self.body(encoding)
        if encoding != IDENTITY:
            headers.append((b"content-encoding", encoding.encode()))
        headers += [(b"content-type", self.media_type), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def body(self, encoding: str) -> bytes:
        """The bytes in one encoding; packing happens once, and off the event loop."""
        if encoding not in self._bodies:
            await asyncio.to_thread(self._pack, encoding)
        return self._bodies[encoding]

    def _pack(self, encoding: str) -> None:
        with self._packing:
            if encoding not in self._bodies:
                self._bodies[encoding] = PACKERS[encoding](self.content)


def is_known(tag: str, if_none_match: str) -> bool:
    """Whether a client's `If-None-Match` holds this tag, weak or strong (RFC 9110, 13.1.2)."""
    known = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return tag in known or known == ["*"]
