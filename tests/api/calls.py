"""Ways to ask the service: in this process, or as a server in another."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.body import Kind, read_body
from app.api.routing import DirectRoute, answer
from app.api.service import Service
from app.main import create_app
from app.settings import Settings

PROBLEM = "application/problem+json"


async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """An endpoint with a fault of its own."""
    raise RuntimeError("a secret of the inside")


def probed_app(settings: Settings | None = None) -> Service:
    """The service, with one endpoint that reads a body and one that fails."""
    settings = settings or Settings()
    app = create_app(settings)

    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        with app.state.thread.budget.hold() as held:
            body = await read_body(scope, receive, Kind(settings.json_body_bytes), settings, held)
        await answer(send, b'{"length":%d,"type":"%s"}' % (len(body), type(body).__name__.encode()))

    app.router.routes.append(DirectRoute("POST", "/test/echo", echo, include_in_schema=False))
    app.router.routes.append(DirectRoute("GET", "/test/fail", fail, include_in_schema=False))
    return app


def ask(app: ASGIApp, method: str, path: str, **request: Any) -> httpx.Response:
    """One request to the application, in this process."""

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **request)

    return asyncio.run(asked())


def send_messages(app: ASGIApp, messages: list[Message], headers: dict[str, str]) -> list[Message]:
    """A POST to the echo whose body comes in these messages; then what was sent back."""
    sent: list[Message] = []
    waiting = list(messages)

    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/test/echo", "headers": raw, "query_string": b""}
    asyncio.run(asyncio.wait_for(_call(app, scope, receive, send), 20))
    return sent


async def _call(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


def chunked(*parts: bytes) -> list[Message]:
    """A body in these parts."""
    messages: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    return [*messages, {"type": "http.request", "body": b"", "more_body": False}]


def outcome(sent: list[Message]) -> tuple[int, dict[str, object]]:
    """The status and the JSON of what was sent."""
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], orjson.loads(body)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Server:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def connect(self) -> socket.socket:
        """A raw connection, for what no well-behaved client sends."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=15)


@contextmanager
def serving(*arguments: str, command: str = "tests.api.served", **settings: str) -> Iterator[Server]:
    """The service with the probes, as `python -m app` runs it."""
    port = free_port()
    environment = {**os.environ, **{f"CONVARITH_{name.upper()}": value for name, value in settings.items()}}
    whole = [sys.executable, "-m", command, "--port", str(port), *arguments]
    with subprocess.Popen(whole, env=environment, stdout=subprocess.DEVNULL) as process:
        server = Server(process, port)
        try:
            wait_until_ready(server)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_until_ready(server: Server) -> None:
    """Ask until the server says that it is ready."""
    for _ in range(600):
        assert server.process.poll() is None
        try:
            if httpx.get(server.url + "/healthz/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError


def read_all(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)
