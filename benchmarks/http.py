"""The service over HTTP beside a bare ASGI echo of the same bytes, and two requests at once beside one after the other.

Service and echo are uvicorn with uvloop and httptools, each in a process of its own, asked over
kept connections by a plain socket: what a client library costs would hide the difference.
They take turns, so that a change of the machine's speed meets both. Times are medians;
the ratio is the median over the turns.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from time import sleep

import numpy as np
from safetensors.numpy import save
from starlette.types import Receive, Scope, Send

from benchmarks.timing import Call, median_ratio, take_turns

#: Seconds that a connection may be idle: while the other server is measured.
PATIENT = "3600"

JSON, SAFETENSORS = "application/json", "application/vnd.safetensors"
TURNS = 15


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """The least that an ASGI application does with a body: take it and send it back."""
    if scope["type"] != "http":
        return
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def serving(*arguments: str, connections: int = 1) -> Iterator[list[Connection]]:
    """Connections to a server of its own: `python -m` and these arguments, and a port."""
    port = free_port()
    command = [sys.executable, "-m", *arguments, "--port", str(port)]
    patient = {"CONVARITH_KEEP_ALIVE": PATIENT, "CONVARITH_HEADER_TIMEOUT": PATIENT}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | patient) as process:  # noqa: S603
        try:
            while not ready(port):
                if process.poll() is not None:
                    raise SystemExit(f"{arguments[0]} did not start")
                sleep(0.05)
            with ExitStack() as opened:
                address = ("127.0.0.1", port)
                yield [Connection(opened.enter_context(socket.create_connection(address))) for _ in range(connections)]
        finally:
            process.terminate()


def ready(port: int) -> bool:
    """Whether a server answers that it is ready."""
    try:
        with socket.create_connection(("127.0.0.1", port)) as connected:
            connection = Connection(connected)
            connection.send("GET", "/healthz/ready", b"")
            connection.receive()
    except (ConnectionError, RuntimeError):
        return False
    return True


class Connection:
    """One kept connection, with a buffer that answers are received into."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connected = connected
        self.buffer = bytearray(64 * 2**20)

    def post(self, media_type: str, body: bytes) -> None:
        """Post a body to be convolved; the answer is to have the same media type."""
        self.send("POST", "/v1/conv", body, f"Content-Type: {media_type}\r\nAccept: {media_type}\r\n")

    def send(self, method: str, path: str, body: bytes, headers: str = "") -> None:
        """Send a request."""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode()
        if len(body) < 2**16:
            self.connected.sendall(head + body)
        else:
            self.connected.sendall(head)
            self.connected.sendall(body)

    def receive(self) -> int:
        """Receive the answer to a request; how many bytes its body has.

        Raises:
            RuntimeError: the answer is not 200.
        """
        view, received = memoryview(self.buffer), 0
        while (end := self.buffer.find(b"\r\n\r\n", 0, received)) < 0:
            received += self._receive(view[received:])
        answer = bytes(view[:end]).lower()
        if b" 200 " not in answer[:15]:
            raise RuntimeError(answer)
        length = int(answer.partition(b"content-length:")[2].partition(b"\r\n")[0])
        while received < end + 4 + length:
            received += self._receive(view[received:])
        return length

    def _receive(self, into: memoryview) -> int:
        count = self.connected.recv_into(into)
        if count == 0:
            raise ConnectionError("the server closed")
        return count


def full_hd() -> tuple[str, bytes]:
    """A picture of three channels, each under a kernel of its own."""
    random = np.random.default_rng(0)
    tensors = {
        "input": random.random((3, 1080, 1920), np.float32),
        "kernel": random.random((3, 1, 3, 3), np.float32),
    }
    return SAFETENSORS, save(tensors, {"parameters": json.dumps({"groups": 3, "padding": 1})})


def small_json() -> tuple[str, bytes]:
    """The README's example without its steps."""
    request = {"input": [[1, 2], [3, 4]], "kernel": [[1, 2], [3, 4]], "padding": 1}
    return JSON, json.dumps(request).encode()


def small_safetensors() -> tuple[str, bytes]:
    """The same size in bulk."""
    tensors = {"input": np.ones((8, 8), np.float32), "kernel": np.ones((3, 3), np.float32)}
    return SAFETENSORS, save(tensors, {"parameters": "{}"})


def dense_safetensors() -> tuple[str, bytes]:
    """A layer in whose answer the time goes into the sums: eight times sixty-four channels."""
    random = np.random.default_rng(0)
    tensors = {
        "input": random.random((8, 64, 56, 56), np.float32),
        "kernel": random.random((64, 64, 3, 3), np.float32),
    }
    return SAFETENSORS, save(tensors, {"parameters": json.dumps({"padding": 1})})


Request = tuple[str, bytes]

CASES = {"full HD, 25 MB each way": full_hd, "4×4, JSON": small_json, "8×8, safetensors": small_safetensors}
PAIRED = {**CASES, "8 × 64→64 at 56×56": dense_safetensors}


def in_turn(connections: Sequence[Connection], requests: Sequence[Request]) -> None:
    """Each request when the one before is answered."""
    for connection, request in zip(connections, requests, strict=True):
        connection.post(*request)
        connection.receive()


def at_once(connections: Sequence[Connection], requests: Sequence[Request]) -> None:
    """All requests, and then their answers."""
    for connection, request in zip(connections, requests, strict=True):
        connection.post(*request)
    for connection in connections:
        connection.receive()


def compare(one: Call, other: Call, seconds: float) -> tuple[float, float, float]:
    """The median times of two ways to ask that take turns, and the median of their ratios; so long for each."""
    first, second = take_turns({"one": one, "other": other}, seconds, TURNS, alone=True).values()
    return statistics.median(first), statistics.median(second), median_ratio(first, second)


def beside_echo(service: Connection, echo: Connection, seconds: float) -> None:
    """Print what the service takes longer than a bare echo."""
    print("| request | service, ms | echo, ms | service/echo | requests/s | echo's |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, case in CASES.items():
        request = [case()]
        ours, echos, ratio = compare(partial(in_turn, [service], request), partial(in_turn, [echo], request), seconds)
        print(f"| {name} | {ours * 1e3:.3f} | {echos * 1e3:.3f} | {ratio:.2f} | {1 / ours:.0f} | {1 / echos:.0f} |")


def beside_turns(service: Sequence[Connection], echo: Sequence[Connection], seconds: float) -> None:
    """Print what two requests at once take longer than one after the other, for the service and for a bare echo."""
    print("| two requests | one after the other, ms | at once, ms | ratio | echo's ratio |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for (one, first), (other, second) in itertools.combinations_with_replacement(PAIRED.items(), 2):
        requests = [first(), second()]
        (together, turns, ratio), (_, _, echos) = (
            compare(partial(at_once, server, requests), partial(in_turn, server, requests), seconds)
            for server in (service, echo)
        )
        print(f"| {one} and {other} | {turns * 1e3:.3f} | {together * 1e3:.3f} | {ratio:.2f} | {echos:.2f} |")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--seconds", type=float, default=3.0, help="for each case and way to ask")


def main(arguments: argparse.Namespace) -> None:
    """Run the cases and print them."""
    bare = ("uvicorn", "benchmarks.http:echo", *["--loop", "uvloop", "--http", "httptools", "--log-level", "error"])
    bare = (*bare, "--timeout-keep-alive", PATIENT)
    with serving("app") as (service,), serving(*bare) as (other,):
        beside_echo(service, other, arguments.seconds)
    print()
    with serving("app", connections=2) as services, serving(*bare, connections=2) as others:
        beside_turns(services, others, arguments.seconds)
