"""Working memory that each thread keeps: large fresh memory costs a page fault every 4 KiB."""

from __future__ import annotations

import itertools
import threading

import numpy as np

from app.core.geometry import ceil_div
from app.core.layout import Array

#: More bytes than this are given back after use.
KEPT = 2**22

#: Bytes of a line of the cache.
LINE = 64

#: So many ways to cut a thread's memory into pieces are kept: to cut it takes as long as a small operation.
MOST_CUTS = 64

Pieces = tuple[Array, ...]


class _Own(threading.local):
    """What a thread keeps: its memory, and the pieces that it was cut into, by their elements and dtype."""

    def __init__(self) -> None:
        self.bytes = np.empty(0, np.uint8)
        self.cuts: dict[tuple[tuple[int, ...], np.dtype[np.generic]], Pieces] = {}
        self.held = np.full(2, -1)


_own = _Own()


class Working:
    """The working memory of one call: each thread that takes part has its own, the same through all its parts."""

    def __init__(self, elements: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
        self._elements, self._dtype = elements, dtype
        self._by_thread: dict[int, Pieces] = {}

    def own(self) -> Pieces:
        """This thread's pieces, and before them two int64, −1 at first, to note what they hold."""
        me = threading.get_ident()
        own = self._by_thread.get(me)
        if own is None:
            _own.held[:] = -1
            own = self._by_thread[me] = (_own.held, *pieces(self._elements, self._dtype))
        return own


def pieces(elements: tuple[int, ...], dtype: np.dtype[np.generic]) -> Pieces:
    """Several uninitialised pieces for this thread's use until its next call here.

    Each begins at a line of the cache: vectors that lie across two take twice as long.
    """
    cut = elements, dtype
    kept = _own.cuts.get(cut)
    if kept is not None:
        return kept
    rooms = [ceil_div(count * dtype.itemsize, LINE) * LINE // dtype.itemsize for count in elements]
    size = sum(rooms) * dtype.itemsize
    memory = _own.bytes if len(_own.bytes) >= size else _fresh(size)
    own, begins = memory[:size].view(dtype), itertools.accumulate(rooms, initial=0)
    made = tuple(own[begin : begin + count] for count, begin in zip(elements, begins, strict=False))
    if size <= KEPT:
        if memory is not _own.bytes or len(_own.cuts) >= MOST_CUTS:
            _own.cuts.clear()
        _own.bytes, _own.cuts[cut] = memory, made
    return made


def aligned(elements: int, dtype: np.dtype[np.generic]) -> Array:
    """So many uninitialised elements, the first at the beginning of a line of the cache."""
    return _fresh(elements * dtype.itemsize).view(dtype)


def _fresh(size: int) -> Array:
    memory = np.empty(size + LINE - 1, np.uint8)
    return memory[-memory.ctypes.data % LINE :][:size]
