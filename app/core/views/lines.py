"""Places on padded and extended lines: what stands at each, for one dimension or all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.core.geometry import Dimension, Pair
from app.core.layout import Array
from app.core.problem import Problem

Indices = NDArray[np.int64]


def sources(places: Indices, size: int, padding_mode: str) -> Indices:
    """Which of `size` elements stands at each place of their padded line; −1 is a zero.

    Place 0 is the first element, so places in the padding before it are negative.
    """
    if padding_mode == "reflect":
        inside = np.abs(places)
        return np.where(inside < size, inside, 2 * (size - 1) - inside)
    if padding_mode == "replicate":
        return np.clip(places, 0, size - 1)
    if padding_mode == "circular":
        return places % size
    return np.where((places >= 0) & (places < size), places, -1)


def met(dim: Dimension, movers: Indices) -> Indices:
    """Which element each tap of the kernel meets when it is laid down for a mover; −1 is none.

    The movers of a convolution are its outputs, and they meet inputs; in a transposed
    convolution the inputs move and meet outputs. Shape (movers, kernel).
    """
    places = movers[:, None] * dim.stride + np.arange(dim.kernel) * dim.dilation - dim.padding[0]
    return sources(places, dim.input if dim.op == "conv" else dim.output, dim.padding_mode)


def padded(x: Array, problem: Problem) -> Array:
    """x (batch, channels, *size) with a convolution's padding around it."""
    if problem.padding_mode == "zeros":
        return window(x, problem.padding)
    for axis, dim in enumerate(problem.dimensions, 2):
        before, after = dim.padding
        places = np.arange(-before, dim.input + after)
        x = x.take(sources(places, dim.input, problem.padding_mode), axis)
    return x


def window(x: Array, pairs: Sequence[Pair]) -> Array:
    """The window [−before, length + after) of every spatial line, extended by zeros on both sides.

    x is (batch, channels, *size). A negative number crops, even beyond the line.
    """
    sizes = x.shape[2:]
    result = np.zeros(
        (*x.shape[:2], *(i + before + after for i, (before, after) in zip(sizes, pairs, strict=True))), x.dtype
    )
    taken, placed = [slice(None)] * 2, [slice(None)] * 2
    for i, (before, after) in zip(sizes, pairs, strict=True):
        start = max(0, -before)
        stop = max(start, min(i, i + after))
        taken.append(slice(start, stop))
        placed.append(slice(start + before, stop + before))
    result[tuple(placed)] = x[tuple(taken)]
    return result


def spread(x: Array, stride: Sequence[int]) -> Array:
    """x (batch, channels, *size) with stride − 1 zeros between neighbours: (i − 1)s + 1 places."""
    sizes = [(i - 1) * s + 1 for i, s in zip(x.shape[2:], stride, strict=True)]
    result = np.zeros((*x.shape[:2], *sizes), x.dtype)
    result[:, :, *(slice(None, None, s) for s in stride)] = x
    return result


def flipped(kernel: Array) -> Array:
    """A kernel of rank N + 2 reversed in every spatial direction."""
    return np.flip(kernel, tuple(range(2, kernel.ndim)))


def coverage_of(dim: Dimension) -> Indices:
    """How many stamps cover each place of a line of the whole map, (i − 1)s + kₑ + output_padding long."""
    places = np.arange(dim.input)[:, None] * dim.stride + np.arange(dim.kernel) * dim.dilation
    return np.bincount(places.ravel(), minlength=dim.full + dim.output_padding)
