"""Routes that are found by one look-up and run without anything in between.

FastAPI's own way to an endpoint costs several times what a small convolution does. A
`DirectRoute` is described by FastAPI (OpenAPI, 404, 405) and run by the envelope.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import StatusError
from app.core.text import say


class DirectRoute(APIRoute):
    """One path and method, answered by an ASGI callable. A GET answers HEAD as well.

    An `is_open` one is answered without a key, where keys are set, and not counted. Further keywords
    describe it, as `FastAPI.get` takes them (summary, responses, …).
    """

    def __init__(self, method: str, path: str, endpoint: ASGIApp, *, is_open: bool = False, **described: Any) -> None:
        async def described_alone() -> None:
            """FastAPI reads the parameters of what it is given; this one has none."""

        described.setdefault("operation_id", getattr(endpoint, "__name__", None))
        super().__init__(path, described_alone, methods=[method], **described)
        self.app = endpoint
        self.is_open = is_open
        self.taken = (method, "HEAD") if method == "GET" else (method,)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, where the look-up was not the way here.

        Raises:
            StatusError: 405, another method.
        """
        if scope["method"] not in self.taken:
            allow = ", ".join(self.taken)
            raise StatusError(405, say("This path takes {allow}", allow=allow), {"Allow": allow})
        await self.app(scope, receive, send)


#: So many bytes the server takes over at once; of longer answers it waits for the client to read.
AT_ONCE = 64 * 1024

Table = dict[tuple[str, str], ASGIApp]


def table_of(routes: Iterable[BaseRoute]) -> Table:
    """(method, path) → endpoint, of the direct ones among the routes."""
    direct = (route for route in routes if isinstance(route, DirectRoute))
    return {(method, route.path): route.app for route in direct for method in route.taken}


def open_paths_of(routes: Iterable[BaseRoute]) -> list[str]:
    """The paths that need no key."""
    return [route.path for route in routes if isinstance(route, DirectRoute) and route.is_open]


async def answer(
    send: Send,
    body: bytes,
    media_type: bytes = b"application/json",
    status: int = 200,
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """Send a whole answer in two messages."""
    own = [(b"content-type", media_type), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})


async def answer_in_pieces(send: Send, pieces: Sequence[bytes | memoryview], media_type: bytes) -> None:
    """Send a whole answer whose body lies in several places, without joining them.

    Comes back when nearly all of it has gone: until then it takes memory.
    """
    length = sum(len(piece) for piece in pieces)
    headers = [(b"content-type", media_type), (b"content-length", b"%d" % length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    waits = length > AT_ONCE
    for number, piece in enumerate(pieces, 1):
        await send({"type": "http.response.body", "body": piece, "more_body": waits or number < len(pieces)})
    if waits:
        await send({"type": "http.response.body", "body": b""})
