"""Both operations tap by tap in wider floats, for sizes that `tests.naive` would take hours over."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.core.problem import Problem

Array = NDArray[Any]
MODES: dict[str, Literal["constant", "reflect", "edge", "wrap"]] = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}


WIDE: dict[str, Any] = {"float32": np.float64, "float64": np.longdouble, "int64": np.int64}


@dataclass(frozen=True)
class TapSums:
    """For each output: its value, S = Σ|x·w| + |bias|, and how many products it has, the bias among them."""

    value: Array
    magnitude: Array
    terms: Array


def sums(problem: Problem, x: Array, w: Array, bias: Array | None = None) -> TapSums:
    """What is right: float32 in float64, float64 in long doubles, int64 as it is. The sizes are the problem's."""
    wide = WIDE[x.dtype.name]
    run = _conv if problem.op == "conv" else _transposed
    x, w = x.astype(wide), w.astype(wide)
    value, magnitude = run(problem, x, w), run(problem, np.abs(x), np.abs(w))
    terms = np.broadcast_to(_terms(problem), value.shape)
    if bias is None:
        return TapSums(value, magnitude, terms)
    column = bias.astype(wide).reshape(-1, *[1] * problem.spatial_dims)
    return TapSums(value + column, magnitude + np.abs(column), terms + 1)


def _terms(problem: Problem) -> Array:
    """How many products an output has: the same for each sample and channel, and for each input channel as many."""
    x = np.ones((1, problem.groups, *problem.input_size), np.int64)
    w = np.ones((problem.groups, 1, *problem.kernel_size), np.int64)
    ones = _conv(problem, x, w) if problem.op == "conv" else _transposed(problem, x, w)
    return problem.in_group * ones[:, :1]


def _conv(problem: Problem, x: Array, w: Array) -> Array:
    x = np.pad(x, ((0, 0), (0, 0), *problem.padding), mode=MODES[problem.padding_mode])
    x = x.reshape(len(x), problem.groups, -1, *x.shape[2:])
    w = _turned(problem, w).reshape(problem.groups, -1, *w.shape[1:])
    out = np.zeros((len(x), problem.groups, w.shape[1], *problem.output_size), x.dtype)
    for tap in itertools.product(*map(range, problem.kernel_size)):
        window = _places(tap, problem, problem.output_size)
        out += _mixed(x[_each(window)], w, tap, "goi")
    return out.reshape(len(x), -1, *problem.output_size)


def _transposed(problem: Problem, x: Array, w: Array) -> Array:
    x = x.reshape(len(x), problem.groups, -1, *x.shape[2:])
    w = _turned(problem, w).reshape(problem.groups, -1, *w.shape[1:])
    room = [full + max(0, -after) for full, (_, after) in zip(problem.full_size, problem.crop, strict=True)]
    out = np.zeros((len(x), problem.groups, w.shape[2], *room), x.dtype)
    for tap in itertools.product(*map(range, problem.kernel_size)):
        places = _places(tap, problem, problem.input_size)
        out[_each(places)] += _mixed(x, w, tap, "gio")
    kept = (slice(before, full - after) for full, (before, after) in zip(problem.full_size, problem.crop, strict=True))
    cut: Array = out[_each(tuple(kept))].reshape(len(x), -1, *problem.output_size)
    return cut


def _turned(problem: Problem, w: Array) -> Array:
    turned: Array = np.flip(w, axis=tuple(range(2, w.ndim))) if problem.flip_kernel else w
    return turned


def _places(tap: tuple[int, ...], problem: Problem, counts: tuple[int, ...]) -> tuple[slice, ...]:
    """Every stride-th place from a tap's own on, so many along each axis."""
    axes = zip(tap, problem.dilation, problem.stride, counts, strict=True)
    return tuple(slice(t * d, t * d + (count - 1) * s + 1, s) for t, d, s, count in axes)


def _each(spatial: tuple[Any, ...]) -> tuple[Any, ...]:
    """An index into the spatial axes after three of channels."""
    return (slice(None), slice(None), slice(None), *spatial)


def _mixed(x: Array, w: Array, tap: tuple[int, ...], layout: str) -> Array:
    """x (batch, groups, in, ...) with one tap's weights: (batch, groups, out, ...)."""
    weights = w[_each(tap)]
    mixed: Array = np.einsum(f"bgi...,{layout}->bgo...", x, weights)
    return mixed
