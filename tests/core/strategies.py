"""Random settings of everything that both operations take, small enough for `tests.naive`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.core import conv, conv_transpose
from tests import naive, naive_sizes
from tests.naive_sizes import PaddingArgument, Pair

Op = Literal["conv", "conv_transpose"]
Array = NDArray[Any]

OPS: tuple[Op, ...] = ("conv", "conv_transpose")
WORDS: dict[Op, tuple[str, ...]] = {
    "conv": ("valid", "same", "same_lower", "full"),
    "conv_transpose": ("valid", "same", "same_lower"),
}
MODES = ("zeros", "reflect", "replicate", "circular")

#: Largest input, kernel, stride, dilation and padding by the number of dimensions.
LARGEST = {1: (12, 6, 5, 4, 8), 2: (6, 4, 3, 3, 4), 3: (4, 3, 3, 2, 2)}

#: Products in one example: above it there is one channel and no batch.
MUCH_WORK = 2000


def examples(count: int) -> settings:
    """The same `count` examples at every run, however slow the first one is."""
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=count, derandomize=True, deadline=None, database=None, suppress_health_check=quiet)


@dataclass(frozen=True)
class Case:
    """One operation: shapes at rank N + 2, and the options by their argument names."""

    op: Op
    input_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]
    out_channels: int
    with_bias: bool
    options: dict[str, Any]
    seed: int

    def arrays(self, numbers: Numbers) -> tuple[Array, Array, Array | None]:
        """Input, kernel and bias of these numbers."""
        rng = np.random.default_rng(self.seed)
        x, w = numbers.draw(rng, self.input_shape), numbers.draw(rng, self.kernel_shape)
        return x, w, numbers.draw(rng, (self.out_channels,)) if self.with_bias else None

    def run(self, x: Array, w: Array, bias: Array | None, method: Literal["auto", "direct"] = "auto") -> Array:
        """What the core answers."""
        run = conv if self.op == "conv" else conv_transpose
        answer: Array = run(x, w, bias=bias, method=method, **self.options)
        return answer

    def sums(self, x: Array, w: Array, bias: Array | None) -> naive.Sums:
        """What is right."""
        run = naive.conv if self.op == "conv" else naive.conv_transpose
        exact_bias = None if bias is None else naive.exact(bias)
        sums: naive.Sums = run(naive.exact(x), naive.exact(w), bias=exact_bias, **self.options)
        return sums


@dataclass(frozen=True)
class Numbers:
    """A dtype and a way to fill arrays of it: `loud` is the largest power of two."""

    dtype: Literal["int64", "float32", "float64"]
    kind: Literal["plain", "sparse", "loud_and_quiet", "one_loud"] = "plain"
    loud: int = 30

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """An array of these numbers."""
        if self.dtype == "int64":
            values: Array = rng.integers(-9, 10, shape)
        else:
            values = rng.standard_normal(shape)
        if self.kind == "sparse":
            values = values * (rng.random(shape) < 0.4)
        if self.kind == "loud_and_quiet":
            values = values * 2.0 ** rng.integers(-self.loud, self.loud + 1, shape)
        if self.kind == "one_loud" and values.size:
            values.flat[rng.integers(values.size)] *= 2**self.loud
        return values.astype(self.dtype)


float_kinds: st.SearchStrategy[Any] = st.sampled_from(("plain", "sparse", "loud_and_quiet", "one_loud"))


@dataclass(frozen=True)
class Axis:
    """One axis before its input size is chosen."""

    k: int
    s: int
    d: int
    padding: Pair | str

    def output(self, op: Op, i: int, mode: str) -> int:
        """The output size at input size i, 0 where the setting is refused."""
        if op == "conv_transpose":
            crop = naive_sizes.transpose_crop_of_axis((i, self.k, self.s, self.d), self.padding, 0, None)
            return max(0, naive_sizes.full_size(i, self.k, self.s, self.d) - sum(crop))
        pads = naive_sizes.conv_pads_of_axis(i, self.k, self.s, self.d, self.padding)
        return naive_sizes.conv_size(i, self.k, self.s, self.d, pads) if naive_sizes.mode_allows(pads, i, mode) else 0


@st.composite
def paddings(draw: st.DrawFn, op: Op, n: int) -> PaddingArgument:
    """Every form of padding, more than the kernel reaches included."""
    form = draw(st.sampled_from(("number", "list", "pairs", "pairs", "word")))
    number = st.integers(0, LARGEST[n][4])
    if form == "word":
        return draw(st.sampled_from(WORDS[op]))
    if form == "number":
        return draw(number)
    if form == "list":
        return tuple(draw(number) for _ in range(n))
    return tuple((draw(number), draw(number)) for _ in range(n))


@st.composite
def shared_or_each(draw: st.DrawFn, n: int, largest: int) -> int | tuple[int, ...]:
    """One number for all axes or one for each."""
    if draw(st.booleans()):
        return draw(st.integers(1, largest))
    return tuple(draw(st.integers(1, largest)) for _ in range(n))


@st.composite
def output_choice(draw: st.DrawFn, axes: list[Axis], size: tuple[int, ...]) -> dict[str, Any]:
    """No output_padding, one for all, one for each axis, or an output_size."""
    how = draw(st.sampled_from(("none", "shared", "each", "size")))
    spare = [max(axis.s, axis.d) - 1 for axis in axes]
    word = axes[0].padding if isinstance(axes[0].padding, str) else None
    if how == "none" or (how != "size" and word is not None):
        return {}
    if how == "shared":
        return {"output_padding": draw(st.integers(0, min(spare)))}
    if how == "each":
        return {"output_padding": tuple(draw(st.integers(0, most)) for most in spare)}
    reachable = []
    for axis, i, most in zip(axes, size, spare, strict=True):
        full = naive_sizes.full_size(i, axis.k, axis.s, axis.d)
        least = 1 if isinstance(axis.padding, str) else max(1, full - sum(axis.padding))
        base = full if isinstance(axis.padding, str) else full - sum(axis.padding)
        reachable.append((least, base + most))
    return {"output_size": tuple(draw(st.integers(*ends)) for ends in reachable)}


@st.composite
def cases(draw: st.DrawFn, op: Op, n: int) -> Case:
    """A setting that the operation takes."""
    largest_input, largest_kernel, largest_stride, largest_dilation, _ = LARGEST[n]
    kernel = tuple(draw(st.integers(1, largest_kernel)) for _ in range(n))
    stride, dilation = draw(shared_or_each(n, largest_stride)), draw(shared_or_each(n, largest_dilation))
    padding = draw(paddings(op, n))
    mode = draw(st.sampled_from(("zeros", *MODES))) if op == "conv" else "zeros"
    pads = naive_sizes.asked_pads(padding, n)
    columns = zip(kernel, naive_sizes.per_axis(stride, n), naive_sizes.per_axis(dilation, n), pads, strict=True)
    axes = [Axis(*column) for column in columns]
    size = tuple(draw(st.sampled_from(_inputs(op, axis, mode, largest_input))) for axis in axes)
    options: dict[str, Any] = {"stride": stride, "dilation": dilation, "padding": padding}
    options |= {"padding_mode": mode} if op == "conv" else draw(output_choice(axes, size))
    places = size if op == "conv_transpose" else [a.output(op, i, mode) for a, i in zip(axes, size, strict=True)]
    return draw(_with_channels(op, size, kernel, options, math.prod(places) * math.prod(kernel)))


def _inputs(op: Op, axis: Axis, mode: str, largest: int) -> list[int]:
    """Input sizes that an axis takes: small ones, or the smallest there is."""
    found: list[int] = []
    i = 1
    while i <= largest or not found:
        if axis.output(op, i, mode):
            found.append(i)
        i += 1
    return found


@st.composite
def _with_channels(
    draw: st.DrawFn, op: Op, size: tuple[int, ...], kernel: tuple[int, ...], options: dict[str, Any], work: int
) -> Case:
    """Adds batch, channels, groups, bias and a flip; few of them where there is much work already."""
    most = 1 if work > MUCH_WORK else 2
    batch, groups = draw(st.integers(1, most)), draw(st.integers(1, 2 * most - 1))
    inside, outside = draw(st.integers(1, most)), draw(st.integers(1, most + 1))
    channels = (outside * groups, inside) if op == "conv" else (inside * groups, outside)
    options = options | {"groups": groups, "flip_kernel": draw(st.booleans())}
    return Case(
        op,
        (batch, inside * groups, *size),
        (*channels, *kernel),
        outside * groups,
        draw(st.booleans()),
        options,
        draw(st.integers(0, 2**32 - 1)),
    )
