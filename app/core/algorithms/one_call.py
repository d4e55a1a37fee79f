"""Operations in one compiled call, where the computation takes less than what stands around it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.core.jit import Kernel
from app.core.layout import Array
from app.core.problem import Problem


class OneCall:
    """A small operation in one dtype, for any arrays of its shapes.

    The `kernel` takes input, kernel, bias and output, all flat, and what `make` makes of the shapes. It says whether
    what it wrote is the answer.
    """

    __slots__ = ("_dtype", "_kernel", "_made", "_make", "_no_bias", "_output_shape")

    def __init__(
        self, problem: Problem, dtype: np.dtype[np.generic], kernel: Kernel, make: Callable[[], tuple[Array, ...]]
    ) -> None:
        self._dtype = dtype
        self._kernel = kernel
        self._no_bias = np.zeros(problem.out_channels, dtype)
        self._output_shape = problem.output_shape
        self._make = make
        self._made: tuple[Array, ...] | None = None  # when it is used: many operations are only asked for their price

    def run(self, x: Array, w: Array, bias: Array | None) -> Array | None:
        """The output (batch, out_channels, *output_size), from arrays in the problem's own layout.

        None where these arrays need more care: they lie otherwise in memory than row by
        row, or the answer may not fit the dtype.
        """
        dtype = self._dtype
        if bias is None:
            bias = self._no_bias
        elif bias.dtype is not dtype or not bias.flags.carray:
            return None
        if x.dtype is not dtype or w.dtype is not dtype or not x.flags.carray or not w.flags.carray:
            return None
        if self._made is None:
            self._made = self._make()
        out: Array = np.empty(self._output_shape, dtype)
        fits = self._kernel(x.ravel(), w.ravel(), bias.ravel(), out.ravel(), *self._made)
        return out if fits else None
