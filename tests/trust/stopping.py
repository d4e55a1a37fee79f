"""SIGTERM: under load, with clients that stall, during start-up, and twice."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tests.api.calls import Server, free_port, read_all, serving
from tests.trust.figures import Figure
from tests.trust.load import Load, is_refusal, processes
from tests.trust.questions import LIVE, questions

#: Seconds that requests have to finish, where it is not said otherwise, and of these those to turn away in.
GRACE, DELAY = 10, 1


@dataclass(frozen=True)
class Scale:
    """How often, and with which grace clients stall."""

    times: int
    graces_of_stalled: tuple[int, ...]
    #: Seconds after the start of the process, with kernels at hand, and without.
    moments: tuple[float, ...]
    moments_of_compiling: tuple[float, ...]


SHORT = Scale(times=2, graces_of_stalled=(1,), moments=(0.8,), moments_of_compiling=())
FULL = Scale(
    times=20, graces_of_stalled=(3, 25), moments=(0.1, 0.3, 0.5, 0.8, 1.2, 1.6, 2.0), moments_of_compiling=(3, 10)
)


@dataclass
class Stop:
    """How one went."""

    answered: int = 0
    refused: int = 0
    seconds: float = 0.0
    #: What /healthz/ready said from the signal on, over one new connection after the other.
    readiness: list[int] = field(default_factory=list)


def measure(scale: Scale) -> list[Figure]:
    """All of them; every second one with two workers, every third with two signals."""
    with processes(3) as pool:
        stops = [under_load(pool, workers=1 + n % 2, signals=1 + n % 3 // 2) for n in range(scale.times)]
    longest = max(stop.seconds for stop in stops)
    answered, refused = sum(stop.answered for stop in stops), sum(stop.refused for stop in stops)
    figures = [
        Figure(
            f"SIGTERM under load of 80 clients, {scale.times} times, 1 and 2 workers",
            f"{answered} right answers, {refused} × 503, none lost",
            "everything received is answered",
            is_met=True,
        ),
        Figure("readiness before connections are refused", "503 each time", "503 first", is_met=True),
        within(f"longest stop of these, with {GRACE} s of grace", longest, GRACE),
    ]
    for grace in scale.graces_of_stalled:
        seconds = with_stalled_clients(grace)
        figures.append(within(f"stop with 50 clients that stall in mid-body, {grace} s of grace", seconds, grace))
    starts = [during_start(moment, workers=workers) for moment in scale.moments for workers in (1, 2)]
    what = f"longest stop during start-up, at {len(scale.moments)} moments, 1 and 2 workers"
    figures.append(within(what, max(starts), GRACE))
    if scale.moments_of_compiling:
        compiling = [during_start(moment, workers=1, compiles=True) for moment in scale.moments_of_compiling]
        figures.append(within("longest stop while kernels are compiled", max(compiling), GRACE))
    return figures


def within(what: str, seconds: float, grace: int) -> Figure:
    """A time beside the grace and a second."""
    return Figure(what, f"{seconds:.1f} s", f"≤ {grace + 1} s", seconds <= grace + 1)


def under_load(pool: Executor, workers: int, signals: int) -> Stop:
    """Clients that stay and clients that come anew, until no connection is taken any more."""
    settings = {"shutdown_grace": str(GRACE), "shutdown_delay": str(DELAY)}
    stop = Stop()
    with serving("--workers", str(workers), **settings) as server:
        asked = questions(server.url, ("small", "medium", "large"), 2)
        loads = [
            Load(server.port, asked, 40, 60, pause_when_refused=0.1, reconnects=reconnects)
            for reconnects in (False, True)
        ]
        loads.append(Load(server.port, [LIVE], 1, 60, pause=0.2))
        running = [pool.submit(load.run) for load in loads]
        time.sleep(1)
        begun = time.perf_counter()
        server.process.send_signal(signal.SIGTERM)
        watching = threading.Thread(target=watch_readiness, args=(server, stop))
        watching.start()
        for _ in range(signals - 1):
            time.sleep(0.2)
            server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(GRACE + 30) == 0
        stop.seconds = time.perf_counter() - begun
        watching.join()
        for each in running:
            tally = each.result()
            tally.check()
            assert tally.turned_away
            stop.answered += sum(map(len, tally.answered.values()))
            stop.refused += tally.refused.total()
    told = [status for status in stop.readiness if status != 200]
    assert told, "connections were refused before readiness was"
    assert set(told) == {503}
    assert 200 not in stop.readiness[stop.readiness.index(503) :] or workers > 1, stop.readiness
    return stop


def watch_readiness(server: Server, stop: Stop) -> None:
    """Ask over new connections until there are none."""
    while True:
        try:
            with server.connect() as connection:
                connection.sendall(b"GET /healthz/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = read_all(connection)
        except ConnectionRefusedError:
            return
        stop.readiness.append(int(answer[9:12]))
        time.sleep(0.005)


def with_stalled_clients(grace: int) -> float:
    """Fifty send half of a body and no more; each is told so. Then the seconds from the signal to the end."""
    with serving(shutdown_grace=str(grace)) as server, ExitStack() as stack:
        stalled = [stack.enter_context(server.connect()) for _ in range(50)]
        for connection in stalled:
            connection.settimeout(grace + 30)
            connection.sendall(b"POST /v1/conv HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + bytes(500))
        time.sleep(0.5)
        begun = time.perf_counter()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(grace + 30) == 0
        seconds = time.perf_counter() - begun
        for connection in stalled:
            assert is_told(connection)
    return seconds


def is_told(connection: socket.socket) -> bool:
    """Whether the answer is the 408 of a body that stalls, or the 503 of a service that stops."""
    head, _, body = read_all(connection).partition(b"\r\n\r\n")
    return head.startswith(b"HTTP/1.1 408 ") or (head.startswith(b"HTTP/1.1 503 ") and is_refusal(head, body))


def during_start(moment: float, *, workers: int, compiles: bool = False) -> float:
    """SIGTERM so many seconds after the start of the process; the seconds to its end."""
    with (
        tempfile.TemporaryDirectory() as folder,
        starting(workers, {"NUMBA_CACHE_DIR": folder} if compiles else {}) as process,
    ):
        time.sleep(moment)
        assert process.poll() is None
        begun = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        # Before the command has read its arguments, Python itself ends on the signal.
        assert process.wait(GRACE + 60) in (0, -signal.SIGTERM)
        return time.perf_counter() - begun


@contextmanager
def starting(workers: int, more: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The service as a process that has only been started."""
    command = [sys.executable, "-m", "app", "--port", str(free_port()), "--workers", str(workers)]
    environment = {**os.environ, "CONVARITH_SHUTDOWN_GRACE": str(GRACE), **more}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()
