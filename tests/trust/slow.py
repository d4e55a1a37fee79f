"""Clients that drip, that hardly read, that go away, and one that is slow but honest."""

from __future__ import annotations

import json
import os
import re
import selectors
import socket
import time
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import orjson
from safetensors.numpy import save

from tests.api.calls import Server, read_all, serving
from tests.trust.figures import Figure
from tests.trust.load import Load, processes
from tests.trust.questions import BULK, questions, wire_of

#: What is computed for some seconds, beyond the usual limits of work: shapes of input and kernel, dtype, parameters.
ENDLESS: dict[str, tuple[tuple[int, ...], tuple[int, ...], type, dict[str, object]]] = {
    "float32": ((64, 640, 640), (64, 64, 17, 17), np.float32, {"method": "direct"}),
    "float64": ((64, 420, 420), (64, 64, 17, 17), np.float64, {"method": "direct"}),
    "float32 transposed": ((64, 400, 400), (64, 64, 17, 17), np.float32, {"method": "direct", "stride": 2}),
    "int64": ((64, 300, 300), (64, 64, 33, 33), np.uint8, {}),
}

#: Memory that the server may hold for all requests, where readers do not read.
BUDGET = 256 * 2**20


#: In so many turns of a second each of the dripping connections has its own.
TURNS = 50


@dataclass(frozen=True)
class Scale:
    """How many, and what patience the server has."""

    connections: int
    header_timeout: float
    body_grace: float
    readers: int
    endless: tuple[str, ...]
    honest_seconds: float


SHORT = Scale(100, 1, 1, 5, ("float32",), 3)
FULL = Scale(500, 10, 10, 20, tuple(ENDLESS), 25)


def measure(scale: Scale) -> list[Figure]:
    """All of it."""
    settings = {"header_timeout": f"{scale.header_timeout}", "body_grace": f"{scale.body_grace}"}
    with processes(2) as pool:
        with serving(total_memory_bytes=str(BUDGET), **settings) as server:
            figures = [*dripping(server, pool, scale), *hardly_reading(server, pool, scale), honest(server, scale)]
        with serving(float_macs=str(10**15), int_macs=str(10**15)) as server:
            return [*figures, going_away(server, scale)]


def dripping(server: Server, pool: Executor, scale: Scale) -> list[Figure]:
    """A byte a second on every connection, in heads and in bodies, beside an honest client."""
    small, seconds = questions(server.url, ["small"]), scale.header_timeout + 2
    load = Load(server.port, small, 1, seconds, pause=0.005)
    usual = pool.submit(Load(server.port, small, 1, seconds / 3, pause=0.005).run).result()
    beside = pool.submit(load.run)
    slowest = pool.submit(drip, server.port, scale.connections, 60).result()
    met = beside.result()
    usual.check()
    met.check()
    assert not met.refused
    before, during = (1e3 * tally.quantile("small", 0.99) for tally in (usual, met))
    return [
        Figure(
            f"{scale.connections} connections of a byte a second, all closed after",
            f"{slowest:.1f} s",
            "≤ 20 s",
            slowest <= 20,
        ),
        Figure(
            "small requests meanwhile, 99th percentile",
            f"{during:.2f} ms; {before:.2f} ms before",
            "≤ 2 × before + 1 ms",
            during <= 2 * before + 1,
        ),
    ]


def drip(port: int, count: int, patience: float) -> float:
    """Send a byte a second over so many connections until the server has closed all; the seconds to the last."""
    head = b"POST /v1/conv HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    begun, open_ = time.perf_counter(), selectors.DefaultSelector()
    for number in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setblocking(False)
        if number % 2:
            connection.sendall(head)
        open_.register(connection, selectors.EVENT_READ, b"[1, " if number % 2 else b"GET / HTTP/1.1\r\nX: ")
    last = begun
    for turn in range(int(patience) * TURNS):
        for key in [key for key in open_.get_map().values() if key.fd % TURNS == turn % TURNS]:
            _send_one(key, turn // TURNS)
        until = begun + (turn + 1) / TURNS
        while open_.get_map() and (now := time.perf_counter()) < until:
            for key, _ in open_.select(until - now):
                if _has_ended(key):
                    open_.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]
                    last = time.perf_counter()
        if not open_.get_map():
            return last - begun
    raise TimeoutError(f"{len(open_.get_map())} connections are open still")


def _send_one(key: selectors.SelectorKey, second: int) -> None:
    """The next byte, unless the server has gone."""
    connection: socket.socket = key.fileobj  # type: ignore[assignment]
    try:
        connection.send(key.data[second : second + 1] or b"1")
    except ConnectionError:
        return


def _has_ended(key: selectors.SelectorKey) -> bool:
    """Whether the server has closed; what it says is read."""
    connection: socket.socket = key.fileobj  # type: ignore[assignment]
    try:
        return not connection.recv(65536)
    except ConnectionError:
        return True


def hardly_reading(server: Server, pool: Executor, scale: Scale) -> list[Figure]:
    """Readers of a byte a second, each of an answer of 61 MiB, beside an honest client whose work needs the thread."""
    ones = np.ones((1, 1), np.float32)
    body = save({"input": ones, "kernel": ones}, {"parameters": '{"stride":4000,"output_padding":3999}'})
    wire = wire_of(body, BULK, "/v1/conv-transpose")
    before, most = memory_of(server), 0
    load = Load(server.port, questions(server.url, ["medium"]), 1, scale.body_grace + 3, pause=0.02)
    with ExitStack() as stack:
        readers = []
        for _ in range(scale.readers):
            readers.append(stack.enter_context(server.connect()))
            readers[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            readers[-1].sendall(wire)
        running, begun, held = pool.submit(load.run), time.perf_counter(), 1.0
        while held or not running.done():
            time.sleep(1)
            for reader in readers:
                _read_one(reader)
            most, held = max(most, memory_of(server)), metric(server, "convarith_memory_held_bytes")
            assert time.perf_counter() < begun + 10 * scale.body_grace + 60
        seconds = time.perf_counter() - begun
    tally = running.result()
    tally.check()
    assert not tally.refused
    grown = (most - before) / 2**20
    return [
        Figure(
            f"{scale.readers} readers of a byte a second, each of 61 MiB: computed beside them",
            f"{len(tally.answered['medium'])} answers, none refused",
            "they hold no worker",
            is_met=True,
        ),
        Figure(
            f"memory that they take, with {BUDGET // 2**20} MiB for all requests",
            f"{grown:.0f} MiB, all given back after {seconds:.0f} s",
            f"≤ {BUDGET // 2**20 + 64} MiB",
            grown * 2**20 <= BUDGET + 64 * 2**20,
        ),
    ]


def _read_one(reader: socket.socket) -> None:
    """A byte, unless the server has dropped the connection."""
    try:
        reader.setblocking(False)
        reader.recv(1)
    except (BlockingIOError, ConnectionError):
        return


def honest(server: Server, scale: Scale) -> Figure:
    """An upload of twice the least pace, for longer than the grace: it is read to its end."""
    body = orjson.dumps({"input": list(range(1000, 1000 + int(scale.honest_seconds * 410))), "kernel": [1]})
    begun = time.perf_counter()
    with server.connect() as connection:
        connection.settimeout(60)
        head, step = len(wire_of(b"")), 512
        wire = wire_of(body, more="Connection: close\r\n")
        connection.sendall(wire[:head])
        for at in range(head, len(wire), step):
            connection.sendall(wire[at : at + step])
            time.sleep(step / 2048)
        seconds = time.perf_counter() - begun
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 200 "), answer[:300]
    assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["output"][-1] == 1000 + int(scale.honest_seconds * 410) - 1
    what = f"an upload of 2 KiB/s that takes {seconds:.0f} s, with {scale.body_grace:g} s of grace"
    return Figure(what, "answered", "not cut", is_met=True)


def going_away(server: Server, scale: Scale) -> Figure:
    """A client asks for long work and leaves; the seconds until the thread has ended it."""
    slowest = 0.0
    for name in scale.endless:
        x_shape, w_shape, dtype, parameters = ENDLESS[name]
        body = save(
            {"input": np.ones(x_shape, dtype), "kernel": np.ones(w_shape, dtype)},
            {"parameters": json.dumps(parameters)},
        )
        path = "/v1/conv-transpose" if "transposed" in name else "/v1/conv"
        with server.connect() as connection:
            connection.sendall(wire_of(body, BULK, path))
            wait_for(server, 1)
            time.sleep(0.3)
            assert metric(server, "convarith_queue_running") == 1
        begun = time.perf_counter()
        wait_for(server, 0)
        slowest = max(slowest, time.perf_counter() - begun)
    what = f"a client that goes away ends its computation ({', '.join(scale.endless)}) within"
    return Figure(what, f"{slowest:.2f} s", "≤ 1 s", slowest <= 1)


def wait_for(server: Server, running: int) -> None:
    """Until so many requests are computed."""
    end = time.perf_counter() + 60
    while metric(server, "convarith_queue_running") != running:
        assert time.perf_counter() < end
        time.sleep(0.01)


def metric(server: Server, name: str) -> float:
    """One value of the metrics."""
    found = re.search(rf"^{name} (\S+)", httpx.get(server.url + "/metrics").text, re.M)
    assert found is not None
    return float(found[1])


def memory_of(server: Server) -> int:
    """Bytes that the server's process has in memory."""
    pages = Path(f"/proc/{server.process.pid}/statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
