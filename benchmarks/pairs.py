"""Two callers at once beside the same calls one after the other: it should take no longer."""

from __future__ import annotations

import argparse
import itertools
import statistics
import threading
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import NamedTuple

from app.core.warm import warm_up
from benchmarks.cases import Case
from benchmarks.peers import ours
from benchmarks.report import markdown, progress
from benchmarks.timing import Call, block

#: Operations of some microseconds to some milliseconds, from one that Python's lock bounds to dense ones.
CASES = (
    Case("4×4, k3", "conv", (1, 1), (4, 4), 3),
    Case("160×160, k3", "conv", (1, 1), (160, 160), 3),
    Case("512×512, k3", "conv", (1, 1), (512, 512), 3),
    Case("64→64 at 28×28, k3", "conv", (64, 64), (28, 28), 3, padding=1),
    Case("64→64 at 56×56, k3, int64", "conv", (64, 64), (56, 56), 3, padding=1, dtype="int64"),
    Case("full HD depthwise, k3", "conv", (3, 3), (1080, 1920), 3, groups=3),
    Case("8 × 64→64 at 56×56, k3", "conv", (64, 64), (56, 56), 3, padding=1, batch=8),
)

#: More rounds would take time of their own.
MOST_ROUNDS = 100

#: Where neither way is slower, half of the turns have a ratio over 1, and `CERTAIN` of them once in 270 pairs.
TURNS, CERTAIN = 15, 13

HEAD = ("callers", "one after the other, ms", "at once, ms", "ratio", "of the turns", f"over 1, of {TURNS}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--only", default="", help="pairs one of whose names holds this")
    parser.add_argument("--seconds", type=float, default=0.1, help="for each way in each turn")


def main(arguments: argparse.Namespace) -> None:
    """Each operation beside itself and beside every other."""
    warm_up(print)
    pairs = [
        pair
        for pair in itertools.combinations_with_replacement(CASES, 2)
        if any(arguments.only in c.name for c in pair)
    ]
    rows, ratios, slower = [], [], 0
    for first, second in progress(pairs, "pair"):
        alone, at_once = measure(first, second, arguments.seconds)
        each = [b / a for a, b in zip(alone, at_once, strict=True)]
        over = sum(ratio > 1 for ratio in each)
        slower += over >= CERTAIN
        ratios.append(statistics.median(each))
        times = (f"{1e3 * statistics.median(times):.3g}" for times in (alone, at_once))
        spread = f"{min(each):.2f} to {max(each):.2f}"
        rows.append((f"{first.name} and {second.name}", *times, f"{ratios[-1]:.2f}", spread, f"{over}"))
    print(markdown(HEAD, rows, words=1))
    alone, at_once = _taken([_python, _python], arguments.seconds)
    control = statistics.median(b / a for a, b in zip(alone, at_once, strict=True))
    print(f"Two loops of plain Python, which the interpreter lock alone bounds: {control:.2f}.")
    print(f"Geometric mean {statistics.geometric_mean(ratios):.2f}, the largest {max(ratios):.2f}.")
    print(f"Slower at once in {CERTAIN} of {TURNS} turns or more: {slower} of {len(ratios)} (goal: none).")


def measure(first: Case, second: Case, seconds: float) -> tuple[list[float], list[float]]:
    """The seconds of both callers' work, one after the other and at once, in each turn; each has half of the work."""
    return _taken([ours(case, *case.arrays()) for case in (first, second)], seconds)


def _python() -> None:
    """What holds the interpreter lock all the time."""
    sum(number * number for number in range(100))


def _taken(calls: Sequence[Call], seconds: float) -> tuple[list[float], list[float]]:
    works = [Work(call, max(1, round(seconds / 2 / block(call, seconds / 2)))) for call in calls]
    ways: tuple[Callable[[Sequence[Work]], None], ...] = (_in_turn, _at_once)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(TURNS):
        for way, taken in zip(ways, times, strict=True):
            begun = perf_counter()
            way(works)
            taken.append(perf_counter() - begun)
    return times


class Work(NamedTuple):
    """A call, so many times."""

    call: Call
    times: int

    def do(self, begin: int, end: int) -> None:
        """The calls from one to another."""
        for _ in range(begin, end):
            self.call()


def _in_turn(works: Sequence[Work]) -> None:
    """Some calls of the one, then some of the other, in many rounds: each finds in the caches what that has left."""
    rounds = min(MOST_ROUNDS, *(work.times for work in works))
    for number in range(rounds):
        for work in works:
            work.do(work.times * number // rounds, work.times * (number + 1) // rounds)


def _at_once(works: Sequence[Work]) -> None:
    threads = [threading.Thread(target=work.do, args=(0, work.times)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
