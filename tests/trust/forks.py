"""Processes with every kernel loaded, forked for one task each: before a request there was none."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.pool import Pool


@contextmanager
def forks() -> Iterator[Pool]:
    """A pool whose process is a new one for each task, forked where no thread runs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.preload", "app.main"])
    with context.Pool(1, maxtasksperchild=1) as pool:
        yield pool
