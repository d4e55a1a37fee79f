"""Larger sizes, where the plan takes its other algorithms, against gathered windows.

Everything is a whole number below 2^62 in exact arithmetic, held in int64 or in a float
dtype in which the products and sums have to round: so the reference is exact for all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.core.strategies import OPS, Case, Op, examples
from tests.naive import padded_source
from tests.naive_sizes import Pair, numeric_pads, per_axis

Ints64 = NDArray[np.int64]
UNIT_ROUNDOFF = {"float32": 2.0**-24, "float64": 2.0**-53}


def padded(x: Ints64, pads: tuple[Pair, ...], mode: str) -> Ints64:
    """The input with its padding, gathered axis by axis."""
    for axis, (before, after) in enumerate(pads, start=2):
        i = x.shape[axis]
        sources = [padded_source(place, i, mode) for place in range(-before, i + after)]
        gathered = np.take(x, [source or 0 for source in sources], axis)
        inside = np.array([source is not None for source in sources])
        x = gathered * inside.reshape((-1,) + (1,) * (x.ndim - axis - 1))
    return x


def windows(x: Ints64, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Ints64:
    """(batch, channels, positions, taps): every window of a padded input."""
    n = len(kernel)
    places: list[Any] = []
    for j in range(n):
        output = (x.shape[2 + j] - dilation[j] * (kernel[j] - 1) - 1) // stride[j] + 1
        grid = np.arange(output)[:, None] * stride[j] + np.arange(kernel[j]) * dilation[j]
        shape = [1] * (2 * n)
        shape[j], shape[n + j] = grid.shape
        places.append(grid.reshape(shape))
    at: tuple[Any, ...] = (slice(None), slice(None), *places)
    gathered: Ints64 = x[at]
    taps_last: Ints64 = gathered.reshape(*x.shape[:2], math.prod(gathered.shape[2 : 2 + n]), math.prod(kernel))
    return taps_last


def reference(case: Case, x: Ints64, w: Ints64, bias: Ints64 | None) -> Ints64:
    """The operation on whole numbers, group by group."""
    if case.options["flip_kernel"]:
        w = np.flip(w, tuple(range(2, w.ndim)))
    answer = _conv(case, x, w) if case.op == "conv" else _conv_transpose(case, x, w)
    return answer if bias is None else answer + bias.reshape((-1,) + (1,) * (x.ndim - 2))


def _conv(case: Case, x: Ints64, w: Ints64) -> Ints64:
    n, groups = x.ndim - 2, case.options["groups"]
    stride, dilation = per_axis(case.options["stride"], n), per_axis(case.options["dilation"], n)
    x = padded(x, numeric_pads(case.options["padding"], n), case.options["padding_mode"])
    output = [
        (i - d * (k - 1) - 1) // s + 1 for i, k, s, d in zip(x.shape[2:], w.shape[2:], stride, dilation, strict=True)
    ]
    parts = [
        np.einsum("bcpk,ock->bop", windows(part, w.shape[2:], stride, dilation), own.reshape(*own.shape[:2], -1))
        for part, own in zip(np.split(x, groups, 1), np.split(w, groups), strict=True)
    ]
    return np.concatenate(parts, 1).reshape(x.shape[0], w.shape[0], *output)


def _conv_transpose(case: Case, x: Ints64, w: Ints64) -> Ints64:
    n, groups = x.ndim - 2, case.options["groups"]
    stride, dilation = per_axis(case.options["stride"], n), per_axis(case.options["dilation"], n)
    more = per_axis(case.options["output_padding"], n)
    axes = list(zip(x.shape[2:], w.shape[2:], stride, dilation, strict=True))
    spread = [(i - 1) * s + d * (k - 1) + 1 for i, k, s, d in axes]
    room = [length + extra for length, extra in zip(spread, more, strict=True)]
    full = np.zeros((x.shape[0], w.shape[1] * groups, *room), np.int64)
    per_group = zip(np.split(full, groups, 1), np.split(x, groups, 1), np.split(w, groups), strict=True)
    for target, part, own in per_group:
        for tap in np.ndindex(*w.shape[2:]):
            places = [slice(t * d, t * d + (i - 1) * s + 1, s) for t, (i, _, s, d) in zip(tap, axes, strict=True)]
            stamp = np.einsum("bc...,co->bo...", part, own[(slice(None), slice(None), *tap)])
            target[(slice(None), slice(None), *places)] += stamp
    pads = numeric_pads(case.options["padding"], n)
    kept = [slice(before, length - after) for (before, after), length in zip(pads, room, strict=True)]
    return full[(slice(None), slice(None), *kept)]


@dataclass(frozen=True)
class Shape:
    """What drives the plan one way: sizes of a family of problems, drawn within these ends."""

    name: str
    n: int
    size: Pair
    kernel: Pair
    per_group: Pair
    groups: Pair


SHAPES = (
    Shape("many channels, few positions", 2, (2, 8), (1, 3), (16, 64), (1, 1)),
    Shape("many channels in groups", 2, (3, 9), (1, 3), (8, 24), (2, 4)),
    Shape("pointwise", 2, (5, 20), (1, 1), (16, 64), (1, 2)),
    Shape("one channel, large picture", 2, (60, 130), (1, 7), (1, 1), (1, 1)),
    Shape("depthwise", 2, (20, 50), (2, 5), (1, 1), (8, 24)),
    Shape("long row", 1, (3000, 9000), (1, 40), (1, 2), (1, 1)),
    Shape("many channels in a row", 1, (30, 200), (1, 9), (8, 48), (1, 2)),
    Shape("volume", 3, (6, 12), (2, 4), (2, 8), (1, 2)),
    Shape("large kernel", 2, (20, 40), (9, 17), (1, 3), (1, 1)),
)


@st.composite
def large_cases(draw: st.DrawFn, op: Op, shape: Shape) -> Case:
    """A problem of a family."""
    n = shape.n
    kernel = tuple(draw(st.integers(*shape.kernel)) for _ in range(n))
    stride = tuple(draw(st.sampled_from((1, 1, 2, 3))) for _ in range(n))
    dilation = tuple(draw(st.sampled_from((1, 1, 2))) for _ in range(n))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    pads = tuple((draw(st.integers(0, r)), draw(st.integers(0, r))) for r in reach)
    lows = [r + max(pair) + 1 for r, pair in zip(reach, pads, strict=True)]
    size = tuple(draw(st.integers(shape.size[0], shape.size[1])) for _ in range(n))
    size = tuple(max(i, low) for i, low in zip(size, lows, strict=True))
    groups, inside = draw(st.integers(*shape.groups)), draw(st.integers(*shape.per_group))
    outside = draw(st.integers(*shape.per_group))
    options: dict[str, Any] = {"stride": stride, "dilation": dilation, "padding": pads, "groups": groups}
    options["flip_kernel"] = draw(st.booleans())
    if op == "conv":
        options["padding_mode"] = draw(st.sampled_from(("zeros", "zeros", "reflect", "circular", "replicate")))
    else:
        options["output_padding"] = tuple(
            draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
        )
    channels = (outside * groups, inside) if op == "conv" else (inside * groups, outside)
    batch, bias, seed = draw(st.integers(1, 2)), draw(st.booleans()), draw(st.integers(0, 2**32 - 1))
    return Case(op, (batch, inside * groups, *size), (*channels, *kernel), outside * groups, bias, options, seed)


def whole_numbers(case: Case, bits: int) -> tuple[Ints64, Ints64, Ints64 | None]:
    """Numbers of 0 to `bits` bits, many of them zero: loud ones beside quiet ones."""
    rng = np.random.default_rng(case.seed)

    def draw(shape: tuple[int, ...], most: int) -> Ints64:
        size = 2.0 ** rng.uniform(0, most, shape) * rng.choice([-1, 0, 1], shape, p=[0.4, 0.2, 0.4])
        whole: Ints64 = size.astype(np.int64)
        return whole

    x, w = draw(case.input_shape, bits), draw(case.kernel_shape, bits)
    return x, w, draw((case.out_channels,), bits) if case.with_bias else None


def bits_for(case: Case) -> int:
    """So many that the sums stay below 2^62, and a float32 (24 bits) holds each number."""
    terms = 1 + math.prod(case.kernel_shape) * max(1, case.input_shape[1])
    return min(24, (61 - terms.bit_length()) // 2)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_larger_sizes(op: Op, shape: Shape) -> None:
    @given(large_cases(op, shape), st.sampled_from(("auto", "direct")))
    @examples(25)
    def check(case: Case, method: Literal["auto", "direct"]) -> None:
        x, w, bias = whole_numbers(case, bits_for(case))
        value = reference(case, x, w, bias)
        assert np.array_equal(case.run(x, w, bias, method), value)
        magnitude = reference(case, abs(x), abs(w), None if bias is None else abs(bias))
        for dtype in ("float32", "float64"):
            as_floats: list[Any] = [None if array is None else array.astype(dtype) for array in (x, w, bias)]
            _expect_within(case, as_floats, value, magnitude, method)

    check()


def _expect_within(case: Case, arrays: list[Any], value: Ints64, magnitude: Ints64, method: Any) -> None:
    """Within (K + 2)·u·S: element by element, or S's largest in channel and sample under "auto"."""
    x, w, bias = arrays
    answer = case.run(x, w, bias, method)
    assert answer.dtype == x.dtype
    assert answer.shape == value.shape
    whole = np.rint(answer.astype(np.float64))
    error = abs(whole.astype(np.int64) - value) + abs(answer - whole)
    ones: list[Any] = [None if array is None else np.ones(array.shape, np.int64) for array in arrays]
    terms, scale = reference(case, *ones), magnitude.astype(np.float64)
    if method == "auto":
        scale = scale.max(tuple(range(2, scale.ndim)), keepdims=True)
    bound = (terms + 2) * UNIT_ROUNDOFF[str(x.dtype)] * scale
    assert np.all(error <= bound), float(np.max(error - bound))
