"""POST /v1/output-size: sizes by trying and counting, counts by the contract's own products."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given

from app.api.answers import GeometryAnswer
from tests import naive_sizes
from tests.api.client import OUTPUT_SIZE, answered, client, one
from tests.api.requests_at_random import Body, request_of
from tests.core.strategies import OPS, Case, Op, cases, examples
from tests.naive_sizes import per_axis

LARGEST = 2**53 - 1
SHARED = {
    *("op", "input_size", "output_size", "kernel_size", "stride", "dilation", "padding", "batch"),
    *("in_channels", "out_channels", "groups", "dimensions", "macs", "parameters", "output_elements"),
}
OWN = {
    "conv": {"padding_mode"},
    "conv_transpose": {"output_padding", "full_size", "crop", "coverage", "checkerboard"},
}
OF_DIMENSION = {"formula", "substituted", "effective_kernel", "inverse_sizes", "inverse_range"}
OWN_OF_DIMENSION = {"conv": {"unused_input"}, "conv_transpose": {"coverage"}}


def sizes(op: Op = "conv", input_size: Any = (5,), kernel_size: Any = 3, **fields: Any) -> Body:
    return answered(OUTPUT_SIZE, {"op": op, "input_size": input_size, "kernel_size": kernel_size, **fields})


def test_the_contracts_example() -> None:
    dimension = {
        "formula": "(i - 1)*s - (p_before + p_after) + d*(k - 1) + output_padding + 1",
        "substituted": "(2 - 1)*2 - (1 + 1) + 1*(3 - 1) + 0 + 1 = 3",
        "effective_kernel": 3,
        "inverse_sizes": [3, 4],
        "inverse_range": {"min": 3, "max": 4},
        "coverage": {"min": 1, "max": 2},
    }
    assert sizes("conv_transpose", [2, 2], 3, stride=2, padding=1) == {
        "op": "conv_transpose",
        "input_size": [2, 2],
        "output_size": [3, 3],
        "kernel_size": [3, 3],
        "stride": [2, 2],
        "dilation": [1, 1],
        "padding": [[1, 1], [1, 1]],
        "output_padding": [0, 0],
        "full_size": [5, 5],
        "crop": [[1, 1], [1, 1]],
        "batch": 1,
        "in_channels": 1,
        "out_channels": 1,
        "groups": 1,
        "dimensions": [dimension, dimension],
        "coverage": {"min": 1, "max": 4},
        "checkerboard": True,
        "macs": 36,
        "parameters": 9,
        "output_elements": 9,
    }


def test_a_convolution() -> None:
    answer = sizes("conv", [224, 112], 7, stride=2, padding=3, in_channels=3, out_channels=64, batch=2, bias=True)
    assert answer["output_size"] == [112, 56]
    assert answer["padding"] == [[3, 3], [3, 3]]
    assert answer["padding_mode"] == "zeros"
    assert answer["macs"] == 2 * 64 * 112 * 56 * 3 * 49
    assert answer["parameters"] == 64 * 3 * 49 + 64
    assert answer["output_elements"] == 2 * 64 * 112 * 56
    assert answer["dimensions"][0] == {
        "formula": "floor((i + p_before + p_after - d*(k - 1) - 1)/s) + 1",
        "substituted": "floor((224 + 3 + 3 - 1*(7 - 1) - 1)/2) + 1 = 112",
        "effective_kernel": 7,
        "inverse_sizes": [223, 224],
        "inverse_range": {"min": 223, "max": 224},
        "unused_input": 0,
    }


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_random_settings(op: Op, n: int) -> None:
    @given(cases(op, n))
    @examples(60)
    def check(case: Case) -> None:
        answer = answered(OUTPUT_SIZE, request_of(case).size_body)
        GeometryAnswer.model_validate(answer)
        assert set(answer) == SHARED | OWN[op]
        assert all(set(dim) == OF_DIMENSION | OWN_OF_DIMENSION[op] for dim in answer["dimensions"])
        _check_counts(case, answer)
        _check_each_dimension(case, answer)

    check()


def _check_counts(case: Case, answer: Body) -> None:
    outputs = case.input_shape[0] * case.out_channels * math.prod(answer["output_size"])
    assert answer["output_elements"] == outputs
    spread = outputs if case.op == "conv" else math.prod(case.input_shape)
    assert answer["macs"] == spread * math.prod(case.kernel_shape[1:])
    assert answer["parameters"] == math.prod(case.kernel_shape) + (case.out_channels if case.with_bias else 0)
    assert answer["batch"] == case.input_shape[0]
    assert (answer["in_channels"], answer["out_channels"]) == (case.input_shape[1], case.out_channels)
    assert answer["groups"] == case.options["groups"]


def _check_each_dimension(case: Case, answer: Body) -> None:
    n = len(case.input_shape) - 2
    words = naive_sizes.asked_pads(case.options["padding"], n)
    stride, dilation = per_axis(case.options["stride"], n), per_axis(case.options["dilation"], n)
    axes = zip(case.input_shape[2:], case.kernel_shape[2:], stride, dilation, strict=True)
    for j, (i, k, s, d) in enumerate(axes):
        dim, output, pads = answer["dimensions"][j], answer["output_size"][j], tuple(answer["padding"][j])
        assert dim["effective_kernel"] == naive_sizes.reach_of(k, d)
        assert dim["substituted"].endswith(f" = {output}")
        if case.op == "conv":
            mode = case.options["padding_mode"]
            assert output == naive_sizes.conv_size(i, k, s, d, pads)
            inverse = naive_sizes.conv_inverse(k, s, d, words[j], mode, output, i + s + 1)
            assert dim["unused_input"] == naive_sizes.unused_input(i, k, s, d, pads)
        else:
            before, after = answer["crop"][j]
            assert (before, after) == (pads[0], pads[1] - answer["output_padding"][j])
            assert answer["full_size"][j] == naive_sizes.full_size(i, k, s, d)
            assert output == answer["full_size"][j] - before - after
            inverse = naive_sizes.transpose_inverse(i, k, s, d, words[j])
            inverse = [output] if isinstance(words[j], str) and case.options.get("output_size") else inverse
            assert tuple(dim["coverage"].values()) == naive_sizes.interior_coverage(k, s, d)
        assert dim["inverse_sizes"] == inverse
        assert dim["inverse_range"] == {"min": inverse[0], "max": inverse[-1]}
    if case.op == "conv_transpose":
        least = math.prod(dim["coverage"]["min"] for dim in answer["dimensions"])
        most = math.prod(dim["coverage"]["max"] for dim in answer["dimensions"])
        assert answer["coverage"] == {"min": least, "max": most}
        assert answer["checkerboard"] is (least != most)


@pytest.mark.parametrize(
    ("word", "pads"), [("same", [2, 3]), ("same_lower", [3, 2]), ("full", [5, 5]), ("valid", [0, 0])]
)
def test_words_become_numbers(word: str, pads: list[int]) -> None:
    assert sizes(input_size=[9], kernel_size=6, padding=word)["padding"] == [pads]


def test_what_is_left_out_is_one() -> None:
    answer = sizes("conv", [4], [2], output_size=None, bias=None)
    assert [answer[name] for name in ("stride", "dilation", "padding")] == [[1], [1], [[0, 0]]]
    assert [answer[name] for name in ("batch", "in_channels", "out_channels", "groups")] == [1, 1, 1, 1]
    assert (answer["macs"], answer["parameters"]) == (6, 2)


def test_the_first_64_inverse_sizes() -> None:
    (dimension,) = sizes("conv", [10**6], 3, stride=1000)["dimensions"]
    low = dimension["inverse_range"]["min"]
    assert dimension["inverse_range"] == {"min": low, "max": low + 999}
    assert dimension["inverse_sizes"] == list(range(low, low + 64))
    (dimension,) = sizes("conv_transpose", [3], 2, stride=LARGEST)["dimensions"]
    assert dimension["inverse_range"] == {"min": 2 * LARGEST + 2, "max": 3 * LARGEST + 1}
    assert len(dimension["inverse_sizes"]) == 64


def test_coverage_of_gaps() -> None:
    answer = sizes("conv_transpose", [4, 4], [2, 3], stride=[4, 2], dilation=[2, 1])
    assert [dim["coverage"] for dim in answer["dimensions"]] == [{"min": 0, "max": 1}, {"min": 1, "max": 2}]
    assert answer["coverage"] == {"min": 0, "max": 2}
    assert sizes("conv_transpose", [4], 4, stride=2)["checkerboard"] is False


@pytest.mark.parametrize("op", OPS)
def test_the_largest_sizes_are_exact(op: Op) -> None:
    body = {"op": op, "input_size": [LARGEST] * 3, "kernel_size": [LARGEST - 1] * 3, "stride": 1, "bias": True}
    body |= {"in_channels": LARGEST, "out_channels": LARGEST, "batch": LARGEST}
    response = client().post(OUTPUT_SIZE, body)
    answer = response.json()
    outputs = 2**3 if op == "conv" else (2 * LARGEST - 2) ** 3
    places = outputs if op == "conv" else LARGEST**3
    assert answer["output_elements"] == LARGEST**2 * outputs
    assert answer["macs"] == LARGEST**3 * places * (LARGEST - 1) ** 3
    assert answer["parameters"] == LARGEST**2 * (LARGEST - 1) ** 3 + LARGEST
    assert str(answer["macs"]) in response.text


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("name", ["stride", "dilation", "kernel_size", "padding"])
def test_each_largest_number(op: Op, name: str) -> None:
    body = {"op": op, "input_size": [LARGEST], "kernel_size": 1, "padding": 0} | {name: LARGEST}
    response = client().post(OUTPUT_SIZE, body)
    if op == "conv_transpose" and name == "padding":
        assert response.json()["errors"][0]["code"] == "empty_output"
    else:
        assert response.status_code == 200
    fault = one(OUTPUT_SIZE, body | {name: LARGEST + 1})
    assert (fault["code"], fault["pointer"]) == ("out_of_range", f"/{name}")
    assert fault["allowed"] == {"min": 0 if name == "padding" else 1, "max": LARGEST}
    assert fault["suggestion"] == {"pointer": f"/{name}", "value": LARGEST}


def test_a_size_of_two_to_the_31_in_every_mode() -> None:
    for mode in ("zeros", "reflect", "replicate", "circular"):
        for padding in (0, "same", "same_lower", "full", 2**20):
            answer = sizes("conv", [2**31, 2**31], 2**10, stride=3, padding=padding, padding_mode=mode)
            assert answer["dimensions"][0]["inverse_range"]["max"] >= 2**31


def test_words_for_padding_are_resolved_for_each_inverse_size() -> None:
    """Reflect takes "full" with a kernel of 4 only from 4 elements on."""
    (dimension,) = sizes("conv", [4], 4, padding="full", padding_mode="reflect", stride=4)["dimensions"]
    found = naive_sizes.conv_inverse(4, 4, 1, "full", "reflect", 2, 30)
    assert dimension["inverse_sizes"] == found
