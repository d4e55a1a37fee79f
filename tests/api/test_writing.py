"""Answers in JSON, whose tensors may be long."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from app.api.writing import AT_ONCE, apart, json_bytes, json_pieces, number_bytes

MIB = 2**20

#: Short rows and long ones, rows of rows, and just as many numbers as are written at once, or one more.
SHAPES = (
    (AT_ONCE,), (AT_ONCE + 1,), (3 * AT_ONCE - 1,), (1, 2 * AT_ONCE), (AT_ONCE, 2), (AT_ONCE + 1, 1, 1, 1, 1),
    (2, 3, AT_ONCE + 5), (3, AT_ONCE - 1), (1, 1, 1, 1, AT_ONCE + 1), (7, 5, 3, 2, 701), (),
)  # fmt: skip


def written(value: Any) -> bytes:
    return b"".join(json_pieces(value))


@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_what_was_put_in(shape: tuple[int, ...], dtype: str) -> None:
    array = np.random.default_rng(0).standard_normal(shape).__mul__(99).astype(dtype)
    value = {"before": "\0 and \\u0000", "array": apart(array), "more": [apart(array), {"again": apart(array)}]}
    text = written(value)
    read = json.loads(text)
    assert read["before"] == "\0 and \\u0000"
    for found in (read["array"], read["more"][0], read["more"][1]["again"]):
        assert np.array(found, dtype).tolist() == array.tolist()
    plain = json.dumps(array.astype(np.float64).tolist() if dtype == "float32" else array.tolist())
    assert np.shape(json.loads(plain)) == np.shape(read["array"])
    assert b" " not in text.replace(b" and ", b"")


@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_takes_no_more_than_is_told(shape: tuple[int, ...], dtype: str) -> None:
    """The longest numbers that there are, row by row."""
    longest = {"int64": -(2**63), "float32": -0.0000093160725, "float64": -0.0000012345678901234567}[dtype]
    text = written(apart(np.full(shape, longest, dtype)))
    assert len(text) <= json_bytes(shape, np.dtype(dtype))
    assert len(text) <= max(1, int(np.prod(shape))) * number_bytes(np.dtype(dtype)) + 10


def test_rows_of_one_number_take_no_memory_beside_their_text() -> None:
    """orjson alone takes 500 bytes for each."""
    script = """
import numpy as np
from pathlib import Path
from app.api.writing import apart, json_pieces
def most():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
array = np.ones((10**6, 1, 1, 1, 1), np.int64)
json_pieces(apart(array[:10**5]))
before = most()
size = sum(map(len, json_pieces(apart(array))))
print(most() * 1024 - before * 1024 - size)
"""
    found = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert int(found.stdout) < 16 * MIB
