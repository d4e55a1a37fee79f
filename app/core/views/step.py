"""What a view is given, what one of its steps holds, and what a view is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.core.errors import Fault, OverflowingError
from app.core.geometry import Op
from app.core.layout import Array, Layout
from app.core.problem import Problem
from app.core.text import Text, say

LARGEST_INT64 = 2**63 - 1


@dataclass(frozen=True)
class Operands:
    """One computed operation: the problem, its tensors at rank N + 2, and their layout.

    Shapes: `input`, `kernel` and `output` as in `Problem`; `bias` (out_channels) or None.
    All of one dtype.
    """

    problem: Problem
    layout: Layout
    input: Array
    kernel: Array
    bias: Array | None
    output: Array


@dataclass(frozen=True)
class Step:
    """One step to show.

    `sources` names what it follows from: earlier steps of the same view, and tensors of
    the request. `tensor` is in the request's own form. `extra` holds what this step
    alone has (`windows`, `rank`, `origins`, …): JSON-like values and arrays.
    """

    view: str
    name: str
    sources: tuple[str, ...]
    title: Text
    detail: Text
    tensor: Array
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """One way to show an operation, and what showing it costs.

    `elements`, `listed` (those of them that stand in lists beside the tensors), `bytes` (the
    memory to make them and for what the lists hold beside them) and `work` (multiply-adds) are
    told from shapes alone, before anything is allocated; `work` may look at the kernel's largest
    number. `check_fits` refuses int64 operands whose steps do not fit.
    """

    operations: tuple[Op, ...]
    steps: Callable[[Operands], list[Step]]
    elements: Callable[[Problem], int]
    listed: Callable[[Problem], int]
    bytes: Callable[[Problem], int]
    work: Callable[[Problem, Array | None], int]
    check_fits: Callable[[Problem, Array, Array], None]


def finite(array: Array) -> Array:
    """The array itself, row by row in memory.

    Raises:
        OverflowingError: a float in it has become infinite.
    """
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        message = say(
            "a number in the steps is too large for {dtype}: use smaller numbers or leave the steps out",
            dtype=array.dtype.name,
        )
        raise OverflowingError([Fault(("steps",), "float_overflow", message)])
    return np.ascontiguousarray(array)


def largest_magnitude(array: Array) -> int:
    """max |a| of whole numbers, as a Python int: abs(−2^63) wraps in int64."""
    return max(int(array.max()), -int(array.min()))


def int64_fault(view: str, would_be: int) -> OverflowingError:
    """The refusal of a view whose sums would leave int64."""
    message = say(
        "in the view {view} products of magnitude up to {would_be} would be summed; int64 holds up to {limit}: "
        "use smaller numbers, a float dtype, or leave this view out",
        view=view,
        would_be=would_be,
        limit=LARGEST_INT64,
    )
    return OverflowingError([Fault(("steps",), "int64_overflow", message, limit=LARGEST_INT64, would_be=would_be)])
