"""What a process may use, from made-up control groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.core import machine

GIB = 2**30


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of eight processors and 16 GiB, and this process in the group a/b; nothing is limited."""
    root = tmp_path / "cgroup"
    (root / "a" / "b").mkdir(parents=True)
    own = tmp_path / "own"
    own.write_text("4:memory:/elsewhere\n0::/a/b\n")
    # A limit outside of the groups must not count.
    (tmp_path / "cpu.max").write_text("100000 100000")
    (tmp_path / "memory.max").write_text("1000")
    monkeypatch.setattr(machine, "GROUPS", root)
    monkeypatch.setattr(machine, "OWN_GROUP", own)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)), raising=False)
    sizes = {"SC_PHYS_PAGES": 16 * GIB // 4096, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    return root


def test_without_limits_it_is_the_machine(groups: Path) -> None:
    (groups / "a" / "cpu.max").write_text("max 100000\n")
    (groups / "a" / "memory.max").write_text("max\n")
    assert (machine.available_threads(), machine.available_memory()) == (8, 16 * GIB)


@pytest.mark.parametrize(
    ("quota", "threads"),
    [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("1600000 100000", 8), ("junk", 8), ("", 8)],
)
@pytest.mark.parametrize("group", ["a/b", "a", "."])
def test_the_quota_of_any_group_above_counts(groups: Path, group: str, quota: str, threads: int) -> None:
    (groups / group / "cpu.max").write_text(quota + "\n")
    assert machine.available_threads() == threads


def test_the_least_of_several_counts(groups: Path) -> None:
    for group, cpu, memory in (("a/b", "300000 100000", 3 * GIB), ("a", "250000 50000", 2 * GIB), (".", "max 1", 0)):
        (groups / group / "cpu.max").write_text(cpu)
        (groups / group / "memory.max").write_text(str(memory or 32 * GIB))
    assert (machine.available_threads(), machine.available_memory()) == (3, 2 * GIB)


def test_affinity_counts_too(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {5})
    (groups / "cpu.max").write_text("400000 100000")
    assert machine.available_threads() == 1


@pytest.mark.parametrize("own", ["0::/../../outside\n", "0::/not/here\n", "1:cpu:/a\n", "", None])
def test_in_a_container_the_root_is_its_own(groups: Path, own: str | None) -> None:
    """The path may be that of a group outside, or not to be had at all."""
    if own is None:
        machine.OWN_GROUP.unlink()
    else:
        machine.OWN_GROUP.write_text(own)
    (groups / "cpu.max").write_text("200000 100000")
    (groups / "memory.max").write_text(str(GIB))
    assert (machine.available_threads(), machine.available_memory()) == (2, GIB)
