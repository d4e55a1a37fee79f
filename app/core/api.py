"""The public face of the core: three functions with PyTorch's argument names."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from app.core.algorithms.taps import CACHED_KERNEL
from app.core.checks import describe
from app.core.errors import Fault, ProblemError
from app.core.execute import execute
from app.core.geometry import Op
from app.core.layout import Array
from app.core.plan import Plan, plan_of
from app.core.problem import DTYPES, Method, Problem, Setting
from app.core.text import say

IntOrInts = int | Sequence[int]
PaddingLike = int | str | Sequence[int] | Sequence[Sequence[int]]


def conv(
    x: Array,
    w: Array,
    *,
    bias: Array | None = None,
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
        ProblemError: shapes or settings do not fit; its `faults` name each field.
        OverflowingError: the result does not fit the dtype.
    """
    asked = (
        stride if type(stride) is int else _frozen(stride),
        padding if type(padding) is int else _frozen(padding),
        dilation if type(dilation) is int else _frozen(dilation),
        groups if type(groups) is int else _frozen(groups),
        padding_mode,
        flip_kernel,
        method,
    )
    return _compute("conv", x, w, bias, asked)


def conv_transpose(
    x: Array,
    w: Array,
    *,
    bias: Array | None = None,
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
        ProblemError: shapes or settings do not fit; its `faults` name each field.
        OverflowingError: the result does not fit the dtype.
    """
    asked = (
        stride if type(stride) is int else _frozen(stride),
        padding if type(padding) is int else _frozen(padding),
        dilation if type(dilation) is int else _frozen(dilation),
        groups if type(groups) is int else _frozen(groups),
        output_padding if type(output_padding) is int else _frozen(output_padding),
        None if output_size is None else _frozen(output_size),
        flip_kernel,
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
        TypeError: a number is not whole.
    """
    return describe(
        Setting(
            op,
            _frozen(input_size),
            _frozen(kernel_size),
            stride=_frozen(stride),
            padding=_frozen(padding),
            dilation=_frozen(dilation),
            output_padding=_frozen(output_padding),
            output_size=None if output_size is None else _frozen(output_size),
            groups=operator.index(groups),
            batch=operator.index(batch),
            in_channels=operator.index(in_channels),
            out_channels=operator.index(out_channels),
            bias=bias,
            padding_mode=padding_mode,
        )
    )


def _frozen(value: Any) -> Any:
    """Lists as tuples, pairs too, and whole numbers of any kind as ints, so that a setting can be kept.

    Raises:
        TypeError: a number is not whole.
    """
    if type(value) is int or isinstance(value, str):
        return value
    if type(value) is tuple and {*map(type, value)} == {int}:
        return value
    if isinstance(value, Sequence) or (isinstance(value, np.ndarray) and value.ndim):
        return tuple(_frozen(entry) for entry in value)
    return operator.index(value)


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


def _compute(op: Op, x: Array, w: Array, bias: Array | None, asked: tuple[Any, ...]) -> Array:
    """What the arrays and settings ask for; all that stands before the computation is one look-up."""
    of_bias = None if bias is None else (bias.shape, bias.dtype)
    call = (op, x.shape, x.dtype, w.shape, w.dtype, of_bias, asked)
    return execute(_kept_plan(*call) or _plan(*call), x, w, bias)


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
    n = len(w) - 2
    if not 1 <= n <= 3 or len(x) != len(w):
        message = say("input and kernel must both have rank 3, 4 or 5; they have {x} and {w}", x=len(x), w=len(w))
        raise ProblemError([Fault(("input" if 1 <= n <= 3 else "kernel",), "wrong_rank", message)])
    names = [x_dtype.name, w_dtype.name, *([bias[1].name] if bias else [])]
    if names[0] not in DTYPES or len(set(names)) > 1:
        message = say(
            "input, kernel and bias must share one dtype of {dtypes}; they have {given}",
            dtypes=", ".join(DTYPES),
            given=", ".join(names),
        )
        raise ProblemError([Fault(("dtype",), "dtype_mismatch", message)])
    if 0 in x or 0 in w:
        message = say("every dimension must be at least 1")
        raise ProblemError([Fault(("input" if 0 in x else "kernel",), "empty", message)])
    setting = Setting(
        op,
        x[2:],
        w[2:],
        batch=x[0],
        in_channels=x[1],
        kernel_channels=(w[0], w[1]),
        bias=bias[0] if bias else False,
        **dict(zip(_ASKED[op], asked, strict=True)),
    )
    return plan_of(describe(setting), np.dtype(names[0]))
