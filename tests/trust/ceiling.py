"""The memory of a server's processes under a hostile mix: it stays under what is set."""

from __future__ import annotations

import gzip
import itertools
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import numpy as np

from tests.api.calls import Server, serving
from tests.api.client import CONV, CONV_TRANSPOSE, JSON, OUTPUT_SIZE, SAFETENSORS, packed
from tests.trust.figures import Figure
from tests.trust.kinds import request_of
from tests.trust.processes import held_by, kilobytes, tree_of

#: Seconds.
SHORT, FULL = 3, 60

MIB = 2**20

WORKERS, CLIENTS = 2, 8

#: What all requests of a worker may be predicted to need, as it is set.
TOTAL = 256 * MIB

#: What a worker may take above 1.1 of that and its rest: what its allocator keeps of memory given back, caches that
#: fill, and what connections hold that is not counted, 64 KiB each.
CONSTANT = 64 * MIB

BULK = {"Content-Type": SAFETENSORS, "Accept": SAFETENSORS}
TEXT = {"Content-Type": JSON}


def measure(seconds: float) -> list[Figure]:
    """How far each worker comes above its rest."""
    settings = {"total_memory_bytes": str(TOTAL), "access_log": "false", "log_level": "error", "body_grace": "5"}
    with serving("--workers", str(WORKERS), **settings) as server:
        _settle(server)
        workers = list(filter(_is_worker, tree_of(server.process.pid)[1:]))
        for pid in workers:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        rest = {pid: _field(pid, "RssAnon:") for pid in workers}
        together = held_by(server.process.pid).memory
        statuses = attack(server, seconds)
        # Beside its own memory a process maps its program, piece by piece as it comes to it, and all share that.
        heights = [_field(pid, "VmHWM:") - _field(pid, "RssFile:") - rest[pid] for pid in workers]
        assert server.process.poll() is None
        assert workers == [pid for pid in tree_of(server.process.pid) if pid in workers]
    allowed = TOTAL * 11 // 10 + CONSTANT
    asked = ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items()))
    return [
        Figure(
            f"answers in {seconds:g} s by status; 0: no answer was waited for", asked, "no 500", 500 not in statuses
        ),
        Figure(
            f"memory of {WORKERS} workers at their heights, above {together / MIB:.0f} MiB of all processes at rest",
            " and ".join(f"{height / MIB:.0f} MiB" for height in heights),
            f"at most 1.1 of the {TOTAL // MIB} MiB that are set, and {CONSTANT // MIB} MiB",
            len(heights) == WORKERS and max(heights) <= allowed,
        ),
    ]


def _settle(server: Server) -> None:
    """Have each worker compute something, and start its threads."""
    with ExitStack() as stack:
        clients = [stack.enter_context(httpx.Client(base_url=server.url, timeout=60)) for _ in range(8)]
        for client, seed in itertools.product(clients, range(4)):
            request = request_of(seed, 10**5)
            client.post(request.path, content=request.body, headers=request.headers)


def attack(server: Server, seconds: float) -> Counter[int]:
    """Everything at once, for so long; the statuses of the answers."""
    statuses: Counter[int] = Counter()
    turns, until = itertools.count(), time.monotonic() + seconds
    clients = [threading.Thread(target=_ask_on, args=(server, turns, until, statuses)) for _ in range(CLIENTS)]
    with ExitStack() as stalled:
        for number in range(20):
            stalled.enter_context(_stalled(server, number))
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    return statuses


def _ask_on(server: Server, turns: Iterator[int], until: float, statuses: Counter[int]) -> None:
    with httpx.Client(base_url=server.url, timeout=120) as client:
        while time.monotonic() < until:
            path, headers, body = HOSTILE[next(turns) % len(HOSTILE)](turn := next(turns))
            try:
                statuses[client.post(path, content=body, headers=headers).status_code] += 1
            except httpx.TransportError:  # refused while it was sent, which this client does not read
                statuses[0] += 1
            if turn % 5 == 0:
                _go_away(server, path, headers, body)
                statuses[0] += 1


Sent = tuple[str, dict[str, str], bytes]


def _text(value: str, count: int) -> bytes:
    return f'{{"input":[{value * count}1],"kernel":[1]}}'.encode()


def _lists(turn: int) -> Sent:
    """Millions of small values, which take many times their text."""
    value = ("[],", '{"":0},', "[1],", "[[1.5]],", '"ab",', "0.5,")[turn % 6]
    return (CONV, OUTPUT_SIZE)[turn % 2], TEXT, _text(value, (2 + turn % 3) * MIB // len(value))


def _bomb(turn: int) -> Sent:
    return CONV, TEXT | {"Content-Encoding": "gzip"}, gzip.compress(b" " * (4 + turn % 16) * MIB, 1)


def _far_apart(turn: int) -> Sent:
    """A few numbers for a large answer."""
    stride = 1000 + turn % 2000
    return (
        CONV_TRANSPOSE,
        TEXT,
        json.dumps({"input": [[1.5]], "kernel": [[1.5]], "stride": stride, "output_padding": stride - 1}).encode(),
    )


def _entries(turn: int) -> Sent:
    """Steps of many windows."""
    size = 100 + turn % 300
    body = {"input": np.ones((size, size)).tolist(), "kernel": [[1.5]], "steps": ["sliding_window"]}
    return CONV, TEXT | {"Accept": (JSON, SAFETENSORS)[turn % 2]}, json.dumps(body).encode()


def _long_kernel(turn: int) -> Sent:
    """Tables of a kernel take more than its weights."""
    length = 10**5 * (1 + turn % 12)
    tensors = {"input": np.ones(length + 10, np.float32), "kernel": np.ones(length, np.float32)}
    return (CONV, CONV_TRANSPOSE)[turn % 2], BULK, packed(tensors, {"padding": 3})


def _header(turn: int) -> Sent:
    entry = ('{"dtype":"F32","shape":[1],"data_offsets":[0,4]}', "[[],[]]", "{}")[turn % 3]
    names = ",".join(f'"{number}":{entry}' for number in range(900_000 // (len(entry) + 9)))
    head = f"{{{names}}}".encode()
    return CONV, BULK, len(head).to_bytes(8, "little") + head


def _any(turn: int) -> Sent:
    request = request_of(turn, 10**6)
    return request.path, request.headers, request.body


def _wide(turn: int) -> Sent:
    """Bytes that widen to eight times as many."""
    x = np.ones((1000, 1000 + 1000 * (turn % 8)), np.uint8)
    return (
        CONV,
        BULK,
        packed({"input": x, "kernel": np.ones((3, 3), np.uint8)}, {"padding_mode": "reflect", "padding": 1}),
    )


HOSTILE: tuple[Callable[[int], Sent], ...] = (
    _lists, _bomb, _any, _far_apart, _entries, _long_kernel, _header, _any, _wide,
)  # fmt: skip


def _head(path: str, headers: dict[str, str], length: int) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {length}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


def _go_away(server: Server, path: str, headers: dict[str, str], body: bytes) -> None:
    """Ask, and leave before the answer."""
    with server.connect() as connection, suppress(OSError):
        connection.sendall(_head(path, headers, len(body)) + body)


def _stalled(server: Server, number: int) -> socket.socket:
    """A connection that sends a part of a body and no more, or that reads nothing of a large answer."""
    connection = server.connect()
    with suppress(OSError):
        if number % 2:
            connection.sendall(_head(CONV, TEXT, 8 * MIB) + b"[" * MIB)
        else:
            path, headers, body = _far_apart(number)
            connection.sendall(_head(path, headers | {"Accept": SAFETENSORS}, len(body)) + body)
    return connection


def _is_worker(pid: int) -> bool:
    with suppress(OSError):
        return _field(pid, "VmRSS:") > 100 * MIB
    return False


def _field(pid: int, name: str) -> int:
    return kilobytes(Path(f"/proc/{pid}/status"), name) * 1024
