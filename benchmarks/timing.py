"""Times of calls that take turns, so that a change of the machine's speed meets all of them.

Each turn gives each call one block; the first blocks would meet cold caches and compilers,
so every call is made a few times before. What is told is the median over the turns, and a
ratio is the median of the turns' own ratios.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter, process_time, sleep
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from app.core.parallel import team

Call = Callable[[], Any]

TURNS = 7
FEWEST_TURNS = 3

#: Calls are timed together until they take this long, in seconds: the clock itself takes a ten-thousandth of it.
TOGETHER = 50e-6


def block(call: Call, seconds: float) -> float:
    """The median seconds of a call, over a block of calls that takes about `seconds`; at least one call."""
    begun = perf_counter()
    call()
    first = perf_counter() - begun
    if first >= seconds:
        return first
    count = max(1, round(TOGETHER / first))
    times: list[float] = []
    while perf_counter() - begun < seconds or not times:
        start = perf_counter()
        for _ in itertools.repeat(None, count):
            call()
        times.append((perf_counter() - start) / count)
    return statistics.median(times)


def settle() -> None:
    """Wait until no thread of this process computes any more.

    After a call the threads of OpenMP (PyTorch) and of onnxruntime wait for the next one in a
    loop, for 8 and for 50 ms, and those of BLAS longer still. A block of another library begun
    meanwhile would have one processor less.
    """
    for _ in range(100):
        before = process_time()
        # The CPU time of other threads is told at clock ticks: a shorter sleep could miss them.
        sleep(0.009)
        if process_time() - before < 0.001:
            return


def take_turns(
    calls: Mapping[str, Call], seconds: float, turns: int = TURNS, *, alone: bool = False
) -> dict[str, list[float]]:
    """The seconds of a call in each turn, by the calls' names; about `seconds` are given to each name.

    Slow calls take fewer turns: a block is one call at least. Where all calls are ours
    `alone`, there is nothing to wait for between blocks.
    """
    for call in calls.values():
        _warm(call, seconds / turns)
    times: dict[str, list[float]] = {name: [] for name in calls}
    spent = 0.0
    for turn in range(turns):
        if turn >= FEWEST_TURNS and spent > 2 * seconds * len(calls):
            break
        for name, call in calls.items():
            if not alone:
                settle()
            begun = perf_counter()
            times[name].append(block(call, seconds / turns))
            spent += perf_counter() - begun
    return times


def _warm(call: Call, seconds: float) -> None:
    """Call a few times: kernels are loaded, caches filled and pages taken."""
    begun = perf_counter()
    for _ in range(3):
        call()
        if perf_counter() - begun > seconds:
            return


class Waiting:
    """How long this process's threads, from its making on, could have computed and had no processor.

    Other programs had it. What is timed meanwhile says little: two threads that wait for each
    other in a loop, and have come to share one processor, are slower by a factor of ten.
    """

    def __init__(self) -> None:
        self._begun, self._waited = perf_counter(), _waited_seconds()

    def share(self) -> float:
        """Of the time; 0 where the system does not tell."""
        return (_waited_seconds() - self._waited) / (perf_counter() - self._begun)


def _waited_seconds() -> float:
    tasks = Path("/proc/self/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[1]) for task in tasks) * 1e-9


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """The median over the turns of ours/theirs."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def sgemm_peak() -> float:
    """Multiply-adds a second of NumPy's float32 product on as many threads as we have, in the best of its turns."""
    a = np.ones((1536, 1536), np.float32)
    with threadpool_limits(team.size, user_api="blas"):
        (times,) = take_turns({"product": lambda: a @ a}, 0.7).values()
    settle()
    return a.shape[0] ** 3 / min(times)
