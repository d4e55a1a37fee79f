"""How kernels are compiled: to serial machine code that lets go of the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import numba

from app.core.kernel_cache import KernelCache

Kernel = Callable[..., Any]

#: `contract` alone lets a product and a sum be one instruction (rounded once, which the
#: numerical promise allows); it never reorders a sum, as full fastmath would.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}


def compiled(function: Kernel) -> Kernel:
    """Compile at the first call with each dtype; keep the result on disk where that is possible.

    Where there is no place to keep it, every start compiles anew.
    """
    kernel: Any = numba.njit(**_OPTIONS)(function)
    with suppress(RuntimeError):
        kernel._cache = KernelCache(function)
    return cast("Kernel", kernel)


def inlined(function: Kernel) -> Kernel:
    """A piece of kernels, copied into each that calls it.

    A call of its own would count references to every array that it is handed; two
    threads then fight over the counts.
    """
    return cast("Kernel", numba.njit(inline="always", **_OPTIONS)(function))
