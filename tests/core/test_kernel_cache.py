"""Compiled kernels are kept, found again where nothing can be written, and done without where there is no place."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest
from numba.core.caching import IndexDataCacheFile

from app.core.jit import compiled
from app.core.kernel_cache import IN_ALL, is_kept, sources_digest


def refuse(*_arguments: Any, **_options: Any) -> Any:
    raise OSError(errno.EROFS, "Read-only file system")


@pytest.fixture
def make_read_only(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A read-only file system as numba meets it; root may write to what only lacks the permission."""

    def make() -> None:
        monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
        monkeypatch.setattr(IndexDataCacheFile, "_open_for_write", refuse)

    return make


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Loads a kernel as a new process would."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "kernels"))
    file = tmp_path / "doubling.py"
    file.write_text("def double(x):\n    return x + x\n", encoding="utf-8")

    def load() -> Any:
        spec = importlib.util.spec_from_file_location("doubling", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "doubling", module)  # what is kept names its module, and looks for it
        spec.loader.exec_module(module)
        return compiled(module.double)

    return load


def uses(kernel: Any) -> tuple[int, int]:
    """How many kernels were found, and how many compiled though they might have been kept."""
    return sum(kernel.stats.cache_hits.values()), sum(kernel.stats.cache_misses.values())


def test_what_is_kept(load: Callable[[], Any]) -> None:
    kernel = load()
    assert is_kept(kernel)
    assert not is_kept(numba.njit(kernel.py_func))


def test_kernels_are_kept(load: Callable[[], Any]) -> None:
    first, second = load(), load()
    assert first(21) == second(21) == 42
    assert uses(first) == (0, 1)
    assert uses(second) == (1, 0)


def test_kept_kernels_are_found_on_a_read_only_file_system(
    load: Callable[[], Any], make_read_only: Callable[[], None]
) -> None:
    load()(21)
    make_read_only()
    kernel = load()
    assert kernel(21) == 42
    assert uses(kernel) == (1, 0)
    assert kernel(0.5) == 1.0
    assert uses(kernel) == (1, 1)


@pytest.fixture
def load_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Any]:
    """Loads, as a new process would, a kernel that calls a piece in a folder above; the piece multiplies."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "kernels"))
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "some" / "core" / "parts"
    far = package / "other" / "far.py"
    for file, text in {
        far: "FACTOR = 1\n",
        package / "near.py": "from app.core.jit import inlined\nfrom some.core.parts.other.far import FACTOR\n\n"
        "@inlined\ndef scaled(x):\n    return x * FACTOR\n",
        package / "wing" / "kernel.py": "from app.core.jit import compiled\nfrom some.core.parts.near import scaled\n\n"
        "@compiled\ndef scale(x):\n    return scaled(x)\n",
    }.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def load(factor: int) -> Any:
        times = os.stat(far)
        far.write_text(f"FACTOR = {factor}\n", encoding="utf-8")
        os.utime(far, ns=(times.st_atime_ns, times.st_mtime_ns))
        for name in [name for name in sys.modules if name.partition(".")[0] == "some"]:
            del sys.modules[name]
        sources_digest.cache_clear()
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        return importlib.import_module("some.core.parts.wing.kernel").scale

    return load


def test_a_change_of_what_a_kernel_uses_from_another_file_is_noticed(load_parts: Callable[[int], Any]) -> None:
    for factor, found in ((2, (0, 1)), (3, (0, 1)), (3, (1, 0))):
        kernel = load_parts(factor)
        assert kernel(7) == 7 * factor
        assert uses(kernel) == found


def test_a_change_of_what_gives_kernels_out_is_noticed() -> None:
    """Its code is in each of them, though their files do not lie beside it."""
    found, waiting = set[str](), {"parted"}
    while waiting:
        name = waiting.pop()
        found.add(name)
        text = (IN_ALL[0].parent / f"{name}.py").read_text(encoding="utf-8")
        waiting |= set(re.findall(r"^from app\.core\.(\w+) import", text, re.MULTILINE)) - found
    assert found - {"kernel_cache"} == {path.stem for path in IN_ALL}


def test_the_time_of_a_file_does_not_matter(load: Callable[[], Any], tmp_path: Path) -> None:
    load()(21)
    os.utime(tmp_path / "doubling.py", (1, 1))
    sources_digest.cache_clear()
    kernel = load()
    assert kernel(21) == 42
    assert uses(kernel) == (1, 0)


def test_without_a_place_they_are_compiled(load: Callable[[], Any], make_read_only: Callable[[], None]) -> None:
    make_read_only()
    kernel = load()
    assert kernel(21) == 42
    assert uses(kernel) == (0, 1)
