"""The short forms of what load, dying workers, stops and slow clients come to. Times are looked at in full alone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from tests.api.calls import read_all, serving
from tests.trust.workers import workers_of


@pytest.mark.parametrize("name", ["overload", "workers", "stopping", "slow"])
def test_nothing_is_lost(name: str) -> None:
    """Each asserts by itself that every reply is right, or a refusal as documented."""
    check = import_module(f"tests.trust.{name}")
    assert check.measure(check.SHORT)


def test_a_worker_that_dies_while_its_supervisor_asks_is_replaced() -> None:
    """It is asked how it is, and is still by then; half a minute is given to those that live."""
    with serving("--workers", "2") as server:
        before = workers_of(server)
        os.kill(before[0], signal.SIGSTOP)
        time.sleep(1.5)
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: len(set(workers_of(server)) - set(before)) == 1)


def test_a_worker_that_is_stopped_alone_leaves_the_others_their_clients() -> None:
    """All of them listen on one socket."""
    with serving("--workers", "2") as server:
        before = workers_of(server)
        os.kill(before[0], signal.SIGTERM)
        wait_until(lambda: before[0] not in workers_of(server))
        for _ in range(20):
            with server.connect() as connection:
                connection.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                assert read_all(connection).startswith(b"HTTP/1.1 200 ")


def test_workers_end_with_their_supervisor() -> None:
    """However it ends: they would hold the port, and nobody would stop them."""
    with serving("--workers", "2") as server:
        before = workers_of(server)
        os.kill(server.process.pid, signal.SIGKILL)
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in before))


def wait_until(holds: Callable[[], bool]) -> None:
    """Ten seconds at most."""
    for _ in range(100):
        if holds():
            return
        time.sleep(0.1)
    raise TimeoutError
