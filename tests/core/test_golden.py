"""Answers of torch, kept as data: `tests/golden/make_golden.py` wrote them and says how."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from app.core import conv, conv_transpose, output_size
from tests.core.strategies import Array, Case

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "golden.json").read_text(encoding="utf-8"))


def as_tuple(value: Any) -> Any:
    return tuple(as_tuple(entry) for entry in value) if isinstance(value, list) else value


def name_of(golden: dict[str, Any]) -> str:
    """The operation, the kernel's shape and the options that were asked."""
    options = ",".join(f"{name}={value}" for name, value in golden["options"].items())
    return f"{golden['op']}-{np.shape(golden['kernel'])}-{options}"


def batched(golden: dict[str, Any], name: str, dtype: str) -> Array:
    """A tensor at rank N + 2: a batch of one where torch was given none."""
    array = np.array(golden[name], dtype)
    return array if array.ndim == np.ndim(golden["kernel"]) else array[None]


@pytest.mark.parametrize("golden", GOLDEN, ids=name_of)
def test_as_torch_answers(golden: dict[str, Any]) -> None:
    options = {name: as_tuple(value) for name, value in golden["options"].items()}
    run = conv if golden["op"] == "conv" else conv_transpose
    methods: tuple[Literal["auto", "direct"], ...] = ("auto", "direct")
    for dtype in ("int64", "float32", "float64"):
        x, w = batched(golden, "input", dtype), np.array(golden["kernel"], dtype)
        bias = np.array(golden["bias"], dtype) if "bias" in golden else None
        for method in methods:
            answer = run(x, w, bias=bias, method=method, **options)
            assert answer.dtype == dtype
            assert np.array_equal(answer, batched(golden, "output", dtype)), (dtype, method)


@pytest.mark.parametrize("golden", GOLDEN, ids=name_of)
def test_the_oracle_agrees_with_torch(golden: dict[str, Any]) -> None:
    """`tests.naive` too is held against something that was written elsewhere."""
    options = {name: as_tuple(value) for name, value in golden["options"].items()}
    x, w = batched(golden, "input", "int64"), np.array(golden["kernel"], np.int64)
    bias = np.array(golden["bias"], np.int64) if "bias" in golden else None
    case = Case(golden["op"], x.shape, w.shape, np.shape(golden["output"])[-w.ndim + 1], bias is not None, options, 0)
    expected = batched(golden, "output", "int64")
    assert case.sums(x, w, bias).value.tolist() == expected.tolist()
    sizes = {name: value for name, value in options.items() if name not in ("groups", "flip_kernel")}
    assert output_size(golden["op"], x.shape[2:], w.shape[2:], **sizes).output_size == expected.shape[2:]


def test_every_option_of_torch_is_there() -> None:
    """The file is what the script says, not a part of it."""
    asked = Counter((golden["op"], name) for golden in GOLDEN for name in golden["options"])
    for op in ("conv", "conv_transpose"):
        for name in ("stride", "padding", "dilation", "groups", "flip_kernel"):
            assert asked[op, name] >= 3
    assert asked["conv", "padding_mode"] == 18
    assert asked["conv_transpose", "output_padding"] >= 12
    assert asked["conv_transpose", "output_size"] == 3
    assert sum("bias" in golden for golden in GOLDEN) >= 15
    assert {np.ndim(golden["kernel"]) - 2 for golden in GOLDEN} == {1, 2, 3}
    assert any(np.ndim(golden["input"]) < np.ndim(golden["kernel"]) for golden in GOLDEN)
