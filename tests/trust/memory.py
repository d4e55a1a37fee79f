"""What a request is predicted to take, beside what it takes.

Each has a process of its own, forked off one in which every kernel is loaded: nothing is kept there from
an earlier one, and the height that Linux tells is its own.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
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
from tests.trust.forks import forks
from tests.trust.kinds import Request, request_of

MIB = 2**20

#: Requests that are accepted, of every kind.
SHORT, FULL = 16, 200

#: A request may take 1.1 of what is predicted and so many bytes more: pages of 2 MiB, of which a large array takes
#: whole ones, what a thread keeps for its next call, code that runs for the first time, and a body of 64 KiB and its
#: answer, which are not counted.
CONSTANT = 8 * MIB

#: Large enough for the compute thread and its helpers, which it starts.
FIRST = Request("conv", {"input": np.ones((300, 300)), "kernel": np.ones((9, 9))}, {"method": "direct"}, JSON, JSON)

#: Bytes of a body that come at once, as from a connection.
PART = 2**16


@dataclass(frozen=True)
class Height:
    """One request: its status, the most bytes that the service counted for it, and the most that it took."""

    what: str
    status: int
    predicted: int
    measured: int

    @property
    def over(self) -> int:
        """Bytes above 1.1 of what was predicted."""
        return self.measured - self.predicted * 11 // 10


def measure(count: int) -> list[Figure]:
    """Predictions against heights."""
    found = list(heights(count))
    worst = max(found, key=lambda height: height.over)
    large = sorted(height.measured / height.predicted for height in found if height.measured > CONSTANT)
    shown = f"{large[len(large) // 2]:.2f}, from {large[0]:.2f} to {large[-1]:.2f}" if large else "none was"
    allowed = f"at most 1.1 of the prediction and {CONSTANT // MIB} MiB"
    return [
        Figure(
            f"memory of {count} accepted requests of random kinds, the worst: {worst.what}",
            f"{worst.measured / MIB:.1f} MiB, predicted {worst.predicted / MIB:.1f} MiB",
            allowed,
            worst.over <= CONSTANT,
        ),
        Figure(f"measured by predicted, of {len(large)} over {CONSTANT // MIB} MiB: the middle one", shown, "", True),
    ]


def heights(count: int) -> Iterator[Height]:
    """Those of the first so many requests that are accepted."""
    with forks() as pool:
        accepted = (height for height in pool.imap(height_of, itertools.count()) if height.status == 200)
        yield from itertools.islice(accepted, count)


class Ledger(Budget):
    """Remembers the most that was held."""

    most_held = 0

    def exchange(self, before: int, after: int) -> bool:
        done = super().exchange(before, after)
        self.most_held = max(self.most_held, self.held)
        return done


def height_of(seed: int) -> Height:
    """The height of the request that a seed stands for, in this very process."""
    request = request_of(seed)
    body, what = request.body, request.what
    request.tensors.clear()
    app = create_app(Settings(access_log=False, total_memory_bytes=2**40, memory_bytes=2**34))
    app.state.thread.warm = True
    ledger = app.state.thread.budget = Ledger(2**40)
    with asyncio.Runner() as runner:
        first = replace(FIRST, sent=request.sent, answer=request.answer)
        assert runner.run(ask(app, first, first.body)) == 200
        gc.collect()
        ledger.most_held = 0
        Path("/proc/self/clear_refs").write_text("5")
        before = resident("VmRSS")
        status = runner.run(ask(app, request, body))
        measured = resident("VmHWM") - before
    assert ledger.held == 0
    return Height(what, status, ledger.most_held, measured)


async def ask(app: Service, request: Request, body: bytes) -> int:
    """Send a request part by part, and let go of its answer piece by piece; the status."""
    named = {**request.headers, "Content-Length": str(len(body))}
    headers = [(name.lower().encode(), value.encode()) for name, value in named.items()]
    scope = {"type": "http", "method": "POST", "path": request.path, "query_string": b"", "headers": headers}
    parts = (body[at : at + PART] for at in range(0, len(body), PART))
    left, status = len(body), 0

    async def receive() -> Message:
        nonlocal left
        part = next(parts, None)
        if part is None:
            await asyncio.Event().wait()
        left -= len(part or b"")
        return {"type": "http.request", "body": part, "more_body": left > 0}

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
