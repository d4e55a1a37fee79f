"""One frozen description of one operation: as it was asked, and resolved to numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Literal

from app.core.geometry import Coverage, Dimension, Op, Pair

Ints = int | tuple[int, ...]
Padding = int | str | tuple[int, ...] | tuple[Pair, ...]
Method = Literal["auto", "direct"]

OPS: tuple[Op, ...] = ("conv", "conv_transpose")
DTYPES = ("int64", "float32", "float64")
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
PADDING_WORDS = {"conv": ("valid", "same", "same_lower", "full"), "conv_transpose": ("valid", "same", "same_lower")}
METHODS: tuple[Method, ...] = ("auto", "direct")


@dataclass(frozen=True)
class Setting:
    """One operation as it was asked, not yet checked; hashable, so that it is checked once.

    `kernel_channels` are the kernel's own two channel axes where there is a kernel;
    without one (`/v1/output-size`) the counts are `in_channels` and `out_channels`.
    `bias` is its shape, or whether there is one. `ambiguous_volume` marks an input and
    a kernel of rank 3, which could have been meant as a bare 3-D volume.
    """

    op: Op
    input_size: tuple[int, ...]
    kernel_size: Ints
    stride: Ints = 1
    padding: Padding = 0
    dilation: Ints = 1
    output_padding: Ints = 0
    output_size: tuple[int, ...] | None = None
    groups: int = 1
    batch: int = 1
    in_channels: int = 1
    out_channels: int = 1
    kernel_channels: tuple[int, int] | None = None
    bias: bool | tuple[int, ...] = False
    padding_mode: str = "zeros"
    flip_kernel: bool = False
    method: Method = "auto"
    ambiguous_volume: bool = False


@dataclass(frozen=True)
class Problem:
    """One convolution or transposed convolution, with everything resolved to numbers.

    Shapes: input (batch, in_channels, *input_size); kernel (out_channels,
    in_channels/groups, *kernel_size) for conv and (in_channels, out_channels/groups,
    *kernel_size) for conv_transpose; output (batch, out_channels, *output_size).
    """

    op: Op
    dimensions: tuple[Dimension, ...]
    batch: int = 1
    in_channels: int = 1
    out_channels: int = 1
    groups: int = 1
    padding_mode: str = "zeros"
    flip_kernel: bool = False
    bias: bool = False
    method: Method = "auto"

    def __hash__(self) -> int:
        """Worked out once: a problem is the key to its plan and to its geometry."""
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(getattr(self, field.name) for field in fields(self)))

    @property
    def spatial_dims(self) -> int:
        """N, the number of spatial dimensions."""
        return len(self.dimensions)

    @cached_property
    def input_size(self) -> tuple[int, ...]:
        """The spatial size of the input."""
        return tuple(dim.input for dim in self.dimensions)

    @cached_property
    def kernel_size(self) -> tuple[int, ...]:
        """The spatial size of the kernel."""
        return tuple(dim.kernel for dim in self.dimensions)

    @cached_property
    def output_size(self) -> tuple[int, ...]:
        """The spatial size of the output."""
        return tuple(dim.output for dim in self.dimensions)

    @property
    def stride(self) -> tuple[int, ...]:
        """The stride of each dimension."""
        return tuple(dim.stride for dim in self.dimensions)

    @property
    def dilation(self) -> tuple[int, ...]:
        """The dilation of each dimension."""
        return tuple(dim.dilation for dim in self.dimensions)

    @property
    def padding(self) -> tuple[Pair, ...]:
        """(before, after) of each dimension; words are resolved to their numbers."""
        return tuple(dim.padding for dim in self.dimensions)

    @property
    def output_padding(self) -> tuple[int, ...]:
        """The output padding of each dimension (transposed convolution)."""
        return tuple(dim.output_padding for dim in self.dimensions)

    @property
    def crop(self) -> tuple[Pair, ...]:
        """What is taken off the full map in each dimension (transposed convolution)."""
        return tuple(dim.crop for dim in self.dimensions)

    @property
    def full_size(self) -> tuple[int, ...]:
        """The size of the full map (transposed convolution)."""
        return tuple(dim.full for dim in self.dimensions)

    @cached_property
    def input_shape(self) -> tuple[int, ...]:
        """(batch, in_channels, *input_size)."""
        return (self.batch, self.in_channels, *self.input_size)

    @cached_property
    def output_shape(self) -> tuple[int, ...]:
        """(batch, out_channels, *output_size)."""
        return (self.batch, self.out_channels, *self.output_size)

    @cached_property
    def kernel_shape(self) -> tuple[int, ...]:
        """The kernel's shape in the operation's own layout."""
        if self.op == "conv":
            return (self.out_channels, self.in_group, *self.kernel_size)
        return (self.in_channels, self.out_group, *self.kernel_size)

    @cached_property
    def in_group(self) -> int:
        """C_in/groups, the input channels of a group."""
        return self.in_channels // self.groups

    @cached_property
    def out_group(self) -> int:
        """C_out/groups, the output channels of a group."""
        return self.out_channels // self.groups

    @cached_property
    def input_elements(self) -> int:
        """Elements of the input."""
        return math.prod(self.input_shape)

    @cached_property
    def kernel_elements(self) -> int:
        """Weights of the kernel."""
        return math.prod(self.kernel_shape)

    @cached_property
    def output_elements(self) -> int:
        """Elements of the output."""
        return math.prod(self.output_shape)

    @cached_property
    def pads_by_copying(self) -> bool:
        """Whether its padding holds copies of inputs, not zeros."""
        return self.padding_mode != "zeros" and any(any(pair) for pair in self.padding)

    @property
    def parameters(self) -> int:
        """Weights, and biases where there are any."""
        return self.kernel_elements + (self.out_channels if self.bias else 0)

    @cached_property
    def macs(self) -> int:
        """Multiply-adds: taps on padding or cropped away count, inserted zeros do not."""
        elements = self.output_elements if self.op == "conv" else self.input_elements
        return elements * math.prod(self.kernel_shape[1:])

    @cached_property
    def work(self) -> int:
        """`macs`, or the output's elements where these are more: what it takes at least, in multiply-adds."""
        return max(self.macs, self.output_elements)

    @cached_property
    def coverage(self) -> Coverage:
        """How many stamps reach an interior output element, over all dimensions."""
        each = [dim.coverage for dim in self.dimensions]
        return Coverage(math.prod(c.min for c in each), math.prod(c.max for c in each))

    @property
    def checkerboard(self) -> bool:
        """Whether output elements are covered unevenly."""
        return self.coverage.min != self.coverage.max
