"""Steps that leave their dtype, though the output may not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import OverflowingError
from app.core.views import check_steps_fit
from tests import naive
from tests.core.strategies import Array, Case, Op, cases, examples
from tests.core.views.shown import EVERY_CASE, TRANSPOSED, picture, problem_of, show_arrays

LARGEST = 2**63 - 1
ends = st.sampled_from([-(2**63), 2**63 - 1, 2**62, -(2**62), 2**61, 3037000499, 3037000500, 2**31, 1, -1, 0, 0])
numbers = st.lists(ends | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5)


def fill(shape: tuple[int, ...], values: list[int]) -> Array:
    return np.resize(np.array(values, np.int64), shape)


def check_refusal(view: str, case: Case, x: Array, w: Array, most: int) -> None:
    """Refused exactly where the largest of the sums is beyond int64, and the refusal says how large it is."""
    if most <= LARGEST:
        check_steps_fit(problem_of(case), x, w, [view])
        return
    with pytest.raises(OverflowingError) as refusal:
        check_steps_fit(problem_of(case), x, w, [view])
    (fault,) = refusal.value.faults
    assert (fault.field, fault.code) == (("steps",), "int64_overflow")
    assert (fault.limit, fault.would_be) == (LARGEST, most)
    assert str(most) in str(fault.message)


@pytest.mark.parametrize("n", TRANSPOSED)
def test_each_place_of_the_whole_map(n: int) -> None:
    small = st.lists(st.sampled_from([0, 0, 1, -1, 2]), min_size=1, max_size=5)

    @given(cases("conv_transpose", n), numbers, small | numbers)
    @examples(50)
    def check(case: Case, one: list[int], other: list[int]) -> None:
        x, w = fill(case.input_shape, one), fill(case.kernel_shape, other)
        kept = {name: case.options[name] for name in ("stride", "dilation", "groups", "flip_kernel")}
        uncropped = naive.conv_transpose(naive.exact(x), naive.exact(w), **kept)
        check_refusal("scatter", case, x, w, max(uncropped.magnitude.ravel()))

    check()


@pytest.mark.parametrize(("op", "n"), EVERY_CASE)
def test_each_element_of_the_matrix(op: Op, n: int) -> None:
    @given(cases(op, n).filter(lambda case: problem_of(case).macs <= 300), numbers)
    @examples(20)
    def check(case: Case, weights: list[int]) -> None:
        x, w = np.zeros(case.input_shape, np.int64), fill(case.kernel_shape, weights)
        most = 0
        for j in range(x[0].size):
            unit = np.zeros((1, *x.shape[1:]), np.int64)
            unit.flat[j] = 1
            most = max(most, *case.sums(unit, w, None).magnitude.ravel())
        check_refusal("matrix", case, x, w, most)

    check()


def test_a_padding_mode_adds_taps_beyond_int64() -> None:
    case = picture("conv", (1,), (3,), padding=1, padding_mode="replicate")
    x = np.zeros((1, 1, 1), np.int64)
    for last in (0, 1):
        check_refusal("matrix", case, x, np.array([[[2**62, 2**62 - 1, last]]]), 2**63 - 1 + last)


@pytest.mark.parametrize("view", ["scatter", "matrix"])
def test_the_steps_themselves_refuse(view: str) -> None:
    """The sums would lie in what is cropped away, or meet a 0."""
    case = picture("conv_transpose", (2,), (2,), padding=1)
    x, w = np.array([[[2**62, 0]]]), np.array([[[4, 0]]])
    if view == "matrix":
        x, w = np.array([[[0, 0]]]), np.array([[[0, -(2**63)]]])
    with pytest.raises(OverflowingError, match="int64"):
        show_arrays(view, case, x, w, None)


@pytest.mark.parametrize(
    ("view", "op", "x", "w", "options"),
    [
        ("scatter", "conv_transpose", [1e200, 0], [1e200, 0], {"padding": 1}),
        ("scatter", "conv_transpose", [1e308, 1e308], [1, 1], {"padding": ((2, 0),)}),
        ("matrix", "conv", [0, 0], [1e308, 1e308, 1e308], {"padding": 1, "padding_mode": "replicate"}),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_float_steps_that_become_infinite(
    view: str, op: Op, x: list[float], w: list[float], options: dict[str, Any], dtype: str
) -> None:
    case = picture(op, (len(x),), (len(w),), **options)
    arrays = [np.array([[values]]) for values in (x, w)]
    if dtype == "float32":
        arrays = [np.where(array > 1e300, 3e38, np.where(array > 1e100, 1e30, array)) for array in arrays]
    with pytest.raises(OverflowingError) as refusal:
        show_arrays(view, case, arrays[0].astype(dtype), arrays[1].astype(dtype), None)
    assert [(fault.field, fault.code) for fault in refusal.value.faults] == [(("steps",), "float_overflow")]
