"""Several processes that serve, forked off one that has loaded all that they need.

A start takes seconds of a processor, most of them for imports and kernels. Here that is
done once, so a worker takes the place of one that died in a moment, however busy the
others are; and what has been loaded they share in memory.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import structlog
from uvicorn import Config, _subprocess
from uvicorn.supervisors.multiprocess import SIGNALS, Multiprocess

from app.core.parallel import team
from app.core.warm import keep_for_good, load_kept
from app.listening import announce_end

#: The same name as in `app.api.metrics`, which reads it as it is imported.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

#: What workers import; only once that folder is named.
LOADED = ("app.main", "app.server", "app.listening")

#: Elsewhere a process that has loaded so much is not safe to fork: there uvicorn starts each worker anew.
FORKS = sys.platform == "linux"

#: From Linux's prctl.h: the signal that a process gets when its parent has died.
PR_SET_PDEATHSIG = 1


class Workers(Multiprocess):
    """uvicorn's supervisor of several processes, which forks them and sees at once that one has died."""

    def __init__(self, config: Config, listener: socket.socket) -> None:
        super().__init__(config, sockets=[listener])
        if FORKS:
            uvicorn: Any = _subprocess
            uvicorn.spawn = multiprocessing.get_context("fork")
            os.register_at_fork(before=_hold_signals, after_in_parent=_take_signals, after_in_child=self._become_worker)

    def _become_worker(self) -> None:
        """In a new worker: be as if started anew, and keep nothing of the others or of the supervisor.

        As long as another process has an end of a worker's pipe, the answer of the dead is waited for.
        """
        for process in self.processes:
            process.parent_conn.close()
            process.child_conn.close()
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        _take_signals()

    def init_processes(self) -> None:
        """Start them."""
        super().init_processes()
        self._let_go()

    def keep_subprocess_alive(self) -> None:
        """Start another for each that has died."""
        super().keep_subprocess_alive()
        self._let_go()

    def _let_go(self) -> None:
        """Close the workers' ends of their pipes here."""
        for process in self.processes:
            process.child_conn.close()

    def terminate_all(self) -> None:
        """Stop the workers, and listen no more here: what connected still would wait for nobody."""
        announce_end()
        for listener in self.sockets:
            listener.close()
        super().terminate_all()


def _hold_signals() -> None:
    """From before a fork on: one that came between would be lost with the supervisor's handlers."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def _take_signals() -> None:
    """What was held comes now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def load() -> None:
    """Have here what workers import, and their kernels, unless these must be compiled first: that each shows itself."""
    if not FORKS:
        return
    for name in LOADED:
        import_module(name)
    team.resize(1)  # a process that is forked is best without threads; each worker sets its own number
    load_kept()
    keep_for_good()  # what is collected no more is written no more, and stays shared


@contextmanager
def shared_metrics() -> Iterator[None]:
    """A fresh folder in which the workers share their numbers; without one, each has its own."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="convarith-metrics-", ignore_cleanup_errors=True)
    except OSError as error:
        structlog.get_logger("convarith").warning("metrics not shared: no temporary folder", reason=str(error))
        yield
        return
    with folder as name:
        os.environ[SHARED_FOLDER] = name
        yield
