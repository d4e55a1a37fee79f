"""Splits work over a few threads that live as long as the process.

Kernels are compiled without the interpreter lock, so plain Python threads run them side
by side. Unlike numba's own parallel loops this needs no threading layer: any number of
callers may enter at once.

Who does what is decided on a `board`, without the interpreter. Here is what may take longer: how
many parts work is worth, and threads that sleep, wake, begin and end.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import numpy as np

from app.core.board import (
    ABANDONED,
    HAS_FAILED,
    IS_FLAWED,
    OPEN_JOBS,
    SIZE,
    WAS_ABANDONED,
    WORKING,
    has_parts,
    new_board,
    processor,
    serve,
)
from app.core.jit import Kernel
from app.core.machine import available_threads

#: Fewer multiply-adds than this, of 5 to 20 microseconds, are done about as soon by one thread.
WORTH_A_THREAD = 250_000

#: What one thread does alone keeps the interpreter lock up to so many: to let go of it and get it back takes time,
#: and where another thread wants it, far more.
WORTH_LETTING_GO = 600_000

#: The same for helpers that sleep, when there was work within `BUSY` seconds, and else: waking one takes up to
#: 100 microseconds of both.
WORTH_WAKING_AGAIN = 2_000_000
WORTH_WAKING = 5_000_000

#: Within so many seconds after the last call more of the kind will follow: helpers are called, to be awake then.
#: So long after it they are called for less work too.
AWAKE = 1e-4
BUSY = 5e-4

#: Turns of half a microsecond in which a helper watches for its next call: some operations have so much to do between
#: what is shared.
PATIENCE = 300

#: Seconds between two looks of an idle helper that nobody has called.
LOOKS_AGAIN = 0.01

#: Parts for each thread: at least so many where helpers come late, and more as soon as
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


class AbandonedError(Exception):
    """The work was given up between two of its parts: the process is stopping, or nobody waits for it."""


class Signal:
    """Tells the work of a context to end, once it is set, by whichever thread."""

    def __init__(self) -> None:
        self._word = np.zeros(1, np.int64)
        #: Where kernels look.
        self.address = self._word.ctypes.data

    def set(self) -> None:
        """Have it end."""
        self._word[0] = 1

    def is_set(self) -> bool:
        """Whether it is to end."""
        return bool(self._word[0])


#: What tells the work of a context to end; the default never does.
_never = Signal()
_signal: ContextVar[Signal] = ContextVar("signal", default=_never)


@contextmanager
def abandoned_by(signal: Signal) -> Iterator[None]:
    """Work begun in this context ends at its next part once the signal is set."""
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


class _Helper(threading.Thread):
    """Takes parts of open jobs; when there are none it watches for a while, and then sleeps until it is called."""

    def __init__(self, number: int) -> None:
        super().__init__(name="convarith-part", daemon=True)
        self.number = number
        #: Whether it waits for that alone: it is released when the helper is called.
        self.is_asleep = False
        self.called = threading.Lock()
        self.called.acquire()
        self._kept_off = -1

    def call(self) -> None:
        """Have it look for open jobs; once, for whoever took it from the idle ones."""
        if (here := processor()) != self._kept_off:
            self._keep_off(here)
        self.called.release()

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
        while True:
            serve(team.board, self.number, PATIENCE)
            team.idle(self)


class _Team:
    """The helpers of whoever calls; they are started at first need."""

    def __init__(self) -> None:
        self.board = new_board()
        #: When work that could be worth a helper last ended, in seconds of `perf_counter`.
        self.last_used = 0.0
        self.forget_helpers()
        self.resize(available_threads())

    @property
    def abandoned(self) -> bool:
        """Whether all work is to end at its next part."""
        return bool(self.board[ABANDONED])

    @abandoned.setter
    def abandoned(self, abandoned: bool) -> None:
        self.board[ABANDONED] = abandoned

    def forget_helpers(self) -> None:
        """Begin without any: a forked process has none of its parent's threads, and nobody does its jobs."""
        size = self.board[SIZE]
        self.board[:] = 0
        self.board[SIZE] = size
        self._lock = threading.Lock()
        self._idle: list[_Helper] = []
        self._hired = 0

    def resize(self, size: int) -> None:
        """Use so many threads in all from now on, the caller's among them; nothing may be under way meanwhile.

        Operations lay out their working memory for the threads that there are when they begin.
        """
        self.size = max(1, size)
        self.board[SIZE] = self.size

    def parts_for(self, work: int) -> int:
        """How many parts to cut work into at most, with helpers called for them; 1 where that would take longer."""
        if work < WORTH_A_THREAD:
            return 1
        least = 1
        if self._idle or self._hired < self.size - 1:
            rest = time.perf_counter() - self.last_used
            if work < (WORTH_A_THREAD if rest < AWAKE else WORTH_WAKING_AGAIN if rest < BUSY else WORTH_WAKING):
                return 1
            self._call_helpers()
            least = PARTS_FOR_LATE_HELPERS
        return self.size * min(MOST_PARTS_PER_THREAD, max(least, work // (self.size * WORTH_A_PART)))

    def _call_helpers(self) -> None:
        """Wake as many as there is room for beside this caller, the last to become idle first; start what lacks.

        Where there is room for none, one that sleeps is to look from time to time whether there is.
        """
        with self._lock:
            while self._hired < self.size - 1:
                self._hired += 1  # before all else: no two may have one number, whatever interrupts this
                try:
                    _Helper(self._hired).start()
                except RuntimeError:  # no more threads are to be had: do with fewer
                    self._hired -= 1
                    break
            # Numbers from the size on are left of a time when it was larger.
            useful, room = [one for one in self._idle if one.number < self.size], self.size - 1 - self.board[WORKING]
            called = useful[-room:] if room > 0 else [one for one in useful if one.is_asleep][:1]
            for helper in called:
                self._idle.remove(helper)
        for helper in called:
            helper.call()

    def idle(self, helper: _Helper) -> None:
        """Wait with a helper until it is called; or until it finds by itself that some caller has room for it.

        For that it looks once, as somebody may have counted on it just now, and as long as there are callers.
        """
        with self._lock:
            self._idle.append(helper)
        helper.is_asleep = False
        while not self._is_useful(helper):
            if helper.called.acquire(timeout=-1 if helper.is_asleep else LOOKS_AGAIN):
                return
            helper.is_asleep = not self.board[OPEN_JOBS]

    def _is_useful(self, helper: _Helper) -> bool:
        """Whether an idle helper finds something to do, and is idle no more."""
        with self._lock:
            is_wanted = helper in self._idle and helper.number < self.size and self.board[WORKING] < self.size
            if not is_wanted or not has_parts(self.board):
                return False
            self._idle.remove(helper)
            return True


team = _Team()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=team.forget_helpers)


def largest_share(count: int, work: int, threads: int) -> float:
    """Of so much work in so many pieces, how much one thread gets at least: helpers are taken to be awake."""
    return 1.0 if work < WORTH_A_THREAD or count == 0 else -(-count // threads) / count


def run_parted(kernel: Kernel, count: int, work: int, *arguments: Any) -> bool:
    """Have a `parted` kernel do the numbers from 0 to count, side by side where that pays.

    `work` is what all of it costs, in multiply-adds. Parts write to places of their own, or of their thread's
    (numbered below `team.size`), and what they write does not depend on where the ranges are cut.
    Whether all parts said that what they wrote is finite.

    Raises:
        AbandonedError: The work of this context was given up between two parts.
        MemoryError: A part could not have what it needs.
    """
    check_wanted()
    parts = min(count, team.parts_for(work))
    most = -(-count * MOST_IN_A_PART // max(1, work))
    least = min(most, -(-count // parts)) if parts > 1 else count
    lasting = parts > 1 or work > WORTH_LETTING_GO
    result = kernel(team.board, team.size, _signal.get().address, lasting, count, least, most, *arguments)
    if work >= WORTH_A_THREAD:
        team.last_used = time.perf_counter()
    if result & HAS_FAILED:
        raise MemoryError
    if result & WAS_ABANDONED:
        raise AbandonedError
    return not result & IS_FLAWED
