"""Working memory that each thread keeps: large fresh memory costs a page fault every 4 KiB."""

from __future__ import annotations

import itertools
import threading

import numpy as np

from app.core.layout import Array

#: More bytes than this are given back after use.
KEPT = 2**22

_own = threading.local()


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
