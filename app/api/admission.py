"""Where the work is done: tiny work at once, the rest on one compute thread behind a queue."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from app.api.metrics import QUEUE_RUNNING, QUEUE_WAITING
from app.api.problems import unavailable
from app.core.parallel import team
from app.core.text import say
from app.core.warm import Step, steps

Result = TypeVar("Result")

#: Work that is guessed to take less (in nanoseconds) is done on the event loop: a change
#: of threads would cost more than it.
INLINE_NANOSECONDS = 250_000

#: Longer bodies (in bytes) are read on the compute thread.
INLINE_BODY = 32 * 1024


class ComputeThread:
    """One thread for the work that would hold up the event loop.

    `warm` turns true once every kernel is compiled; until then nothing runs inline, so
    that no request makes the event loop wait for the compiler.
    """

    def __init__(self, queue_length: int) -> None:
        self.queue_length = queue_length
        self.warm = False
        self._taken = 0
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="convarith-compute")
        team.abandoned = False

    async def warm_up(self, tell: Callable[[Step], object]) -> None:
        """Load or compile the kernels, with `tell` of those to compile; what is asked meanwhile runs between two."""
        for step in steps():
            await asyncio.get_running_loop().run_in_executor(self._thread, step.take, tell)
        self.warm = True

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do the work in its turn. Cancelled while it waits, it is not begun.

        Raises:
            StatusError: 503, as many wait already as may.
        """
        with self._lock:
            if self._taken > self.queue_length:
                raise unavailable(say("{count} requests wait already; ask again in a moment", count=self.queue_length))
            self._taken += 1
        QUEUE_WAITING.inc()
        future = self._thread.submit(self._begin, work)
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    @staticmethod
    def _begin(work: Callable[[], Result]) -> Result:
        QUEUE_WAITING.dec()
        with QUEUE_RUNNING.track_inprogress():
            return work()

    def _leave(self, future: Future[Result]) -> None:
        if future.cancelled():
            QUEUE_WAITING.dec()
        with self._lock:
            self._taken -= 1

    def close(self) -> None:
        """End, between two parts of what was begun; nobody waits for that any more."""
        team.abandoned = True
        self._thread.shutdown(wait=True, cancel_futures=True)
