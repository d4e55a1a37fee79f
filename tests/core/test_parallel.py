"""Parts of one call on several threads: each once, whoever calls at once, and whatever a part does."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from app.core.board import FIRST_JOB, JOBS, OF_A_JOB, TAKEN
from app.core.parallel import (
    MOST_PARTS_PER_THREAD,
    WORTH_A_THREAD,
    WORTH_WAKING,
    AbandonedError,
    Signal,
    abandoned_by,
    check_wanted,
    team,
)
from tests.core.parts import run_in_parts, run_numbered

#: A hang is a failure, however slow the machine.
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    size = team.size
    team.resize(2)
    yield
    team.resize(size)
    team.abandoned = False


def meet(work: int = WORTH_WAKING) -> None:
    """Two parts that only end when both have begun, so that two threads must have come."""
    both = threading.Barrier(2)

    def part(_low: int, _high: int) -> None:
        both.wait(PATIENCE)

    run_in_parts(part, 2, work)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("work", [0, WORTH_A_THREAD, WORTH_WAKING, 10**12])
@pytest.mark.parametrize("count", [1, 2, 7, 1000])
def test_every_index_is_done_once(threads: int, work: int, count: int) -> None:
    team.resize(threads)
    done = np.zeros(count, np.int64)

    def part(low: int, high: int) -> None:
        done[low:high] += 1

    for times in range(1, 30):
        run_in_parts(part, count, work)
        assert (done == times).all()


@pytest.mark.parametrize("count", [2**31 - 1, 2**31, 2**33 + 5, 2**62])
def test_counts_of_any_size_are_covered(count: int) -> None:
    """Where parts begin and end is noted in half a word each."""
    team.resize(3)
    ranges: list[tuple[int, int]] = []
    run_in_parts(lambda low, high: ranges.append((low, high)), count, 10**12)
    ranges.sort()
    assert ranges[0][0] == 0
    assert ranges[-1][1] == count
    assert [high for _, high in ranges[:-1]] == [low for low, _ in ranges[1:]]
    assert len(ranges) > 3


def test_threads_have_numbers_of_their_own() -> None:
    """By these they find their working memory."""
    team.resize(3)
    all_at_once, numbers = threading.Barrier(3), set()

    def part(me: int, _low: int, _high: int) -> None:
        all_at_once.wait(PATIENCE)
        numbers.add((me, threading.get_ident()))

    for _ in range(20):
        run_numbered(part, 3, WORTH_WAKING)
    assert sorted(me for me, _ in numbers) == [0, 1, 2]
    team.resize(2)
    numbers.clear()
    run_numbered(lambda me, _low, _high: numbers.add((me, 0)), 1000, 10**12)
    assert numbers <= {(0, 0), (1, 0)}


def test_more_callers_than_jobs_there_is_room_for() -> None:
    """The others do their own alone."""
    callers = JOBS + 4
    all_at_once, done = threading.Barrier(callers), []

    def part(_low: int, _high: int) -> None:
        if not (threading.current_thread().name.startswith("convarith") or threading.get_ident() in done):
            done.append(threading.get_ident())
            all_at_once.wait(PATIENCE)

    threads = [threading.Thread(target=run_in_parts, args=(part, 100, 10**9)) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(done) == callers
    meet()


def test_work_is_abandoned_where_there_is_no_room_for_its_job() -> None:
    """Its caller does it alone, from part to part."""
    taken = team.board[FIRST_JOB + TAKEN :: OF_A_JOB]
    begun, signal = [], Signal()

    def part(low: int, high: int) -> None:
        begun.append((low, high))
        if low >= 500:
            signal.set()

    taken[:] = 1
    try:
        with abandoned_by(signal), pytest.raises(AbandonedError):
            run_in_parts(part, 1000, 10**12)
    finally:
        taken[:] = 0
    assert begun[0][0] == 0
    assert begun[-1][0] >= 500 > begun[-2][0]
    assert [high for _, high in begun[:-1]] == [low for low, _ in begun[1:]]


def test_an_interrupt_while_a_helper_starts_gives_no_number_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two would write to the same working memory."""

    def start(thread: threading.Thread) -> None:
        begin(thread)
        if thread.name == "convarith-part":
            raise KeyboardInterrupt

    begin = threading.Thread.start
    team.resize(team._hired + 2)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        with pytest.raises(KeyboardInterrupt):
            run_in_parts(lambda _low, _high: None, 10, 10**9)
    all_at_once, numbers = threading.Barrier(team.size), []

    def part(me: int, _low: int, _high: int) -> None:
        all_at_once.wait(PATIENCE)
        numbers.append(me)

    team.resize(team.size + 1)
    run_numbered(part, team.size - 1, 10**9)
    assert len(set(numbers)) == len(numbers)


def test_work_is_shared_and_small_work_is_not() -> None:
    meet()
    callers = set()
    run_in_parts(lambda _low, _high: callers.add(threading.get_ident()), 1000, WORTH_A_THREAD - 1)
    assert callers == {threading.get_ident()}


def test_helpers_are_there_again_after_a_rest() -> None:
    """Asleep, awake, and in between."""
    for rest in (0.0, 1e-5, 5e-5, 1e-4, 1e-3, 0.05) * 5:
        time.sleep(rest)
        meet()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processors cannot be chosen here")
def test_helpers_run_only_where_their_caller_may() -> None:
    """And the caller still runs everywhere, also when it was allowed a single processor in between."""
    allowed = os.sched_getaffinity(0)
    try:
        for some in (allowed, {min(allowed)}, allowed, {max(allowed)}, allowed):
            os.sched_setaffinity(0, some)
            meet()
            assert os.sched_getaffinity(0) == some
            helpers = [thread.native_id for thread in threading.enumerate() if thread.name == "convarith-part"]
            assert helpers
            assert all(os.sched_getaffinity(helper or 0) <= allowed for helper in helpers)
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize("by_helper", [True, False])
def test_an_error_reaches_the_caller(by_helper: bool) -> None:
    caller, both = threading.get_ident(), threading.Barrier(2)

    def part(_low: int, _high: int) -> None:
        both.wait(PATIENCE)
        if (threading.get_ident() != caller) is by_helper:
            raise ArithmeticError("of a part")

    for _ in range(20):
        with pytest.raises(ArithmeticError, match="of a part"):
            run_in_parts(part, 2, WORTH_WAKING)
    meet()


def test_after_an_error_no_part_begins() -> None:
    begun = []

    def part(low: int, _high: int) -> None:
        begun.append(low)
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        run_in_parts(part, 1000, 10**12)
    assert len(begun) <= 2 < MOST_PARTS_PER_THREAD


def test_work_can_be_abandoned_between_its_parts() -> None:
    begun = []

    def part(low: int, _high: int) -> None:
        begun.append(low)
        team.abandoned = True

    with pytest.raises(AbandonedError):
        run_in_parts(part, 1000, 10**12)
    assert 1 <= len(begun) <= 2
    team.abandoned = False
    meet()


def test_one_caller_s_work_can_be_abandoned_alone() -> None:
    begun, signal = [], Signal()

    def part(low: int, _high: int) -> None:
        begun.append(low)
        signal.set()

    with abandoned_by(signal), pytest.raises(AbandonedError):
        run_in_parts(part, 1000, 10**12)
    assert 1 <= len(begun) <= 2
    with abandoned_by(signal):
        with pytest.raises(AbandonedError):
            run_in_parts(part, 1, 10**12)
        with pytest.raises(AbandonedError):
            check_wanted()
        other = threading.Thread(target=check_wanted)
        other.start()
        other.join()
    check_wanted()
    meet()


def test_another_thread_abandons_work_under_way() -> None:
    signal, begun, go_on = Signal(), threading.Event(), threading.Event()
    ended: list[str] = []

    def part(_low: int, _high: int) -> None:
        begun.set()
        go_on.wait(PATIENCE)

    def call() -> None:
        with abandoned_by(signal):
            try:
                run_in_parts(part, 1000, 10**12)
            except AbandonedError:
                ended.append("abandoned")

    caller = threading.Thread(target=call)
    caller.start()
    assert begun.wait(PATIENCE)
    run_in_parts(lambda _low, _high: None, 10, 10**9)  # that of others goes on
    signal.set()
    go_on.set()
    caller.join(PATIENCE)
    assert ended == ["abandoned"]


def squares_in_parts(values: Any, work: int, fails: bool) -> Any:
    squares = np.zeros_like(values)

    def part(low: int, high: int) -> None:
        squares[low:high] = values[low:high] ** 2
        if fails and high == len(values):
            raise ArithmeticError

    run_in_parts(part, len(values), work)
    return squares


def test_many_callers_at_once() -> None:
    """Small and large, with errors among them: each gets its own answer, and all of them come to an end."""
    right = []

    def call(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for turn in range(150):
            values, work = rng.integers(0, 99, 300), int(rng.integers(0, 10**8))
            if turn % 10 == 9:
                with pytest.raises(ArithmeticError):
                    squares_in_parts(values, work, fails=True)
            else:
                assert (squares_in_parts(values, work, fails=False) == values**2).all()
        right.append(seed)

    for size in (2, 4):
        team.resize(size)
        threads = [threading.Thread(target=call, args=(seed,), daemon=True) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    assert sorted(right) == sorted([*range(8)] * 2)


def test_two_callers_are_as_many_as_two_threads() -> None:
    """A helper besides would only take a processor from one of them."""
    both, go_on = threading.Barrier(3), threading.Event()

    def first(_low: int, _high: int) -> None:
        both.wait(PATIENCE)
        go_on.wait(PATIENCE)

    caller = threading.Thread(target=run_in_parts, args=(first, 2, WORTH_WAKING))
    caller.start()
    both.wait(PATIENCE)
    callers = set()
    run_in_parts(lambda _low, _high: callers.add(threading.get_ident()), 100, 10**9)
    go_on.set()
    caller.join()
    assert callers == {threading.get_ident()}


def test_a_caller_gets_a_helper_when_another_ends() -> None:
    met, helped = threading.Event(), threading.Event()
    callers = set()

    def first(_low: int, _high: int) -> None:
        met.wait(PATIENCE)

    def second(_low: int, _high: int) -> None:
        callers.add(threading.get_ident())
        met.set()
        if len(callers) == 1:
            helped.wait(PATIENCE)
        helped.set()

    caller = threading.Thread(target=run_in_parts, args=(first, 2, WORTH_WAKING))
    caller.start()
    run_in_parts(second, 100, 10**9)
    caller.join()
    assert len(callers) == 2


def test_a_part_may_share_out_its_own_work() -> None:
    inner = np.zeros((20, 50), np.int64)

    def outer_part(low: int, high: int) -> None:
        for row in range(low, high):

            def part(begin: int, end: int, row: int = row) -> None:
                inner[row, begin:end] += 1

            run_in_parts(part, 50, 10**9)

    run_in_parts(outer_part, 20, 10**9)
    assert (inner == 1).all()


def test_nothing_of_a_call_is_held_on_to() -> None:
    """Its arrays can be a gibibyte."""
    array = np.zeros(1000)
    alive = weakref.ref(array)
    both = threading.Barrier(2)

    def part(low: int, high: int, array: Any = array) -> None:
        both.wait(PATIENCE)
        array[low:high] = 1

    run_in_parts(part, 2, WORTH_WAKING)
    del part, array
    end = time.monotonic() + PATIENCE
    while alive() is not None:
        assert time.monotonic() < end
        time.sleep(0.001)


def test_nothing_of_abandoned_work_is_held_on_to() -> None:
    """Not even until the garbage collector comes by."""
    array, signal = np.zeros(1000), Signal()
    alive = weakref.ref(array)
    gc.disable()
    try:

        def part(low: int, high: int, array: Any = array) -> None:
            array[low:high] = 1
            signal.set()

        with abandoned_by(signal), suppress(AbandonedError):
            run_in_parts(part, 1000, 10**12)
        del part, array
        end = time.monotonic() + PATIENCE
        while alive() is not None:
            assert time.monotonic() < end
            time.sleep(0.001)
    finally:
        gc.enable()


PROGRAM = """
import os, sys, threading, warnings
warnings.simplefilter("ignore")  # of forking beside threads, which is the point here
from app.core.parallel import team
from tests.core.parts import run_in_parts
team.resize(2)

def meet():
    both = threading.Barrier(2)
    run_in_parts(lambda low, high: both.wait(60) and None, 2, 10**9)

def for_ever():
    while True:
        run_in_parts(lambda low, high: sum(range(1000)) and None, 100, 10**9)

meet()
"""


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "threading.Thread(target=for_ever, daemon=True).start()",
        "child = os.fork()\nmeet()\nif child == 0: os._exit(7)\nassert os.waitpid(child, 0)[1] >> 8 == 7",
    ],
    ids=["at_once", "while_others_work", "forked"],
)
def test_a_process_ends_and_forks(rest: str) -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM + rest], check=False, timeout=PATIENCE, capture_output=True)
    assert (ended.returncode, ended.stderr) == (0, b"")
