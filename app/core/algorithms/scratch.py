"""Working memory that callers keep for all threads that help them: fresh memory costs a page fault every 4 KiB."""

from __future__ import annotations

import itertools
import threading

import numpy as np

from app.core.geometry import ceil_div
from app.core.layout import Array
from app.core.parallel import team

#: More bytes than this for each thread are given back after use.
KEPT = 2**22

#: Bytes of a line of the cache.
LINE = 64

#: Numbers that threads may note beside their pieces.
NOTED = LINE // 8

#: So many ways to cut a caller's memory into pieces are kept: to cut it takes as long as a small operation.
MOST_CUTS = 64

Pieces = tuple[Array, ...]

#: For how many threads pieces are, what is listed before them, their elements and dtype.
Cut = tuple[int, int, tuple[int, ...], np.dtype[np.generic]]


class _Own(threading.local):
    """What a caller keeps: its memory, and the pieces that it was cut into."""

    def __init__(self) -> None:
        self.bytes = np.empty(0, np.uint8)
        self.cuts: dict[Cut, Pieces] = {}


_own = _Own()


def thread_rows(elements: tuple[int, ...], dtype: np.dtype[np.generic], listed: int = 0) -> Pieces:
    """Several uninitialised pieces, each a row for each thread of the team, until this caller's next call here.

    Before them is a piece of `NOTED` int64, −1 at first, where threads may note what the others hold, and so many more
    to be `listed`. Each row begins at a line of the cache, as vectors that lie across two take twice as long, and may
    be longer than asked for.
    """
    cut = team.size, listed, elements, dtype
    pieces = _own.cuts.get(cut)
    if pieces is None:
        pieces = _cut_memory(*cut)
    pieces[0][:] = -1
    return pieces


def _cut_memory(threads: int, listed: int, elements: tuple[int, ...], dtype: np.dtype[np.generic]) -> Pieces:
    """Fresh pieces, or pieces of the kept memory; kept are those that are not too large."""
    sizes = (8 * (NOTED + listed), *(count * dtype.itemsize for count in elements))
    rows = [ceil_div(size, LINE) * LINE for size in sizes]
    begins = list(itertools.accumulate((threads * row for row in rows), initial=0))
    memory = _own.bytes if len(_own.bytes) >= begins[-1] else _fresh(begins[-1])
    kinds = [np.dtype(np.int64), *[dtype] * len(elements)]
    pieces = tuple(
        memory[begin : begin + threads * row].view(kind).reshape(threads, row // kind.itemsize)
        for begin, row, kind in zip(begins, rows, kinds, strict=False)
    )
    if begins[-1] <= KEPT * threads:
        if memory is not _own.bytes or len(_own.cuts) >= MOST_CUTS:
            _own.cuts.clear()
        _own.bytes = memory
        _own.cuts[threads, listed, elements, dtype] = pieces
    return pieces


def aligned(elements: int, dtype: np.dtype[np.generic]) -> Array:
    """So many uninitialised elements, the first at the beginning of a line of the cache."""
    return _fresh(elements * dtype.itemsize).view(dtype)


def _fresh(size: int) -> Array:
    memory = np.empty(size + LINE - 1, np.uint8)
    return memory[-memory.ctypes.data % LINE :][:size]
