"""How kernels are compiled: to serial machine code that lets go of the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, cast

import numba
from numba.core import event

from app.core.kernel_cache import KernelCache

Kernel = Callable[..., Any]

#: `contract` alone lets a product and a sum be one instruction (rounded once, which the
#: numerical promise allows); it never reorders a sum, as full fastmath would.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}


def compiled(function: Kernel) -> Kernel:
    """Compile at the first call with each dtype; keep the result on disk where that is possible.

    Where there is no place to keep it, every start compiles anew.
    """
    return _kept(numba.njit(**_OPTIONS)(function), function)


def brief(function: Kernel) -> Kernel:
    """As `compiled`, for kernels of a few microseconds: these keep the interpreter lock.

    To let go of it and get it back takes time, and where another thread wants it, far more.
    """
    return _kept(numba.njit(**_OPTIONS | {"nogil": False})(function), function)


def _kept(kernel: Any, function: Kernel) -> Kernel:
    with suppress(RuntimeError):
        kernel._cache = KernelCache(function)
    return cast("Kernel", kernel)


def inlined(function: Kernel) -> Kernel:
    """A piece of kernels, copied into each that calls it.

    A call of its own would count references to every array that it is handed; two
    threads then fight over the counts. LLVM copies it, once it is compiled for the types
    at hand: where numba itself does so, each copy is compiled, which takes twice as long.
    """
    return cast("Kernel", numba.njit(forceinline=True, **_OPTIONS)(function))


class _Listener(event.Listener):
    """Calls once, at the first kernel."""

    def __init__(self, tell: Callable[[], object]) -> None:
        self._tell: Callable[[], object] | None = tell

    def on_start(self, _event: Any) -> None:
        if self._tell is not None:
            tell, self._tell = self._tell, None
            tell()

    def on_end(self, _event: Any) -> None:
        """Nothing more to say."""


def told_of_compiling(tell: Callable[[], object]) -> AbstractContextManager[None]:
    """Have `tell` called once if a kernel is compiled, since none is kept that fits, inside the context."""
    return cast("AbstractContextManager[None]", event.install_listener("numba:compile", _Listener(tell)))
