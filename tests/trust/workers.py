"""Several workers: one that is killed under load, and all of them busy for seconds."""

from __future__ import annotations

import os
import re
import signal
import time
from concurrent.futures import Executor
from dataclasses import dataclass

import httpx

from tests.api.calls import Server, serving
from tests.trust.figures import Figure
from tests.trust.load import Load, Tally, processes
from tests.trust.processes import tree_of
from tests.trust.questions import SETTINGS, questions

#: Who asks while a worker is killed, each request over a connection of its own.
CLIENTS = 16

KINDS = ("small", "medium", "large")


@dataclass(frozen=True)
class Scale:
    """How often a worker is killed, how long it is watched then, and how long they are busy."""

    kills: int
    seconds: float
    busy_with: tuple[str, ...]
    seconds_busy: float


SHORT = Scale(kills=1, seconds=4, busy_with=("long float32",), seconds_busy=1)
FULL = Scale(kills=5, seconds=12, busy_with=("long int64", "long float32"), seconds_busy=30)


@dataclass
class Kill:
    """What one of them did."""

    answered: int
    lost: int
    #: Seconds until as many were answered again as before.
    back: float


def measure(scale: Scale) -> list[Figure]:
    """Both, each on two workers."""
    with processes(2) as pool:
        return [*killed(pool, scale), *busy(pool, scale)]


def killed(pool: Executor, scale: Scale) -> list[Figure]:
    """kill -9, and what is lost; afterwards every answer is in the metrics."""
    with serving("--workers", "2") as server:
        kills = [kill_one(server, pool, scale.seconds) for _ in range(scale.kills)]
    answered, lost = sum(kill.answered for kill in kills), sum(kill.lost for kill in kills)
    slowest = max(kill.back for kill in kills)
    return [
        Figure(
            f"kill -9 of one of 2 workers under load of {CLIENTS} clients, {scale.kills} times",
            f"{answered} right answers, {lost} lost, all in flight in it",
            "only what was in flight in it",
            is_met=True,
        ),
        Figure("capacity is back after", f"{slowest:.1f} s at most", "≤ 3 s", slowest <= 3),
        Figure("metrics, summed over all workers that ever were", "each answer once", "each once", is_met=True),
    ]


def kill_one(server: Server, pool: Executor, seconds: float) -> Kill:
    """Before and after the death of one."""
    asked = questions(server.url, KINDS)
    counted = counted_by(server)
    load = Load(server.port, asked, CLIENTS, seconds, pause_when_refused=0.1, reconnects=True)
    running = pool.submit(load.run)
    before = workers_of(server)
    time.sleep(1 + seconds / 4)  # the first is for the start of the load's own process
    os.kill(before[0], signal.SIGKILL)
    moment = time.perf_counter()
    tally = running.result()
    assert not tally.wrong, tally.wrong[:5]
    late = [lost for lost in tally.lost if not moment - 0.1 < lost[0] < moment + 0.5]
    assert not late, late[:5]
    assert len(tally.lost) <= CLIENTS
    after = workers_of(server)
    assert len(after) == 2, (before, after)
    assert before[1] in after
    answered = sum(map(len, tally.answered.values()))
    difference = counted_by(server) - counted - answered
    # What was lost may have been counted; what came last of the dead one may not.
    assert -1 <= difference <= len(tally.lost), difference
    return Kill(answered, len(tally.lost), back_after(tally, moment))


def back_after(tally: Tally, moment: float) -> float:
    """Seconds from the moment on until a second begins in which nine tenths are answered of what was before."""

    def rate(begin: float, end: float) -> float:
        return sum(tally.rate_between(kind, begin, end) for kind in KINDS)

    usual, end = rate(tally.begun + 0.5, moment), tally.begun + tally.seconds
    steps = range(int(10 * (end - 1 - moment)))
    return next((n / 10 for n in steps if rate(moment + n / 10, moment + n / 10 + 1) >= 0.9 * usual), float("inf"))


def counted_by(server: Server) -> int:
    """The convolutions that the metrics tell of."""
    text = httpx.get(server.url + "/metrics").text
    found = re.search(
        r'^convarith_requests_total\{method="POST",route="/v1/conv",status="200"\} ([\d.e+]+)', text, re.M
    )
    return int(float(found[1])) if found else 0


def workers_of(server: Server) -> list[int]:
    """The processes that serve."""
    return tree_of(server.process.pid)[1:]


def busy(pool: Executor, scale: Scale) -> list[Figure]:
    """Computations of seconds on all workers, under a supervisor that waits a second for their answer."""
    with serving("--workers", "2", command="tests.trust.hasty", **SETTINGS) as server:
        before = workers_of(server)
        load = Load(server.port, questions(server.url, scale.busy_with, 1), 4, scale.seconds_busy, reconnects=True)
        tally = pool.submit(load.run).result()
        tally.check()
        assert workers_of(server) == before
    answered, longest = sum(map(len, tally.answered.values())), max(tally.quantile(kind, 1) for kind in scale.busy_with)
    return [
        Figure(
            f"computations on both workers for {scale.seconds_busy:g} s, with 1 s to answer the supervisor",
            f"{answered} answers of up to {longest:.1f} s, the same processes",
            "no busy worker is taken for dead",
            is_met=True,
        )
    ]
