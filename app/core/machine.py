"""What of the machine this process may use: as its affinity says, and its control groups (cgroup version 2)."""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: Where Linux tells of control groups, and of this process's own.
GROUPS = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")


def available_threads() -> int:
    """How many threads can run at once: processors, or the quota of processor time, rounded up, if that is less."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [math.ceil(int(quota) / int(period)) for quota, period in _limits("cpu.max", 2)]
    return max(1, min([processors, *quotas]))


def available_memory() -> int:
    """Bytes of memory: the machine's, or the control group's if those are fewer."""
    installed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([installed, *(int(limit) for (limit,) in _limits("memory.max", 1))])


def give_back_memory() -> None:
    """Have the allocator return what it keeps for later; nothing is done where it is not glibc's."""
    if _malloc_trim is not None:
        _malloc_trim(0)


_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None


def _limits(file: str, words: int) -> Iterator[list[str]]:
    """The words of a limit of this process's group and of every one above, where there is one.

    The kernel writes "max" for no limit. In a container the path may be that of a group outside;
    the container's own is the root then.
    """
    own = ""
    with suppress(OSError):
        lines = OWN_GROUP.read_text("ascii").splitlines()
        own = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    group = GROUPS if ".." in own.split("/") else GROUPS / own
    for folder in (group, *group.parents):
        if folder.is_relative_to(GROUPS):
            with suppress(OSError):
                limit = (folder / file).read_text("ascii").split()
                if len(limit) == words and all(word.isdigit() for word in limit):
                    yield limit
