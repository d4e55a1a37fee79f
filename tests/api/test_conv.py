"""POST /v1/conv as the contract has it, against hand-worked examples and brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from app.api.answers import ComputedAnswer
from tests.api.client import CONV, OUTPUT_SIZE, answered, refused
from tests.api.requests_at_random import request_of, sums_of, within_the_promise
from tests.core.strategies import Case, Numbers, cases, examples

PICTURE = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def conv(input_: Any, kernel: Any, **fields: Any) -> Any:
    return answered(CONV, {"input": input_, "kernel": kernel, **fields})["output"]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_random_settings(n: int) -> None:
    @given(cases("conv", n))
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
        assert set(answer) == {"output", "dtype", "algorithm", "shape", "geometry"}

    check()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_fractions(dtype: Any) -> None:
    numbers = Numbers(dtype, "loud_and_quiet", 9)

    @given(cases("conv", 2))
    @examples(60)
    def check(case: Case) -> None:
        request = request_of(case, numbers)
        answer = answered(request.path, request.body | {"dtype": dtype, "method": "direct"})
        assert answer["dtype"] == dtype
        assert within_the_promise(request, np.array(answer["output"], dtype), numbers)

    check()


# The table of forms


@pytest.mark.parametrize(
    ("input_shape", "kernel_shape", "fields", "output_shape"),
    [
        ((5,), (2,), {}, [4]),
        ((5, 6), (2, 3), {}, [4, 4]),
        ((5, 6, 7), (2, 3, 4), {"spatial_dims": 3}, [4, 4, 4]),
        ((2, 5), (3, 2, 2), {}, [3, 4]),
        ((4, 2, 5), (3, 2, 2), {}, [4, 3, 4]),
        ((2, 5, 6), (3, 2, 2, 2), {}, [3, 4, 5]),
        ((4, 2, 5, 6), (3, 2, 2, 2), {}, [4, 3, 4, 5]),
        ((2, 5, 6, 7), (3, 2, 2, 2, 2), {}, [3, 4, 5, 6]),
        ((4, 2, 5, 6, 7), (3, 2, 2, 2, 2), {}, [4, 3, 4, 5, 6]),
        ((4, 2, 5), (3, 2, 2), {"spatial_dims": 1}, [4, 3, 4]),
        ((5, 6), (2, 3), {"spatial_dims": 2}, [4, 4]),
        ((5, 6), (2, 3), {"spatial_dims": None}, [4, 4]),
    ],
)
def test_forms(input_shape: Any, kernel_shape: Any, fields: Any, output_shape: list[int]) -> None:
    body = {"input": np.ones(input_shape, int).tolist(), "kernel": np.ones(kernel_shape, int).tolist(), **fields}
    answer = answered(CONV, body)
    assert answer["shape"] == output_shape
    assert np.shape(answer["output"]) == tuple(output_shape)
    bare = len(input_shape) == len(output_shape) == len(answer["geometry"]["input_size"])
    taps = np.prod(kernel_shape if bare else kernel_shape[1:])
    assert np.unique(answer["output"]).tolist() == [taps]


# Hand-worked


def test_it_is_cross_correlation_unless_flipped() -> None:
    assert conv([1, 2, 3], [1, 10]) == [21, 32]
    assert conv([1, 2, 3], [1, 10], flip_kernel=True) == [12, 23]
    assert conv(PICTURE, [[1, 0], [0, -1]]) == [[-4, -4], [-4, -4]]


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        (0, [321, 432]),
        ("valid", [321, 432]),
        (1, [210, 321, 432, 43]),
        ([1], [210, 321, 432, 43]),
        ([[1, 0]], [210, 321, 432]),
        ([[0, 2]], [321, 432, 43, 4]),
        ("same", [210, 321, 432, 43]),
        ("full", [100, 210, 321, 432, 43, 4]),
    ],
)
def test_paddings(padding: Any, expected: list[int]) -> None:
    assert conv([1, 2, 3, 4], [1, 10, 100], padding=padding) == expected


@pytest.mark.parametrize(("word", "expected"), [("same", [21, 32, 43, 4]), ("same_lower", [10, 21, 32, 43])])
def test_the_larger_half_of_same(word: str, expected: list[int]) -> None:
    answer = answered(CONV, {"input": [1, 2, 3, 4], "kernel": [1, 10], "padding": word})
    assert answer["output"] == expected
    assert answer["geometry"]["padding"] == [[0, 1] if word == "same" else [1, 0]]


def test_same_with_a_stride_is_the_ceiling() -> None:
    answer = answered(CONV, {"input": [1, 2, 3, 4, 5], "kernel": [1, 1, 1], "stride": 2, "padding": "same"})
    assert answer["output"] == [3, 9, 9]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("zeros", [0, 0, 1, 2, 3, 0, 0]),
        ("reflect", [3, 2, 1, 2, 3, 2, 1]),
        ("replicate", [1, 1, 1, 2, 3, 3, 3]),
        ("circular", [2, 3, 1, 2, 3, 1, 2]),
    ],
)
def test_padding_modes(mode: str, expected: list[int]) -> None:
    answer = answered(CONV, {"input": [1, 2, 3], "kernel": [1], "padding": 2, "padding_mode": mode})
    assert answer["output"] == expected
    assert answer["geometry"]["padding_mode"] == mode


def test_groups_dilation_bias_and_strides_of_their_own() -> None:
    body = {"input": [[1, 2, 3], [4, 5, 6]], "kernel": [[[1, 1]], [[1, 10]], [[1, 0]], [[0, 1]]], "groups": 2}
    answer = answered(CONV, body | {"dilation": 2, "bias": [0, 100, 1000, 10_000]})
    assert answer["output"] == [[4], [131], [1004], [10_006]]
    assert conv(PICTURE, [[1]], stride=[2, 1]) == [[1, 2, 3], [7, 8, 9]]


@pytest.mark.parametrize("bias", [7, [7]])
def test_one_bias_as_a_number_or_a_list(bias: Any) -> None:
    assert conv([1, 2], [1], bias=bias) == [8, 9]
    assert conv([[1, 2]], [[[1]]], bias=bias) == [[8, 9]]
    assert conv([[[1, 2]]], [[[1]]], bias=bias) == [[[8, 9]]]


def test_null_leaves_out() -> None:
    assert conv([1, 2], [1], bias=None, spatial_dims=None, output_size=None) == [1, 2]


def test_the_last_of_a_repeated_key_counts() -> None:
    text = '{"input": ["x"], "input": [1, 2], "kernel": [3], "stride": 0, "stride": 1, "stride": 2}'
    assert answered(CONV, text)["output"] == [3]


# Numbers


@pytest.mark.parametrize(
    ("text", "dtype", "output"),
    [
        ('{"input": [1, 2], "kernel": [3]}', "int64", [3, 6]),
        ('{"input": [1, 2.0], "kernel": [3]}', "float64", [3.0, 6.0]),
        ('{"input": [1, 2], "kernel": [3e0]}', "float64", [3.0, 6.0]),
        ('{"input": [1, 2], "kernel": [3], "bias": 1.0}', "float64", [4.0, 7.0]),
        ('{"input": [1, 2], "kernel": [3], "bias": [0]}', "int64", [3, 6]),
        ('{"input": [1, 2], "kernel": [3], "dtype": "float64"}', "float64", [3.0, 6.0]),
        ('{"input": [1, 2.5], "kernel": [3], "dtype": "float32"}', "float32", [3.0, 7.5]),
        ('{"input": [1, 2], "kernel": [3], "dtype": "int64"}', "int64", [3, 6]),
        ('{"input": [-0], "kernel": [1]}', "int64", [0]),
        ('{"input": [1e-400], "kernel": [1]}', "float64", [0.0]),
        ('{"input": [9007199254740993], "kernel": [1]}', "int64", [2**53 + 1]),
        ('{"input": [9007199254740993], "kernel": [1.0]}', "float64", [2.0**53]),
        ('{"input": [9223372036854775807], "kernel": [1]}', "int64", [2**63 - 1]),
        ('{"input": [-9223372036854775807], "kernel": [-1]}', "int64", [2**63 - 1]),
        ('{"input": [-9223372036854775808], "kernel": [1.0]}', "float64", [-(2.0**63)]),
        ('{"input": [9223372036854775807, 0.5], "kernel": [1]}', "float64", [2.0**63, 0.5]),
        ('{"input": [0.1], "kernel": [1], "dtype": "float32"}', "float32", [float(np.float32(0.1))]),
    ],
)
def test_dtypes(text: str, dtype: str, output: list[Any]) -> None:
    answer = answered(CONV, text)
    assert (answer["dtype"], answer["output"]) == (dtype, pytest.approx(output, rel=1e-7))
    if dtype != "float32":
        assert answer["output"] == output
    assert all(type(value) is (int if dtype == "int64" else float) for value in answer["output"])


def test_whole_numbers_reach_float32_by_way_of_the_nearest_double() -> None:
    """Half way between two float32 after the first rounding, just over it before."""
    tie = 2**60 + 2**36 + 1
    answer = answered(CONV, {"input": [tie], "kernel": [1], "dtype": "float32"})
    assert np.float32(answer["output"][0]) == np.float32(float(tie)) == 2.0**60


def test_float32_is_written_so_that_it_reads_back() -> None:
    values = np.random.default_rng(1).standard_normal(200).astype(np.float32)
    answer = answered(CONV, {"input": values.tolist(), "kernel": [1], "dtype": "float32"})
    assert np.array_equal(np.array(answer["output"], np.float32), values)


def test_dilation_and_stride_beyond_everything() -> None:
    assert conv([1, 2], [3], stride=10**9, dilation=2**53 - 1) == [3]
    assert conv([1, 2], [3], stride=2**53 - 1) == [3]


def test_the_padded_input_is_held_against_the_kernel_before_anything_is_divided() -> None:
    (fault,) = refused(CONV, {"input": [1, 2], "kernel": [1, 2, 3], "stride": 3})
    assert fault["code"] == "kernel_too_large"
