"""Every algorithm over random settings of everything, whether or not the plan would take it there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given

from app.core.algorithms import ALGORITHMS
from app.core.checks import describe
from app.core.execute import execute
from app.core.parallel import team
from app.core.plan import Plan, plan_of
from app.core.problem import Setting
from tests.core.strategies import OPS, Array, Case, Numbers, Op, cases, examples

ALL = [(op, algorithm.name) for op in OPS for algorithm in ALGORITHMS[op]]
#: Those whose sums of whole numbers are exact; the others have tests of their own.
SUMMING = [(op, algorithm.name) for op in OPS for algorithm in ALGORITHMS[op] if algorithm.sums_products]


def frozen(value: Any) -> Any:
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def plan_for(case: Case, x: Array, w: Array, bias: Array | None, name: str) -> Plan | None:
    """The case's plan with this algorithm; None where it does not fit."""
    setting = Setting(
        case.op,
        x.shape[2:],
        w.shape[2:],
        batch=x.shape[0],
        in_channels=x.shape[1],
        kernel_channels=(w.shape[0], w.shape[1]),
        bias=False if bias is None else bias.shape,
        **{option: frozen(value) for option, value in case.options.items()},
    )
    plan = plan_of(describe(setting), x.dtype)
    algorithm = next(algorithm for algorithm in ALGORITHMS[case.op] if algorithm.name == name)
    fits = algorithm.fits(plan.problem, plan.axes, x.dtype)
    return replace(plan, algorithm=algorithm) if fits else None


@pytest.mark.parametrize(("op", "name"), SUMMING)
@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
def test_it_is_exact_on_whole_numbers(op: Op, name: str, dtype: Literal["int64", "float32", "float64"]) -> None:
    """Small whole numbers are exact in floats too, in whichever order they are summed."""
    ran = 0

    @given(cases(op, 1) | cases(op, 2) | cases(op, 3))
    @examples(250)
    def check(case: Case) -> None:
        nonlocal ran
        x, w, bias = case.arrays(Numbers("int64"))
        x, w, bias = x % 64, w % 64, None if bias is None else bias % 64
        cast = (x.astype(dtype), w.astype(dtype), None if bias is None else bias.astype(dtype))
        plan = plan_for(case, *cast, name)
        if plan is None:
            return
        ran += 1
        output = execute(plan, *cast)
        assert output.tolist() == case.sums(x, w, bias).value.tolist()

    check()
    assert ran > 50


@pytest.mark.parametrize(("op", "name"), ALL)
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_threads_change_no_bit(op: Op, name: str, dtype: str) -> None:
    rng, threads = np.random.default_rng(1), team.size
    setting = Setting(op, (70, 90), 3, in_channels=16, kernel_channels=(16, 16), padding=1, batch=2)
    x, w = (rng.integers(-999, 999, shape).astype(dtype) / (1 if dtype == "int64" else 7) for shape in SHAPES)
    plan = plan_of(describe(setting), np.dtype(dtype))
    algorithm = next(algorithm for algorithm in ALGORITHMS[op] if algorithm.name == name)
    if not algorithm.fits(plan.problem, plan.axes, plan_dtype := np.dtype(dtype)):
        assert plan_dtype.kind == "i"
        return
    outputs = []
    try:
        for size in (1, 2, 3):
            team.resize(size)
            outputs.append(execute(replace(plan, algorithm=algorithm), x.astype(dtype), w.astype(dtype)).tobytes())
    finally:
        team.resize(threads)
    assert len(set(outputs)) == 1


SHAPES = ((2, 16, 70, 90), (16, 16, 3, 3))
