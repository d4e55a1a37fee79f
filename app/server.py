"""uvicorn's protocol, with an end to the patience that it has for clients; and a stop that loses no request."""

from __future__ import annotations

import secrets
from asyncio import BaseTransport, TimerHandle, Transport
from fcntl import ioctl
from termios import FIONREAD
from typing import Any, NoReturn, cast

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.api.envelope import NO_PAGE, NO_STORE, SAFE, UNMATCHED
from app.api.metrics import count_request
from app.api.negotiation import language_of
from app.api.operations import Readiness
from app.api.problems import status_response
from app.core.text import Text, say
from app.settings import Settings

log = structlog.get_logger("convarith")

#: More than this, in bytes, no head of a request may be, nor what comes at a stretch around the parts of a body.
LARGEST_HEAD = 64 * 1024

#: So many seconds at most a connection without a request is kept when the service stops: one may be on its
#: way, and a connection that is closed on it is reset.
LAST_CALL = 1.0

#: Seconds in which the event loop reads what has come by then.
ANOTHER_LOOK = 0.01


class RefusedError(Exception):
    """The request has been refused: nothing of it is to be read any more."""


class PatientProtocol(HttpToolsProtocol):
    """Gives the head of each request a time in all, from its first byte, and a size.

    The same time is given to a new connection, and to the rest of a body that was
    answered before it was read; the same size to what frames a body: lengths of chunks,
    their extensions, and trailers.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings: Settings = self.app_state["settings"]
        self._readiness: Readiness = self.app_state["readiness"]
        self._patience = settings.header_timeout
        self._grace, self._rate = settings.body_grace, settings.body_rate
        self._last_call = min(LAST_CALL, settings.shutdown_grace / 4)
        self._unread = 0
        self._reading: TimerHandle | None = None
        self._timer: TimerHandle | None = None
        self._in_head = False
        self._in_body = False
        self._unheard = 0
        self._is_deaf = False

    def connection_made(self, transport: BaseTransport) -> None:
        """Wait for the first request."""
        super().connection_made(cast("Transport", transport))
        self._wait()
        if self._readiness.stopping:
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        self._stop_watching()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered: see that it keeps a pace."""
        super().pause_writing()
        self._watch_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        self._stop_watching()

    def _watch_reading(self) -> None:
        self._unread = self.transport.get_write_buffer_size()
        self._reading = self.loop.call_later(self._grace, self._check_reading)

    def _check_reading(self) -> None:
        """Drop a client that reads slower than a body must come: its answer holds memory."""
        read = self._unread - self.transport.get_write_buffer_size()
        if read < self._rate * self._grace:
            self.transport.abort()
        else:
            self._watch_reading()

    def _stop_watching(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head. One behind the body counts for nothing: it could else bring a key, or an id."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head has ended. Where the service stops, its answer is the connection's last.

        Raises:
            RefusedError: The head may not be served; its refusal has been sent.
        """
        self._check_head()
        if self._asks_for_another_protocol():
            return
        self._in_head, self._in_body, self._unheard = False, True, 0
        super().on_headers_complete()
        if self._readiness.stopping:
            self.cycle.keep_alive = False
        if self.parser.get_method() == b"CONNECT":  # what follows is for a tunnel, which there is none
            self._hear_no_more()

    def _check_head(self) -> None:
        """Refuse a head that is too large, though it came in few reads, and one that may be read in two ways.

        What stands before the service might understand the host, or where the body ends, in the other.
        """
        size, hosts = len(self.url), 0
        for name, value in self.headers:
            size += len(name) + len(value) + len(b": \r\n")
            if name == b"host":
                hosts += 1
            elif name == b"transfer-encoding" and value.strip(b" \t").lower() != b"chunked":
                self._turn_away(501, say("The Transfer-Encoding is not known here; chunked alone is taken"))
        if size > LARGEST_HEAD:
            self._turn_away(431, head_too_large())
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            self._turn_away(400, say("A request has one Host header; this one has {count}", count=hosts))

    def _turn_away(self, status: int, detail: Text) -> NoReturn:
        """Refuse the request whose head has ended.

        Raises:
            RefusedError: Always, so that the parser reads no further.
        """
        self._refuse(status, detail)
        raise RefusedError

    def _asks_for_another_protocol(self) -> bool:
        """Whether the parser ends behind this head: it takes the rest, body and all, for another protocol's."""
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def on_message_complete(self) -> None:
        """A request has ended; and with it the connection, where a field behind the body says so to the parser."""
        if self._asks_for_another_protocol():
            return
        self._in_body, self._unheard = False, 0
        super().on_message_complete()
        if not self.parser.should_keep_alive():
            self._hear_no_more()

    def on_response_complete(self) -> None:
        """Go on to the next request, if there may be one."""
        if self._is_deaf and not self.pipeline:
            self.transport.close()
        super().on_response_complete()

    def _hear_no_more(self) -> None:
        """Read nothing more, and close behind the answers that are owed."""
        self._is_deaf = True
        if self._is_idle():
            self.transport.close()

    def shutdown(self) -> None:
        """Answer what is under way, or comes in the next moment; then close."""
        if self._is_idle():
            self.loop.call_later(self._last_call, self._leave)
        else:
            super().shutdown()

    def _leave(self) -> None:
        if self.transport.is_closing() or not self._is_idle() or self._in_head:
            return
        if self._has_unread():
            self.loop.call_later(ANOTHER_LOOK, self._leave)
        else:
            self.transport.close()

    def _has_unread(self) -> bool:
        """Whether the system holds what the client sent and the event loop has not had a turn to read."""
        return any(ioctl(self.transport.get_extra_info("socket"), FIONREAD, bytes(4)))

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def on_body(self, body: bytes) -> None:
        """Hand a part of a body on as it came, unless another still waits: uvicorn alone copies each twice."""
        self._unheard = 0
        cycle: Any = self.cycle
        if not cycle.body:
            cycle.body, body = body, b""
        elif isinstance(cycle.body, bytes):
            cycle.body = bytearray(cycle.body)
        super().on_body(body)

    def data_received(self, data: bytes) -> None:
        """Take what came, and see what the client owes next.

        What has come without an end of a head or a part of a body lies in the parser, which is slow to join it.
        """
        if self._is_deaf:
            return
        self._unset_keepalive_if_required()
        self._unheard += len(data)
        self._parse(data)
        if self._unheard > LARGEST_HEAD:
            self._refuse(431, framing_too_large() if self._in_body else head_too_large())
        if not self._in_head and self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        else:
            self._wait()

    def _parse(self, data: bytes) -> None:
        """Have the parser read it, and answer what is not HTTP."""
        rest: bytes | memoryview = data
        try:
            while rest:
                rest = self._parse_until_upgrade(rest)
        except httptools.HttpParserError:
            self._refuse(400, say("This is not an HTTP request that can be read"))

    def _parse_until_upgrade(self, data: bytes | memoryview) -> bytes | memoryview:
        """Have the parser read up to the end of a head that asks for another protocol; what follows that head.

        Such a request may be served as if it did not ask (RFC 9110, 7.8): its head is read anew without `Upgrade`.
        curl --http2 and Java's client send it with a body behind it.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            read: int = upgrade.args[0]
        else:
            return b""
        if not self._asks_for_another_protocol():
            return b""
        head = self._head_without_upgrade()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self.parser.feed_data(head)
        return memoryview(data)[read:]

    def _head_without_upgrade(self) -> bytes:
        """The head that has just come, as a client writes it that asks for no other protocol."""
        version = self.parser.get_http_version().encode()
        first = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)
        fields = [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([first, *fields, b"", b""])

    def _wait(self) -> None:
        """Start the time, unless it is running."""
        if self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(self._patience, self._give_up)

    def _stop_waiting(self) -> None:
        """The client has done its part."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        """The time is over."""
        self._timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait()
        elif self._in_head:
            self._refuse(408, say("The head of the request took over {limit:g} s", limit=self._patience))
        else:
            self.transport.close()

    def _refuse(self, status: int, detail: Text) -> None:
        """Answer instead of the service, unless the request has been answered, or is being; and close.

        Where earlier requests are still to be answered, they are, and there is no other answer behind them: the client
        would take it for one of theirs. Nothing is refused twice.
        """
        if self.transport.is_closing() or self._is_deaf:
            return
        is_known = self._in_body and self.cycle is not None
        if self.pipeline or not (is_known or self._is_idle()):
            if is_known:
                self.pipeline.popleft()  # the request itself, which waits for its turn
            self._hear_no_more()
            return
        if not (is_known and self.cycle.response_started):
            self.transport.write(self._answer(status, detail))
        self.transport.close()

    def _answer(self, status: int, detail: Text) -> bytes:
        """A whole answer as it goes over the wire."""
        request_id = secrets.token_hex(16)
        log.info("refused", status=status, request_id=request_id)
        count_request(UNMATCHED, "other", status, self._patience if status == 408 else 0.0)
        # The headers that have come so far: they start anew with each head.
        language = language_of(self.headers or ())
        own = {"X-Request-ID": request_id, "Connection": "close"}
        own |= {"Content-Language": language, "Vary": "Accept-Language"}
        response = status_response(status, detail, own, language)
        safe = [(b"cache-control", NO_STORE), (b"content-security-policy", NO_PAGE), *SAFE]
        headers = [*self.server_state.default_headers, *response.raw_headers, *safe]
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        return b"".join([STATUS_LINE[status], *lines, b"\r\n", bytes(response.body)])


def head_too_large() -> Text:
    """Said of a head over its size."""
    return say("The head of the request is over {limit} bytes", limit=LARGEST_HEAD)


def framing_too_large() -> Text:
    """Said of a body in chunks, of what is none of it."""
    template = "Between two parts of the body, or behind it, are over {limit} bytes of extensions or trailers"
    return say(template, limit=LARGEST_HEAD)
