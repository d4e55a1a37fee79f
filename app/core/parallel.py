"""Splits work over a few threads that live as long as the process.

Kernels are compiled without the interpreter lock, so plain Python threads run them side
by side. Unlike numba's own parallel loops this needs no threading layer: any number of
callers may enter at once.

Locks alone decide who does what. Before a thread sleeps on one it watches for a moment
whether that will be needed at all (`waiting`), and it says that it has finished when it no
longer holds the interpreter lock: whoever was woken would go back to sleep for that.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from app.core.machine import available_threads
from app.core.waiting import new_word, processor, tell_and_watch

#: Fewer multiply-adds than this are done about as soon by one thread, even beside a helper
#: that is awake: 70 to 200 microseconds, for the fastest algorithms and for the others.
WORTH_A_THREAD = 2_000_000

#: The same for helpers that sleep: waking one takes up to 100 microseconds of both.
WORTH_WAKING = 5_000_000

#: So many seconds after the last call helpers are awake still, and so many seconds after it
#: they are woken for less work too: more of the kind may follow, and meet them awake.
AWAKE = 40e-6
BUSY = 5e-4

#: Turns of half a microsecond in which a helper watches for its next call, and a caller for its helpers' end.
PATIENCE = 100
CALLERS_PATIENCE = 200

#: Looks from a call to its being taken up, some 10 microseconds: the caller then runs its own
#: kernel and has let go of the interpreter lock. To ask for it earlier takes 40, asleep.
HEAD_START = 80_000

#: Parts for each thread: at least so many where helpers may come late, and more as soon as
#: each has so many multiply-adds, since an uneven machine then waits less for the last.
PARTS_FOR_LATE_HELPERS = 3
WORTH_A_PART = 4_000_000
MOST_PARTS_PER_THREAD = 16

#: No part has many more multiply-adds than this, so that all work can be abandoned soon.
MOST_IN_A_PART = 16 * WORTH_A_PART

#: A task, which no part cuts, should have no more: algorithms see to it where they can.
MOST_IN_A_TASK = 2**30

#: Prices are those of so many threads, however many there are: with them an algorithm is chosen, and another one
#: would give other bits.
PLANNED_THREADS = 2

Range = tuple[int, int]


class AbandonedError(Exception):
    """The work was given up between two of its parts: the process is stopping, or nobody waits for it."""


#: What tells the work of a context to end; the default never does.
_never = threading.Event()
_signal: ContextVar[threading.Event] = ContextVar("signal", default=_never)


@contextmanager
def abandoned_by(signal: threading.Event) -> Iterator[None]:
    """Work begun in this context ends at its next part once the signal is set, by whichever thread."""
    token = _signal.set(signal)
    try:
        yield
    finally:
        _signal.reset(token)


def check_wanted() -> None:
    """End here what nobody waits for any more.

    Raises:
        AbandonedError: The work of this context was given up.
    """
    if team.abandoned or _signal.get().is_set():
        raise AbandonedError


class _Job:
    """The parts of one call. Whoever is free takes the next; the caller works too.

    The caller takes them from the front and helpers from the back: at the next call of the
    kind each finds in its own cache much of what it needs. Parts are large at first and
    small at last: there are few of them, and yet all threads end at about the same time.
    Nothing waits for a helper that has not begun a part, so one that comes late, or never,
    delays nobody.
    """

    def __init__(self, part: Callable[[int, int], None], count: int, sizes: Range) -> None:
        #: Becomes 1 shortly after the last part, if that was a helper's.
        self.ended = new_word()
        self._part = part
        self._signal = _signal.get()
        self._low, self._high = 0, count
        self._least, self._most = sizes
        self._running = 0
        self._lock = threading.Lock()
        self._finished = threading.Lock()
        self._finished.acquire()
        self._error: BaseException | None = None

    @property
    def left(self) -> int:
        """How much nobody has begun."""
        return self._high - self._low

    def work(self, *, from_front: bool) -> bool:
        """Do parts until none is left to begin; whether the last one to end was among them."""
        while (bounds := self._begin(from_front)) is not None:
            try:
                if team.abandoned or self._signal.is_set():
                    raise AbandonedError
                self._part(*bounds)
            except BaseException as error:  # noqa: BLE001
                self._fail(error)
            if self._end():
                return True
        return False

    def _begin(self, from_front: bool) -> Range | None:
        with self._lock:
            if not self.left:
                return None
            share = -(-2 * self.left // (3 * team.size))
            size = min(self.left, max(self._least, min(self._most, share)))
            self._running += 1
            if from_front:
                self._low += size
                return self._low - size, self._low
            self._high -= size
            return self._high, self._high + size

    def _fail(self, error: BaseException) -> None:
        """Leave out what nobody has begun."""
        with self._lock:
            self._error = error
            self._low = self._high

    def _end(self) -> bool:
        with self._lock:
            self._running -= 1
            is_last = not (self._running or self.left)
            if is_last:
                self._finished.release()
            return is_last

    def result(self) -> None:
        """Wait for the parts that helpers have begun.

        Raises:
            BaseException: what a part raised.
        """
        if self._running:
            tell_and_watch(new_word(), self.ended, 0, CALLERS_PATIENCE, 0)
        self._finished.acquire()
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # which knows this frame: the two would keep each other, and the arrays


class _Helper(threading.Thread):
    """Takes parts of open jobs; when there are none it watches for a call, and then sleeps."""

    def __init__(self) -> None:
        super().__init__(name="convarith-part", daemon=True)
        self._called = threading.Lock()
        self._called.acquire()
        self._calls = new_word()
        self._kept_off = -1

    def call(self) -> None:
        """Have it look for open jobs; once, for whoever took it from the idle ones."""
        if (here := processor()) != self._kept_off:
            self._keep_off(here)
        self._called.release()
        self._calls[0] += 1

    def _keep_off(self, processor: int) -> None:
        """Leave a processor to the caller that runs on it.

        With two of them Linux often wakes a thread where its waker runs, and the two take
        turns of milliseconds there while the other processor has nothing to do.
        """
        others = os.sched_getaffinity(0) - {processor}
        if others and self.native_id:
            with suppress(OSError):
                os.sched_setaffinity(self.native_id, others)
                self._kept_off = processor

    def run(self) -> None:
        """Serve as long as the process lives."""
        calls, nothing = 0, new_word()
        ended = nothing
        tell_and_watch(nothing, self._calls, calls, 0, 0)  # loads it now: later the process may be about to end
        while True:
            job = team.find_open(self)
            if job is None or ended is not nothing:
                tell_and_watch(ended, self._calls, calls, 0 if job else PATIENCE, HEAD_START)
                ended = nothing
            if job is None:
                self._called.acquire()
                calls += 1
            elif job.work(from_front=False):
                ended = job.ended


class _Team:
    """The helpers of whoever calls; they are started at first need."""

    def __init__(self) -> None:
        self.size = available_threads()
        #: Set to end all work at its next part.
        self.abandoned = False
        #: When there was last work that could be worth a helper, in seconds of `perf_counter`.
        self.last_used = 0.0
        self.forget_helpers()

    def forget_helpers(self) -> None:
        """Begin without any: a forked process has none of its parent's threads."""
        self._lock = threading.Lock()
        self._open: list[_Job] = []
        self._idle: list[_Helper] = []
        self._hired = 0

    def resize(self, size: int) -> None:
        """Use so many threads in all from now on, the caller's among them."""
        self.size = max(1, size)

    def parts_for(self, work: int) -> int:
        """How many parts to cut work into at most; 1 where waking a helper would take longer."""
        if work < WORTH_A_THREAD:
            return 1
        now = time.perf_counter()
        rest, self.last_used = now - self.last_used, now
        if rest > BUSY and work < WORTH_WAKING:
            return 1
        least = 1 if rest < AWAKE or self.size == 1 else PARTS_FOR_LATE_HELPERS
        return self.size * min(MOST_PARTS_PER_THREAD, max(least, work // (self.size * WORTH_A_PART)))

    def open(self, job: _Job) -> None:
        """Let helpers take parts of a job."""
        with self._lock:
            with suppress(RuntimeError):  # no more threads are to be had: do with fewer
                while self._hired < self.size - 1:
                    _Helper().start()
                    self._hired += 1
            self._open.append(job)
            called = self._take_idle()
        for helper in called:
            helper.call()

    def close(self, job: _Job) -> None:
        """Keep nothing of a job whose parts are all taken; its caller leaves room for a helper of others."""
        with self._lock:
            self._open.remove(job)
            called = self._take_idle() if self._open else []
        for helper in called:
            helper.call()

    def find_open(self, helper: _Helper) -> _Job | None:
        """A job with parts to take; where there is none, or no room, the helper becomes idle, to be called."""
        with self._lock:
            if self._room() >= 0:
                for job in self._open:
                    if job.left:
                        return job
            self._idle.append(helper)
            return None

    def _take_idle(self) -> list[_Helper]:
        """Helpers to call: the last to become idle first, as they may still be awake."""
        useful = sum(job.left for job in self._open) - 1
        return [self._idle.pop() for _ in range(min(self._room(), useful, len(self._idle)))]

    def _room(self) -> int:
        """How many more threads may work: callers and helpers together are as many as the team's size.

        With a helper besides, two callers on two processors would be slower than one after the other.
        """
        awake = self._hired - len(self._idle)
        return self.size - len(self._open) - awake


team = _Team()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=team.forget_helpers)


def largest_share(count: int, work: int, threads: int) -> float:
    """Of so much work in so many pieces, how much one thread gets at least: helpers are taken to be awake."""
    return 1.0 if work < WORTH_A_THREAD or count == 0 else -(-count // threads) / count


def run_in_parts(part: Callable[[int, int], None], count: int, work: int) -> None:
    """Call part(low, high) over ranges that cover 0 to count, side by side where that pays.

    `work` is what all of it costs, in multiply-adds. Parts write to places of their own,
    and what they write does not depend on where the ranges are cut.

    Raises:
        AbandonedError: The work of this context was given up between two parts.
    """
    parts = min(count, team.parts_for(work))
    if parts == 1:
        check_wanted()
        part(0, count)
        return
    job = _Job(part, count, (-(-count // parts), -(-count * MOST_IN_A_PART // work)))
    team.open(job)
    try:
        job.work(from_front=True)
    finally:
        team.close(job)
    job.result()
    team.last_used = time.perf_counter()
