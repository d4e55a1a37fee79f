"""Runs a plan on arrays: the fast path, which knows no steps."""

from __future__ import annotations

import numpy as np

from app.core.algorithms import separable
from app.core.algorithms.overflow import check_finite, check_int64
from app.core.algorithms.padding import pad_input
from app.core.layout import Array
from app.core.outputs import new_output
from app.core.plan import Plan
from app.core.problem import Problem


def execute(plan: Plan, x: Array, w: Array, bias: Array | None = None) -> Array:
    """The output (batch, out_channels, *output_size) of a plan.

    x, w and bias have the problem's shapes and one dtype: float32, float64 or int64.

    Raises:
        OverflowingError: the answer does not fit the dtype.
    """
    if plan.one_call is not None and (output := plan.one_call.run(x, w, bias)) is not None:
        return output
    plan, problem = chosen(plan, w), plan.problem
    asked = _native(x), _native(w)
    if x.dtype.kind == "i" or not plan.algorithm.as_asked:
        x, w = _as_axes(plan, *asked)
    dtype = asked[0].dtype
    b = np.zeros(problem.out_channels, dtype) if bias is None else _native(np.atleast_1d(bias))
    out = new_output(plan.output_shape, dtype)
    whole, looks = x.dtype.kind == "i", plan.algorithm.looks
    if whole and not looks:
        check_int64(plan.axes, x, w, b, out.shape, problem.macs)
    if plan.algorithm.as_asked:
        x, w = asked
    if not plan.algorithm.run(problem, plan.axes, x, w, b, out):
        if not whole:
            check_finite(out, problem.macs)
        elif looks:
            check_int64(plan.axes, x, w, b, out.shape, problem.macs)
    return out.reshape(problem.output_shape)


def chosen(plan: Plan, w: Array) -> Plan:
    """The plan for this very kernel: where it is of rank one, that may be another."""
    if plan.rank_one is not None and separable.applies(plan.axes, _output_channels_first(plan.problem, w)):
        return plan.rank_one
    return plan


def _output_channels_first(problem: Problem, w: Array) -> Array:
    """The kernel as (out_channels, in_channels/groups, *kernel_size) for both operations."""
    if problem.op == "conv":
        return w
    grouped = w.reshape(problem.groups, problem.in_group, *w.shape[1:])
    return grouped.swapaxes(1, 2).reshape(problem.out_channels, -1, *w.shape[2:])


def _native(values: Array) -> Array:
    """Row-major, aligned, writable and in the machine's byte order, as the kernels are compiled for.

    A copy costs less than kernels for arrays of another kind.
    """
    if values.flags.carray and values.dtype.isnative:
        return values
    return np.require(values, values.dtype.newbyteorder("="), ("C", "A", "W"))


def _as_axes(plan: Plan, x: Array, w: Array) -> tuple[Array, Array]:
    """Input and kernel along three axes: with the padding of a padding mode, and with output channels first."""
    problem = plan.problem
    if plan.pads:
        x = pad_input(x, problem)
    w = _output_channels_first(problem, w)
    return _native(x).reshape(plan.input_shape), _native(w).reshape(plan.kernel_shape)
