"""What requests are predicted to take, beside what they take.

Each request has a process of its own, forked off one in which every kernel is loaded: there nothing is
kept from an earlier one, and the height that Linux tells is its own.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from starlette.types import Message

from app.api.budget import Budget
from app.api.service import Service
from app.main import create_app
from app.settings import Settings
from tests.api.client import JSON
from tests.trust.figures import Figure
from tests.trust.kinds import Request, request_of

MIB = 2**20

SHORT, FULL = 24, 200

#: What a request may take beside 1.1 of what is predicted. TODO
CONSTANT = 16 * MIB

#: Large enough for the compute thread and for helpers.
SMALL = Request("conv", {"input": np.ones((300, 300)), "kernel": np.ones((9, 9))}, {"method": "direct"}, JSON, JSON)

#: Bytes of a body that come at once, as from a connection.
PART = 2**16


@dataclass(frozen=True)
class Height:
    """One request: its status, the most bytes that the service counted for it, and the most that it took."""

    seed: int
    what: str
    status: int
    predicted: int
    measured: int

    @property
    def over(self) -> int:
        """Bytes above 1.1 of what was predicted."""
        return self.measured - self.predicted * 11 // 10


class Ledger(Budget):
    """Remembers the most that was held."""

    most_held = 0

    def exchange(self, before: int, after: int) -> bool:
        done = super().exchange(before, after)
        self.most_held = max(self.most_held, self.held)
        return done


def heights(count: int) -> Iterator[Height]:
    """Of the first so many requests that are accepted."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.preload", "tests.trust.memory"])
    accepted = seed = 0
    with context.Pool(1, maxtasksperchild=1) as pool:
        for height in pool.imap(height_of, range(10**6)):
            if height.status == 200:
                yield height
                accepted += 1
                if accepted == count:
                    return


def height_of(seed: int) -> Height:
    """Asks for something small first, to start what is started once."""
    request = request_of(seed)
    body, what = request.body, request.what
    request.tensors.clear()
    app = create_app(Settings(access_log=False, total_memory_bytes=2**40, memory_bytes=2**34))
    ledger = app.state.thread.budget = Ledger(2**40)
    app.state.thread.warm = True
    with asyncio.Runner() as runner:
        small = replace(SMALL, sent=request.sent, answer=request.answer)
        runner.run(ask(app, small, small.body))
        gc.collect()
        ledger.most_held = 0
        Path("/proc/self/clear_refs").write_text("5")
        before = resident("VmRSS")
        status = runner.run(ask(app, request, body))
        measured = resident("VmHWM") - before
    return Height(seed, what, status, ledger.most_held, measured)


async def ask(app: Service, request: Request, body: bytes) -> int:
    """Send a request in parts and let its answer go, piece by piece."""
    at = status = 0
    scope = {
        "type": "http",
        "method": "POST",
        "path": request.path,
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
        + [(b"content-length", b"%d" % len(body))],
    }

    async def receive() -> Message:
        nonlocal at
        if at >= len(body):
            await asyncio.sleep(3600)
        part = body[at : at + PART]
        at += len(part)
        return {"type": "http.request", "body": part, "more_body": at < len(body)}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    return status


def resident(field: str) -> int:
    """A field of this process's status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise LookupError(field)
