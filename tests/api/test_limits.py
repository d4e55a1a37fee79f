"""Each limit: what is just under it is answered, and just over it refused, before memory is taken."""

from __future__ import annotations

import json
import resource
from typing import Any

import numpy as np
import pytest

from tests.api.client import (
    CODE,
    CONV,
    CONV_TRANSPOSE,
    OUTPUT_SIZE,
    SAFETENSORS,
    Entry,
    answered,
    client,
    entries_of,
    one,
    packed,
)
from tests.api.requests_at_random import Body

MILLION = 10**6


def first(path: str, body: Any, **limits: int) -> Entry | None:
    """The one fault of a request under these limits, None where it is answered."""
    response = client(**limits).post(path, body)
    if response.status_code == 200:
        return None
    assert response.json()["type"] == "urn:convarith:too-costly"
    (entry,) = entries_of(response)
    return entry


def ones(*shape: int) -> Any:
    return np.ones(shape, int).tolist()


# Just under and just over


@pytest.mark.parametrize(
    ("path", "body", "pointer", "elements"),
    [
        (CONV, {"input": ones(40), "kernel": [1]}, "/input", 40),
        (CONV, {"input": ones(4, 10), "kernel": ones(1, 4, 1)}, "/input", 40),
        (CONV, {"input": ones(1), "kernel": ones(40), "padding": "full"}, "/kernel", 40),
        (CONV, {"input": ones(1), "kernel": [1], "padding": [[39, 0]]}, "", 40),
        (CONV_TRANSPOSE, {"input": [1], "kernel": [1], "stride": 40, "output_padding": 39}, "", 40),
        (CONV_TRANSPOSE, {"input": ones(1, 1), "kernel": ones(1, 40, 1)}, "/kernel", 40),
    ],
)
def test_elements(path: str, body: Body, pointer: str, elements: int) -> None:
    assert first(path, body, tensor_elements=elements) is None
    response = client(tensor_elements=elements - 1).post(path, body)
    entries = {entry["pointer"]: entry for entry in entries_of(response)}
    entry = entries[pointer]
    assert (entry["code"], entry["limit"], entry["would_be"]) == ("too_many_elements", elements - 1, elements)
    assert response.json()["type"] == "urn:convarith:too-costly"


@pytest.mark.parametrize(
    ("path", "body", "macs"),
    [
        (CONV, {"input": ones(2, 9), "kernel": ones(3, 2, 4)}, 3 * 6 * 2 * 4),
        (CONV_TRANSPOSE, {"input": ones(2, 9), "kernel": ones(2, 3, 4), "padding": 3}, 2 * 9 * 3 * 4),
    ],
)
@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
def test_work(path: str, body: Body, macs: int, dtype: str) -> None:
    limit, other = ("int_macs", "float_macs") if dtype == "int64" else ("float_macs", "int_macs")
    body = body | {"dtype": dtype}
    assert first(path, body, **{limit: macs, other: 1}) is None
    entry = first(path, body, **{limit: macs - 1})
    assert entry is not None
    assert (entry["pointer"], entry["code"]) == ("", "too_much_work")
    assert (entry["limit"], entry["would_be"]) == (macs - 1, macs)
    assert answered(OUTPUT_SIZE, size_of(path, body))["macs"] == macs


def size_of(path: str, body: Body) -> Body:
    """The setting of a request with channels and without groups."""
    x, w = np.shape(body["input"]), np.shape(body["kernel"])
    fields = {name: body[name] for name in ("padding",) if name in body}
    op = "conv" if path == CONV else "conv_transpose"
    outside = w[0] if path == CONV else w[1]
    return {"op": op, "input_size": x[1:], "kernel_size": w[2:], "in_channels": x[0], "out_channels": outside} | fields


@pytest.mark.parametrize("path", [CONV, CONV_TRANSPOSE])
@pytest.mark.parametrize("steps", [["sliding_window"], ["matrix"]])
def test_memory(path: str, steps: list[str]) -> None:
    """The very number that is said to be needed is enough."""
    for body in (
        {"input": ones(8, 8), "kernel": ones(3, 3)},
        {"input": ones(8, 8), "kernel": ones(3, 3), "steps": steps},
    ):
        entry = first(path, body, memory_bytes=100)
        assert entry is not None
        assert (entry["pointer"], entry["code"], entry["limit"]) == ("", "too_much_memory", 100)
        assert first(path, body, memory_bytes=entry["would_be"]) is None
        assert first(path, body, memory_bytes=entry["would_be"] - 1) is not None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CONV, {"input": ones(4, 5), "kernel": ones(2, 3), "bias": 1, "flip_kernel": True}),
        (CONV, {"input": ones(2, 2, 5), "kernel": ones(3, 2, 2), "padding": 1}),
        (CONV_TRANSPOSE, {"input": ones(2, 3), "kernel": ones(3, 2), "stride": 2, "padding": [[1, 0], [0, 1]]}),
        (CONV_TRANSPOSE, {"input": ones(2, 4, 3), "kernel": ones(4, 1, 2), "groups": 2, "bias": [1, 2]}),
    ],
)
def test_step_elements(path: str, body: Body) -> None:
    """Tensors, windows, products and sums count; indices and values don't."""
    views = ["sliding_window", "matrix", *(["scatter"] if path == CONV_TRANSPOSE else [])]
    for steps in ([view] for view in views), [views]:
        for asked in steps:
            counted = sum(map(elements_of, answered(path, body | {"steps": asked})["steps"]))
            entry = first(path, body | {"steps": asked}, step_elements=1)
            assert entry is not None
            assert (entry["pointer"], entry["code"], entry["limit"]) == ("/steps", "too_many_step_elements", 1)
            assert entry["would_be"] == counted
    assert first(path, body, step_elements=1) is None


def elements_of(step: Body) -> int:
    arrays = [step["tensor"], step.get("products"), step.get("sums")]
    arrays += [window[name] for window in step.get("windows", ()) for name in ("window", "products")]
    return sum(np.size(array) for array in arrays if array is not None)


def test_the_cost_of_the_rank_is_work() -> None:
    rng = np.random.default_rng(3)
    body = {"input": ones(24, 24), "kernel": rng.integers(-9, 9, (2, 2)).tolist(), "steps": ["matrix"]}
    entry = first(CONV, body, int_macs=100_000)
    assert entry is not None
    assert (entry["pointer"], entry["code"]) == ("/steps", "too_much_work")
    assert first(CONV, body | {"steps": []}, int_macs=100_000) is None


# Bytes


def test_json_bytes() -> None:
    body = b'{"input": [1, 2], "kernel": [3]}'
    service = client(json_body_bytes=1000, binary_body_bytes=10)
    assert service.post(CONV, body.ljust(1000)).json()["output"] == [3, 6]
    for path in (CONV, CONV_TRANSPOSE, OUTPUT_SIZE, CODE):
        response = service.post(path, body.ljust(1001))
        assert response.status_code == 413
        assert response.json()["type"] == "about:blank"
        assert "1000" in response.json()["detail"]


def test_binary_bytes() -> None:
    body = packed({"input": np.arange(100), "kernel": np.ones(1, int)})
    service = client(json_body_bytes=10, binary_body_bytes=len(body))
    assert service.post(CONV, body, Content_Type=SAFETENSORS).status_code == 200
    service = client(json_body_bytes=10**6, binary_body_bytes=len(body) - 1)
    assert service.post(CONV, body, Content_Type=SAFETENSORS).status_code == 413


# What would be enormous


ENORMOUS: list[tuple[str, Body, list[str]]] = [
    (CONV_TRANSPOSE, {"input": ones(4, 4), "kernel": ones(3, 3), "stride": 10**9}, ["too_many_elements"]),
    (CONV_TRANSPOSE, {"input": ones(4, 4), "kernel": ones(3, 3), "stride": 2**53 - 1}, ["too_many_elements"]),
    (CONV_TRANSPOSE, {"input": [1, 2], "kernel": [1, 2], "dilation": 2**53 - 1}, ["too_many_elements"]),
    (
        CONV_TRANSPOSE,
        {"input": [1], "kernel": [1], "stride": 10**12, "output_padding": 10**12 - 1},
        ["too_many_elements"],
    ),
    (CONV, {"input": [1], "kernel": [1], "padding": 2**53 - 1}, ["too_many_elements", "too_much_work"]),
    (CONV, {"input": [1], "kernel": [1], "padding": 10**9, "padding_mode": "replicate"}, ["too_many_elements"]),
    (
        CONV,
        {"input": ones(2, 2), "kernel": ones(2, 2), "padding": 4000, "padding_mode": "replicate", "steps": True},
        ["too_many_step_elements"],
    ),
    (CONV, {"input": ones(1, 1), "kernel": ones(1, 1), "padding": 5000}, ["too_much_memory"]),
    (CONV, {"input": ones(300, 300), "kernel": ones(3, 3), "steps": ["matrix"]}, ["too_many_step_elements"]),
    (
        CONV,
        {"input": ones(1), "kernel": ones(1), "padding": 10**12, "steps": ["matrix", "sliding_window"]},
        ["too_many_step_elements"],
    ),
    (
        CONV_TRANSPOSE,
        {"input": ones(9), "kernel": ones(9), "stride": 10**6, "steps": ["scatter"]},
        ["too_many_step_elements"],
    ),
]


@pytest.mark.parametrize(("path", "body", "codes"), ENORMOUS)
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_the_enormous_is_refused_at_once(path: str, body: Body, codes: list[str], dtype: str) -> None:
    text = json.dumps(body | {"dtype": dtype})
    service = client()
    service.post(path, text)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    entries = entries_of(service.post(path, text))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 4096
    found = {entry["code"]: entry for entry in entries}
    assert set(codes) <= set(found)
    for entry in entries:
        assert entry["would_be"] > entry["limit"]
        assert "suggestion" not in entry or entry["suggestion"]["pointer"]


def test_would_be_is_exact() -> None:
    entry = one(CONV_TRANSPOSE, {"input": ones(4, 4), "kernel": ones(3, 3), "stride": 2**53 - 1})
    assert entry["would_be"] == (3 * (2**53 - 1) + 3) ** 2
    assert entry["limit"] == 2**27


def test_a_large_stride_is_no_trouble_where_the_result_is_small() -> None:
    assert answered(CONV, {"input": ones(4, 4), "kernel": ones(3, 3), "stride": 10**9})["output"] == [[9]]
    assert answered(CONV_TRANSPOSE, {"input": [[2]], "kernel": ones(2, 2), "stride": 10**9})["output"] == [
        [2, 2],
        [2, 2],
    ]
    size = {"op": "conv_transpose", "input_size": [4, 4], "kernel_size": 3, "stride": 10**9}
    assert answered(OUTPUT_SIZE, size)["output_size"] == [3 * 10**9 + 3] * 2
    assert answered(OUTPUT_SIZE, size | {"op": "conv"})["output_size"] == [1, 1]


def test_costs_are_told_together() -> None:
    body = {"input": ones(1), "kernel": ones(1), "padding": 10**12, "steps": True}
    codes = [entry["code"] for entry in entries_of(client().post(CONV, body))]
    assert sorted(codes) == ["too_many_elements", "too_many_step_elements", "too_much_work"]


def test_faults_come_before_costs() -> None:
    body = {"input": ones(1), "kernel": ones(1), "padding": 10**12, "stride": 0}
    assert one(CONV, body)["code"] == "out_of_range"


def test_sizes_are_answered_whatever_they_would_cost() -> None:
    body = {"op": "conv", "input_size": [2**31] * 3, "kernel_size": 3, "padding": 2**40}
    service = client(tensor_elements=1, float_macs=1, int_macs=1, memory_bytes=1)
    assert service.post(OUTPUT_SIZE, body).status_code == 200


def test_the_limits_in_force_are_told() -> None:
    told = client(step_elements=77).request("GET", "/v1/limits").json()["limits"]
    assert told["step_elements"] == 77
    assert client().request("GET", "/v1/limits").json()["limits"] == {
        "json_body_bytes": 16 * 2**20,
        "binary_body_bytes": 128 * 2**20,
        "float_macs": 10**11,
        "int_macs": 10**10,
        "tensor_elements": 2**27,
        "memory_bytes": 2**30,
        "step_elements": MILLION,
        "code_elements": 2**16,
    }


def test_a_bulk_answer_takes_less_memory_than_a_written_one() -> None:
    body = {"input": ones(40, 40), "kernel": ones(1, 1), "dtype": "float64"}
    needed = 100
    while (entry := first(CONV, body, memory_bytes=needed)) is not None:  # before it is planned, and after
        needed = entry["would_be"]
    service = client(memory_bytes=needed - 1)
    assert entries_of(service.post(CONV, body))[0]["code"] == "too_much_memory"
    assert service.post(CONV, body, Accept=SAFETENSORS).status_code == 200
