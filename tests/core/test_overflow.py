"""int64 is refused exactly where Σ|x·w| + |bias| passes 2^63 − 1, however far a bound reaches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.core import conv, conv_transpose
from app.core.errors import OverflowingError
from tests.core.strategies import OPS, Op

RUN: dict[Op, Any] = {"conv": conv, "conv_transpose": conv_transpose}
LARGEST = 2**63 - 1
LENGTH = 5000


def refused(op: Op, *arrays: Any, **options: Any) -> bool:
    try:
        RUN[op](*arrays, **options)
    except OverflowingError:
        return True
    return False


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("options", [{}, {"stride": 2}, {"padding": 1}, {"stride": 2, "padding": 1}])
@pytest.mark.parametrize("place", [0, 1, 511, 1023, 1024, 2047, 2048, LENGTH - 3])
@pytest.mark.parametrize("sign", [1, -1])
def test_two_inputs_that_meet_in_one_output(op: Op, options: dict[str, int], place: int, sign: int) -> None:
    """One output of thousands is at the limit, passes it by 1, or by half."""
    x, w = np.zeros((1, 1, 2, LENGTH), np.int64), np.ones((1, 1, 1, 3), np.int64)
    across = {name: (int(name == "stride"), value) for name, value in options.items()}
    for second, over in ((2**62 - 1, False), (2**62, True), (2**62 + 2**61, True), (2**61, False)):
        x[0, 0, 1, place : place + 2] = 2**62, sign * second
        assert refused(op, x, w, **across) is over
    x[0, 0, 1, place : place + 2] = 2**62, sign * (2**62 - 1)
    assert refused(op, x, w, bias=np.array([-1]), **across)


@pytest.mark.parametrize("op", OPS)
def test_only_what_meets_is_summed(op: Op) -> None:
    """Far too much in all, but never in one output."""
    x, w = np.zeros((2, 4, LENGTH), np.int64), np.zeros((4, 2, 3), np.int64)
    x[0, 0, ::4] = 2**62
    x[1, 3, ::4] = -(2**62)
    w[:2] = 1
    w[2:] = -1
    assert not refused(op, x, w, groups=2)
    x[0, 1, 40] = 2**62
    assert refused(op, x, w, groups=2)


@pytest.mark.parametrize("op", OPS)
def test_one_loud_weight_among_many(op: Op) -> None:
    """The largest |w| for each of 700 taps would be refused; their sum is not."""
    x, w = np.full((1, 1, 700), 2**40), np.ones((1, 1, 700), np.int64)
    w[0, 0, 350] = 2**22
    weights = 2**22 + 699
    options = {} if op == "conv" else {"padding": 699}
    assert RUN[op](x, w, **options).tolist() == [[[2**40 * weights]]]
    bias = np.array([LARGEST - 2**40 * weights])
    assert RUN[op](x, w, bias=bias, **options).tolist() == [[[LARGEST]]]
    assert refused(op, x, w, bias=bias + 1, **options)


@pytest.mark.parametrize("op", OPS)
def test_weights_whose_sum_alone_would_wrap(op: Op) -> None:
    x, w = np.zeros((1, 1, 9), np.int64), np.full((1, 1, 9), -(2**63))
    options = {} if op == "conv" else {"padding": 8}
    assert RUN[op](x, w, **options).tolist() == [[[0]]]
    x[0, 0, 4] = 1
    assert refused(op, x, w, **options)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("place", [0, 1, 299_999, 599_998, 599_999])
def test_the_largest_of_many_is_found(op: Op, place: int) -> None:
    x, w = np.ones((1, 1, 600_000), np.int64), np.ones((1, 1, 1), np.int64)
    x[0, 0, place] = -(2**63) + 1
    assert not refused(op, x, w)
    x[0, 0, place] = -(2**63)
    assert refused(op, x, w)


@pytest.mark.parametrize("op", OPS)
def test_a_bias_alone(op: Op) -> None:
    """Where no weight reaches, and where one does."""
    x, w = np.ones((1, 1, 3), np.int64), np.zeros((1, 1, 1), np.int64)
    options = {"stride": 3}
    assert not refused(op, x, w, bias=np.array([-LARGEST]), **options)
    assert refused(op, x, w, bias=np.array([-LARGEST - 1]), **options)
    assert refused(op, x, w + 1, bias=np.array([LARGEST]), **options)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("place", [0, 1, 399_999, 799_999])
@pytest.mark.parametrize("sign", [1, -1])
def test_one_infinite_float_of_many_is_found(op: Op, dtype: str, place: int, sign: int) -> None:
    x, w = np.ones((1, 1, 800_000), dtype), np.full((1, 1, 1), 4, dtype)
    assert not refused(op, x, w)
    x[0, 0, place] = sign * (np.finfo(dtype).max / 2)
    assert refused(op, x, w)
    assert not refused(op, x, w / 4)


@pytest.mark.parametrize("op", OPS)
def test_infinities_that_meet_are_refused_too(op: Op) -> None:
    """Their difference is NaN."""
    x, w = np.full((1, 2, 60_000), 1e300), np.full((2, 2, 1), 1e300)
    w[1] = -w[1]
    w[:, 1] = -w[:, 1]
    assert refused(op, x, w)
