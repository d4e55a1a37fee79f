"""A server that is asked all the time, each time something else: what it holds does not grow.

python -m tests.trust.soak [--minutes 60]
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import httpx

from tests.api.calls import Server, serving
from tests.api.client import CONV
from tests.trust.figures import Figure, keep, section
from tests.trust.kinds import request_of
from tests.trust.processes import Held, held_by

#: Minutes.
SHORT, FULL = 0.05, 10

TITLE = "A soak by hand"

CLIENTS, WORKERS = 4, 2

#: Elements of a request at most: many requests tell more of what is kept than large ones.
ELEMENTS = 10**5

#: Every so many requests one is no request at all, and one goes away before its answer.
BROKEN = 10

#: Different operations that are asked for first: more than any cache holds.
FILLED = 6000

#: Bytes by which memory may differ between the second quarter of the time and the last: the allocator's noise.
NOISE = 24 * 2**20

MIB = 2**20


def measure(minutes: float) -> list[Figure]:
    """What is held in the second quarter of the time and in the last."""
    with serving("--workers", str(WORKERS), access_log="false", log_level="error") as server:
        lasting = minutes >= 1
        if lasting:
            fill(server)
        statuses, samples = soak(server, minutes)
        assert server.process.poll() is None
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    memory = [statistics.median(each.memory for each in part) for part in (early, late)]
    threads, files = ([max(each[field] for each in part) for part in (early, late)] for field in (1, 2))
    slope = _slope(samples[quarter:]) * 60 / (minutes * 60 / len(samples))
    asked = ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items()))
    return [
        Figure(
            f"answers in {minutes:g} minutes by status; 0: the client went away", asked, "no 500", 500 not in statuses
        ),
        Figure(
            "memory of all processes, second quarter → last, and its slope after the first quarter",
            f"{memory[0] / MIB:.1f} → {memory[1] / MIB:.1f} MiB, {slope / MIB:+.2f} MiB a minute",
            f"no more than {NOISE // MIB} MiB apart",
            not lasting or memory[1] - memory[0] <= NOISE,
        ),
        Figure("threads, second quarter → last", f"{threads[0]} → {threads[1]}", "no more", threads[1] <= threads[0]),
        Figure("file descriptors", f"{files[0]} → {files[1]}", "no more but 2", files[1] <= files[0] + 2),
    ]


def fill(server: Server) -> None:
    """Ask for so many different operations that the caches of plans and shapes are full: what they hold is bounded."""
    each = [threading.Thread(target=_fill, args=(server.url, n)) for n in range(CLIENTS)]
    for client in each:
        client.start()
    for client in each:
        client.join()


def _fill(url: str, first: int) -> None:
    with httpx.Client(base_url=url, timeout=120, headers={"Connection": "close"}) as client:
        for length in range(3 + first, FILLED, CLIENTS):
            for _ in range(WORKERS + 1):  # each worker gets most of them
                client.post(
                    CONV, json={"input": [1] * (length % 2000 + 3), "kernel": [1, 2], "stride": 1 + length // 2000}
                )


def soak(server: Server, minutes: float) -> tuple[Counter[int], list[Held]]:
    """The statuses of all answers, and what was held at even times."""
    statuses: Counter[int] = Counter()
    seeds, until = itertools.count(), time.monotonic() + minutes * 60
    clients = [threading.Thread(target=_ask, args=(server.url, seeds, until, statuses)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    samples = []
    pause = max(0.2, minutes * 60 / 200)
    while time.monotonic() < until:
        time.sleep(pause)
        samples.append(held_by(server.process.pid))
    for client in clients:
        client.join()
    return statuses, samples


def _ask(url: str, seeds: Iterator[int], until: float, statuses: Counter[int]) -> None:
    with httpx.Client(base_url=url, timeout=120) as client:
        while time.monotonic() < until:
            seed = next(seeds)
            statuses[_one(client, seed)] += 1


def _one(client: httpx.Client, seed: int) -> int:
    """The status of one answer."""
    request = request_of(seed, ELEMENTS)
    body = request.body
    if seed % BROKEN == 0:
        body = body[: len(body) // 2]
    if seed % BROKEN == 1:
        try:
            client.post(request.path, content=body, headers=request.headers, timeout=0.005)
        except httpx.TimeoutException:
            return 0
    return client.post(request.path, content=body, headers=request.headers).status_code


def _slope(samples: Sequence[Held]) -> float:
    """Bytes from one sample to the next, by least squares."""
    if len(samples) < 2:
        return 0.0
    return statistics.linear_regression(range(len(samples)), [each.memory for each in samples]).slope


def main() -> int:
    """Soak for as long as is asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.trust.soak", description=TITLE)
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: %(default)s)")
    figures = measure(parser.parse_args().minutes)
    text = section(TITLE, figures)
    keep(TITLE, text)
    print(text)
    return int(not all(each.is_met for each in figures))


if __name__ == "__main__":
    sys.exit(main())
