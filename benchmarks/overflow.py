"""What part of an int64 call goes into showing that no sum can wrap, over the panel's int64 cases.

Where an algorithm looks by the way that cannot be timed by itself. So whole calls are timed beside those of a process
whose kernels are compiled without it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any
from unittest.mock import patch

from app.core import execute
from app.core.algorithms import tiny, watch
from app.core.algorithms.vectors import simd
from app.core.jit import brief
from app.core.plan import plan_of
from app.core.warm import warm_up
from benchmarks.cases import Case
from benchmarks.panel_cases import PANEL
from benchmarks.peers import ours
from benchmarks.report import markdown, milliseconds, progress
from benchmarks.timing import TURNS, block, median_ratio

HEAD = ("case", "algorithm", "call, ms", "without the check, ms", "share")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each case, with and without")


def main(arguments: argparse.Namespace) -> None:
    """Time each case with and without, in turn."""
    cases = [case for case in PANEL if case.dtype == "int64" and arguments.only in case.name]
    warm_up(print)
    with _unchecked(cases) as other:
        rows = [_row(number, case, other, arguments.seconds) for number, case in enumerate(progress(cases, "case"))]
    print(markdown(HEAD, rows))
    print("Algorithms with a + look by the way (goal: 20 %).")


def _row(number: int, case: Case, other: Connection, seconds: float) -> Sequence[str]:
    call = ours(case, *case.arrays())
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(TURNS + 1):
        times[0].append(block(call, seconds / TURNS))
        other.send((number, seconds / TURNS))
        times[1].append(other.recv())
    checked, without = (each[1:] for each in times)  # in the first turn kernels are loaded, or compiled
    plan = plan_of(case.problem(), case.numpy_dtype)
    name = plan.algorithm.name + (" +" if plan.one_call or plan.algorithm.looks else "")
    medians = (milliseconds(statistics.median(each)) for each in (checked, without))
    return (case.name, name, *medians, f"{1 - median_ratio(without, checked):.0%}")


@contextmanager
def _unchecked(cases: Sequence[Case]) -> Iterator[Connection]:
    """A process without the check, that times a block of a case's calls for whoever sends its number and seconds."""
    context = get_context("spawn")
    here, there = context.Pipe()
    with tempfile.TemporaryDirectory() as kernels:
        process = context.Process(target=_serve, args=(there, cases), daemon=True)
        # What is kept of kernels is found by their text, which is that of the checked ones.
        with patch.dict(os.environ, {"NUMBA_CACHE_DIR": kernels}):
            process.start()
        there.close()
        try:
            yield here
        finally:
            here.close()
            process.join()


def _serve(asked: Connection, cases: Sequence[Case]) -> None:
    for owner, name, instead in (
        (execute, "check_int64", lambda *_: None),
        (tiny, "surely_fits", _surely_fits),
        (simd.Vectors, "note_bits", lambda _vec, seen, _input: seen),
        (watch, "_write_bits", lambda *_: None),
    ):
        patch.object(owner, name, instead).start()
    calls = [ours(case, *case.arrays()) for case in cases]
    while True:
        try:
            number, seconds = asked.recv()
        except EOFError:
            return
        asked.send(block(calls[number], seconds))


@brief
def _surely_fits(_x: Any, _w: Any, _bias: Any, _taps: Any) -> bool:
    return True
