"""Where the work is done: tiny work at once, the rest on one compute thread behind a queue."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from app.api.body import Body
from app.api.budget import Budget, Counting, Hold, nothing
from app.api.metrics import QUEUE_RUNNING, QUEUE_WAITING
from app.api.problems import unavailable
from app.core.machine import give_back_memory
from app.core.parallel import Signal, abandoned_by, check_wanted, team
from app.core.text import say
from app.core.warm import Step, steps

#: Work that is guessed to take less (in nanoseconds) is done on the event loop: a change
#: of threads would cost more than it.
INLINE_NANOSECONDS = 250_000

#: After work for which so many bytes were held, what the allocator keeps of them goes back to the system: that takes
#: a millisecond or two, and the next work of the kind a few more to get them anew.
WORTH_GIVING_BACK = 2**26

#: Longer bodies (in bytes) are read on the compute thread.
INLINE_BODY = 32 * 1024

#: How far the compute thread stands back for the event loop, as `nice` counts. Beside a long computation small
#: requests would else take longer (`python -m tests.trust overload`).
NICENESS = 5


class Priced(Protocol):
    """A request that was read: a guess of all of its time, in nanoseconds, and of the memory it takes, in bytes."""

    @property
    def price(self) -> float: ...

    @property
    def bytes(self) -> int: ...


Result = TypeVar("Result")
Asked = TypeVar("Asked", bound=Priced)


class ComputeThread:
    """One thread for the work that would hold up the event loop, and one budget for what its requests hold.

    `warm` turns true once every kernel is compiled; until then nothing runs inline, so
    that no request makes the event loop wait for the compiler.
    """

    def __init__(self, queue_length: int, memory: int) -> None:
        self.queue_length = queue_length
        self.budget = Budget(memory)
        self.warm = False
        self._taken = 0
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "convarith-compute", initializer=give_precedence)
        team.abandoned = False

    async def warm_up(self, tell: Callable[[Step], object]) -> None:
        """Load or compile the kernels, with `tell` of those to compile; what is asked meanwhile runs between two."""
        for step in steps():
            await asyncio.get_running_loop().run_in_executor(self._thread, step.take, tell)
        self.warm = True

    async def carry_out(
        self,
        body: Body,
        read: Callable[[Body, Counting], Asked],
        do: Callable[[Asked], Result],
        receive: Receive,
        held: Hold,
    ) -> Result:
        """Read a whole body and do what it asks for, each where it holds up nobody.

        `read` is given what it has to tell of the memory that it is about to take.

        Raises:
            StatusError: 503, as many wait already as may, or the memory is taken.
            ClientDisconnect: The client went away.
        """
        if len(body) > INLINE_BODY:

            def read_and_do() -> Result:
                asked = read(body, lambda bytes_: held.take(len(body) + bytes_))
                check_wanted()
                held.take(len(body) + asked.bytes)
                return do(asked)

            return await self.run(read_and_do, receive, held)
        asked = read(body, nothing)
        if self.warm and asked.price < INLINE_NANOSECONDS:
            return do(asked)
        held.take(asked.bytes)
        return await self.run(lambda: do(asked), receive, held)

    async def run(self, work: Callable[[], Result], receive: Receive, held: Hold) -> Result:
        """Do the work in its turn. Where its client goes away it is not begun, or ends at its next part.

        `receive` is that of a request whose body has been read; `held` is held until the work has ended.

        Raises:
            StatusError: 503, as many wait already as may.
            ClientDisconnect: The client went away.
        """
        with self._lock:
            if self._taken > self.queue_length:
                raise unavailable(say("{count} requests wait already; ask again in a moment", count=self.queue_length))
            self._taken += 1
        QUEUE_WAITING.inc()
        signal, box = Signal(), [work]
        future = self._thread.submit(self._begin, box, signal, held)
        held.join()
        future.add_done_callback(lambda future: self._leave(future, held))
        done = asyncio.wrap_future(future)
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait((done, gone), return_when=asyncio.FIRST_COMPLETED)
            if not done.done():
                raise ClientDisconnect
            return done.result()
        finally:
            signal.set()
            done.cancel()
            gone.cancel()
            box.clear()  # the thread's queue keeps what was cancelled until its turn comes
            # An error leads to this frame, and the futures back to it: the circle would keep a refused body.
            del future, done

    @staticmethod
    def _begin(box: list[Callable[[], Result]], signal: Signal, held: Hold) -> Result:
        QUEUE_WAITING.dec()
        with QUEUE_RUNNING.track_inprogress(), abandoned_by(signal):
            check_wanted()
            try:
                return box.pop()()
            finally:
                if held.bytes > WORTH_GIVING_BACK:
                    give_back_memory()

    def _leave(self, future: Future[Result], held: Hold) -> None:
        held.leave()
        if future.cancelled():
            QUEUE_WAITING.dec()
        with self._lock:
            self._taken -= 1

    def close(self) -> None:
        """End, between two parts of what was begun; nobody waits for that any more."""
        team.abandoned = True
        self._thread.shutdown(wait=True, cancel_futures=True)


def give_precedence() -> None:
    """Let the event loop go first, where the system ranks single threads: it needs little, and all wait for it.

    The helpers that this thread starts are ranked as it is.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)


async def _gone(receive: Receive) -> None:
    """Wait until the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass
