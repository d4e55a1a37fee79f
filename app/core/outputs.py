"""Memory of large outputs, which is kept for the next ones.

To get pages from the system, which zeroes them, takes longer than to fill them by a 3×3 convolution; longest where two
threads ask at once.
"""

from __future__ import annotations

import math
import os
import threading
from typing import Any

import numpy as np

from app.core.algorithms.scratch import aligned
from app.core.layout import Array

#: Smaller outputs come from the allocator, which keeps memory of that size by itself; of this size it does so for one
#: thread alone, and as the heap happens to lie.
SMALLEST = 2**22

#: Bytes that are kept while nobody uses them, unless another number is set: with what an operation works in, less than
#: 64 MiB.
KEPT = 50 * 2**20

#: An output takes kept memory of up to so many times its size.
ROOMY = 2


class _Lent:
    """Memory for as long as an array, or a part of one, refers to it."""

    __slots__ = ("__array_interface__", "_memory")

    def __init__(self, memory: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._memory = memory
        self.__array_interface__ = {
            "shape": shape,
            "typestr": dtype.str,
            "data": (memory.ctypes.data, False),
            "version": 3,
        }

    def __del__(self) -> None:
        _kept.keep(self._memory)


class _Kept:
    """What nobody uses, the last that came back last."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._memories: list[Array] = []

    def keep(self, memory: Array) -> None:
        """Have it for later, if there is room; never waits, for it may be called within any other call."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if memory.nbytes + sum(each.nbytes for each in self._memories) <= self.most:
                self._memories.append(memory)
        finally:
            self._lock.release()

    def take(self, size: int) -> Array:
        """Memory of so many bytes at least: what came back last of those that fit, or new."""
        with self._lock:
            for number, memory in reversed(list(enumerate(self._memories))):
                if size <= memory.nbytes <= ROOMY * size:
                    return self._memories.pop(number)
            # What is kept is of no use to who needs other sizes now.
            self._memories.clear()
        return aligned(size, np.dtype(np.uint8))

    def renew(self) -> None:
        """Begin in a forked process, where nobody holds the lock that another thread may have held."""
        self._lock = threading.Lock()

    def limit(self, most: int) -> None:
        """Keep so many bytes at most from now on, and nothing of what has come back until now."""
        with self._lock:
            self.most = most
            self._memories.clear()


_kept = _Kept(KEPT)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_kept.renew)


def new_output(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """An array of any values, in memory of an earlier output where there is some."""
    size = math.prod(shape) * dtype.itemsize
    if not SMALLEST <= size <= _kept.most:
        return np.empty(shape, dtype)
    return np.asarray(_Lent(_kept.take(size), shape, dtype))


def keep_at_most(size: int) -> None:
    """Keep so many bytes at most for later outputs."""
    _kept.limit(size)
