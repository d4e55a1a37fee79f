"""The memory that a call takes at its height, beside input, kernel and output.

Each case has a process of its own: what an earlier one keeps would otherwise be counted
to nobody. They are forked off a server in which every kernel is loaded and no thread runs,
so that neither the compiler nor a library on its first call is counted.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.peers import ours

MIB = 2**20


def extra_bytes(cases: Iterable[Case]) -> Iterator[float]:
    """For each case the bytes at the height, minus those of input, kernel and output; NaN where Linux is not."""
    if not Path("/proc/self/clear_refs").exists():
        yield from (float("nan") for _ in cases)
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"{__package__}.preload"])
    with context.Pool(1, maxtasksperchild=1) as pool:
        yield from pool.imap(_extra_of, cases)


def _extra_of(case: Case) -> float:
    """Calls once to start threads and fill their caches of tables, then measures the next call's height too.

    The larger of both counts: the first call takes what is kept from then on, the second all of the rest.
    """
    x, w = case.arrays()
    call = ours(case, x, w)
    Path("/proc/self/clear_refs").write_text("5")  # the height begins anew
    before = _resident("VmRSS")
    output = call().nbytes
    call()
    return _resident("VmHWM") - before - float(output)


def _resident(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return float(line.split()[1]) * 1024
    raise LookupError(field)
