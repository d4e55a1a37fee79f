"""What every request has around it: an id, timings, a line in the log, metrics, and an end.

One ASGI layer does it all, since each layer costs as much as a small convolution.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from time import perf_counter

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.access import guard_of
from app.api.body import drain
from app.api.budget import full
from app.api.metrics import count_request, known
from app.api.negotiation import language_of
from app.api.problems import StatusError, problem_of, status_response, unavailable
from app.api.routing import open_paths_of, table_of
from app.core.errors import ProblemError
from app.core.text import say
from app.settings import Settings

log = structlog.get_logger("convarith")

KEY = "convarith.exchange"
EXPOSED = ("X-Request-ID", "Server-Timing", "Retry-After")
UNMATCHED = "unmatched"

#: nginx's status for a client that went away; it is logged and counted, never sent.
CLIENT_CLOSED = 499

#: How long, and for how many bytes, a refused body is still taken so that its client reads the answer.
LINGER_SECONDS = 2.0
LINGER_BYTES = 64 * 2**20

#: What an answer of the API is to browsers: nothing to run, to frame, or to keep.
NO_PAGE = b"default-src 'none'; frame-ancestors 'none'"
NO_STORE = b"no-store"

#: What browsers are told with every answer.
SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)

#: What FastAPI's own errors come to.
PLAIN_DETAILS = {404: say("There is nothing at this path; /docs tells what there is")}

_own_id = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch


class Exchange:
    """One request and its answer, as far as the envelope follows them.

    An endpoint sets `parse`, `compute` and `serialise` (seconds) as far as it came,
    `vary` where its answer follows more than the language, `language` (the one
    asked for) where it answers in one alone, and `cache` and `policy` where it is part
    of a page. `caller` is the name of the caller's key.
    """

    __slots__ = (
        "begun",
        "cache",
        "caller",
        "compute",
        "language",
        "parse",
        "policy",
        "request_id",
        "route",
        "sent",
        "serialise",
        "status",
        "vary",
    )

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        self.begun = perf_counter()
        self.request_id = request_id(headers)
        self.language = language_of(headers)
        self.route = ""
        self.caller = ""
        self.status = 0
        self.sent = 0
        self.parse: float | None = None
        self.compute: float | None = None
        self.serialise: float | None = None
        self.vary = b"Accept-Language"
        self.cache = NO_STORE
        self.policy = NO_PAGE

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What every answer carries."""
        return [
            (b"x-request-id", self.request_id),
            (b"server-timing", self._server_timing()),
            (b"vary", self.vary),
            (b"content-language", self.language.encode()),
            (b"cache-control", self.cache),
            (b"content-security-policy", self.policy),
            *SAFE,
        ]

    def _server_timing(self) -> bytes:
        """The Server-Timing header: milliseconds for each part, or in total where there are none."""
        if self.serialise is not None and self.parse is not None and self.compute is not None:
            parts = (self.parse * 1e3, self.compute * 1e3, self.serialise * 1e3)
            return b"parse;dur=%.3f, compute;dur=%.3f, serialise;dur=%.3f" % parts
        if self.parse is not None:
            return b"parse;dur=%.3f" % (self.parse * 1e3)
        return b"total;dur=%.3f" % ((perf_counter() - self.begun) * 1e3)


def exchange_of(scope: Scope) -> Exchange:
    """The exchange that a request belongs to."""
    exchange: Exchange = scope[KEY]
    return exchange


def request_id(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The client's own id where it is a plain one, else a new one."""
    for name, value in headers:
        if name == b"x-request-id":
            return value if _own_id(value) else _new_id()
    return _new_id()


#: An id is this process's own prefix and a count: unique, and made without a call of the system.
_prefix = os.urandom(12).hex()
_count = itertools.count()


def _new_id() -> bytes:
    return b"%s%08x" % (_prefix.encode(), next(_count))


class Envelope:
    """ASGI middleware: around the direct ones among `routes`, and around `app` for the rest."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute], settings: Settings) -> None:
        self.app = app
        routes = list(routes)
        self.table = table_of(routes)
        self.guard = guard_of(settings, open_paths_of(routes))
        self.access_log = settings.access_log
        self.inner: ASGIApp = self.run
        if settings.cors_origins:
            self.inner = CORSMiddleware(
                self.run,
                allow_origins=settings.cors_origins,
                allow_methods=("GET", "POST"),
                allow_headers=("Authorization", "Content-Type", "Content-Encoding", "X-API-Key", "X-Request-ID"),
                expose_headers=EXPOSED,
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = scope[KEY] = Exchange(scope["headers"])

        async def deliver(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), *exchange.headers()]}
            else:
                exchange.sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.inner(scope, receive, deliver)
        finally:
            self.record(scope, exchange)

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, whatever becomes of it."""
        exchange = exchange_of(scope)
        direct = self.table.get((scope["method"], scope["path"]))
        if direct is not None:
            exchange.route = scope["path"]
        try:
            if self.guard is not None:
                exchange.caller = self.guard.admit(scope)
            await (direct or self.app)(scope, receive, send)
        except ClientDisconnect:
            exchange.status = exchange.status or CLIENT_CLOSED
        except asyncio.CancelledError:
            if not exchange.status:
                stopping = unavailable(say("The service is stopping; ask again"))
                response = status_response(503, stopping.detail, stopping.headers, exchange.language)
                await response(scope, receive, send)
        except Exception as error:
            answer = response_to(error, exchange.language)
            if isinstance(error, MemoryError):
                log.warning("out of memory", request_id=exchange.request_id.decode())
            if answer is None:
                log.exception("failed", request_id=exchange.request_id.decode())
                answer = failure(exchange)
            if exchange.status:
                return
            leave = farewell if isinstance(error, StatusError) and error.linger else Response.__call__
            await leave(answer, scope, receive, send)

    def record(self, scope: Scope, exchange: Exchange) -> None:
        """Count the request and write its line in the log. A log that cannot be written stops nobody."""
        seconds = perf_counter() - exchange.begun
        route = exchange.route or getattr(scope.get("route"), "path", UNMATCHED)
        status = exchange.status or CLIENT_CLOSED
        method = known(scope["method"])
        count_request(route, method, status, seconds)
        if not self.access_log:
            return
        with suppress(OSError):
            log.info(
                "request",
                method=method,
                route=route,
                status=status,
                ms=round(seconds * 1e3, 3),
                bytes=exchange.sent,
                request_id=exchange.request_id.decode(),
                **({"key": exchange.caller} if exchange.caller else {}),
            )


def response_to(error: Exception, language: str) -> Response | None:
    """The answer to an expected error; None to an unexpected one."""
    if isinstance(error, ProblemError):
        return problem_of(error, language)
    if isinstance(error, StatusError):
        return status_response(error.status, error.detail, error.headers, language)
    if isinstance(error, HTTPException):
        return status_response(error.status_code, PLAIN_DETAILS.get(error.status_code), error.headers, language)
    if isinstance(error, MemoryError):  # the system gave less than the limits allow
        return response_to(full(), language)
    if isinstance(error, RequestValidationError):
        detail = say("The parameters of the request are not what the document says")
        return status_response(422, detail, language=language)
    return None


async def failed(request: Request, _error: Exception) -> Response:
    """The 500 for what FastAPI itself fails at; it raises the error again, and the envelope logs it."""
    return failure(exchange_of(request.scope))


def failure(exchange: Exchange) -> Response:
    """A 500, which tells nothing but the id to look for in the log."""
    detail = say(
        "Something went wrong here, not in the request; it is logged under {id}", id=exchange.request_id.decode()
    )
    return status_response(500, detail, language=exchange.language)


async def farewell(response: Response, _scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, then take the rest of the body for a moment before the connection closes.

    A connection that is closed on a sender is reset, and the answer with it.
    """
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": bytes(response.body), "more_body": True})
    await drain(receive, LINGER_SECONDS, LINGER_BYTES)
    await send({"type": "http.response.body", "body": b"", "more_body": False})
