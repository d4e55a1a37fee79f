"""What is worked out once: many of the small, a few of the large, nothing that a client chose to be larger still."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import TypeVar

_Made = TypeVar("_Made")


def kept_by_size(
    make: Callable[..., _Made], size_of: Callable[..., int], *shelves: tuple[float, int]
) -> Callable[..., _Made]:
    """`make`, with what it made kept: (up to which size, how many) on each shelf, the smallest first.

    What has no shelf is made anew each time.
    """
    caches = [(most, lru_cache(count)(make)) for most, count in shelves]

    def find(*asked: Hashable) -> _Made:
        size = size_of(*asked)
        for most, cached in caches:
            if size <= most:
                return cached(*asked)
        return make(*asked)

    return find
