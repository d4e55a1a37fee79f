"""What Prometheus is told, and the handles for those who have something to tell.

Labels are route templates, methods and statuses: never anything of a client's.
"""

from __future__ import annotations

import os
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)

#: Set by `python -m app` where there are several workers, which then share their numbers in files.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

#: The package leaves this module of its own without types.
_sharing: Any = multiprocess

_disable_created: Any = disable_created_metrics
_disable_created()

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 2.5, 10, 30)

REQUESTS = Counter("convarith_requests", "Answered requests", ("route", "method", "status"))
DURATIONS = Histogram("convarith_request_seconds", "From head to last byte of the answer", ("route",), buckets=SECONDS)
MACS = Counter("convarith_macs", "Multiply-adds of the answered operations", ("op",))
QUEUE_WAITING = Gauge("convarith_queue_waiting", "Requests that wait to be computed", multiprocess_mode="livesum")
QUEUE_RUNNING = Gauge("convarith_queue_running", "Requests being computed", multiprocess_mode="livesum")
MEMORY_HELD = Gauge(
    "convarith_memory_held_bytes", "Memory that requests are predicted to hold", multiprocess_mode="livesum"
)


def known(method: str) -> str:
    """The method where it is a common one: clients may make up others."""
    return method if method in METHODS else "other"


def count_request(route: str, method: str, status: int, seconds: float) -> None:
    """Count one answered request, by a known method."""
    requests, durations = _children(route, method, status)
    requests.inc()
    durations.observe(seconds)


def count_macs(op: str, macs: int) -> None:
    """Count the multiply-adds of one computed operation."""
    _macs(op).inc(macs)


@cache
def _macs(op: str) -> Counter:
    """The series of one operation."""
    return MACS.labels(op)


@lru_cache(maxsize=1024)
def _children(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """The series of one kind of request, looked up once."""
    return REQUESTS.labels(route, method, status), DURATIONS.labels(route)


def exposition() -> bytes:
    """All series in Prometheus' text format, summed over the workers."""
    folder = os.environ.get(SHARED_FOLDER)
    if folder is None:
        return generate_latest(REGISTRY)
    _forget_the_dead(Path(folder))
    registry = CollectorRegistry()
    _sharing.MultiProcessCollector(registry, path=folder)
    return generate_latest(registry)


def _forget_the_dead(folder: Path) -> None:
    """Leave the gauges of workers that are gone out of the sums; their counts stay."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            _sharing.mark_process_dead(pid, str(folder))
