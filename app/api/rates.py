"""How often each caller may ask; counted in memory, by each worker for itself."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from time import time

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

#: Of more callers than this at once no counts are kept: they begin anew, so that memory stays bounded.
MOST_CALLERS = 10_000


class Rates:
    """Counts requests in windows of a second, a minute, an hour or a day, from a caller's first request on."""

    def __init__(self, rates: Iterable[str]) -> None:
        self._limits = [(rate, parse(rate)) for rate in rates]
        self._begin()

    def _begin(self) -> None:
        """Count from nothing; the library tidies its memory on a thread, so what it holds is left to it."""
        self._storage = MemoryStorage()
        self._windows = FixedWindowRateLimiter(self._storage)

    def refusal(self, caller: str) -> tuple[str, int] | None:
        """Count a request. The rate that it is over, and the seconds until the next; None where it may pass."""
        if len(self._storage.storage) > MOST_CALLERS * len(self._limits):
            self._begin()
        for rate, limit in self._limits:
            if not self._windows.hit(limit, caller):
                end = self._windows.get_window_stats(limit, caller).reset_time
                return rate, max(1, ceil(end - time()))
        return None
