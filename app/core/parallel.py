"""Splits work over a few threads that live as long as the process.

Kernels are compiled without the interpreter lock, so plain Python threads run them side
by side. Unlike numba's own parallel loops this needs no threading layer: any number of
callers may enter at once. BLAS is kept on one thread, since the parts are already
spread; two pools at once made the same product five times slower.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from functools import cache
from queue import SimpleQueue

from threadpoolctl import threadpool_limits

#: Fewer multiply-adds than this are done sooner than a second thread wakes up.
WORTH_A_THREAD = 1_000_000

#: Above so many multiply-adds for each, a thread's share is cut finer, so that an uneven machine waits less.
WORTH_A_PART = 4_000_000
MOST_PARTS_PER_THREAD = 16


class AbandonedError(Exception):
    """The work was given up between two of its parts: the process is stopping."""


def available_threads() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Job:
    """The parts of one call. Whoever is free takes the next; the caller works too."""

    def __init__(self, part: Callable[[int, int], None], bounds: list[int]) -> None:
        self._part = part
        self._ranges = itertools.pairwise(bounds)
        self._left = len(bounds) - 1
        self._lock = threading.Lock()
        self._finished = threading.Event()
        self._error: BaseException | None = None

    def work(self) -> None:
        """Do parts until none is left to begin."""
        while (bounds := self._next()) is not None:
            try:
                if team.abandoned:
                    raise AbandonedError
                self._part(*bounds)
            except BaseException as error:  # noqa: BLE001
                self._error = error
            with self._lock:
                self._left -= 1
                if self._left == 0:
                    self._finished.set()

    def _next(self) -> tuple[int, int] | None:
        with self._lock:
            return next(self._ranges, None)

    def result(self) -> None:
        """Wait for the parts that others have begun.

        Raises:
            BaseException: what a part raised.
        """
        self._finished.wait()
        if self._error is not None:
            raise self._error


class _Team:
    """The helpers of whoever calls; they wait, and are started at first need."""

    def __init__(self) -> None:
        self.size = available_threads()
        #: Set to end all work at its next part.
        self.abandoned = False
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._helpers = 0
        self._lock = threading.Lock()

    def resize(self, size: int) -> None:
        """Use so many threads in all from now on, the caller's among them."""
        self.size = max(1, size)

    def help(self, job: _Job) -> None:
        """Ask every helper to take parts of a job."""
        if self._helpers < self.size - 1:
            self._hire()
        for _ in range(self.size - 1):
            self._jobs.put(job)

    def _hire(self) -> None:
        with self._lock:
            while self._helpers < self.size - 1:
                threading.Thread(target=self._serve, name="convarith-part", daemon=True).start()
                self._helpers += 1

    def _serve(self) -> None:
        while True:
            self._jobs.get().work()


team = _Team()


@cache
def limit_blas() -> None:
    """Keep BLAS to one thread in this process, once."""
    threadpool_limits(limits=1, user_api="blas")


def run_in_parts(part: Callable[[int, int], None], count: int, work: int) -> None:
    """Call part(low, high) over ranges that cover 0 to count, side by side where that pays.

    `work` is what all of it costs, in multiply-adds. Parts write to places of their own,
    and what they write does not depend on where the ranges are cut.
    """
    if work < WORTH_A_THREAD or count < 2:
        part(0, count)
        return
    finer = min(MOST_PARTS_PER_THREAD, max(1, work // (team.size * WORTH_A_PART)))
    parts = min(count, team.size * finer)
    job = _Job(part, [count * j // parts for j in range(parts + 1)])
    team.help(job)
    job.work()
    job.result()
