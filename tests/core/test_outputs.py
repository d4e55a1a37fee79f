"""Memory of large outputs: kept for the next ones, and never while anything refers to it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from app.core import conv, outputs
from app.core.outputs import KEPT, SMALLEST, keep_at_most, new_output

MIB = 2**20
F32 = np.dtype(np.float32)


@pytest.fixture(autouse=True)
def _nothing_kept_yet() -> Iterator[None]:
    before = outputs._kept.most
    keep_at_most(KEPT)
    yield
    keep_at_most(before)


def of_bytes(size: int) -> np.ndarray:
    return new_output((size // 4,), F32)


def kept() -> list[int]:
    """The sizes of what is kept, in MiB."""
    return [memory.nbytes // MIB for memory in outputs._kept._memories]


def test_an_output_is_an_array_like_any_other() -> None:
    out = new_output((3, 1000, 1000), np.dtype(np.int64))
    assert (out.shape, out.dtype) == ((3, 1000, 1000), np.dtype(np.int64))
    assert out.flags.carray
    assert out.ctypes.data % 64 == 0
    out[:] = 7
    assert (out == 7).all()


def test_memory_comes_back() -> None:
    out = of_bytes(8 * MIB)
    place = out.ctypes.data
    del out
    assert of_bytes(8 * MIB).ctypes.data == place
    assert of_bytes(6 * MIB).ctypes.data == place


def test_small_outputs_are_not_kept() -> None:
    out = of_bytes(SMALLEST - 4)
    assert out.flags.owndata
    del out
    assert kept() == []


def test_what_refers_to_a_part_keeps_it() -> None:
    x = np.random.default_rng(0).standard_normal((1, 1, 2000, 2000), np.float32)
    w = np.ones((1, 1, 3, 3), np.float32)
    out = conv(x, w)
    part, seen, also = out[0, 0, 5:9, ::2], memoryview(out[0, 0, 0]), np.asarray(out.T)
    before, row = part.copy(), out[0, 0, 0].copy()
    del out
    for _ in range(3):
        other = conv(2 * x, w)
        assert not np.shares_memory(other, also)
        del other
    np.testing.assert_array_equal(part, before)
    np.testing.assert_array_equal(np.asarray(seen), row)
    assert kept() == [15]
    del part, seen, also
    assert kept() == [15, 15]


def test_no_more_is_kept_than_said() -> None:
    all_of_them = [of_bytes(20 * MIB) for _ in range(5)]
    del all_of_them
    assert kept() == [20, 20]
    assert of_bytes(KEPT).nbytes == KEPT
    assert sum(kept()) * MIB <= KEPT
    larger = of_bytes(KEPT + 4)
    assert larger.flags.owndata


def test_other_sizes_are_of_no_use() -> None:
    large = of_bytes(20 * MIB)
    del large
    assert kept() == [20]
    small = of_bytes(9 * MIB)  # less than half
    assert kept() == []
    del small
    assert kept() == [9]


def test_many_threads_take_and_give_back() -> None:
    wrong = []

    def use(number: int) -> None:
        for turn in range(200):
            out = of_bytes(SMALLEST + (number % 3) * MIB)
            out[::4096] = number * 1000 + turn
            if not (out[::4096] == number * 1000 + turn).all():
                wrong.append((number, turn))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sum(kept()) * MIB <= KEPT


def test_outputs_that_live_until_the_end_end_in_silence() -> None:
    program = "import numpy as np; from app.core.outputs import new_output\nout = new_output((2**21,), np.dtype('f4'))"
    for rest in ("", "\nimport builtins; builtins.kept = out", "\nout = [out]; out.append(out)"):
        ended = subprocess.run([sys.executable, "-c", program + rest], check=False, capture_output=True)
        assert (ended.returncode, ended.stderr) == (0, b"")


FORKED = """
import os, numpy
from app.core import outputs
outputs._kept._lock.acquire()
child = os.fork()
if not child:
    outputs.new_output((2**21,), numpy.dtype("float32"))[:] = 1
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_waits_for_no_lock_of_its_parent() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "7\n"
