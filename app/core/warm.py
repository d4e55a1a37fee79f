"""Compiles every kernel that requests use, or loads it where it is kept, by using each algorithm once.

Only one thread of a process can compile. So a process that has to compile starts another,
which takes the same steps from the last one on: they find each other's kernels on the disk
and meet in the middle.
"""

from __future__ import annotations

import atexit
import gc
import math
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from app.core.algorithms import ALGORITHMS, SEPARABLE, WINOGRAD, Algorithm
from app.core.algorithms.vectors.dot_sums import FEWEST_TAPS
from app.core.board import new_board, processor, serve
from app.core.checks import describe
from app.core.execute import execute
from app.core.geometry import Op
from app.core.jit import told_of_compiling
from app.core.kernel_cache import is_kept
from app.core.machine import available_threads
from app.core.plan import Plan, plan_of
from app.core.problem import DTYPES, OPS, Problem, Setting
from app.core.views.rank import exact_rank

DType = np.dtype[Any]


@dataclass(frozen=True)
class Step:
    """The kernels of one algorithm in one dtype, and their place among the steps, from 1 on."""

    what: str
    number: int
    count: int
    use: Callable[[], object]

    def take(self, tell: Callable[[Step], object] | None = None) -> None:
        """Have the kernels; `tell` is called first where one must be compiled, which takes seconds."""

        def compiling() -> None:
            helper()
            if tell is not None:
                tell(self)

        with told_of_compiling(compiling):
            self.use()

    def __str__(self) -> str:
        return f"{self.number} of {self.count}: {self.what}"


def warm_up(tell: Callable[[Step], object] | None = None) -> None:
    """Take every step; `warm_up(print)` shows what is compiled."""
    for step in steps():
        step.take(tell)


class _NotKeptError(Exception):
    """A kernel would have to be compiled."""


def load_kept() -> bool:
    """Load kernels that were kept, up to the first that would have to be compiled; whether that is all of them."""

    def stop() -> None:
        raise _NotKeptError

    with suppress(_NotKeptError), told_of_compiling(stop):
        for step in steps():
            step.use()
        return True
    return False


def keep_for_good() -> None:
    """Look for garbage once more, and from now on no more among what has been loaded.

    It is some hundred thousand objects, of numba most: each full collection would hold up all threads for 80 ms.
    """
    gc.collect()
    gc.freeze()


@cache
def helper() -> subprocess.Popen[bytes] | None:
    """The process that compiles from the other end; None where it has no processor, or its kernels no place."""
    if available_threads() == 1 or not is_kept(serve):
        return None
    here = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-c", f"from {__name__} import take_backwards; take_backwards()"]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, start_new_session=True)  # noqa: S603
    atexit.register(process.kill)
    return process


def take_backwards() -> None:
    """What the helper does."""
    for step in reversed(steps()):
        step.use()


def steps() -> list[Step]:
    """All that there is to compile; what the smallest requests need comes first."""
    ranked = [
        (rank, f"{algorithm.name} in {dtype.name}", partial(_run, plans, dtype))
        for op in OPS
        for dtype in map(np.dtype, DTYPES)
        for rank, algorithm in enumerate(_cheapest_first(op, dtype))
        if (plans := _plans(op, algorithm, dtype))
    ]
    samples = describe(Setting("conv", (1,), 1, in_channels=FEWEST_TAPS, kernel_channels=(1, FEWEST_TAPS)))
    ranked += [
        (-1, f"{what} in {name}", partial(_run, [plan_of(problem, np.dtype(name))], np.dtype(name)))
        for what, problem in (("tiny", _examples("conv")[0]), ("one product", samples))
        for name in DTYPES
    ]
    ranked.sort(key=itemgetter(0))
    kernels: dict[str, Callable[[], object]] = {}
    for _, what, use in ranked:
        kernels.setdefault(what, use)  # some algorithms are the same for both operations
    for name in DTYPES:
        blur = plan_of(describe(Setting("conv", (9, 9), 4, kernel_channels=(1, 1))), np.dtype(name))
        kernels[f"separable in {name}"] = partial(_run, [replace(blur, algorithm=SEPARABLE)], np.dtype(name))
    uses = list(kernels.items())
    uses.append(("the rank of a matrix", lambda: exact_rank(np.eye(1, dtype=np.int64))))
    uses.append(("the meeting of threads", lambda: (processor(), serve(new_board(), 1, 1))))
    return [Step(what, number, len(uses), use) for number, (what, use) in enumerate(uses, 1)]


def _examples(op: Op) -> list[Problem]:
    """Small operations: what an algorithm has for any problem, it has for one of these."""
    return [
        describe(Setting(op, (3, 3), 2, stride=2, kernel_channels=(1, 1))),
        describe(Setting(op, (8, 8), 3, padding=1, batch=3, in_channels=32, kernel_channels=(32, 32))),
        describe(Setting(op, (40, 40), 3, kernel_channels=(1, 1))),
        describe(Setting(op, (99,), 66, kernel_channels=(1, 1))),
        describe(Setting(op, (4, 4), 3, in_channels=16, kernel_channels=(16, 1), groups=16)),
    ]


def _for_winograd(op: Op) -> list[Problem]:
    """Some boxes, for which kernels are mapped beforehand; one that threads share; and outputs in phases."""
    few: tuple[int, int] = (1, 64) if op == "conv" else (64, 1)
    phases = Setting(op, (8, 8), 4, stride=2, padding=1, in_channels=128, kernel_channels=(128, 128))
    return [
        describe(Setting(op, (72, 72), 5, in_channels=64, kernel_channels=few)),
        describe(Setting(op, (16, 16), 3, padding=1, in_channels=64, kernel_channels=(64, 64))),
        *([describe(phases)] if op == "conv_transpose" else []),
    ]


def _cheapest_first(op: Op, dtype: DType) -> list[Algorithm]:
    """The algorithms in the order of their prices for the smallest example; those that cannot run it last."""
    problem = _examples(op)[0]
    axes = plan_of(problem, dtype).axes

    def price(algorithm: Algorithm) -> float:
        return algorithm.price(problem, axes, dtype) if algorithm.fits(problem, axes, dtype) else math.inf

    return sorted(ALGORITHMS[op], key=price)


def _plans(op: Op, algorithm: Algorithm, dtype: DType) -> list[Plan]:
    """The examples that an algorithm can run, with it."""
    problems = _examples(op) + (_for_winograd(op) if algorithm is WINOGRAD else [])
    usual = [plan_of(problem, dtype) for problem in problems]
    return [replace(plan, algorithm=algorithm) for plan in usual if algorithm.fits(plan.problem, plan.axes, dtype)]


def _run(plans: list[Plan], dtype: DType) -> None:
    """Run plans on arrays that lead to every kernel."""
    for plan in plans:
        x, w = np.zeros(plan.problem.input_shape, dtype), np.ones(plan.problem.kernel_shape, dtype)
        if dtype.kind == "i":  # so large that only exact sums tell that int64 holds the result: their kernel too
            x.flat[0] = 2**62
        execute(plan, x, w)
