"""Working memory that each thread keeps, for itself or for all that help it: fresh memory costs a page fault every 4 KiB."""

from __future__ import annotations

import itertools
import threading

import numpy as np

from app.core.geometry import ceil_div
from app.core.layout import Array

#: More bytes than this, for each thread that uses them, are given back after use.
KEPT = 2**22

#: Bytes of a line of the cache.
LINE = 64

#: So many ways to cut a thread's memory into pieces are kept: to cut it takes as long as a small operation.
MOST_CUTS = 64

Pieces = tuple[Array, ...]

#: The elements of pieces, their dtype, and for how many threads they are (0: for one that takes them itself).
Cut = tuple[tuple[int, ...], np.dtype[np.generic], int]


class _Own(threading.local):
    """What a thread keeps: its memory, and the pieces that it was cut into, by their elements and dtype."""

    def __init__(self) -> None:
        self.bytes = np.empty(0, np.uint8)
        self.cuts: dict[Cut, Pieces] = {}
        self.held = np.full(2, -1)


_own = _Own()


def shares(elements: tuple[int, ...], dtype: np.dtype[np.generic], threads: int) -> Pieces:
    """A row for each thread of each of several uninitialised pieces, until this thread's next call here.

    Before them a row of eight int64, −1 at first, for each thread to note what its pieces hold. Each row begins at a
    line of the cache, and may be longer than asked for.
    """
    cut = elements, dtype, threads
    kept = _own.cuts.get(cut)
    if kept is None:
        rooms = [ceil_div(count * dtype.itemsize, LINE) * LINE // dtype.itemsize for count in elements]
        held, memory = aligned(threads * 8, np.dtype(np.int64)), _memory(threads * sum(rooms) * dtype.itemsize)
        whole, begins = memory.view(dtype), itertools.accumulate(rooms, initial=0)
        rows = (
            whole[threads * begin : threads * (begin + room)].reshape(threads, room)
            for begin, room in zip(begins, rooms, strict=False)
        )
        kept = (held.reshape(threads, 8), *rows)
        _keep(cut, kept, memory, threads)
    kept[0][:] = -1
    return kept


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
    cut = elements, dtype, 0
    kept = _own.cuts.get(cut)
    if kept is not None:
        return kept
    rooms = [ceil_div(count * dtype.itemsize, LINE) * LINE // dtype.itemsize for count in elements]
    memory = _memory(sum(rooms) * dtype.itemsize)
    own, begins = memory.view(dtype), itertools.accumulate(rooms, initial=0)
    made = tuple(own[begin : begin + count] for count, begin in zip(elements, begins, strict=False))
    _keep(cut, made, memory, 1)
    return made


def _memory(size: int) -> Array:
    """So many bytes: the kept ones, where these are enough."""
    return _own.bytes[:size] if len(_own.bytes) >= size else _fresh(size)


def _keep(cut: Cut, made: Pieces, memory: Array, threads: int) -> None:
    """Keep pieces, and the memory they are of, unless that is much for so many threads."""
    if len(memory) > KEPT * threads:
        return
    is_fresh = len(memory) > len(_own.bytes)
    if is_fresh or len(_own.cuts) >= MOST_CUTS:
        _own.cuts.clear()
    if is_fresh:
        _own.bytes = memory
    _own.cuts[cut] = made


def aligned(elements: int, dtype: np.dtype[np.generic]) -> Array:
    """So many uninitialised elements, the first at the beginning of a line of the cache."""
    return _fresh(elements * dtype.itemsize).view(dtype)


def _fresh(size: int) -> Array:
    memory = np.empty(size + LINE - 1, np.uint8)
    return memory[-memory.ctypes.data % LINE :][:size]
