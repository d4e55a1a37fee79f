"""Sums of a few lines of outputs at once, straight from the input: for depthwise layers and single channels.

Where each channel has a kernel of its own, laying out its inputs would cost more than the
sums. Here four lines of outputs share what is loaded for each place of a kernel's column;
what lies outside a line is left out by masks, and lines outside are a line of zeros. For
kernels of 3, 5 or 7 lines whose windows move by one or two; the most usual one, 3×3 on a
plane of its own, is walked with all its weights in registers.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.scratch import LINE, thread_rows
from app.core.algorithms.taps import Axis, axes_of
from app.core.algorithms.vectors.blocks import KERNELS, STEPS, TALL, is_made, sum_lines, which
from app.core.algorithms.vectors.simd import LONGEST, VECTOR
from app.core.algorithms.vectors.walks import KERNEL as WALKED
from app.core.algorithms.vectors.walks import LINES, walk_lines
from app.core.algorithms.watch import new_watches, note_inputs, shows_fit
from app.core.geometry import ceil_div
from app.core.layout import Array
from app.core.parallel import PLANNED_THREADS, run_parted, team
from app.core.parted import parted
from app.core.problem import Problem

#: Strips that a thread's share is cut into, where there are few planes.
MOST_SHARES = 8

#: Lines in tall blocks, beside those in usual ones, at most.
MOST_EMPTY = 1.3


def fits(problem: Problem, axes: tuple[Axis, ...], _dtype: np.dtype[np.generic]) -> bool:
    """Whether there is machine code for the kernel's lines; and few input channels, since weights are spread anew."""
    _, height, width = axes
    return (
        problem.op == "conv"
        and width.input < LONGEST
        and problem.in_group <= LINES
        and height.kernel in KERNELS
        and height.in_step == width.in_step
        and height.in_step in STEPS
        and all(axis.span == axis.kernel - 1 for axis in axes)
    )


def effort(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to: sums of vectors, loads of them, and blocks and strips; or blocks walked."""
    depth, height, width = axes
    vectors = ceil_div(width.output * dtype.itemsize, VECTOR)
    lines = problem.batch * problem.out_channels * depth.output
    per_block = _block_lines(axes, dtype)
    blocks = lines * ceil_div(height.output, per_block) * vectors
    planes = problem.in_group * depth.kernel
    columns = blocks * planes * width.kernel
    strips = lines * _strips(lines, ceil_div(height.output, per_block), PLANNED_THREADS)
    shared: Features = {"strips": strips, "bytes": (problem.input_elements + problem.output_elements) * dtype.itemsize}
    if planes == height.in_step == 1 and height.kernel == width.kernel == WALKED:
        shared["walked"] = blocks
    else:
        shared["sums"] = columns * per_block * height.kernel
        parts = 1 if per_block == TALL else width.in_step
        shared["loads"] = columns * ((per_block - 1) * height.in_step + height.kernel) * parts
        shared["blocks"] = blocks
    return Effort({"call": 1.0}, shared, strips, _work(problem, axes, dtype))


def _work(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Multiply-adds by their time: also those of empty places in blocks.

    Those of eight bytes take twice as long, and so do those of windows that move by two.
    """
    _, height, width = axes
    lines = _block_lines(axes, dtype)
    places = ceil_div(height.output, lines) * lines * ceil_div(width.output * dtype.itemsize, VECTOR) * VECTOR
    return problem.macs // (height.output * width.output) * places * height.in_step // 8


def _block_lines(axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Lines of a block: tall ones for narrow planes, unless they would leave many more lines empty."""
    _, height, width = axes
    size = width.output * dtype.itemsize
    vectors = 0 if height.in_step > 1 and 2 * size <= VECTOR else 1
    narrow = size <= VECTOR and is_made(height.kernel, height.in_step, TALL, vectors)
    usual, tall = (ceil_div(height.output, lines) * lines for lines in (LINES, TALL))
    return TALL if narrow and tall <= MOST_EMPTY * usual else LINES


def _strips(lines: int, blocks: int, threads: int) -> int:
    """How many strips of blocks a plane of outputs is cut into, so that so many threads have enough to share."""
    return min(blocks, ceil_div(MOST_SHARES * threads, lines))


def workspace(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output: each thread's blank lines and lists of planes; a kernel as it is read."""
    blank = (max(problem.input_size) + max(problem.output_size)) * dtype.itemsize + LINE
    planes = 2 * problem.in_group * axes[0].kernel * np.dtype(np.int64).itemsize
    flipped = problem.kernel_elements * dtype.itemsize if problem.flip_kernel else 0
    return (blank + planes) * team.size + flipped


def run(problem: Problem, _axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> bool:
    """Write the operation's output into `out`; shapes as for the direct algorithm.

    Whether it has seen that the output fits the dtype.
    """
    cut = _cut(problem, x.dtype, team.size)
    flat_x, flat_w, flat_out = x.reshape(-1), w.reshape(-1), out.reshape(-1)
    if problem.flip_kernel:
        flat_w = np.ascontiguousarray(w[..., ::-1, ::-1, ::-1]).reshape(-1)
    seen = new_watches(x.dtype)
    _, blank = thread_rows((cut.blank,), x.dtype)
    met = np.empty((team.size, 2, cut.planes), np.int64)
    clean = run_parted(
        _sum_blocks, cut.tasks, cut.work, flat_x, flat_w, bias, flat_out, blank, seen, met, *cut.sizes
    )  # fmt: skip
    return shows_fit(clean, seen, flat_w, bias, cut.taps)


class _Cut(NamedTuple):
    """What `_sum_blocks` works through, from shapes alone.

    `sizes` are its arguments from `sizes` to `strips`, `blank` the elements of its blank lines, `planes` the planes of
    inputs that an output takes, and `taps` what it takes of them.
    """

    sizes: tuple[Any, ...]
    blank: int
    planes: int
    taps: int
    tasks: int
    work: int


@lru_cache(maxsize=256)
def _cut(problem: Problem, dtype: np.dtype[np.generic], threads: int) -> _Cut:
    axes = axes_of(problem, padded=problem.pads_by_copying)
    depth, height, _ = axes
    begin = tuple(int(axis.table[-axis.kernel]) for axis in axes)  # the first tap's shift: they ascend
    kernel = tuple(axis.kernel for axis in axes)
    in_group, out_group = problem.in_group, problem.out_group
    lines = problem.batch * problem.out_channels * depth.output
    per_block = _block_lines(axes, dtype)
    blocks = ceil_div(height.output, per_block)
    strips = _strips(lines, blocks, threads)
    inputs, outputs = tuple(axis.input for axis in axes), tuple(axis.output for axis in axes)
    return _Cut(
        (
            inputs, outputs, kernel, begin, (depth.in_step, height.in_step),
            in_group, out_group, problem.groups, per_block, blocks, strips,
        ),
        blank=inputs[2] + outputs[2],
        planes=in_group * depth.kernel,
        taps=in_group * math.prod(kernel),
        tasks=lines * strips,
        work=_work(problem, axes, dtype),
    )  # fmt: skip


@parted
def _sum_blocks(
    me, low, high, x, w, bias, out, all_blank, all_seen, met, sizes, outputs, kernel, begin,
    steps, in_group, out_group, groups, per_block, blocks, strips,
):  # fmt: skip
    """Sum the strips of blocks from `low` to `high`, counted over (batch, channel, plane, strip).

    Of `all` pieces a thread has its row; `met` has room for where each plane of input and of the kernel begins. Whether
    nothing was seen.
    """
    blank, seen = all_blank[me], all_seen[me]
    lanes, step = VECTOR // x.itemsize, steps[1]
    plane, output_plane = sizes[1] * sizes[2], outputs[1] * outputs[2]
    weights, channels = kernel[0] * kernel[1] * kernel[2], groups * out_group
    inputs, kernels = met[me, 0], met[me, 1]
    for m in range(sizes[2]):
        blank[m] = 0
    for task in range(low, high):
        rest, strip = divmod(task, strips)
        rest, z = divmod(rest, outputs[0])
        b, co = divmod(rest, channels)
        planes = 0
        for ci in range(in_group):
            channel = (b * groups + co // out_group) * in_group + ci
            for k in range(kernel[0]):
                iz = z * steps[0] + begin[0] + k
                if 0 <= iz < sizes[0]:
                    inputs[planes] = (channel * sizes[0] + iz) * plane
                    kernels[planes] = (co * in_group + ci) * weights + k * kernel[1] * kernel[2]
                    planes += 1
        first, end = strip * blocks // strips, (strip + 1) * blocks // strips
        looked = max(0, first * per_block * step + begin[1])
        for block in range(first, end):
            y = block * per_block
            target = (rest * outputs[0] + z) * output_plane + y * outputs[2]
            live, line = min(per_block, outputs[1] - y), y * step + begin[1]
            if planes == 1 and step == 1 and kernel[1] == WALKED and kernel[2] == WALKED:
                walk_lines(
                    x, inputs[0], line, sizes[1], sizes[2], begin[2], w, kernels[0], bias, co, blank,
                    out, target, outputs[2], live, outputs[2], seen,
                )  # fmt: skip
                continue
            # Here, where they are wanted next: all of a strip would have left the caches by then.
            below = max(looked, min(sizes[1], line + (live - 1) * step + kernel[1]))
            for j in range(planes):
                note_inputs(x, inputs[j] + looked * sizes[2], inputs[j] + below * sizes[2], seen)
            looked = below
            for column in range(0, outputs[2], 2 * lanes):
                wide = 2 if outputs[2] - column > lanes else 0 if step > 1 and per_block == TALL else 1
                sum_lines(
                    which(kernel[1], step, per_block, wide), x, inputs, kernels, planes, line, sizes[1], sizes[2],
                    column * step + begin[2], w, kernel[2], bias, co, blank,
                    out, target + column, outputs[2], live, outputs[2] - column, seen,
                )  # fmt: skip
    return not seen.any()
