"""Random settings of everything against `tests.naive`: exact in int64, bounded in floats."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import output_size
from app.core.errors import OverflowingError
from tests import naive
from tests.core.strategies import OPS, Case, Numbers, Op, cases, examples, float_kinds

LARGEST_INT = 2**63 - 1
UNIT_ROUNDOFF = {"float32": Fraction(1, 2**24), "float64": Fraction(1, 2**53)}
#: So loud that a product of two neither overflows nor leaves the normal numbers.
LOUD = {"float32": 20, "float64": 100}

methods: st.SearchStrategy[Literal["auto", "direct"]] = st.sampled_from(("auto", "direct"))
every_operation = pytest.mark.parametrize("op", OPS)
every_dimension = pytest.mark.parametrize("n", [1, 2, 3])


@every_operation
@every_dimension
def test_int64_is_exact(op: Op, n: int) -> None:
    @given(cases(op, n), methods)
    @examples(400)
    def check(case: Case, method: Literal["auto", "direct"]) -> None:
        x, w, bias = case.arrays(Numbers("int64"))
        answer, value = case.run(x, w, bias, method), case.sums(x, w, bias).value
        assert answer.dtype == np.int64
        assert answer.shape == value.shape
        assert answer.tolist() == value.tolist()

    check()


@every_operation
@every_dimension
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_are_within_the_promise(op: Op, n: int, dtype: Literal["float32", "float64"]) -> None:
    @given(cases(op, n), float_kinds, methods)
    @examples(160)
    def check(case: Case, kind: Any, method: Literal["auto", "direct"]) -> None:
        x, w, bias = case.arrays(Numbers(dtype, kind, LOUD[dtype]))
        answer, sums = case.run(x, w, bias, method), case.sums(x, w, bias)
        assert answer.dtype == dtype
        assert answer.shape == sums.value.shape
        for index in naive.indices(answer.shape):
            bound = (int(sums.terms[index]) + 2) * UNIT_ROUNDOFF[dtype] * sums.magnitude[index]
            assert abs(Fraction(float(answer[index])) - sums.value[index]) <= bound, index

    check()


@every_operation
@every_dimension
def test_size_rule_is_the_executed_shape(op: Op, n: int) -> None:
    @given(cases(op, n))
    @examples(160)
    def check(case: Case) -> None:
        x, w, bias = case.arrays(Numbers("int64"))
        options = {name: value for name, value in case.options.items() if name not in ("groups", "flip_kernel")}
        problem = output_size(case.op, x.shape[2:], w.shape[2:], **options)
        assert case.run(x, w, bias).shape[2:] == problem.output_size

    check()


# Close to the ends of int64

borders = st.sampled_from(
    [-(2**63), 2**63 - 1, -(2**62), 2**62, -(2**32), 2**32, 3037000499, 3037000500, -3037000500, 2**31, 1, -1, 0, 0]
)


def fill(shape: tuple[int, ...], values: list[int]) -> Any:
    """An array of this shape with the values over and over."""
    return np.resize(np.array(values, np.int64), shape)


def expect_exact_or_refused(case: Case, x: Any, w: Any, bias: Any, method: Literal["auto", "direct"]) -> bool:
    """Refused exactly where some Σ|x·w| + |bias| is beyond int64; says whether it was."""
    sums = case.sums(x, w, bias)
    if max(sums.magnitude.ravel().tolist()) <= LARGEST_INT:
        assert case.run(x, w, bias, method).tolist() == sums.value.tolist()
        return False
    with pytest.raises(OverflowingError) as refusal:
        case.run(x, w, bias, method)
    assert [fault.code for fault in refusal.value.faults] == ["int64_overflow"]
    return True


@every_operation
@every_dimension
def test_large_integers_are_exact_or_refused(op: Op, n: int) -> None:
    large = st.lists(borders | st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9), min_size=1, max_size=5)
    small = st.lists(st.sampled_from([0, 0, 0, 1, -1, 1, -2, 3]), min_size=1, max_size=5)

    @given(cases(op, n), large, small | large, st.booleans(), methods)
    @examples(100)
    def check(case: Case, one: list[int], other: list[int], swapped: bool, method: Any) -> None:
        one, other = (other, one) if swapped else (one, other)
        bias = fill((case.out_channels,), other) if case.with_bias else None
        expect_exact_or_refused(case, fill(case.input_shape, one), fill(case.kernel_shape, other), bias, method)

    check()


@every_operation
@every_dimension
@pytest.mark.parametrize("beyond", [False, True])
def test_the_bias_may_fill_int64_to_its_end_and_no_further(op: Op, n: int, beyond: bool) -> None:
    """Σ|x·w| + |bias| is put at 2^63 − 1 and at 2^63, in one channel at least."""

    @given(cases(op, n), st.integers(0, 58), st.booleans(), methods)
    @examples(60)
    def check(case: Case, bits: int, negative: bool, method: Any) -> None:
        x, w, _ = case.arrays(Numbers("int64"))
        x = np.where(x == 0, 0, x << bits) if bits < 50 else x
        magnitude = case.sums(x, w, None).magnitude
        loudest = [max(magnitude[:, channel].ravel().tolist()) for channel in range(case.out_channels)]
        room = [LARGEST_INT + beyond - most for most in loudest]
        sign = -1 if negative or max(room) > LARGEST_INT else 1
        bias = np.array([sign * value for value in room], np.int64)
        assert expect_exact_or_refused(case, x, w, bias, method) is beyond

    check()


def test_least_integer_times_minus_one_is_refused() -> None:
    least, minus_one = np.full((1, 1, 1), -(2**63)), np.full((1, 1, 1), -1)
    for op in OPS:
        case = Case(op, (1, 1, 1), (1, 1, 1), 1, False, {}, 0)
        assert expect_exact_or_refused(case, least, minus_one, None, "auto")
        assert expect_exact_or_refused(case, minus_one, least, None, "direct")
        assert expect_exact_or_refused(case, least, -minus_one, None, "auto")
        assert not expect_exact_or_refused(case, least, 0 * minus_one, None, "auto")
        assert not expect_exact_or_refused(case, least + 1, minus_one, None, "auto")


# Floats that leave their dtype


@every_operation
@pytest.mark.parametrize(("dtype", "large"), [("float32", 3e38), ("float64", 1.7e308)])
@pytest.mark.parametrize("kernel", [[2, 2, 2], [10, -10, 0], [-1, -1, -1], [0, 0.5, 1e9]])
def test_a_float_that_becomes_infinite_is_refused(op: Op, dtype: str, large: float, kernel: list[float]) -> None:
    case = Case(op, (1, 1, 6), (1, 1, 3), 1, False, {}, 0)
    x, w = np.full((1, 1, 6), large, dtype), np.array([[kernel]], dtype)
    with pytest.raises(OverflowingError) as refusal:
        case.run(x, w, None)
    assert [fault.code for fault in refusal.value.faults] == ["float_overflow"]


@every_operation
@pytest.mark.parametrize(("dtype", "large"), [("float32", 3e38), ("float64", 1.7e308)])
def test_the_largest_floats_are_answered_where_they_fit(op: Op, dtype: str, large: float) -> None:
    case = Case(op, (1, 1, 6), (1, 1, 3), 1, False, {}, 0)
    x, w = np.full((1, 1, 6), large, dtype), np.array([[[0, 1, 0]]], dtype)
    assert set(case.run(x, w, None).ravel().tolist()) <= {0.0, float(np.array(large, dtype))}
