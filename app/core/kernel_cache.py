"""Where compiled kernels are kept, until their sources change, and read also where nothing can be written.

numba alone takes no folder for its cache that it cannot write to. A container's image has
its kernels compiled, on a file system that is best read-only, so here such a folder is
read, and what it lacks is compiled and not kept.

numba alone also tells a source's age by its own file's time. Here its text counts, and the
text of what it calls in other files.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, UserProvidedCacheLocator
from numba.core.runtime.nrt import rtsys

#: How kernels are compiled, and given out in parts; every kernel depends on these.
IN_ALL = [Path(__file__).with_name(f"{name}.py") for name in ("atomic", "board", "jit", "parted")]


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

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        digest = sources_digest(Path(function.__code__.co_filename), function.__module__)
        self._cache_file = IndexDataCacheFile(self._cache_path, self._impl.filename_base, digest)

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """The kept kernel of a signature, or None.

        numba would make itself ready to compile first, which takes longer than loading all of them.
        """
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(signature, target_context)
        return None

    @contextmanager
    def _guard_against_spurious_io_errors(self) -> Iterator[None]:
        """Goes around all reading and writing: a kernel that cannot be kept has still been compiled."""
        with suppress(OSError):
            yield


def is_kept(kernel: Any) -> bool:
    """Whether what is compiled of a kernel can be kept, for other processes to find."""
    folder = kernel._cache.cache_path
    return folder is not None and os.access(folder, os.W_OK)


#: The part of the core that a module belongs to: so many names.
_PART = len(["app", "core", "algorithms"])


@cache
def sources_digest(file: Path, module: str) -> str:
    """A digest of a module's text, and of all that it imports from in its own part of the core, near or far."""
    part = ".".join(module.split(".")[:-1][:_PART])
    own = re.compile(rf"^from ({re.escape(part + '.' if part else '')}[\w.]+) import", re.MULTILINE)
    root = file.parents[module.count(".")]
    texts: dict[Path, str] = {}
    waiting = [file, *IN_ALL]
    while waiting:
        path = waiting.pop()
        if path not in texts and path.is_file():
            texts[path] = path.read_text(encoding="utf-8")
            waiting += [root.joinpath(*name.split(".")).with_suffix(".py") for name in own.findall(texts[path])]
    return hashlib.sha256("\0".join(texts[path] for path in sorted(texts)).encode()).hexdigest()
