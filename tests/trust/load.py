"""Many clients in one process of its own, each with one request after the other; every answer is looked at."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import cast

import orjson
import uvloop

from tests.api.calls import PROBLEM
from tests.trust.questions import Question

#: So long, in seconds, the last answers are waited for.
PATIENCE = 60


@dataclass(frozen=True)
class Load:
    """Who asks what, and for how long; it ends sooner where the server takes no more connections."""

    port: int
    questions: Sequence[Question]
    clients: int
    seconds: float
    #: How often each kind is asked, in relation to the others.
    shares: dict[str, float] = field(default_factory=dict)
    #: Seconds between an answer and the next request, and between a 503 and the next.
    pause: float = 0.0
    pause_when_refused: float = 0.0
    #: Whether each request has a connection of its own.
    reconnects: bool = False

    def run(self) -> Tally:
        """Ask, and count."""
        return uvloop.run(_Crowd(self).run())


@dataclass
class Tally:
    """What came of it. Times are of `perf_counter`, which all processes share."""

    #: By kind: when each right answer was complete, and how long after its request began.
    answered: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    #: What was neither right nor a refusal as documented.
    wrong: list[str] = field(default_factory=list)
    #: Requests whose connection ended before their answer: when, and what is known.
    lost: list[tuple[float, str]] = field(default_factory=list)
    turned_away: int = 0
    begun: float = field(default_factory=perf_counter)
    seconds: float = 0.0

    def times(self, kind: str) -> list[float]:
        """How long the answers of a kind took, in order."""
        return sorted(took for _, took in self.answered.get(kind, ()))

    def quantile(self, kind: str, part: float) -> float:
        """The time that so great a part of the answers stayed within."""
        times = self.times(kind)
        return times[min(len(times) - 1, int(part * len(times)))] if times else float("nan")

    def rate(self, kind: str) -> float:
        """Right answers a second."""
        return self.rate_between(kind, self.begun, self.begun + self.seconds)

    def rate_between(self, kind: str, begin: float, end: float) -> float:
        """The same within a span of time."""
        return sum(begin <= when < end for when, _ in self.answered.get(kind, ())) / (end - begin)

    def check(self) -> None:
        """Everything was answered, rightly or by a refusal as documented."""
        assert not self.wrong, self.wrong[:5]
        assert not self.lost, self.lost[:5]


@contextmanager
def processes(count: int) -> Iterator[Executor]:
    """Processes to run loads in, so that none of them waits for the interpreter of another."""
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) as pool:
        yield pool


class _Crowd:
    """The clients of one load."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.tally = Tally()
        self.is_over = False
        self._kinds: dict[str, list[Question]] = {}
        for question in load.questions:
            self._kinds.setdefault(question.kind, []).append(question)
        self._names = list(self._kinds)
        self._shares = [load.shares.get(name, 1.0) for name in self._names]
        self._random = random.Random(1)  # noqa: S311
        self._left = load.clients
        self._gone = asyncio.Event()
        self._connecting: set[asyncio.Task[None]] = set()

    async def run(self) -> Tally:
        """Let every client ask until the time is over, and take the answers that are still to come."""
        self.loop = asyncio.get_running_loop()
        for _ in range(self.load.clients):
            self.connect()
        await self._wait(self.load.seconds)
        self.is_over, self.tally.seconds = True, perf_counter() - self.tally.begun
        await self._wait(PATIENCE)
        if self._left:
            self.tally.lost.append((perf_counter(), f"{self._left} clients wait still"))
        return self.tally

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        except TimeoutError:
            return

    def connect(self) -> None:
        """Go on over a new connection."""
        task = self.loop.create_task(self._connect())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self) -> None:
        """One client goes on, over a new connection; without one it is gone."""
        if not self.is_over:
            try:
                await self.loop.create_connection(partial(_Client, self), "127.0.0.1", self.load.port)
            except ConnectionError:
                self.tally.turned_away += 1
            else:
                return
        self._left -= 1
        if not self._left:
            self._gone.set()

    def next_question(self) -> Question:
        """Any of a kind that is drawn by its share."""
        name = self._random.choices(self._names, self._shares)[0]
        return self._random.choice(self._kinds[name])

    def judge(self, question: Question, took: float, head: bytes, body: bytes) -> bool:
        """Count an answer; whether it is not a refusal, after which the same is asked again."""
        if head.startswith(b"HTTP/1.1 200 ") and body == question.answer:
            self.tally.answered.setdefault(question.kind, []).append((perf_counter(), took))
            return True
        if head.startswith(b"HTTP/1.1 503 ") and is_refusal(head, body):
            self.tally.refused[question.kind] += 1
            return False
        self.tally.wrong.append(f"{question.kind}: {head!r} {body[:500]!r}")
        return True


def is_refusal(head: bytes, body: bytes) -> bool:
    """Whether a 503 says when to come back, and why, as a problem."""
    lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if not lines.get(b"retry-after", b"").isdigit() or lines.get(b"content-type") != PROBLEM.encode():
        return False
    problem = orjson.loads(body)
    return problem["status"] == 503 and bool(problem["detail"])


class _Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, crowd: _Crowd) -> None:
        self._crowd = crowd
        self._question: Question | None = None
        self._refused: Question | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        if self._transport.is_closing():
            return
        if self._crowd.is_over:
            self._transport.close()
            return
        self._question, self._refused = self._refused or self._crowd.next_question(), None
        self._head, self._parts, self._missing = b"", list[bytes](), -1
        self._begun = perf_counter()
        self._transport.write(self._question.wire)

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            self._head, end, data = (self._head + data).partition(b"\r\n\r\n")
            if not end:
                return
            self._missing = _length(self._head)
        self._parts.append(data)
        self._missing -= len(data)
        if self._missing <= 0:
            self._answered()

    def _answered(self) -> None:
        if self._question is None:
            self._crowd.tally.wrong.append(f"unasked: {self._head!r}")
            return
        took = perf_counter() - self._begun
        is_right = self._crowd.judge(self._question, took, self._head, b"".join(self._parts))
        load = self._crowd.load
        pause = load.pause if is_right else load.pause_when_refused
        self._refused, self._question = None if is_right else self._question, None
        if load.reconnects or b"\r\nconnection: close" in self._head.lower():
            self._crowd.loop.call_later(pause, self._transport.close)
        elif pause:
            self._crowd.loop.call_later(pause, self._ask)
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._question is not None:
            received = self._head[:60] + b"".join(self._parts)[:60]
            self._crowd.tally.lost.append((perf_counter(), f"{self._question.kind}: {exc!r} after {received!r}"))
        self._crowd.connect()


def _length(head: bytes) -> int:
    """How long the body is said to be."""
    found = head.lower().partition(b"\r\ncontent-length: ")[2]
    return int(found.partition(b"\r\n")[0])
