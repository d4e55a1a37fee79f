"""Kernels of rank one, run as passes along one axis after another: kx + ky products instead of kx·ky.

Box blurs, Gaussians and Sobel's operators are such kernels. For one input channel in a
group. A strip of output rows at a time is passed along x into a scratch, from there along
y, and in a volume along z.

In int64 the factors' product is the kernel exactly, and every pass is sums and products
modulo 2^64, so whatever wraps on the way, the end is right where it fits; and that has
been checked. In floats the factors need not give the weights exactly. With n(x), n(y)
and n(z) inputs met along the axes, the passes round n(x) + n(y) + n(z) times, and the promise allows
n(x)·n(y)·n(z) + 2 roundings (a bias has its own in both). What is left is what a product of factors may
be away from its weight; it is least where the fewest inputs are met.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from app.core.algorithms import direct
from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.scratch import thread_rows
from app.core.algorithms.separable.kernels import pass_strips
from app.core.algorithms.taps import Axis
from app.core.geometry import ceil_div
from app.core.layout import Array
from app.core.parallel import run_parted, team
from app.core.problem import Problem

Axes = tuple[Axis, ...]
Factors = tuple[Array, Array, Array]

#: Bytes of a strip's scratch that stay in the second cache, and those that it may have at most.
STRIP_BYTES, MOST_BYTES = 2**18, 2**22

#: A kernel of fewer weights is summed directly as soon.
FEWEST_WEIGHTS = 16


def fits(problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> bool:
    """Whether it could run, were the kernel of rank one."""
    if problem.in_channels != problem.groups or math.prod(problem.kernel_size) < FEWEST_WEIGHTS:
        return False
    if sum(axis.kernel > 1 for axis in axes) < 2 or any(axis.out_step > 1 for axis in axes):
        return False
    return bool(_cut(axes, dtype).scratch * dtype.itemsize <= MOST_BYTES)


def effort(problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to, for a problem that fits.

    `strided`, `products`: multiply-adds with and without a stride along rows; `lines`: passes
    along a row, `moved`: their elements; `weights`: looked at before.
    """
    (_, depth, height, width), cut = _sizes(axes, dtype), _cut(axes, dtype)
    channels = problem.batch * problem.out_channels
    planes = depth.input if depth.kernel > 1 else depth.output
    slices = depth.output * height.output if depth.kernel > 1 else 0
    rows, columns = planes * cut.strips * cut.lines, planes * height.output
    first, others = rows * width.kernel, columns * height.kernel + slices * depth.kernel
    strided = width.in_step > 1
    shared: Features = {
        "strided": strided * channels * first * width.output,
        "products": channels * (others + (not strided) * first) * width.output,
        "moved": channels * (2 * rows + columns + slices) * width.output,
        "lines": channels * (rows + columns + slices),
    }
    return Effort(
        {"call": 1.0, "weights": problem.kernel_elements}, shared, channels * cut.strips, _work(problem, axes)
    )


def _work(problem: Problem, axes: Axes) -> int:
    return problem.output_elements * sum(axis.kernel + 4 for axis in axes)


def workspace(problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel, bias and output; for a problem that fits."""
    return (team.size * _cut(axes, dtype).scratch + 4 * problem.kernel_elements) * dtype.itemsize


class _Size(NamedTuple):
    """One axis: its taps lie evenly from `low` over `span`."""

    input: int
    output: int
    in_step: int
    kernel: int
    low: int
    span: int

    @property
    def taken(self) -> int:
        """Inputs from the first one that is met to the last, those outside counted."""
        return (self.output - 1) * self.in_step + self.span + 1

    @property
    def fewest(self) -> int:
        """No more than an output meets, of those that meet any: what one of the ends does.

        Where inputs are taken some places apart, an output between the ends may meet one less than both.
        """
        ends = (self.low, self.low + (self.output - 1) * self.in_step)
        apart = self.span // max(1, self.kernel - 1)
        met = (sum(0 <= end + j * apart < self.input for j in range(self.kernel)) for end in ends)
        return max(1, min(met) - (apart > 1))


def _sizes(axes: Axes, dtype: np.dtype[np.generic]) -> tuple[int, _Size, _Size, _Size]:
    depth, height, width = (
        _Size(axis.input, axis.output, axis.in_step, axis.kernel, min(first, last), abs(last - first))
        for axis in axes
        for first, last in [axis.shifts(0)[[0, -1]].tolist()]
    )
    return dtype.itemsize, depth, height, width


@dataclass(frozen=True)
class _Cut:
    """How an output is cut into strips of rows.

    `strip` rows in each, `strips` in a channel; `lines` input rows that a strip takes;
    `scratch` elements that it takes between the passes. `roundings`: how many a product
    of the factors may be away from its weight, within the promise.
    """

    strip: int
    strips: int
    lines: int
    scratch: int
    roundings: int


def _cut(axes: Axes, dtype: np.dtype[np.generic]) -> _Cut:
    return _cut_of(*_sizes(axes, dtype))


@lru_cache(maxsize=1024)
def _cut_of(itemsize: int, depth: _Size, height: _Size, width: _Size) -> _Cut:
    """Strips as the cache takes them, and at least so high that few input rows are passed along x twice."""
    planes = depth.input if depth.kernel > 1 else 0

    def lines(strip: int) -> int:
        return (strip - 1) * height.in_step + height.span + 1

    def scratch(strip: int) -> int:
        return width.taken + (lines(strip) + planes * strip) * width.output

    strip = height.output
    while strip > 1 and scratch(strip) * itemsize > (STRIP_BYTES if strip > 2 * height.span else MOST_BYTES):
        strip = ceil_div(strip, 2)
    long = [size.fewest for size in (depth, height, width) if size.kernel > 1]
    roundings = math.prod(long) + 2 - sum(long)
    return _Cut(strip, ceil_div(height.output, strip), lines(strip), scratch(strip), roundings)


def applies(axes: Axes, w: Array) -> bool:
    """Whether every kernel is of rank one; w (C_out, 1, *kernel), of a problem that fits."""
    return factors(w.reshape(len(w), 1, *(axis.kernel for axis in axes)), _cut(axes, w.dtype).roundings) is not None


def run(problem: Problem, axes: Axes, x: Array, w: Array, bias: Array, out: Array) -> None:
    """Write the operation's output into `out`, by direct sums where the kernel is not of rank one.

    Shapes as for the direct algorithm.
    """
    if not run_if_separable(problem, axes, x, w, bias, out):
        direct.run(problem, axes, x, w, bias, out)


def run_if_separable(problem: Problem, axes: Axes, x: Array, w: Array, bias: Array, out: Array) -> bool:
    """Write the output where every kernel is of rank one; says whether it did.

    It also does not where something between the passes, or the output, is infinite.
    """
    cut = _cut(axes, x.dtype)
    found = factors(w, cut.roundings)
    if found is None:
        return False
    weights = tuple(np.take(own, axis.taps(0), axis=1) for own, axis in zip(found, axes, strict=True))
    shifts = tuple(axis.shifts(0) for axis in axes)
    steps = tuple(axis.in_step for axis in axes)
    infinite = np.zeros(problem.batch * problem.out_channels * cut.strips, np.bool_)
    _, scratch = thread_rows((cut.scratch,), x.dtype)
    work = _work(problem, axes)
    run_parted(pass_strips, len(infinite), work, x, weights, shifts, steps, cut.strip, bias, out, scratch, infinite)
    return not infinite.any()


# Factors


def factors(w: Array, roundings: int) -> Factors | None:
    """One row for each axis and output channel, (C_out, kernel) each, whose product is the kernel; or None.

    w (C_out, 1, *kernel). Exactly so in int64; in floats to within so many roundings of
    each weight.
    """
    if not _may_be_of_rank_one(w[0, 0]):
        return None
    kernels = w[:, 0]
    channels = np.arange(len(kernels))
    sizes = np.abs(kernels.astype(np.float64)).reshape(len(kernels), -1)
    _, z, y, x = np.unravel_index(sizes.argmax(axis=1) + channels * sizes.shape[1], kernels.shape)
    lines = kernels[channels, :, y, x], kernels[channels, z, :, x], kernels[channels, z, y, :]
    divide = _integer_factors if w.dtype.kind == "i" else _float_factors
    own = divide(*lines, y, x)
    return own if _gives(own, kernels, roundings) else None


def _may_be_of_rank_one(kernel: Array) -> bool:
    """A look at one minor of the last two long axes: random kernels go no further."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    if min(matrix.shape) < 2:
        return True
    a, b, c, d = (float(matrix[i, j]) for i in (0, 1) for j in (0, 1))
    return abs(a * d - b * c) <= 1e-5 * (abs(a * d) + abs(b * c))


def _float_factors(z: Array, y: Array, x: Array, _at_y: Array, at_x: Array) -> Factors:
    """The lines through the largest weight of each channel, divided by it along all axes but the last."""
    peaks = np.take_along_axis(x, at_x[:, None], axis=1)
    peaks[peaks == 0] = 1
    return z / peaks, y / peaks, x


def _integer_factors(z: Array, y: Array, x: Array, at_y: Array, at_x: Array) -> Factors:
    """The same in whole numbers: lines without their common divisors; in the first long one, what that leaves."""
    y, x = (line // np.maximum(np.gcd.reduce(line, axis=1), 1)[:, None] for line in (y, x))
    left = np.take_along_axis(y, at_y[:, None], axis=1) * np.take_along_axis(x, at_x[:, None], axis=1)
    left[left == 0] = 1
    z = z // left
    return (z, y, x) if z.shape[1] > 1 else (np.ones_like(z), y * z, x)


def _gives(own: Factors, kernels: Array, roundings: int) -> bool:
    """Whether the factors' products are the kernels; each product is rounded itself."""
    z, y, x = own[0][:, :, None, None], own[1][:, None, :, None], own[2][:, None, None, :]
    if kernels.dtype.kind == "i":
        largest = np.abs(z.astype(np.float64)) * np.abs(y.astype(np.float64)) * np.abs(x.astype(np.float64))
        return bool(largest.max() < 2.0**62) and bool((z * y * x == kernels).all())
    products = sum(length > 1 for length in kernels.shape[1:]) - 1
    info = np.finfo(kernels.dtype)
    room = max(0, roundings - products) * float(info.eps) / 2
    close = np.abs(z * y * x - kernels) <= room * np.abs(kernels)
    normal = (kernels == 0) | (np.abs(kernels) >= info.tiny)
    return bool((close & normal).all())
