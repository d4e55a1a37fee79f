"""Both operations as slow and obviously right sums, written from the contract alone.

Numbers are Python ints or Fractions, so nothing rounds and nothing wraps; arrays only
hold them (dtype object). Beside every output element stand S, the same sum over absolute
values, and the number of products in it: what the promise about rounding is made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests import naive_sizes
from tests.naive_sizes import Ints, PaddingArgument, per_axis

Objects = NDArray[np.object_]
Index = tuple[int, ...]


def exact(array: NDArray[Any]) -> Objects:
    """The same numbers as Python ints, or as Fractions where the array holds floats."""
    convert = int if array.dtype.kind == "i" else Fraction
    flat = np.empty(array.size, object)
    flat[:] = [convert(value) for value in array.ravel().tolist()]
    return flat.reshape(array.shape)


@dataclass(frozen=True)
class Sums:
    """For each output element: its value, S = Σ|x·w| + |bias|, and how many terms it has."""

    value: Objects
    magnitude: Objects
    terms: NDArray[np.int64]

    @classmethod
    def empty(cls, shape: Index) -> Sums:
        return cls(np.full(shape, 0, object), np.full(shape, 0, object), np.zeros(shape, np.int64))

    def add(self, index: Index, term: Any) -> None:
        self.value[index] += term
        self.magnitude[index] += abs(term)
        self.terms[index] += 1

    def add_bias(self, bias: Objects | None) -> None:
        if bias is not None:
            for index in indices(self.value.shape):
                self.add(index, bias[index[1]])


def indices(shape: Index) -> Iterator[Index]:
    """Every index of an array of this shape, row-major."""
    return product(*(range(length) for length in shape))


def conv(
    x: Objects,
    w: Objects,
    *,
    bias: Objects | None = None,
    stride: Ints = 1,
    padding: PaddingArgument = 0,
    dilation: Ints = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip_kernel: bool = False,
) -> Sums:
    """Each output element is the sum of the products in its window."""
    n = x.ndim - 2
    size, kernel = x.shape[2:], w.shape[2:]
    strides, dilations = per_axis(stride, n), per_axis(dilation, n)
    pads = naive_sizes.conv_pads(size, kernel, strides, dilations, padding)
    output = [naive_sizes.conv_size(*axis) for axis in zip(size, kernel, strides, dilations, pads, strict=True)]
    sums = Sums.empty((x.shape[0], w.shape[0], *output))
    w = reverse_space(w) if flip_kernel else w
    for b, co, *place in indices(sums.value.shape):
        first_channel = co // (w.shape[0] // groups) * w.shape[1]
        for ci, *tap in indices(w.shape[1:]):
            source = [
                padded_source(o * s + k * d - before, i, padding_mode)
                for o, s, k, d, (before, _), i in zip(place, strides, tap, dilations, pads, size, strict=True)
            ]
            if None not in source:
                term = x[(b, first_channel + ci, *source)] * w[(co, ci, *tap)]
                sums.add((b, co, *place), term)
    sums.add_bias(bias)
    return sums


def padded_source(place: int, i: int, mode: str) -> int | None:
    """Which of i elements a padding mode puts at a place left or right of them; None is a zero."""
    if 0 <= place < i:
        return place
    if mode == "zeros":
        return None
    if mode == "replicate":
        return 0 if place < 0 else i - 1
    if mode == "circular":
        return place + i if place < 0 else place - i
    return -place if place < 0 else 2 * (i - 1) - place


def reverse_space(w: Objects) -> Objects:
    """The kernel turned round in every spatial axis."""
    turned = np.empty_like(w)
    for a, b, *tap in indices(w.shape):
        opposite = [length - 1 - t for length, t in zip(w.shape[2:], tap, strict=True)]
        turned[(a, b, *opposite)] = w[(a, b, *tap)]
    return turned


def conv_transpose(
    x: Objects,
    w: Objects,
    *,
    bias: Objects | None = None,
    stride: Ints = 1,
    padding: PaddingArgument = 0,
    output_padding: Ints = 0,
    output_size: Index | None = None,
    dilation: Ints = 1,
    groups: int = 1,
    flip_kernel: bool = False,
) -> Sums:
    """Each input element is spread over the full map, and what is asked for is cut out of it."""
    n = x.ndim - 2
    size, kernel = x.shape[2:], w.shape[2:]
    strides, dilations = per_axis(stride, n), per_axis(dilation, n)
    crops = naive_sizes.transpose_crops(size, kernel, strides, dilations, padding, output_padding, output_size)
    full = [naive_sizes.full_size(*axis) for axis in zip(size, kernel, strides, dilations, strict=True)]
    output = [f - before - after for f, (before, after) in zip(full, crops, strict=True)]
    sums = Sums.empty((x.shape[0], w.shape[1] * groups, *output))
    w = reverse_space(w) if flip_kernel else w
    in_group = x.shape[1] // groups
    for b, ci, *origin in indices(x.shape):
        for co, *tap in indices(w.shape[1:]):
            place = [
                i * s + k * d - before
                for i, s, k, d, (before, _) in zip(origin, strides, tap, dilations, crops, strict=True)
            ]
            if all(0 <= at < length for at, length in zip(place, output, strict=True)):
                channel = ci // in_group * w.shape[1] + co
                sums.add((b, channel, *place), x[(b, ci, *origin)] * w[(ci, co, *tap)])
    sums.add_bias(bias)
    return sums
