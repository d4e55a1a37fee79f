"""The short forms of what load, dying workers, stops and slow clients come to. Times are looked at in full alone."""

from __future__ import annotations

import os
import signal
import time
from importlib import import_module

import pytest

from tests.api.calls import serving
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
        for _ in range(100):
            if len(set(workers_of(server)) - set(before)) == 1:
                return
            time.sleep(0.1)
        raise AssertionError("no worker in its place")
