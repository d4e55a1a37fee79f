"""Runs one algorithm on a problem, whether or not the plan would take it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.algorithms.padding import pad_input
from app.core.algorithms.taps import axes_of
from app.core.checks import describe
from app.core.problem import Problem, Setting
from tests.core.strategies import Op

Array = NDArray[Any]
Shape = tuple[int, ...]


def problem_of(op: Op, x: Shape, w: Shape, bias: bool, options: dict[str, Any]) -> Problem:
    """The problem of arrays of these shapes, with batch and channels."""
    channels = (w[0], w[1])
    setting = Setting(op, x[2:], w[2:], batch=x[0], in_channels=x[1], kernel_channels=channels, bias=bias, **options)
    return describe(setting)


def run_alone(algorithm: ModuleType, problem: Problem, x: Array, w: Array, bias: Array | None = None) -> Array:
    """What an algorithm that fits answers, with no check of the answer."""
    pads = problem.padding_mode != "zeros"
    axes = axes_of(problem, padded=pads)
    assert algorithm.fits(problem, axes, x.dtype)
    x = pad_input(x, problem) if pads else x
    if problem.op == "conv_transpose":
        w = w.reshape(problem.groups, -1, *w.shape[1:]).swapaxes(1, 2)
    w = np.ascontiguousarray(w).reshape(problem.out_channels, -1, *(axis.kernel for axis in axes))
    x = x.reshape(problem.batch, problem.in_channels, *(axis.input for axis in axes))
    bias = np.zeros(problem.out_channels, x.dtype) if bias is None else bias
    out = np.empty((problem.batch, problem.out_channels, *(axis.output for axis in axes)), x.dtype)
    out[:] = 77  # whatever is not written shows
    algorithm.run(problem, axes, x, w, bias, out)
    return out.reshape(problem.output_shape)
