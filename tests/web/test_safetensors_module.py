"""The page's own reader and writer of safetensors, held against the format's package and the service's reader."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from app.api.safetensors import read_safetensors
from app.core.findings import Findings
from tests.web.modules import needs_node, run

pytestmark = needs_node

DTYPES = ("float64", "float32", "uint8")

HELPERS = """
  const { encode, decode } = own;
  const bytes = (text) => Uint8Array.from(Buffer.from(text, "base64")).buffer;
  const text = async (blob) => Buffer.from(await blob.arrayBuffer()).toString("base64");
"""


def run_module(script: str, given: Any = None) -> Any:
    """What `script` leaves in `answer`; it has encode and decode, bytes from base64 and base64 from a Blob."""
    return run("js/safetensors.js", HELPERS + script, given)


def tensors() -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(7)
    found: dict[str, NDArray[Any]] = {}
    for at, dtype in enumerate(DTYPES):
        raw = rng.integers(0, 256, size=(at % 3 + 1, 3, 8), dtype=np.uint8)
        found[f"t/{dtype}"] = raw.astype(dtype) if dtype.startswith("float") else raw.view(dtype)
    found["scalar"] = np.array(0.1, np.float32)
    return found


AGAIN = "const { tensors, metadata } = decode(bytes(given)); answer = await text(encode(tensors, metadata));"


def test_what_the_package_writes_comes_back_the_same() -> None:
    expected = tensors()
    packed = save(expected, metadata={"result": '{"算法": "直接"}'})
    again = base64.b64decode(run_module(AGAIN, base64.b64encode(packed).decode()))
    found = load(again)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)
    length = int.from_bytes(again[:8], "little")
    assert length % 8 == 0
    assert json.loads(again[8 : 8 + length])["__metadata__"] == {"result": '{"算法": "直接"}'}


def test_arrays_that_lie_unaligned_are_read() -> None:
    header = json.dumps({"a": {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]}}).encode()
    header += b" " * ((3 - len(header)) % 8)
    packed = len(header).to_bytes(8, "little") + header + np.array([0.1, -2.5]).tobytes()
    answer = run_module("answer = Array.from(decode(bytes(given)).tensors.a.data)", base64.b64encode(packed).decode())
    assert answer == [0.1, -2.5]


def test_the_service_reads_what_the_page_sends() -> None:
    script = """
      answer = await text(encode({
        kernel: { shape: [1, 1, 1, 1], data: Float32Array.of(0.5) },
        input: { shape: [1, 2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 255) },
      }, { parameters: JSON.stringify({ stride: 2 }) }));
    """
    findings = Findings()
    found, parameters = read_safetensors(base64.b64decode(run_module(script)), findings)
    assert not findings.faults
    assert json.loads(parameters) == {"stride": 2}
    np.testing.assert_array_equal(found["input"].load(), [[[1, 2, 3], [4, 5, 255]]])
    assert found["kernel"].dtype == np.float32
