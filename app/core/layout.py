"""How a request's tensors are laid out, told from their ranks (channels first).

| kernel rank | input rank | form |
| --- | --- | --- |
| N (1 or 2; 3 with spatial_dims) | N | bare: one channel, no batch |
| N + 2 | N + 1 | channels, no batch |
| N + 2 | N + 2 | batch and channels |

The core computes on rank N + 2 alone; `Layout` takes a tensor there and back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.errors import Fault, ProblemError
from app.core.text import Text, say

Array = NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """N spatial dimensions, with or without channels (`bare`), with or without a batch."""

    spatial_dims: int
    bare: bool
    batched: bool

    @property
    def leading(self) -> int:
        """How many axes of a sample tensor come before the spatial ones: 0, 1 or 2."""
        return 0 if self.bare else 1 + self.batched

    def full_input_shape(self, shape: Shape) -> Shape:
        """(batch, channels, *size) for an input shape in this layout."""
        return (1,) * (2 - self.leading) + shape

    def full_kernel_shape(self, shape: Shape) -> Shape:
        """(channels, channels, *kernel) for a kernel shape in this layout."""
        return ((1, 1) if self.bare else ()) + shape

    def form(self, full: Array) -> Array:
        """A (batch, channels, *size) tensor in the request's own form."""
        return full.reshape(self.form_shape(full.shape))

    def form_shape(self, full: Shape) -> Shape:
        """The shape that a (batch, channels, *size) tensor has in the request's form."""
        return full[2 - self.leading :]

    def kernel_form(self, full: Array) -> Array:
        """A kernel of rank N + 2 in the request's own form: its spatial axes alone when bare."""
        return full.reshape(full.shape[2:] if self.bare else full.shape)

    def index(self, batch: int, channel: int, position: Shape) -> list[int]:
        """The index of one element of a tensor in the request's form."""
        return [batch, channel, *position][2 - self.leading :]


def layout_of(input_shape: Shape, kernel_shape: Shape, spatial_dims: int | None = None) -> Layout:
    """The layout that the ranks mean.

    Raises:
        ProblemError: `wrong_rank` at the tensor whose rank has no place in the table.
    """
    kernel_rank, input_rank = len(kernel_shape), len(input_shape)
    n = spatial_dims if spatial_dims is not None else _spatial_dims(kernel_rank)
    if kernel_rank not in (n, n + 2):
        raise ProblemError([_kernel_rank_fault(kernel_rank, n)])
    bare = kernel_rank == n
    if bare and input_rank == n:
        return Layout(n, bare=True, batched=False)
    if not bare and input_rank in (n + 1, n + 2):
        return Layout(n, bare=False, batched=input_rank == n + 2)
    raise ProblemError([_input_rank_fault(input_rank, kernel_rank, n, bare=bare)])


def _spatial_dims(kernel_rank: int) -> int:
    if not 1 <= kernel_rank <= 5:
        message = say(
            "the kernel has rank {rank}; it must be 1 or 2 (bare) or 3 to 5 "
            "(channels, channels and 1 to 3 spatial dimensions)",
            rank=kernel_rank,
        )
        raise ProblemError([_rank_fault("kernel", message, kernel_rank, 1, 5)])
    return kernel_rank if kernel_rank <= 2 else kernel_rank - 2


def _rank_fault(field: str, message: Text, rank: int, low: int, high: int) -> Fault:
    return Fault((field,), "wrong_rank", message, given=rank, allowed={"min": low, "max": high})


def _kernel_rank_fault(rank: int, n: int) -> Fault:
    message = say(
        "the kernel has rank {rank}; with spatial_dims {n} it must be {n} (bare) or {channels} "
        "(two channel axes first)",
        rank=rank,
        n=n,
        channels=n + 2,
    )
    return Fault(("kernel",), "wrong_rank", message, given=rank, allowed=[n, n + 2])


def _input_rank_fault(rank: int, kernel_rank: int, n: int, *, bare: bool) -> Fault:
    if bare:
        message = say(
            "the input has rank {rank} and the bare kernel rank {n}: they must be equal; for channels "
            "give the kernel two channel axes first",
            rank=rank,
            n=n,
        )
        return _rank_fault("input", message, rank, n, n)
    message = say(
        "the input has rank {rank}; with a kernel of rank {kernel_rank} ({n} spatial dimensions) it must be "
        "{low} (channels first) or {high} (batch and channels first)",
        rank=rank,
        kernel_rank=kernel_rank,
        n=n,
        low=n + 1,
        high=n + 2,
    )
    return _rank_fault("input", message, rank, n + 1, n + 2)


def as_full(layout: Layout, input_: Array, kernel: Array, bias: Array | None) -> tuple[Array, Array, Array | None]:
    """Input, kernel and bias at rank N + 2, as views of the same memory."""
    return (
        input_.reshape(layout.full_input_shape(input_.shape)),
        kernel.reshape(layout.full_kernel_shape(kernel.shape)),
        None if bias is None else np.atleast_1d(bias),
    )
