"""Cases worked out by hand: the issue's, the usual pictures of the field, ONNX's rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.core import conv, conv_transpose, output_size
from app.core.errors import ProblemError

SPREAD = [1, 10, 100]


def row(values: list[int]) -> Any:
    """A row as an array of one sample and one channel."""
    return np.array(values, np.int64).reshape(1, 1, -1)


def picture(values: list[list[int]]) -> Any:
    """A picture as an array of one sample and one channel."""
    return np.array(values, np.int64)[None, None]


def spread(values: list[int], **options: Any) -> Any:
    """conv_transpose of a row with the kernel [1, 10, 100], whose digits show who added what."""
    return conv_transpose(row(values), row(SPREAD), **options)[0, 0].tolist()


def test_output_padding_uncovers_before_it_adds() -> None:
    assert spread([1, 2], stride=2) == [1, 10, 102, 20, 200]
    assert spread([1, 2], stride=2, padding=1) == [10, 102, 20]
    assert spread([1, 2], stride=2, padding=1, output_padding=1) == [10, 102, 20, 200]
    assert spread([1, 2], stride=2, output_padding=1) == [1, 10, 102, 20, 200, 0]
    assert spread([1, 2], stride=2, padding=((0, 1),), output_padding=1) == [1, 10, 102, 20, 200]
    assert spread([1, 2], stride=2, padding=1, output_size=[4]) == [10, 102, 20, 200]


def test_a_crop_beyond_the_map_adds_zeros() -> None:
    """A crop of (5, −1) takes the whole map and leaves one place after it, a zero."""
    assert spread([1, 2], stride=2, padding=((5, 0),), output_padding=1) == [0]
    assert spread([1, 2], stride=4, dilation=1, padding=((7, 0),), output_padding=3) == [0, 0, 0]
    assert spread([1, 2], stride=2, padding=((0, 5),), output_padding=1) == [1]


@pytest.mark.parametrize(
    ("word", "expected"), [("same", [1, 10, 102, 20, 203, 30]), ("same_lower", [10, 102, 20, 203, 30, 300])]
)
def test_one_pixel_case_of_same(word: str, expected: list[int]) -> None:
    """F = 7, the output 6: one row is cropped, after for "same" and before for "same_lower"."""
    assert spread([1, 2, 3], stride=2, padding=word) == expected
    assert spread([1, 2, 3], stride=2, padding=word, output_size=[6]) == expected


@pytest.mark.parametrize("word", ["same", "same_lower"])
def test_same_where_the_kernel_is_shorter_than_the_stride(word: str) -> None:
    """kₑ < s: the missing s − kₑ come after, under both words."""
    assert conv_transpose(row([1, 2]), row([3, 5]), stride=4, padding=word)[0, 0].tolist() == [3, 5, 0, 0, 6, 10, 0, 0]


@pytest.mark.parametrize(
    ("word", "size", "expected"),
    [
        ("same", 4, [10, 102, 20, 203]),
        ("same_lower", 4, [102, 20, 203, 30]),
        ("same", 5, [10, 102, 20, 203, 30]),
        ("same", 7, [1, 10, 102, 20, 203, 30, 300]),
        ("same", 8, [1, 10, 102, 20, 203, 30, 300, 0]),
        ("same_lower", 8, [1, 10, 102, 20, 203, 30, 300, 0]),
        ("same", 1, [20]),
    ],
)
def test_onnx_output_shape_with_same(word: str, size: int, expected: list[int]) -> None:
    """ONNX ConvTranspose with output_shape: total = 7 − size, halved; a negative one comes after."""
    assert spread([1, 2, 3], stride=2, padding=word, output_size=[size]) == expected


def test_onnx_same_with_a_rest_out_of_reach() -> None:
    with pytest.raises(ProblemError) as refusal:
        spread([1, 2, 3], stride=2, padding="same", output_size=[9])
    assert [fault.code for fault in refusal.value.faults] == ["output_size_unreachable"]


@pytest.mark.parametrize(
    ("word", "stride", "kernel", "expected"),
    [
        ("same", 2, [1, 10, 100], [321, 43]),
        ("same_lower", 2, [1, 10, 100], [210, 432]),
        ("same", 1, [1, 10], [21, 32, 43, 4]),
        ("same_lower", 1, [1, 10], [10, 21, 32, 43]),
        ("same", 3, [1, 10], [21, 4]),
        ("same", 1, [1, 10, 100], [210, 321, 432, 43]),
        ("full", 1, [1, 10, 100], [100, 210, 321, 432, 43, 4]),
        ("valid", 1, [1, 10, 100], [321, 432]),
    ],
)
def test_words_for_padding_of_a_convolution(word: str, stride: int, kernel: list[int], expected: list[int]) -> None:
    """A row 1, 2, 3, 4; total = max((o−1)s + k − 4, 0), the larger half after for "same"."""
    assert conv(row([1, 2, 3, 4]), row(kernel), stride=stride, padding=word)[0, 0].tolist() == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("zeros", [100, 210, 321, 32, 3]),
        ("reflect", [123, 212, 321, 232, 123]),
        ("replicate", [111, 211, 321, 332, 333]),
        ("circular", [132, 213, 321, 132, 213]),
    ],
)
def test_padding_modes(mode: str, expected: list[int]) -> None:
    """The row 1, 2, 3 as 0 0·1 2 3·0 0, 3 2·1 2 3·2 1, 1 1·1 2 3·3 3 and 2 3·1 2 3·1 2."""
    assert conv(row([1, 2, 3]), row(SPREAD), padding=2, padding_mode=mode)[0, 0].tolist() == expected


@pytest.mark.parametrize(
    ("stride", "padding", "expected"),
    [
        (1, 0, [[1, 4, 7, 6], [7, 23, 33, 24], [19, 53, 63, 42], [21, 52, 59, 36]]),
        (2, 0, [[1, 2, 5, 4, 6], [4, 5, 14, 10, 12], [10, 14, 36, 24, 30], [12, 15, 34, 20, 24], [21, 24, 55, 32, 36]]),
        (2, 1, [[5, 14, 10], [14, 36, 24], [15, 34, 20]]),
    ],
)
def test_the_usual_pictures(stride: int, padding: int, expected: list[list[int]]) -> None:
    """2×2 with 3×3, each worked out stamp by stamp."""
    x, w = picture([[1, 2], [3, 4]]), picture([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    assert conv_transpose(x, w, stride=stride, padding=padding)[0, 0].tolist() == expected


def test_the_contracts_output_size_example() -> None:
    problem = output_size("conv_transpose", (2, 2), (3, 3), stride=(2, 2), padding=1)
    assert (problem.output_size, problem.full_size, problem.crop) == ((3, 3), (5, 5), ((1, 1), (1, 1)))
    assert (problem.macs, problem.parameters, problem.output_elements) == (36, 9, 9)
    assert (problem.coverage.min, problem.coverage.max, problem.checkerboard) == (1, 4, True)
    dimension = problem.dimensions[0]
    assert dimension.formula == "(i - 1)*s - (p_before + p_after) + d*(k - 1) + output_padding + 1"
    assert dimension.substituted == "(2 - 1)*2 - (1 + 1) + 1*(3 - 1) + 0 + 1 = 3"
    assert (dimension.reach, dimension.inverse_range.listed()) == (3, [3, 4])
    assert (dimension.coverage.min, dimension.coverage.max) == (1, 2)


def test_going_there_and_back_gives_the_size_and_other_values() -> None:
    x, w = picture(np.arange(1, 17).reshape(4, 4).tolist()), picture([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    y = conv(x, w)
    back = conv_transpose(y, w)
    assert y.shape == (1, 1, 2, 2)
    assert back.shape == x.shape
    assert not np.array_equal(back, x)


def test_flip_kernel_is_the_mathematical_convolution() -> None:
    assert conv(row([1, 2, 3]), row([1, 10]), flip_kernel=True)[0, 0].tolist() == [12, 23]
    full = conv(row([1, 2, 3]), row([1, 10]), padding="full", flip_kernel=True)[0, 0].tolist()
    assert full == np.convolve([1, 2, 3], [1, 10]).tolist()


# How the arrays lie in memory


@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
def test_any_memory_layout_gives_the_same_and_is_left_alone(dtype: str) -> None:
    x = np.arange(96).reshape(2, 3, 4, 4).astype(dtype)
    w = np.arange(54).reshape(2, 3, 3, 3).astype(dtype)
    others = [np.asfortranarray(x), np.repeat(x, 2, 3)[..., ::2], x[..., ::-1].copy()[..., ::-1]]
    others.append(np.broadcast_to(x[:, :1], x.shape))
    for other in others:
        other.flags.writeable = False
        before = other.copy()
        answer = conv(other, np.asfortranarray(w), padding=1)
        assert np.array_equal(answer, conv(np.ascontiguousarray(other), w, padding=1))
        assert np.array_equal(other, before)


def test_lists_are_taken_where_tuples_are() -> None:
    x, w = picture([[1, 2], [3, 4]]), picture([[1, 2], [3, 4]])
    pairs = conv(x, w, padding=[[1, 0], [0, 1]], stride=[1, 1], dilation=[1, 1])
    assert np.array_equal(pairs, conv(x, w, padding=((1, 0), (0, 1))))
    assert np.array_equal(
        conv_transpose(x, w, stride=[2, 2], output_padding=[1, 0]), conv_transpose(x, w, stride=2, output_size=(5, 4))
    )
