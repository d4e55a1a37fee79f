"""Parts that are Python functions, for tests of who does them: kernels alone are given out by the product."""

# Compiled kernels get their types from numba, at each call.
# mypy: allow-untyped-defs

from __future__ import annotations

import ctypes
from collections.abc import Callable

from app.core.board import run_job
from app.core.jit import brief
from app.core.parallel import run_parted

Entry = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 3)


@brief
def run_entry(board, threads, signal, lasting, count, least, most, entry, held):
    """A kernel as `parted` makes them, for any entry whose address is known."""
    return run_job(board, threads, signal, lasting, entry, held, count, least, most)


def run_in_parts(part: Callable[[int, int], object], count: int, work: int) -> None:
    """Call part(low, high) over ranges that cover 0 to count, as `run_parted` does; the first error is raised."""
    run_numbered(lambda _me, low, high: part(low, high), count, work)


def run_numbered(part: Callable[[int, int, int], object], count: int, work: int) -> None:
    """The same of part(me, low, high), with the number of its thread."""
    errors: list[BaseException] = []

    def entry(_held: int, _error: int, me: int, low: int, high: int) -> int:
        try:
            part(me, low, high)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)
        return len(errors)

    called = Entry(entry)
    try:
        run_parted(run_entry, count, work, ctypes.c_void_p.from_buffer(called).value, 0)
    except MemoryError:
        raise errors.pop() from None
