"""Times the service over HTTP beside a bare ASGI echo of the same bytes, and prints a table.

    python -m benchmarks.http [--seconds S]

Both are uvicorn with uvloop and httptools, each in a process of its own, asked over one
kept connection by a plain socket: what a client library costs would hide the difference.
They take turns, so that a change of the machine's speed meets both. Times are medians;
the ratio is the median over the turns.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, sleep

import numpy as np
from safetensors.numpy import save
from starlette.types import Receive, Scope, Send

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
def serving(*arguments: str) -> Iterator[Connection]:
    """A connection to a server of its own: `python -m` and these arguments, and a port."""
    port = free_port()
    command = [sys.executable, "-m", *arguments, "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            while not ready(port):
                if process.poll() is not None:
                    raise SystemExit(f"{arguments[0]} did not start")
                sleep(0.05)
            with socket.create_connection(("127.0.0.1", port)) as connected:
                yield Connection(connected)
        finally:
            process.terminate()


def ready(port: int) -> bool:
    """Whether a server answers that it is ready."""
    try:
        with socket.create_connection(("127.0.0.1", port)) as connected:
            Connection(connected).request("GET", "/healthz/ready", b"")
    except (ConnectionError, RuntimeError):
        return False
    return True


class Connection:
    """One kept connection, with a buffer that answers are received into."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connected = connected
        self.buffer = bytearray(64 * 2**20)

    def post(self, path: str, media_type: str, body: bytes) -> int:
        """Post a body and receive the answer's, in the same media type; how long that is."""
        return self.request("POST", path, body, f"Content-Type: {media_type}\r\nAccept: {media_type}\r\n")

    def request(self, method: str, path: str, body: bytes, headers: str = "") -> int:
        """Send a request and receive the answer; how many bytes its body has.

        Raises:
            RuntimeError: the answer is not 200.
        """
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode()
        if len(body) < 2**16:
            self.connected.sendall(head + body)
        else:
            self.connected.sendall(head)
            self.connected.sendall(body)
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


CASES = {"full HD, 25 MB each way": full_hd, "4×4, JSON": small_json, "8×8, safetensors": small_safetensors}


def block(connection: Connection, media_type: str, body: bytes, seconds: float) -> float:
    """The median time of a request, over a block of them."""
    times: list[float] = []
    end = perf_counter() + seconds
    while perf_counter() < end or len(times) < 1:
        begun = perf_counter()
        connection.post("/v1/conv", media_type, body)
        times.append(perf_counter() - begun)
    return statistics.median(times)


def main() -> None:
    """Run the cases and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each case and server")
    seconds = parser.parse_args().seconds / TURNS
    bare = ("uvicorn", "benchmarks.http:echo", "--loop", "uvloop", "--http", "httptools", "--log-level", "error")
    print("| request | service, ms | echo, ms | service/echo | requests/s | echo's |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    with serving("app") as service, serving(*bare) as other:
        for name, case in CASES.items():
            request = case()
            block(service, *request, seconds), block(other, *request, seconds)
            pairs = [(block(service, *request, seconds), block(other, *request, seconds)) for _ in range(TURNS)]
            ours, echos = (statistics.median(times) for times in zip(*pairs, strict=True))
            ratio = statistics.median(a / b for a, b in pairs)
            print(f"| {name} | {ours * 1e3:.3f} | {echos * 1e3:.3f} | {ratio:.2f} | {1 / ours:.0f} | {1 / echos:.0f} |")


if __name__ == "__main__":
    main()
