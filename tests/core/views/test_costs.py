"""What the steps cost, told beforehand, against what they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.checks import describe
from app.core.problem import Setting
from app.core.views import VIEWS, Step, step_elements, step_work, steps
from tests.core.strategies import Case, Op, cases, examples
from tests.core.views.shown import EVERY_CASE, forms_of, plain_numbers, problem_of, show_arrays


def counted(found: list[Step]) -> int:
    """Elements of tensors, windows, products and sums, one array after the other."""
    total = 0
    for step in found:
        parts: list[dict[str, Any]] = [step.extra, *step.extra.get("windows", [])]
        arrays = [part[name] for part in parts for name in ("window", "products", "sums") if name in part]
        total += step.tensor.size + sum(array.size for array in arrays)
    return total


@pytest.mark.parametrize(("op", "n"), EVERY_CASE)
def test_elements_are_those_that_there_are(op: Op, n: int) -> None:
    @given(cases(op, n).filter(lambda case: problem_of(case).macs <= 1500), plain_numbers, st.data())
    @examples(25)
    def check(case: Case, numbers: Any, data: st.DataObject) -> None:
        form = data.draw(st.sampled_from(forms_of(case)))
        operands = show_arrays("sliding_window", case, *case.arrays(numbers), form).operands
        names = [name for name, view in VIEWS.items() if op in view.operations]
        order = data.draw(st.permutations(names))
        found = steps(operands, order)
        assert list(dict.fromkeys(step.view for step in found)) == order
        for name in names:
            own = [step for step in found if step.view == name]
            assert counted(own) == step_elements(operands.problem, [name])
        assert counted(found) == step_elements(operands.problem, order)
        assert step_work(operands.problem, order, operands.kernel) > 0

    check()


@pytest.mark.parametrize("op", ["conv", "conv_transpose"])
def test_costs_of_sizes_beyond_every_limit_are_numbers(op: Op) -> None:
    side = 2**53 - 1
    huge = describe(Setting(op, (side,) * 3, side, stride=side, padding=side // 3, in_channels=side, out_channels=side))
    for name, view in VIEWS.items():
        if op in view.operations:
            assert step_elements(huge, [name]) > 10**15
            assert step_work(huge, [name]) > 10**15


def test_work_knows_what_the_kernel_allows() -> None:
    """A proof about small numbers takes fewer primes; floats have one decomposition."""
    problem = describe(Setting("conv", (20, 20), 3, padding=1))
    small, large = np.ones((1, 1, 3, 3), np.int64), np.full((1, 1, 3, 3), -(2**63))
    costs = [step_work(problem, ["matrix"], kernel) for kernel in (small.astype(np.float64), small, large, None)]
    assert costs == sorted(costs)
    assert costs[2] == costs[3]
