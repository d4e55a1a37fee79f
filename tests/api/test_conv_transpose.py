"""POST /v1/conv-transpose as the contract has it, against hand-worked examples and brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from app.api.answers import ComputedAnswer
from tests.api.client import CONV_TRANSPOSE, OUTPUT_SIZE, answered, one
from tests.api.requests_at_random import request_of, sums_of, within_the_promise
from tests.core.strategies import Case, Numbers, cases, examples

PICTURE = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def conv_transpose(input_: Any, kernel: Any, **fields: Any) -> Any:
    return answered(CONV_TRANSPOSE, {"input": input_, "kernel": kernel, **fields})["output"]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_random_settings(n: int) -> None:
    @given(cases("conv_transpose", n))
    @examples(120)
    def check(case: Case) -> None:
        request = request_of(case)
        answer = answered(request.path, request.body)
        ComputedAnswer.model_validate(answer)
        expected = request.in_form(sums_of(request).value)
        assert answer["output"] == expected.tolist()
        assert answer["shape"] == list(expected.shape)
        assert answer["dtype"] == "int64"
        assert answer["geometry"] == answered(OUTPUT_SIZE, request.size_body)

    check()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_fractions(dtype: Any) -> None:
    numbers = Numbers(dtype, "loud_and_quiet", 9)

    @given(cases("conv_transpose", 2))
    @examples(60)
    def check(case: Case) -> None:
        request = request_of(case, numbers)
        answer = answered(request.path, request.body | {"dtype": dtype, "method": "direct"})
        assert answer["dtype"] == dtype
        assert within_the_promise(request, np.array(answer["output"], dtype), numbers)

    check()


@pytest.mark.parametrize(
    ("input_shape", "kernel_shape", "fields", "output_shape"),
    [
        ((5,), (2,), {}, [6]),
        ((5, 6), (2, 3), {}, [6, 8]),
        ((5, 6, 7), (2, 3, 4), {"spatial_dims": 3}, [6, 8, 10]),
        ((2, 5), (2, 3, 2), {}, [3, 6]),
        ((4, 2, 5), (2, 3, 2), {}, [4, 3, 6]),
        ((4, 2, 5), (2, 3, 2), {"groups": 2}, [4, 6, 6]),
        ((2, 5, 6), (2, 3, 2, 2), {}, [3, 6, 7]),
        ((4, 2, 5, 6), (2, 3, 2, 2), {}, [4, 3, 6, 7]),
        ((2, 5, 6, 7), (2, 3, 2, 2, 2), {}, [3, 6, 7, 8]),
        ((1, 2, 5, 6, 7), (2, 3, 2, 2, 2), {}, [1, 3, 6, 7, 8]),
    ],
)
def test_forms(input_shape: Any, kernel_shape: Any, fields: Any, output_shape: list[int]) -> None:
    body = {"input": np.ones(input_shape, int).tolist(), "kernel": np.ones(kernel_shape, int).tolist(), **fields}
    answer = answered(CONV_TRANSPOSE, body)
    assert answer["shape"] == output_shape
    assert np.shape(answer["output"]) == tuple(output_shape)


# Hand-worked


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [1, 10, 102, 20, 200]),
        ({"padding": "valid"}, [1, 10, 102, 20, 200]),
        ({"padding": 1}, [10, 102, 20]),
        ({"padding": 1, "output_padding": 1}, [10, 102, 20, 200]),
        ({"padding": [1], "output_padding": [1]}, [10, 102, 20, 200]),
        ({"output_padding": 1}, [1, 10, 102, 20, 200, 0]),
        ({"padding": [[3, 0]]}, [20, 200]),
        ({"padding": [[0, 4]]}, [1]),
        ({"padding": [[0, 5]], "output_padding": 1}, [1]),
        ({"output_size": [5]}, [1, 10, 102, 20, 200]),
        ({"output_size": [6]}, [1, 10, 102, 20, 200, 0]),
        ({"output_size": None, "bias": None}, [1, 10, 102, 20, 200]),
        ({"output_size": [4], "padding": 1}, [10, 102, 20, 200]),
        ({"output_size": [3], "padding": 1, "output_padding": 0}, [10, 102, 20]),
        ({"flip_kernel": True}, [100, 10, 201, 20, 2]),
        ({"bias": 5}, [6, 15, 107, 25, 205]),
        ({"padding_mode": "zeros"}, [1, 10, 102, 20, 200]),
    ],
)
def test_the_full_map_and_what_is_cut_of_it(fields: Any, expected: list[int]) -> None:
    assert conv_transpose([1, 2], [1, 10, 100], stride=2, **fields) == expected


@pytest.mark.parametrize(
    ("word", "expected"), [("same", [1, 10, 102, 20, 203, 30]), ("same_lower", [10, 102, 20, 203, 30, 300])]
)
def test_same_differs_by_its_larger_half(word: str, expected: list[int]) -> None:
    assert conv_transpose([1, 2, 3], [1, 10, 100], stride=2, padding=word) == expected


def test_same_with_a_kernel_shorter_than_the_stride_adds_after() -> None:
    for word in ("same", "same_lower"):
        assert conv_transpose([1, 2], [1, 10], stride=4, padding=word) == [1, 10, 0, 0, 2, 20, 0, 0]


@pytest.mark.parametrize(
    ("word", "size", "expected"),
    [
        ("same", 4, [1, 10, 102, 20]),
        ("same_lower", 4, [10, 102, 20, 200]),
        ("same", 3, [10, 102, 20]),
        ("same", 2, [10, 102]),
        ("same_lower", 2, [102, 20]),
        ("same", 1, [102]),
        ("same", 6, [1, 10, 102, 20, 200, 0]),
        ("same_lower", 6, [1, 10, 102, 20, 200, 0]),
    ],
)
def test_same_with_an_output_size(word: str, size: int, expected: list[int]) -> None:
    assert conv_transpose([1, 2], [1, 10, 100], stride=2, padding=word, output_size=[size]) == expected


def test_same_with_an_output_size_out_of_reach() -> None:
    body = {"input": [1, 2], "kernel": [1, 10, 100], "stride": 2, "padding": "same", "output_size": [7]}
    fault = one(CONV_TRANSPOSE, body)
    assert (fault["code"], fault["pointer"]) == ("output_size_unreachable", "/output_size/0")
    assert fault["allowed"] == {"min": 1, "max": 6}
    assert fault["suggestion"] == {"pointer": "/output_size/0", "value": 6}


@pytest.mark.parametrize("fields", [{"stride": 1, "dilation": 3}, {"stride": 3, "dilation": 1}])
def test_output_padding_is_below_the_larger_of_stride_and_dilation(fields: Any) -> None:
    body = {"input": [1], "kernel": [1, 2], **fields}
    assert len(answered(CONV_TRANSPOSE, body | {"output_padding": 2})["output"]) == 1 + fields["dilation"] + 2
    fault = one(CONV_TRANSPOSE, body | {"output_padding": 3})
    assert (fault["code"], fault["pointer"]) == ("output_padding_too_large", "/output_padding")
    assert (fault["given"], fault["allowed"]) == (3, {"min": 0, "max": 2})
    assert fault["suggestion"] == {"pointer": "/output_padding", "value": 2}


def test_the_usual_picture() -> None:
    answer = answered(CONV_TRANSPOSE, {"input": [[1, 2], [3, 4]], "kernel": PICTURE, "stride": 2, "padding": 1})
    assert answer["output"] == [[5, 14, 10], [14, 36, 24], [15, 34, 20]]
    assert answer["geometry"]["full_size"] == [5, 5]
    assert answer["geometry"]["crop"] == [[1, 1], [1, 1]]


def test_kernel_layout_with_groups() -> None:
    """(C_in, C_out/groups, *K): channels 0 and 1 of the input feed two output channels each."""
    answer = conv_transpose([[1, 2], [3, 4]], [[[1], [10]], [[100], [1000]]], groups=2)
    assert answer == [[1, 2], [10, 20], [300, 400], [3000, 4000]]


def test_one_dimension_may_differ_from_the_next() -> None:
    body = {"input": [[1, 2], [3, 4]], "kernel": [[1, 1]], "stride": [1, 3], "padding": [[0, 0], [0, 1]]}
    answer = answered(CONV_TRANSPOSE, body | {"output_padding": [0, 2]})
    assert answer["output"] == [[1, 1, 0, 2, 2, 0], [3, 3, 0, 4, 4, 0]]
    assert answer["geometry"]["crop"] == [[0, 0], [0, -1]]
