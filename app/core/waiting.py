"""How two threads meet without a system call: one watches a word of memory until the other changes it.

To wake a thread that sleeps takes some tens of microseconds, and the one that wakes it
pays a part of them. So whoever is likely to be needed soon watches first and sleeps
afterwards, and watches without the interpreter lock, which the other one needs.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from app.core.jit import brief, compiled, inlined

Word = NDArray[np.int64]

#: Looks in one turn: about as long as giving way takes.
LOOKS = 100


def new_word() -> Word:
    """A word of memory that is 0, far from others: two threads may write neighbours at once."""
    return np.zeros(24, np.int64)[12:13]


def _load(_context: Any, word: Any) -> Any:
    """word[0] as it is now: the compiler would make a plain load once, before the loop."""

    def load(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.load_atomic(array.data, "acquire", 8)

    return types.int64(word), load


_look: Any = intrinsic(_load)


if hasattr(os, "sched_yield"):
    _give_way: Any = types.ExternalFunction("sched_yield", types.int32())
else:

    @inlined
    def _give_way() -> None:
        """No such call here."""


@compiled
def tell_and_watch(told: Word, watched: Word, seen: int, patience: int, delay: int) -> None:
    """Write 1 to the word `told`, then watch another until it is no longer `seen`, and `delay` looks more.

    Comes back after `patience` turns of half a microsecond in any case: what happened is
    for locks to say. Between turns whoever else needs the processor may have it.
    """
    told[0] = 1
    for _ in range(patience):
        for _ in range(LOOKS):
            if _look(watched) != seen:
                for _ in range(delay):
                    _look(watched)
                return
        _give_way()


if hasattr(os, "sched_setaffinity"):
    _processor: Any = types.ExternalFunction("sched_getcpu", types.int32())
else:

    @inlined
    def _processor() -> int:
        return -1


@brief
def processor() -> int:
    """The number of the processor that this thread runs on; −1 where that cannot be told."""
    here: int = _processor()
    return here
