"""Working memory that each thread keeps: large fresh memory costs a page fault every 4 KiB."""

from __future__ import annotations

import itertools
import threading

import numpy as np

from app.core.layout import Array

#: More bytes than this are given back after use.
KEPT = 2**22

_own = threading.local()


class Working:
    """The working memory of one call: each thread that takes part has its own, the same through all its parts."""

    def __init__(self, elements: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
        self._elements, self._dtype = elements, dtype
        self._by_thread: dict[int, tuple[Array, ...]] = {}

    def own(self) -> tuple[Array, ...]:
        """This thread's pieces, and before them one int64, −1 at first, to note what they hold."""
        me = threading.get_ident()
        if me not in self._by_thread:
            self._by_thread[me] = (np.full(1, -1), *pieces(self._elements, self._dtype))
        return self._by_thread[me]


def pieces(elements: tuple[int, ...], dtype: np.dtype[np.generic]) -> list[Array]:
    """Several pieces of this thread's memory, one after the other."""
    own = scratch(sum(elements), dtype)
    ends = list(itertools.accumulate(elements))
    return [own[end - count : end] for count, end in zip(elements, ends, strict=True)]


def scratch(elements: int, dtype: np.dtype[np.generic]) -> Array:
    """Uninitialised elements for this thread's use until its next call here."""
    size = elements * dtype.itemsize
    kept: Array | None = getattr(_own, "bytes", None)
    if kept is None or len(kept) < size:
        fresh = np.empty(size + 63, np.uint8)
        kept = fresh[-fresh.ctypes.data % 64 :][:size]
        if size <= KEPT:
            _own.bytes = kept
    return kept[:size].view(dtype)
