"""The compute thread: what is asked while it warms up, and what it keeps of what failed."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import weakref
from collections.abc import Iterator

import pytest
from starlette.types import Message

from app.api import admission
from app.api.admission import ComputeThread
from app.core.parallel import team
from app.core.warm import Step


@pytest.fixture(autouse=True)
def _others_go_on() -> Iterator[None]:
    """A thread that closes ends all work of the process: here there may be another service, of other tests."""
    yield
    team.abandoned = False


async def stays() -> Message:
    """A client that stays."""
    await asyncio.Event().wait()
    raise AssertionError


def test_a_request_does_not_wait_for_every_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked during the second step, it is answered before the third."""
    done: list[str] = []

    async def run() -> None:
        thread, loop, asked = ComputeThread(1, 2**20), asyncio.get_running_loop(), asyncio.Event()

        async def ask() -> None:
            running = asyncio.create_task(thread.run(lambda: done.append("request"), stays, thread.budget.hold()))
            await asyncio.sleep(0)  # now it is in the queue
            asked.set()
            await running

        def second() -> None:
            answers.append(asyncio.run_coroutine_threadsafe(ask(), loop))
            asyncio.run_coroutine_threadsafe(asked.wait(), loop).result()
            done.append("second")

        uses = {"first": lambda: done.append("first"), "second": second, "third": lambda: done.append("third")}
        steps = [Step(what, number, 3, use) for number, (what, use) in enumerate(uses.items(), 1)]
        monkeypatch.setattr(admission, "steps", lambda: steps)
        await thread.warm_up(print)
        assert thread.warm
        thread.close()
        team.abandoned = False  # for the tests that come after

    answers: list[object] = []
    asyncio.run(run())
    assert done == ["first", "second", "request", "third"]


class Large:
    """What a request holds."""


def test_nothing_is_kept_of_work_that_fails() -> None:
    """Not even until the garbage collector comes: a body may be large, and is counted no longer."""

    async def run() -> bool:
        thread, large = ComputeThread(1, 2**20), Large()
        kept = weakref.ref(large)

        def fail(holding: Large = large) -> None:
            raise ValueError(holding)

        with pytest.raises(ValueError, match="Large"):
            await thread.run(fail, stays, thread.budget.hold())
        del fail, large
        await asyncio.sleep(0.05)  # the thread lets go of it a moment later
        thread.close()
        return kept() is None

    gc.disable()
    try:
        assert asyncio.run(run())
    finally:
        gc.enable()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not rank single threads")
def test_the_event_loop_goes_before_the_compute_thread() -> None:
    thread = ComputeThread(1, 2**20)

    def rank() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert asyncio.run(thread.run(rank, stays, thread.budget.hold())) == min(19, rank() + admission.NICENESS)
    thread.close()
