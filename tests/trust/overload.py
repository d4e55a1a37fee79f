"""Overload: many more clients than can be served, and small requests beside a long computation."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

from tests.api.calls import Server, serving
from tests.trust.figures import Figure
from tests.trust.load import Load, Tally, processes
from tests.trust.questions import LIVE, SETTINGS, questions

#: How often each kind is asked.
SHARES = {"small": 0.8, "medium": 0.12, "large": 0.08}


@dataclass(frozen=True)
class Scale:
    """How long and how much."""

    clients: int
    few: tuple[int, ...]
    seconds: float
    seconds_of_few: float
    beside: tuple[str, ...]
    seconds_beside: float


SHORT = Scale(clients=200, few=(4,), seconds=4, seconds_of_few=1, beside=("long float32",), seconds_beside=1)
FULL = Scale(
    clients=200,
    few=(2, 4, 8),
    seconds=60,
    seconds_of_few=6,
    beside=("long int64", "long float32"),
    seconds_beside=20,
)


def measure(scale: Scale) -> list[Figure]:
    """Both, on one server."""
    with processes(3) as pool, serving(**SETTINGS) as server:
        return [*overload(server, pool, scale), *beside_long_work(server, pool, scale)]


def overload(server: Server, pool: Executor, scale: Scale) -> list[Figure]:
    """The same mix from a few clients and from many; what is refused is asked again when the answer says.

    So few and many get the same mix of right answers, and goodput is how many of them a second.
    """
    asked = questions(server.url, list(SHARES))
    peak = 0.0
    for clients in scale.few:
        load = Load(server.port, asked, clients, scale.seconds_of_few, SHARES, pause_when_refused=1)
        few = pool.submit(load.run).result()
        few.check()
        peak = max(peak, goodput(few))
    health = pool.submit(Load(server.port, [LIVE], 1, scale.seconds, pause=0.02).run)
    load = Load(server.port, asked, scale.clients, scale.seconds, SHARES, pause_when_refused=1)
    many, live = pool.submit(load.run).result(), health.result()
    many.check()
    live.check()
    answered, share = sum(map(len, many.answered.values())), goodput(many) / peak
    slowest = 1e3 * live.quantile(LIVE.kind, 0.99)
    return [
        Figure(
            f"{scale.clients} clients for {scale.seconds:g} s, small and large mixed",
            f"{answered} right answers, {many.refused.total()} × 503 with Retry-After, none wrong, none lost",
            "every reply right or 503",
            is_met=True,
        ),
        Figure(
            "goodput beside the peak of few clients",
            f"{share:.0%}, {goodput(many):.0f} right answers a second",
            "≥ 90%",
            share >= 0.9,
        ),
        Figure("`/healthz/live` meanwhile, 99th percentile", f"{slowest:.1f} ms", "< 100 ms", slowest < 100),
    ]


def goodput(tally: Tally) -> float:
    """Right answers a second, of all kinds."""
    return sum(map(tally.rate, SHARES))


def beside_long_work(server: Server, pool: Executor, scale: Scale) -> list[Figure]:
    """Small requests by themselves, and while computations of some seconds run one after the other."""
    small = questions(server.url, ["small"])
    load = Load(server.port, small, 1, scale.seconds_beside, pause=0.005)
    usual = pool.submit(load.run).result()
    usual.check()
    expected = 3 * usual.quantile("small", 0.99) + 0.002
    figures = []
    for kind in scale.beside:
        work = Load(server.port, questions(server.url, [kind], 1), 1, scale.seconds_beside)
        working = pool.submit(work.run)
        beside, worked = pool.submit(load.run).result(), working.result()
        beside.check()
        worked.check()
        slowest = beside.quantile("small", 0.99)
        figures.append(
            Figure(
                f"small requests while {kind} of {worked.quantile(kind, 0.5):.1f} s is computed, 99th percentile",
                f"{1e3 * slowest:.2f} ms; {1e3 * usual.quantile('small', 0.99):.2f} ms alone",
                f"≤ {1e3 * expected:.2f} ms (3 × alone + 2 ms)",
                slowest <= expected,
            )
        )
    return figures
