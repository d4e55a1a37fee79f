"""Sums of a few lines of outputs at once, straight from the input: for depthwise layers and single channels.

Where each channel has a kernel of its own, laying out its inputs would cost more than the
sums. Here four lines of outputs share what is loaded for each place of a kernel's column;
what lies outside a line is left out by masks, and lines outside are a line of zeros. For
kernels of 3, 5 or 7 lines whose windows move by one or two; the most usual one, 3×3 on a
plane of its own, is walked with all its weights in registers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from app.core.algorithms.simd import I64, VECTOR, Vectors, piece, pointers
from app.core.algorithms.taps import Axis
from app.core.algorithms.walks import KERNEL as WALKED
from app.core.algorithms.walks import LINES, walk_lines
from app.core.algorithms.watch import new_watch, note_inputs, shows_fit
from app.core.geometry import ceil_div
from app.core.jit import compiled
from app.core.layout import Array
from app.core.parallel import run_in_parts, team
from app.core.problem import Problem

#: Lines of a kernel, and steps of its windows, that there is machine code for.
KERNELS, STEPS = (3, 5, 7), (1, 2)

#: Strips that a thread's share is cut into, where there are few planes.
MOST_SHARES = 8

#: Vectors of a block.
WIDTHS = (2, 1)


def fits(problem: Problem, axes: tuple[Axis, ...], _dtype: np.dtype[np.generic]) -> bool:
    """Whether there is machine code for the kernel's lines; and few input channels, since weights are spread anew."""
    _, height, width = axes
    return (
        problem.op == "conv"
        and problem.in_channels // problem.groups <= LINES
        and height.kernel in KERNELS
        and height.in_step == width.in_step
        and height.in_step in STEPS
        and all(axis.span == axis.kernel - 1 for axis in axes)
    )


def features(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> dict[str, float]:
    """What the time is proportional to: sums of vectors, loads of them, and blocks."""
    depth, height, width = axes
    vectors = ceil_div(width.output * dtype.itemsize, VECTOR)
    blocks = problem.batch * problem.out_channels * depth.output * ceil_div(height.output, LINES) * vectors
    planes = problem.in_channels // problem.groups * depth.kernel
    columns = blocks * planes * width.kernel
    return {
        "call": 1.0,
        "sums": columns * LINES * height.kernel,
        "loads": columns * ((LINES - 1) * height.in_step + height.kernel) * (2 if width.in_step > 1 else 1),
        "blocks": blocks,
        "bytes": (problem.input_elements + problem.output_elements) * dtype.itemsize,
    }


def workspace(problem: Problem, _axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output: two lines for each thread are all."""
    return (max(problem.input_size) + max(problem.output_size)) * dtype.itemsize * team.size


def run(problem: Problem, axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> bool:
    """Write the operation's output into `out`; shapes as for the direct algorithm.

    Whether it has seen that the output fits the dtype.
    """
    depth, height, width = axes
    flat_x, flat_w, flat_out = x.reshape(-1), w.reshape(-1), out.reshape(-1)
    begin = tuple(int(axis.table[-axis.kernel]) for axis in axes)  # the first tap's shift: they ascend
    kernel = (depth.kernel, height.kernel, width.kernel)
    sizes, outputs = x.shape[2:], out.shape[2:]
    lines = problem.batch * problem.out_channels * depth.output
    blocks = ceil_div(height.output, LINES)
    strips = min(blocks, ceil_div(MOST_SHARES * team.size, lines))
    if problem.flip_kernel:
        flat_w = np.ascontiguousarray(w[..., ::-1, ::-1, ::-1]).reshape(-1)
    steps = (depth.in_step, height.in_step)
    in_group, out_group = w.shape[1], problem.out_channels // problem.groups
    seen: list[Array] = []

    def part(low: int, high: int) -> None:
        blank, own = np.zeros(sizes[2] + outputs[2], x.dtype), new_watch(x.dtype)
        _sum_blocks(
            flat_x, flat_w, bias, flat_out, blank, own, sizes, outputs, kernel, begin, steps,
            in_group, out_group, problem.groups, blocks, strips, low, high,
        )  # fmt: skip
        seen.append(own)

    # By the time that they take here: those of eight bytes take twice as long.
    run_in_parts(part, lines * strips, work=problem.macs * x.itemsize // 8)
    return shows_fit(seen, flat_w, bias, in_group * math.prod(kernel))


@compiled
def _sum_blocks(
    x, w, bias, out, blank, seen, sizes, outputs, kernel, begin, steps,
    in_group, out_group, groups, blocks, strips, low, high,
):  # fmt: skip
    """Sum the strips of blocks from `low` to `high`, counted over (batch, channel, plane, strip)."""
    lanes, step = VECTOR // x.itemsize, steps[1]
    plane, output_plane = sizes[1] * sizes[2], outputs[1] * outputs[2]
    weights, channels = kernel[0] * kernel[1] * kernel[2], groups * out_group
    inputs, kernels = np.empty(in_group * kernel[0], np.int64), np.empty(in_group * kernel[0], np.int64)
    for task in range(low, high):
        rest, strip = divmod(task, strips)
        rest, z = divmod(rest, outputs[0])
        b, co = divmod(rest, channels)
        met = 0
        for ci in range(in_group):
            channel = (b * groups + co // out_group) * in_group + ci
            for k in range(kernel[0]):
                iz = z * steps[0] + begin[0] + k
                if 0 <= iz < sizes[0]:
                    inputs[met] = (channel * sizes[0] + iz) * plane
                    kernels[met] = (co * in_group + ci) * weights + k * kernel[1] * kernel[2]
                    met += 1
        first, end = strip * blocks // strips, (strip + 1) * blocks // strips
        above = max(0, first * LINES * step + begin[1])
        below = min(sizes[1], (min(end * LINES, outputs[1]) - 1) * step + begin[1] + kernel[1])
        for j in range(met):
            note_inputs(x, inputs[j] + above * sizes[2], inputs[j] + max(above, below) * sizes[2], seen)
        for block in range(first, end):
            y = block * LINES
            target = (rest * outputs[0] + z) * output_plane + y * outputs[2]
            live, line = min(LINES, outputs[1] - y), y * step + begin[1]
            if met == 1 and step == 1 and kernel[1] == WALKED and kernel[2] == WALKED:
                walk_lines(
                    x, inputs[0], line, sizes[1], sizes[2], begin[2], w, kernels[0], bias, co, blank,
                    out, target, outputs[2], live, outputs[2], seen,
                )  # fmt: skip
                continue
            for column in range(0, outputs[2], 2 * lanes):
                wide = 2 if outputs[2] - column > lanes else 1
                sum_lines(
                    kernel[1] * 8 + step * 3 + wide, x, inputs, kernels, met, line, sizes[1], sizes[2],
                    column * step + begin[2], w, kernel[2], bias, co, blank,
                    out, target + column, outputs[2], live, outputs[2] - column, seen,
                )  # fmt: skip


@piece
def sum_lines(
    _context, which, x, inputs, kernels, planes, line, lines, length, first, w, columns, bias, bias_at, blank,
    out, out_at, out_row, live, count, seen,
):  # fmt: skip
    """A block of `LINES` lines of outputs, one or two vectors wide, summed over so many planes of input.

    `which` is 8·(lines of the kernel) + 3·step + vectors. Plane j begins at x[inputs[j]] and
    meets the weights from w[kernels[j]] on, rows of `columns`. The block's first window begins
    at `line` and `first` of a plane of `lines` × `length`; `live` lines of it exist, and
    `count` outputs are left in a line of `out`. `blank` begins with a line of zeros, which
    stands for lines outside; what is seen of the outputs comes into `seen` (`Vectors.note`).
    """
    i = types.int64
    signature = types.void(i, x, inputs, kernels, i, i, i, i, i, w, i, bias, i, blank, out, i, i, i, i, seen)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        which, *rest = pointers(context, builder, signature.args, arguments)
        after = builder.append_basic_block("lines_summed")
        choice = builder.switch(which, after)
        for kernel in KERNELS:
            for step in STEPS:
                for vectors in WIDTHS:
                    block = builder.append_basic_block(f"lines_{kernel}_{step}_{vectors}")
                    choice.add_case(I64(8 * kernel + 3 * step + vectors), block)
                    builder.position_at_end(block)
                    _Block(Vectors(context, builder, signature.args[1].dtype), kernel, step, vectors).write(*rest)
                    builder.branch(after)
        builder.position_at_end(after)
        return context.get_dummy_value()

    return signature, generate


class _Block:
    """The instructions of `sum_lines` for one kernel, step and width; arrays are pointers."""

    def __init__(self, vec: Vectors, kernel: int, step: int, vectors: int) -> None:
        self.vec, self.kernel, self.step, self.vectors = vec, kernel, step, vectors
        self.met = (LINES - 1) * step + kernel

    def write(
        self, x: Any, inputs: Any, kernels: Any, planes: Any, line: Any, lines: Any, length: Any, first: Any,
        w: Any, columns: Any, bias: Any, bias_at: Any, blank: Any, out: Any, out_at: Any, out_row: Any,
        live: Any, count: Any, seen: Any,
    ) -> None:  # fmt: skip
        """Two loops, over planes and columns of the kernel, around the sums of a column."""
        vec, builder = self.vec, self.vec.builder
        constant = vec.spread(builder.load(builder.gep(bias, [bias_at])))
        before = builder.block
        plane_block, column_block, next_block, after = (
            builder.append_basic_block(name) for name in ("plane", "column", "next_plane", "lines_end")
        )
        builder.cbranch(builder.icmp_signed("<", I64(0), planes), plane_block, after)

        builder.position_at_end(plane_block)
        plane, outer = builder.phi(I64), self._phis()
        source = builder.gep(x, [builder.load(builder.gep(inputs, [plane]))])
        weights = builder.gep(w, [builder.load(builder.gep(kernels, [plane]))])
        places = [self._line(source, blank, builder.add(line, I64(i)), lines, length) for i in range(self.met)]
        builder.branch(column_block)

        builder.position_at_end(column_block)
        column, inner = builder.phi(I64), self._phis()
        summed = self._column(inner, places, builder.add(first, column), length, weights, columns, column)
        following = builder.add(column, I64(1))
        builder.cbranch(builder.icmp_signed("<", following, columns), column_block, next_block)
        column.add_incoming(I64(0), plane_block)
        column.add_incoming(following, column_block)

        builder.position_at_end(next_block)
        next_plane = builder.add(plane, I64(1))
        builder.cbranch(builder.icmp_signed("<", next_plane, planes), plane_block, after)
        plane.add_incoming(I64(0), before)
        plane.add_incoming(next_plane, next_block)
        for begun, going, done in zip(outer, inner, summed, strict=True):
            begun.add_incoming(vec.nothing, before)
            begun.add_incoming(done, next_block)
            going.add_incoming(begun, plane_block)
            going.add_incoming(done, column_block)

        builder.position_at_end(after)
        ends = self._phis()
        for end, done in zip(ends, summed, strict=True):
            end.add_incoming(vec.nothing, before)
            end.add_incoming(done, next_block)
        noted = vec.load(seen)
        for r in range(LINES):
            exists = builder.select(builder.icmp_signed("<", I64(r), live), count, I64(0))
            target = builder.gep(out, [builder.add(out_at, builder.mul(out_row, I64(r)))])
            for v in range(self.vectors):
                some = vec.below(builder.sub(exists, I64(v * vec.lanes)))
                total = vec.add(ends[r * self.vectors + v], constant)
                vec.store_some(total, builder.gep(target, [I64(v * vec.lanes)]), some)
                noted = vec.note(noted, total)
        vec.store(noted, seen)

    def _phis(self) -> list[Any]:
        return [self.vec.builder.phi(self.vec.kind) for _ in range(LINES * self.vectors)]

    def _line(self, source: Any, blank: Any, line: Any, lines: Any, length: Any) -> Any:
        """Where a line of a plane begins; lines outside are blank."""
        builder = self.vec.builder
        inside = builder.icmp_unsigned("<", line, lines)
        return builder.select(inside, builder.gep(source, [builder.mul(line, length)]), blank)

    def _column(
        self, sums: list[Any], places: list[Any], first: Any, length: Any, weights: Any, columns: Any, column: Any
    ) -> list[Any]:
        """The sums with one column of a kernel added to them."""
        vec, builder = self.vec, self.vec.builder
        column_weights = [
            vec.spread(builder.load(builder.gep(weights, [builder.add(builder.mul(columns, I64(k)), column)])))
            for k in range(self.kernel)
        ]
        summed = list(sums)
        for v in range(self.vectors):
            at = builder.add(first, I64(v * vec.lanes * self.step))
            masks = [vec.inside(builder.add(at, I64(j * vec.lanes)), length) for j in range(self.step)]
            for i, place in enumerate(places):
                met = self._inputs(builder.gep(place, [at]), masks)
                for r in range(LINES):
                    k, number = i - r * self.step, r * self.vectors + v
                    if 0 <= k < self.kernel:
                        summed[number] = vec.multiply_add(column_weights[k], met, summed[number])
        return summed

    def _inputs(self, pointer: Any, masks: list[Any]) -> Any:
        """A vector of every step-th element from here on."""
        vec, builder = self.vec, self.vec.builder
        parts = [vec.load_some(builder.gep(pointer, [I64(j * vec.lanes)]), mask) for j, mask in enumerate(masks)]
        return parts[0] if self.step == 1 else vec.shuffle(parts[0], parts[1], range(0, 2 * vec.lanes, 2))
