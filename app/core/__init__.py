"""Convolution, transposed convolution and their sizes, on NumPy arrays.

    >>> import numpy as np
    >>> from app.core import conv, conv_transpose, output_size
    >>> x = np.arange(1, 5).reshape(1, 1, 2, 2)
    >>> w = np.arange(1, 10).reshape(1, 1, 3, 3)
    >>> conv_transpose(x, w, stride=2, padding=1)[0, 0]
    array([[ 5, 14, 10],
           [14, 36, 24],
           [15, 34, 20]])
    >>> output_size("conv_transpose", (2, 2), 3, stride=2, padding=1).output_size
    (3, 3)

"Convolution" is what deep learning calls so, cross-correlation; `flip_kernel=True` gives
the mathematical one. Work is spread over threads of its own. Arrays are (batch, channels,
*size) in one to three dimensions and keep their dtype: float32, float64, or int64 with
exact results. Settings that PyTorch has too have its names and meanings.
"""

from __future__ import annotations

from app.core.api import conv, conv_transpose, output_size
from app.core.errors import Fault, OverflowingError, ProblemError, TooCostlyError
from app.core.problem import Problem

__all__ = [
    "Fault",
    "OverflowingError",
    "Problem",
    "ProblemError",
    "TooCostlyError",
    "conv",
    "conv_transpose",
    "output_size",
]
