"""Sums straight from the input: every width and border, and what is seen by the way of whether they fit."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.core.algorithms import ALGORITHMS, rows
from app.core.errors import OverflowingError
from app.core.execute import execute
from app.core.plan import Plan, plan_of
from tests.core import tap_sums
from tests.core.alone import problem_of, run_alone

Array = NDArray[Any]

#: A kernel that is walked, also with outputs that fill whole vectors, one that is not, also with blocks in a strip;
#: and windows that move by two: the last line and column meet none.
KINDS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 2, 11, 37), (2, 1, 3, 3), {"groups": 2}),
    ((1, 1, 11, 37), (2, 1, 3, 3), {"padding": ((2, 1), (1, 3))}),
    ((1, 1, 7, 34), (1, 1, 3, 3), {}),
    ((1, 2, 10, 21), (1, 2, 5, 3), {"padding": 1}),
    ((8, 2, 14, 9), (2, 1, 5, 3), {"groups": 2}),
    ((1, 1, 8, 36), (1, 1, 3, 3), {"stride": 2}),
    ((1, 2, 13, 9), (2, 1, 5, 3), {"groups": 2, "stride": 2, "padding": (2, 1)}),
    ((1, 1, 9, 8), (2, 1, 5, 5), {"padding": 2}),
]


def plan_for(x: Array, w: Array, options: dict[str, Any]) -> Plan:
    algorithm = next(one for one in ALGORITHMS["conv"] if one.name == "rows")
    plan = plan_of(problem_of("conv", x.shape, w.shape, False, options), x.dtype)
    assert algorithm.fits(plan.problem, plan.axes, x.dtype)
    return replace(plan, algorithm=algorithm)


def refused(plan: Plan, x: Array, w: Array) -> bool:
    try:
        execute(plan, x, w)
    except OverflowingError:
        return True
    return False


@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
@pytest.mark.parametrize("padding", [((0, 0), (0, 0)), ((1, 1), (1, 1)), ((2, 0), (0, 2)), ((0, 3), (20, 1))])
def test_every_width(dtype: str, padding: tuple[tuple[int, int], ...]) -> None:
    """Ends of lines are masked, and where lines are few blocks of them are not full."""
    rng = np.random.default_rng(2)
    for lines, length in itertools.product((3, 4, 7), range(3, 70)):
        x, w = rng.integers(-9, 10, (1, 2, lines, length)), rng.integers(-9, 10, (2, 1, 3, 3))
        problem = problem_of("conv", x.shape, w.shape, False, {"groups": 2, "padding": padding})
        output = run_alone(rows, problem, x.astype(dtype), w.astype(dtype))
        assert output.tolist() == tap_sums.sums(problem, x, w).value.tolist()


@pytest.mark.parametrize(("x_shape", "w_shape", "options"), KINDS)
def test_a_loud_pair_is_found_wherever_windows_meet_it(
    x_shape: tuple[int, ...], w_shape: tuple[int, ...], options: dict[str, Any]
) -> None:
    w = np.ones(w_shape, np.int64)
    plan = plan_for(np.zeros(x_shape, np.int64), w, options)
    for channel, line, column in itertools.product(range(x_shape[1]), range(x_shape[2]), range(x_shape[3] - 1)):
        x = np.zeros(x_shape, np.int64)
        x[-1, channel, line, column] = 1
        x[-1, channel, line, column + 1] = 1
        most = int(tap_sums.sums(plan.problem, x, w).value.max())
        x[-1, channel, line, column + 1] = -1
        assert not refused(plan, (2**62 - 1) * x, w)
        assert refused(plan, 2**62 * x, w) is (most == 2)


@pytest.mark.parametrize(("x_shape", "w_shape", "options"), KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_infinite_output_is_found_wherever_it_is(
    x_shape: tuple[int, ...], w_shape: tuple[int, ...], options: dict[str, Any], dtype: str
) -> None:
    w = np.full(w_shape, 4, dtype)
    plan = plan_for(np.zeros(x_shape, dtype), w, options)
    for channel, line, column in itertools.product(*map(range, x_shape[1:])):
        x = np.zeros(x_shape, dtype)
        x[0, channel, line, column] = 1
        meets = bool(tap_sums.sums(plan.problem, x, w).value.any())
        x *= np.finfo(dtype).max / 2
        assert refused(plan, x, w) is meets
    assert not refused(plan, np.full(x_shape, np.finfo(dtype).max / 2, dtype), np.zeros_like(w))


def test_infinities_of_both_signs_are_refused() -> None:
    """Their sum is NaN."""
    x = np.full((1, 1, 8, 40), 1e300)
    w = np.full((1, 1, 3, 3), 1e300)
    w[..., 1] = -w[..., 1]
    assert refused(plan_for(x, w, {}), x, w)
