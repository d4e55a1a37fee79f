"""One operation with its numbers, as every script is written from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from app.core.geometry import Pair
from app.core.layout import Array, Layout
from app.core.problem import Problem

#: The names of the spatial axes in scripts: of an output element, and of a tap of the kernel.
PLACES, TAPS = "ijk", "uvw"


@dataclass(frozen=True)
class Layer:
    """One operation: `input` and `kernel` in the request's own form, `bias` of shape (C_out,).

    All are of one dtype: int64, float32 or float64.
    """

    problem: Problem
    layout: Layout
    input: Array
    kernel: Array
    bias: Array | None

    @property
    def n(self) -> int:
        """N, the number of spatial dimensions."""
        return self.problem.spatial_dims

    @property
    def dtype(self) -> str:
        """The dtype's name, which NumPy, PyTorch and JAX share."""
        return self.input.dtype.name

    @property
    def whole(self) -> bool:
        """Whether the numbers are whole: int64."""
        return self.input.dtype.kind == "i"

    @property
    def transposed(self) -> bool:
        """Whether this is a transposed convolution."""
        return self.problem.op == "conv_transpose"

    @property
    def places(self) -> str:
        """A letter for each spatial axis."""
        return PLACES[: self.n]

    @property
    def taps(self) -> str:
        """A letter for each axis of the kernel."""
        return TAPS[: self.n]

    @property
    def reach(self) -> tuple[int, ...]:
        """The effective kernel of each dimension."""
        return tuple(dim.reach for dim in self.problem.dimensions)

    @property
    def dilated(self) -> bool:
        """Whether there is any dilation."""
        return any(d > 1 for d in self.problem.dilation)

    @property
    def strided(self) -> bool:
        """Whether there is any stride."""
        return any(s > 1 for s in self.problem.stride)

    @property
    def padded(self) -> bool:
        """Whether a convolution has any padding."""
        return any(any(pair) for pair in self.problem.padding)

    @property
    def same(self) -> str | None:
        """The word for padding with zeros by a rule of size: "same", "same_lower" or None."""
        word = self.problem.dimensions[0].padding_word
        return word if word in ("same", "same_lower") and self.problem.padding_mode == "zeros" else None

    @property
    def cut(self) -> tuple[Pair, ...]:
        """(start, stop) of the output on the full map, in each dimension (transposed convolution)."""
        return tuple((dim.crop[0], dim.crop[0] + dim.output) for dim in self.problem.dimensions)

    @property
    def bias_term(self) -> str:
        """` + bias`, laid along the channels of the request's form; nothing where there is none."""
        if self.bias is None:
            return ""
        return " + bias" if self.layout.bare else f" + bias[:{', None' * self.n}]"

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The output's shape in the request's form."""
        return self.layout.form_shape(self.problem.output_shape)


def numbers(problem: Problem) -> int:
    """How many numbers a script writes down: input, kernel and bias."""
    return problem.input_elements + problem.parameters


def largest_tensor(problem: Problem) -> int:
    """Elements of the largest tensor that a script makes on its way.

    That is the padded input, the input with zeros after its elements, the full map before
    its crop, or the dilated kernel: each framework makes some of them.
    """
    dims = problem.dimensions
    kernel = math.prod(problem.kernel_shape[:2]) * math.prod(dim.reach for dim in dims)
    if problem.op == "conv":
        padded = math.prod(dim.input + sum(dim.padding) for dim in dims)
        return max(kernel, problem.batch * problem.in_channels * padded)
    full = math.prod(max(dim.full + dim.output_padding, dim.input * dim.stride) for dim in dims)
    return max(kernel, problem.batch * max(problem.in_channels, problem.out_channels) * full)
