"""Where compiled kernels are kept, and read also where nothing can be written.

numba alone takes no folder for its cache that it cannot write to. A container's image has
its kernels compiled, on a file system that is best read-only, so here such a folder is
read, and what it lacks is compiled and not kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserProvidedCacheLocator


class _ReadableFolder(UserProvidedCacheLocator):
    """The folder $NUMBA_CACHE_DIR, once it holds kernels."""

    def ensure_cache_path(self) -> None:
        if not Path(self.get_cache_path()).is_dir():
            super().ensure_cache_path()


class _Places(CompileResultCacheImpl):
    _locator_classes = [_ReadableFolder, *CompileResultCacheImpl._locator_classes]  # noqa: RUF012


class KernelCache(FunctionCache):
    """The kept kernels of one function.

    Raises:
        RuntimeError: There is no place for them.
    """

    _impl_class = _Places

    @contextmanager
    def _guard_against_spurious_io_errors(self) -> Iterator[None]:
        """Goes around all reading and writing: a kernel that cannot be kept has still been compiled."""
        with suppress(OSError):
            yield
