"""Jobs where threads meet without the interpreter: who calls puts one up, and whoever is free takes parts of it.

Two threads that wait for each other at the interpreter's lock lose ten to forty microseconds; here the
one sees what the other wrote in a tenth of one. A job is a function's address, and that of what it is handed.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from app.core.atomic import add, load, look_at, store, swap
from app.core.jit import brief, compiled, get_back, inlined, let_go, shared

Words = NDArray[np.int64]

#: What does the parts of a job is at an address: entry(held, error, me, low, high) is 0, or `FLAWED` for a part whose
#: answer is not known to be finite; anything else is an error. What a job comes to is these, put together.
FLAWED = -16
IS_FLAWED, HAS_FAILED, WAS_ABANDONED = 1, 2, 4

#: Words of all jobs: how many are open, how many threads work (callers and helpers), how many may, and whether all
#: work is to end. Each has two lines of the cache to itself, as processors fetch them, and a job twice as many.
OPEN_JOBS, WORKING, SIZE, ABANDONED, FIRST_JOB, OF_A_JOB = 0, 16, 32, 48, 64, 32

#: Words of a job: whether a caller has it, whether parts can be taken, how many helpers do, what they came to; on the
#: other lines what is left (low and high in one word), the entry and what it is handed, the least and the most of a
#: part, how much a unit of these is, all of it, the threads there is working memory for, and the address of the word
#: that tells this job to end.
TAKEN, OPEN, HELPERS, RESULT = 0, 1, 2, 3
LEFT, ENTRY, HELD, LEAST, MOST, UNIT, COUNT, THREADS, SIGNAL = 16, 17, 18, 19, 20, 21, 22, 23, 24

#: Jobs at once; what is more is done by its caller alone.
JOBS = 16

#: Two numbers up to this are one word.
LARGEST = 2**31 - 1

#: Looks in one turn: about as long as giving way takes.
LOOKS = 100

#: Turns of half a microsecond in which a caller watches for its helpers' end, and microseconds that it sleeps between
#: two looks from then on.
CALLERS_PATIENCE, NAP = 200, 50


def new_board() -> Words:
    """One without jobs."""
    return np.zeros(FIRST_JOB + JOBS * OF_A_JOB, np.int64)


def has_parts(board: Words) -> bool:
    """Whether there is a job of which nobody has begun all."""
    left = board[FIRST_JOB + LEFT :: OF_A_JOB]
    return bool(((left & 0xFFFFFFFF) < left >> 32).any())


def _call(_context: Any, _entry: Any, _held: Any, _me: Any, _low: Any, _high: Any) -> Any:
    """entry(held, error, me, low, high)."""

    def call(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer, word = ir.IntType(8).as_pointer(), ir.IntType(64)
        kind = ir.FunctionType(ir.IntType(32), [pointer, pointer, word, word, word])
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        error = builder.bitcast(cgutils.alloca_once(builder, pointer), pointer)
        return builder.call(function, [builder.inttoptr(arguments[1], pointer), error, *arguments[2:]])

    return types.int32(*[types.int64] * 5), call


_call_entry: Any = intrinsic(_call)

if os.name == "posix":
    _give_way: Any = types.ExternalFunction("sched_yield", types.int32())
    _sleep: Any = types.ExternalFunction("usleep", types.int32(types.uint32))
else:

    @inlined
    def _give_way() -> None:
        """No such call here."""

    @inlined
    def _sleep(_microseconds: int) -> None:
        """No such call here."""


@shared
def run_job(board, threads, signal, lasting, entry, held, count, least, most):
    """Have entry(held, …) do the numbers from 0 to `count`, in parts; what it came to, once all of it has ended.

    Where that is `lasting`, others have the interpreter meanwhile.
    """
    if lasting:
        state = let_go()
        result = _run_job(board, threads, signal, entry, held, count, least, most)
        get_back(state)
    else:
        result = _run_job(board, threads, signal, entry, held, count, least, most)
    return result


@shared
def _run_job(board, threads, signal, entry, held, count, least, most):
    at = _free_job(board) if least < count else -1
    if at < 0:
        return _run_alone(board, signal, entry, held, count, least, most)
    unit = count // LARGEST + 1
    units = (count + unit - 1) // unit
    board[at + RESULT] = 0
    board[at + ENTRY], board[at + HELD], board[at + SIGNAL] = entry, held, signal
    board[at + LEAST], board[at + MOST] = (least + unit - 1) // unit, max(1, most // unit)
    board[at + UNIT], board[at + COUNT], board[at + THREADS] = unit, count, threads
    store(board, at + LEFT, units << 32)
    store(board, at + OPEN, 1)
    add(board, WORKING, 1)
    add(board, OPEN_JOBS, 1)
    _take_parts(board, at, 0)
    store(board, at + OPEN, 0)
    add(board, OPEN_JOBS, -1)
    turns = 0
    while load(board, at + HELPERS) > 0:
        if turns % LOOKS == 0:
            if turns < CALLERS_PATIENCE * LOOKS:
                _give_way()
            else:
                _sleep(NAP)
                turns -= 1
        turns += 1
    result = load(board, at + RESULT)
    add(board, WORKING, -1)
    store(board, at + TAKEN, 0)
    return result


@shared
def _run_alone(board, signal, entry, held, count, least, most):
    """The caller does all of it, from part to part where it is worth several, and there is no room for another job."""
    result, low, size = 0, 0, count if least == count else max(least, most)
    while low < count and not result & (HAS_FAILED | WAS_ABANDONED):
        if low > 0 and (load(board, ABANDONED) or look_at(signal)):
            result |= WAS_ABANDONED
        else:
            result |= _outcome(_call_entry(entry, held, 0, low, min(count, low + size)))
            low += size
    return result


@shared
def _free_job(board):
    """Where nobody has a job; now the caller has."""
    found = -1
    for at in range(FIRST_JOB, FIRST_JOB + JOBS * OF_A_JOB, OF_A_JOB):
        if found < 0 and swap(board, at + TAKEN, 0, 1):
            found = at
    return found


@shared
def _outcome(said):
    return 0 if said == 0 else IS_FLAWED if said == FLAWED else HAS_FAILED


@shared
def _take_parts(board, at, me):
    """Do parts of a job until none is left to begin, or a helper (all but 0) is one too many.

    The caller takes them from the front and helpers from the back: at the next call of the kind each finds in its own
    cache much of what it needs. Parts are large at first and small at last: there are few of them, and yet all threads
    end at about the same time.
    """
    unit, count, result = board[at + UNIT], board[at + COUNT], 0
    while me == 0 or load(board, WORKING) <= load(board, SIZE):
        left = load(board, at + LEFT)
        low, high = left & 0xFFFFFFFF, left >> 32
        if low >= high:
            break
        if load(board, ABANDONED) or look_at(board[at + SIGNAL]):
            result |= WAS_ABANDONED
            store(board, at + LEFT, 0)
            break
        share = (2 * (high - low) + 3 * board[at + THREADS] - 1) // (3 * board[at + THREADS])
        size = min(high - low, max(board[at + LEAST], min(board[at + MOST], share)))
        begin, end = (low, low + size) if me == 0 else (high - size, high)
        rest = low + size | high << 32 if me == 0 else low | high - size << 32
        if swap(board, at + LEFT, left, rest):
            said = _outcome(_call_entry(board[at + ENTRY], board[at + HELD], me, begin * unit, min(count, end * unit)))
            result |= said
            if said == HAS_FAILED:
                store(board, at + LEFT, 0)
    while result & ~load(board, at + RESULT):
        before = load(board, at + RESULT)
        swap(board, at + RESULT, before, before | result)


@shared
def _help(board, me):
    """Take parts of a job that has some, where one more may work; whether there was one."""
    helped = False
    for at in range(FIRST_JOB, FIRST_JOB + JOBS * OF_A_JOB, OF_A_JOB):
        if not helped and load(board, at + OPEN):
            working, left = load(board, WORKING), load(board, at + LEFT)
            has_room = working < load(board, SIZE) and me < load(board, at + THREADS) and left & 0xFFFFFFFF < left >> 32
            if has_room and swap(board, WORKING, working, working + 1):
                add(board, at + HELPERS, 1)
                # Only now it is sure that what the job says stays: its caller waits for those whom it counts.
                if load(board, at + OPEN) and me < board[at + THREADS]:
                    _take_parts(board, at, me)
                    helped = True
                add(board, WORKING, -1)
                add(board, at + HELPERS, -1)
    return helped


@compiled
def serve(board, me, patience):
    """Take parts of jobs, as helper number `me`, until for so many turns of half a microsecond there were none."""
    turn = 0
    while turn < patience:
        turn += 1
        for _ in range(LOOKS):
            if load(board, OPEN_JOBS) > 0 and _help(board, me):
                turn = 0
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
