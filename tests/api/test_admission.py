"""The compute thread: what is asked while it warms up."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

import pytest
from starlette.types import Message

from app.api import admission
from app.api.admission import ComputeThread
from app.core.warm import Step


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
            running = asyncio.create_task(thread.run(lambda: done.append("request"), stays))
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

    answers: list[object] = []
    asyncio.run(run())
    assert done == ["first", "second", "request", "third"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not rank single threads")
def test_the_event_loop_goes_before_the_compute_thread() -> None:
    thread = ComputeThread(1, 2**20)

    def rank() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert asyncio.run(thread.run(rank, stays)) == min(19, rank() + admission.NICENESS)
    thread.close()
