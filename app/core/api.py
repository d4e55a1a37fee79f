"""The public face of the core: three functions, whose settings have PyTorch's names where it has them too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from app.core.algorithms.taps import CACHED_KERNEL
from app.core.arguments import arrays_of, fitting, flag, frozen
from app.core.checks import check_despite
from app.core.errors import Fault, ProblemError
from app.core.execute import execute
from app.core.findings import Findings
from app.core.geometry import Op
from app.core.layout import Array
from app.core.plan import Plan, plan_of
from app.core.problem import DTYPES, Method, Problem, Setting
from app.core.text import say

IntOrInts = int | Sequence[int]
PaddingLike = int | str | Sequence[int] | Sequence[Sequence[int]]


def conv(
    x: ArrayLike,
    w: ArrayLike,
    *,
    bias: ArrayLike | None = None,
    stride: IntOrInts = 1,
    padding: PaddingLike = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip_kernel: bool = False,
    method: Method = "auto",
) -> Array:
    """Convolution of x (batch, C_in, *size) with w (C_out, C_in/groups, *kernel_size).

    Returns (batch, C_out, *output), output = ⌊(i + p_before + p_after − kₑ)/s⌋ + 1 in each
    dimension. `padding` is a number, one number or (before, after) pair a dimension, or
    "valid", "same", "same_lower" or "full". `method="direct"` keeps to algorithms that sum
    the products themselves.

    Raises:
        ProblemError: arrays or settings do not fit; its `faults` name each field.
        TooCostlyError: stride, dilation and padding reach over more places than int64 counts.
        OverflowingError: the result does not fit the dtype.
        MemoryError: there is not enough for the output, or for what the algorithm works in.
    """
    asked = (
        stride if type(stride) is int else frozen(stride),
        padding if type(padding) is int else frozen(padding),
        dilation if type(dilation) is int else frozen(dilation),
        groups if type(groups) is int else frozen(groups),
        padding_mode,
        flip_kernel if flip_kernel is False or flip_kernel is True else flag(flip_kernel),
        method,
    )
    return _compute("conv", x, w, bias, asked)


def conv_transpose(
    x: ArrayLike,
    w: ArrayLike,
    *,
    bias: ArrayLike | None = None,
    stride: IntOrInts = 1,
    padding: PaddingLike = 0,
    output_padding: IntOrInts = 0,
    output_size: Sequence[int] | None = None,
    dilation: IntOrInts = 1,
    groups: int = 1,
    flip_kernel: bool = False,
    method: Method = "auto",
) -> Array:
    """Transposed convolution of x (batch, C_in, *size) with w (C_in, C_out/groups, *kernel_size).

    Returns (batch, C_out, *output): each input element spreads the kernel over a full map of
    (i − 1)s + kₑ, and (p_before, p_after − output_padding) is cropped off it. `output_size`
    chooses the output_padding.

    Raises:
        ProblemError: arrays or settings do not fit; its `faults` name each field.
        TooCostlyError: stride, dilation and padding reach over more places than int64 counts.
        OverflowingError: the result does not fit the dtype.
        MemoryError: there is not enough for the output, or for what the algorithm works in.
    """
    asked = (
        stride if type(stride) is int else frozen(stride),
        padding if type(padding) is int else frozen(padding),
        dilation if type(dilation) is int else frozen(dilation),
        groups if type(groups) is int else frozen(groups),
        output_padding if type(output_padding) is int else frozen(output_padding),
        None if output_size is None else frozen(output_size),
        flip_kernel if flip_kernel is False or flip_kernel is True else flag(flip_kernel),
        method,
    )
    return _compute("conv_transpose", x, w, bias, asked)


def output_size(
    op: Op,
    input_size: Sequence[int],
    kernel_size: IntOrInts,
    *,
    stride: IntOrInts = 1,
    padding: PaddingLike = 0,
    padding_mode: str = "zeros",
    dilation: IntOrInts = 1,
    output_padding: IntOrInts = 0,
    output_size: Sequence[int] | None = None,
    groups: int = 1,
    batch: int = 1,
    in_channels: int = 1,
    out_channels: int = 1,
    bias: bool = False,
) -> Problem:
    """The sizes and counts of an operation ("conv" or "conv_transpose"), without any array.

    Raises:
        ProblemError: the settings do not fit; its `faults` name each field.
    """
    asked = {
        "input_size": frozen(input_size),
        "kernel_size": frozen(kernel_size),
        "stride": frozen(stride),
        "padding": frozen(padding),
        "dilation": frozen(dilation),
        "output_padding": frozen(output_padding),
        "output_size": None if output_size is None else frozen(output_size),
        "groups": frozen(groups),
        "batch": frozen(batch),
        "in_channels": frozen(in_channels),
        "out_channels": frozen(out_channels),
        "bias": flag(bias),
    }
    findings = Findings()
    fields = fitting(asked | {"op": op, "padding_mode": padding_mode}, findings)
    if not findings.sound("op", "input_size"):  # all else is checked with these
        raise ProblemError(findings.faults)
    return check_despite(Setting(**({"kernel_size": 1} | fields)), findings)


Shape = tuple[int, ...]
DType = np.dtype[Any]

#: The settings of each operation in the order in which they are passed on.
_ASKED: dict[Op, tuple[str, ...]] = {
    "conv": ("stride", "padding", "dilation", "groups", "padding_mode", "flip_kernel", "method"),
    "conv_transpose": (
        *("stride", "padding", "dilation", "groups"),
        *("output_padding", "output_size", "flip_kernel", "method"),
    ),
}


def _compute(op: Op, x: ArrayLike, w: ArrayLike, bias: ArrayLike | None, asked: tuple[Any, ...]) -> Array:
    """What the arrays and settings ask for; all that stands before the computation is one look-up."""
    if type(x) is not ndarray or type(w) is not ndarray or (bias is not None and type(bias) is not ndarray):
        x, w, bias = arrays_of(x, w, bias)
    of_bias = None if bias is None else (bias.shape, bias.dtype)
    call = (op, x.shape, x.dtype, w.shape, w.dtype, of_bias, asked)
    try:
        plan = _kept_plan(*call)
    except TypeError:  # a setting that is no key to what is kept
        plan = None
    return execute(plan or _plan(*call), x, w, bias)


@lru_cache(maxsize=1024)
def _kept_plan(
    op: Op, x: Shape, x_dtype: DType, w: Shape, w_dtype: DType, bias: tuple[Shape, DType] | None, asked: tuple[Any, ...]
) -> Plan | None:
    """The plan of a call; None where it would grow with what a client chose to be large."""
    return None if max(w[2:], default=0) > CACHED_KERNEL else _plan(op, x, x_dtype, w, w_dtype, bias, asked)


def _plan(
    op: Op, x: Shape, x_dtype: DType, w: Shape, w_dtype: DType, bias: tuple[Shape, DType] | None, asked: tuple[Any, ...]
) -> Plan:
    """The plan of a call, from its shapes, dtypes and settings.

    Raises:
        ProblemError: they do not fit.
    """
    if not 3 <= len(w) <= 5 or len(x) != len(w):
        raise ProblemError([_rank_fault(len(x), len(w))])
    dtypes = [x_dtype, w_dtype, *([bias[1]] if bias else [])]
    if x_dtype.name not in DTYPES or len({dtype.name for dtype in dtypes}) > 1:
        raise ProblemError([_dtype_fault(dtypes)])
    if 0 in x or 0 in w:
        message = say("every dimension must be at least 1")
        raise ProblemError([Fault(("input" if 0 in x else "kernel",), "empty", message)])
    findings = Findings()
    setting = Setting(
        op,
        x[2:],
        w[2:],
        batch=x[0],
        in_channels=x[1],
        kernel_channels=(w[0], w[1]),
        bias=bias[0] if bias else False,
        **fitting(dict(zip(_ASKED[op], asked, strict=True)), findings),
    )
    return plan_of(check_despite(setting, findings), np.dtype(x_dtype.name))


def _rank_fault(x: int, w: int) -> Fault:
    message = say("input and kernel must both have rank 3, 4 or 5; they have {x} and {w}", x=x, w=w)
    if x == w - 1 and 3 <= w <= 5:
        remedy = say("to a single sample add a batch axis: {change}", change="x[None]")
        message = say("{mismatch}; {remedy}", mismatch=message, remedy=remedy)
    return Fault(("input" if 3 <= w <= 5 else "kernel",), "wrong_rank", message)


def _dtype_fault(dtypes: Sequence[DType]) -> Fault:
    message = say(
        "input, kernel and bias must share one dtype of {dtypes}; they have {given}: convert them, as by {remedy}",
        dtypes=", ".join(DTYPES),
        given=", ".join(dtype.name for dtype in dtypes),
        remedy=f'x.astype("{_nearest(dtypes)}")',
    )
    return Fault(("dtype",), "dtype_mismatch", message)


def _nearest(dtypes: Sequence[DType]) -> str:
    """The widest of those that are given; where none can be taken, the one that holds most of what they hold."""
    taken = [dtype.name for dtype in dtypes if dtype.name in DTYPES]
    if taken:
        return max(taken, key=DTYPES.index)
    if all(dtype.kind in "biu" for dtype in dtypes):
        return "int64"
    return "float32" if all(dtype.itemsize <= 4 for dtype in dtypes) else "float64"
