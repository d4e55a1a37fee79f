"""What a view is given, and what one of its steps holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.core.layout import Array, Layout
from app.core.problem import Problem
from app.core.text import Text


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

    `sources` names what it follows from: earlier steps of the same view, and fields of
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
