"""Megabytes of wrong values: answered at once and in a page."""

from __future__ import annotations

import json

import pytest

from tests.api.client import CONV, CONV_TRANSPOSE, OUTPUT_SIZE, client, entries_of, refused
from tests.api.requests_at_random import Body

ROW: Body = {"input": [1, 2, 3], "kernel": [1, 1]}
SIZES: Body = {"op": "conv_transpose", "input_size": [5], "kernel_size": 3}

MEGABYTES: dict[str, Body] = {
    "strings": ROW | {"input": ["x"] * 300_000},
    "one string at the end": ROW | {"input": [1] * 500_000 + ["x"]},
    "rows of strings": ROW | {"input": [["x"]] * 200_000},
    "uneven rows": ROW | {"input": [[1, 2]] * 150_000 + [[1]]},
    "nulls": ROW | {"input": [None] * 250_000, "kernel": [None] * 250_000, "bias": [None] * 100_000},
    "whole numbers of 30 digits": ROW | {"input": [10**30] * 40_000},
    "too large ones at the end": ROW | {"input": [0.5] * 250_000 + [2**63]},
    "fractions for int64": ROW | {"input": [1] * 400_000 + [0.5], "dtype": "int64"},
    "objects": ROW | {"input": [{"a": 1}] * 100_000},
    "unknown fields": ROW | {f"field{j}": j for j in range(60_000)},
    "unknown fields alike": ROW | {f"strid{j}": j for j in range(60_000)},
    "a long stride": ROW | {"stride": ["x"] * 250_000},
    "a long padding": ROW | {"padding": [["x", 1.5]] * 100_000},
    "a long pair": ROW | {"padding": [[-1] * 300_000]},
    "many views": ROW | {"steps": ["matrix"] * 100_000},
    "a long word": ROW | {"padding": "x" * 10**6},
    "a long bias": ROW | {"bias": [1] * 500_000},
    "a tree": ROW | {"input": [[[[[[1] * 10] * 10] * 10] * 10] * 10]},
}


@pytest.mark.parametrize("body", MEGABYTES.values(), ids=MEGABYTES)
def test_a_megabyte_of_wrong_values(body: Body) -> None:
    refused(CONV, json.dumps(body))


@pytest.mark.parametrize("field", ["input_size", "kernel_size", "stride", "padding", "output_size", "output_padding"])
def test_a_megabyte_of_wrong_sizes(field: str) -> None:
    for value in ([-1] * 300_000, ["x"] * 200_000, [[1.5, None]] * 80_000, "x" * 10**6):
        errors = refused(OUTPUT_SIZE, SIZES | {field: value})
        assert {entry["pointer"].split("/")[1] for entry in errors} == {field}


@pytest.mark.parametrize("path", [CONV, CONV_TRANSPOSE, OUTPUT_SIZE])
def test_millions_of_lists(path: str) -> None:
    """As many as a body holds, each a new object that a garbage collector would visit again and again."""
    field = "kernel_size" if path == OUTPUT_SIZE else "kernel"
    text = (
        json.dumps((SIZES if path == OUTPUT_SIZE else ROW) | {field: "HERE"})
        .replace('"HERE"', "[" + "[]," * 4_000_000 + "[]]")
        .encode()
    )
    assert entries_of(client().post(path, text))


@pytest.mark.parametrize("path", [CONV, OUTPUT_SIZE])
def test_millions_of_names(path: str) -> None:
    """They are told without a look at each."""
    text = "{" + ",".join(f'"{j:x}":1' for j in range(1_400_000)) + "}"
    (entry,) = entries_of(client().post(path, text.encode()))
    assert entry["code"] == "unknown_field"
    assert "1400000 names" in entry["message"]


def test_the_rest_is_counted() -> None:
    problem = client().post(CONV, ROW | {f"x{j}": 1 for j in range(50_000)}).json()
    assert len(problem["errors"]) + problem["more"] == 50_000
    assert problem["detail"].startswith("50000 ")
