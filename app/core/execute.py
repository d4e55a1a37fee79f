"""Runs a plan on arrays: the fast path, which knows no steps."""

from __future__ import annotations

import numpy as np

from app.core.algorithms.overflow import check_finite, check_int64
from app.core.algorithms.padding import pad_input
from app.core.layout import Array
from app.core.plan import Plan


def execute(plan: Plan, x: Array, w: Array, bias: Array | None = None) -> Array:
    """The output (batch, out_channels, *output_size) of a plan.

    x, w and bias have the problem's shapes and one dtype: float32, float64 or int64.

    Raises:
        OverflowingError: the answer does not fit the dtype.
    """
    problem, axes, dtype = plan.problem, plan.axes, x.dtype.newbyteorder("=")
    if plan.pads:
        x = pad_input(x, problem)
    x = _native(x).reshape(problem.batch, problem.in_channels, *(axis.input for axis in axes))
    w = _native(_output_channels_first(w, plan)).reshape(problem.out_channels, -1, *(axis.kernel for axis in axes))
    b = np.zeros(problem.out_channels, dtype) if bias is None else _native(bias)
    out: Array = np.empty((problem.batch, problem.out_channels, *(axis.output for axis in axes)), dtype)
    if dtype.kind == "i":
        check_int64(axes, x, w, b, out.shape)
    plan.algorithm.run(problem, axes, x, w, b, out)
    if dtype.kind == "f":
        check_finite(out)
    return out.reshape(problem.output_shape)


def _native(values: Array) -> Array:
    """Row-major and in the machine's byte order, as the kernels are compiled for."""
    return np.ascontiguousarray(values, values.dtype.newbyteorder("="))


def _output_channels_first(w: Array, plan: Plan) -> Array:
    """The kernel as (out_channels, in_channels/groups, *kernel_size) for both operations."""
    problem = plan.problem
    if problem.op == "conv":
        return w
    grouped = w.reshape(problem.groups, problem.in_channels // problem.groups, *w.shape[1:])
    return grouped.swapaxes(1, 2)
