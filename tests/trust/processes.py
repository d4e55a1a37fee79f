"""What the processes of a server hold, as Linux tells it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROCESSES = Path("/proc")


class Held(NamedTuple):
    """By some processes together: bytes that are their own or their share, threads, and file descriptors."""

    memory: int
    threads: int
    files: int


def tree_of(pid: int) -> list[int]:
    """A process and all that it has started, and so on."""
    found = [pid]
    for parent in found:
        for thread in _entries(PROCESSES / str(parent) / "task"):
            with suppress(OSError):
                found += map(int, (thread / "children").read_text().split())
    return found


def held_by(pid: int) -> Held:
    """What a process and all below it hold now; what ends meanwhile holds nothing."""
    memory = threads = files = 0
    for each in tree_of(pid):
        folder = PROCESSES / str(each)
        with suppress(OSError):
            memory += kilobytes(folder / "smaps_rollup", "Pss:") * 1024
            threads += kilobytes(folder / "status", "Threads:")
            files += len(os.listdir(folder / "fd"))
    return Held(memory, threads, files)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def kilobytes(file: Path, field: str) -> int:
    """A field of a file of numbers in kB, or of a plain number.

    Raises:
        OSError: the process has ended; of one that nobody has asked for its end there are a few fields still.
    """
    for words in map(str.split, file.read_text().splitlines()):
        if words and words[0] == field:
            return int(words[1])
    raise ProcessLookupError(field)
