"""How kernels are compiled: to serial machine code that lets go of the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

Kernel = Callable[..., Any]

#: `contract` alone lets a product and a sum be one instruction (rounded once, which the
#: numerical promise allows); it never reorders a sum, as full fastmath would.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}


def compiled(function: Kernel) -> Kernel:
    """Compile at the first call with each dtype; keep the result on disk where that is possible.

    On a read-only file system, or for a user without a home, numba finds no place for
    its cache and refuses: then every start compiles anew.
    """
    try:
        kernel: Kernel = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        kernel = numba.njit(**_OPTIONS)(function)
    return kernel
