"""The steps of an operation, ready to show: one file a view, one line in the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from app.core.layout import Array
from app.core.parallel import check_wanted
from app.core.problem import Problem
from app.core.views import matrix, scatter, sliding_window
from app.core.views.step import Operands, Step, View, finite

__all__ = ["VIEWS", "Operands", "Step", "View", "check_steps_fit", "step_bytes", "step_elements", "step_work", "steps"]

VIEWS: dict[str, View] = {
    "sliding_window": sliding_window.VIEW,
    "matrix": matrix.VIEW,
    "scatter": scatter.VIEW,
}


def steps(operands: Operands, views: Sequence[str]) -> list[Step]:
    """The steps of each view, in the order asked.

    Each view must be one that takes the operation (`View.operations`). Tensors are in the
    request's form and lie row by row in memory; the last one of each view is the output's.

    Raises:
        OverflowingError: `int64_overflow` or `float_overflow` at `steps`.
        AbandonedError: nobody waits for them any more.
    """
    problem = operands.problem
    check_steps_fit(problem, operands.input, operands.kernel, views)
    with np.errstate(over="ignore", invalid="ignore"):
        found = [step for name in views for step in VIEWS[name].steps(operands)]
        check_wanted()
        return list(map(_checked, found))


def _checked(step: Step) -> Step:
    """The step with finite numbers alone, row by row in memory."""
    extra = {name: finite(value) if isinstance(value, np.ndarray) else value for name, value in step.extra.items()}
    return replace(step, tensor=finite(step.tensor), extra=extra)


def step_elements(problem: Problem, views: Sequence[str]) -> int:
    """How many elements the steps have: tensors, windows, products and sums."""
    return sum(VIEWS[name].elements(problem) for name in views)


def step_bytes(problem: Problem, views: Sequence[str], written: int, copies: int = 0) -> int:
    """The memory that steps take at most: to make them, and as JSON with so many bytes for each number.

    With `copies` the tensors are no part of the JSON, which is there so many times.
    """
    texts = (VIEWS[name].listed(problem) * copies if copies else VIEWS[name].elements(problem) for name in views)
    return sum(VIEWS[name].bytes(problem) for name in views) + written * sum(texts)


def step_work(problem: Problem, views: Sequence[str], kernel: Array | None = None) -> int:
    """Multiply-adds that the steps take at most, the rank of the matrix included.

    The proof of an int64 rank takes longer the larger the numbers are: without the kernel
    they count as the largest. With it (any shape, the operation's dtype) its largest
    number counts, and in floats the cost of the singular values.
    """
    return sum(VIEWS[name].work(problem, kernel) for name in views)


def check_steps_fit(problem: Problem, x: Array, kernel: Array, views: Sequence[str]) -> None:
    """Refuse int64 operands (at rank N + 2) whose steps do not fit, though the output may.

    `steps` does so too. It takes memory like the steps do: ask for `step_elements` first.

    Raises:
        OverflowingError: `int64_overflow` at `steps`: Σ|x·w| of a place of scatter's whole
            map, or Σ|w| of an element of C.
    """
    if x.dtype.kind == "i":
        for name in views:
            VIEWS[name].check_fits(problem, x, kernel)
