"""Splits work over a few threads that live as long as the process.

Kernels are compiled without the interpreter lock, so plain Python threads run them side
by side. Unlike numba's own parallel loops this needs no threading layer: any number of
callers may enter at once. BLAS is kept on one thread, since the parts are already
spread; two pools at once made the same product five times slower.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache

from threadpoolctl import threadpool_limits

#: Fewer multiply-adds than this are done sooner than a second thread wakes up.
WORTH_A_THREAD = 200_000

#: Parts for each thread: an uneven machine then waits for a part of a part.
PARTS_PER_THREAD = 2


def available_threads() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Team:
    """The helpers of whoever calls; the caller itself always works too."""

    def __init__(self) -> None:
        self.size = available_threads()

    def resize(self, size: int) -> None:
        """Use so many threads in all from now on."""
        self.size = max(1, size)
        _helpers.cache_clear()


team = _Team()


@cache
def _helpers() -> ThreadPoolExecutor | None:
    """The waiting threads, started at first need."""
    threadpool_limits(limits=1, user_api="blas")
    return ThreadPoolExecutor(team.size - 1, thread_name_prefix="convarith-part") if team.size > 1 else None


def run_in_parts(part: Callable[[int, int], None], count: int, work: int) -> None:
    """Call part(low, high) over ranges that cover 0 to count, side by side where that pays.

    `work` is what all of it costs, in multiply-adds. Parts write to places of their own,
    and what they write does not depend on where the ranges are cut.
    """
    helpers = _helpers()
    if helpers is None or work < WORTH_A_THREAD or count < 2:
        part(0, count)
        return
    parts = min(count, team.size * PARTS_PER_THREAD)
    own, *others = itertools.pairwise([count * j // parts for j in range(parts + 1)])
    waiting = [(helpers.submit(part, low, high), low, high) for low, high in others]
    try:
        part(*own)
        # Take back what no helper has begun, so that a busy team never makes its caller wait idle.
        for future, low, high in reversed(waiting):
            if future.cancel():
                part(low, high)
    finally:
        wait(future for future, _, _ in waiting if not future.cancelled())
    for future, _, _ in waiting:
        if not future.cancelled():
            future.result()
