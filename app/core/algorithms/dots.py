"""Dot products along the taps, for few output positions: vectors run along the weights of a kernel.

Where there are fewer outputs in a channel than a vector or two hold, vectors of outputs
are mostly empty. Here the inputs that each output meets are gathered into a column of all
its taps, in the weights' own order, and a tile of kernels meets a tile of columns vector
by vector. The weights are read once, as they lie.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types, uint64

from app.core.algorithms.boxes import Boxes, boxes_of, cut_of
from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.laying import lay
from app.core.algorithms.scratch import pieces
from app.core.algorithms.simd import I64, ROWS, VECTOR, Vectors, piece, pointers
from app.core.algorithms.taps import Axis
from app.core.geometry import ceil_div
from app.core.jit import compiled
from app.core.layout import Array
from app.core.parallel import PLANNED_THREADS, run_in_parts, team
from app.core.problem import PADDING_MODES, Problem

#: Columns of the widest tile.
COLUMNS = 3

#: Bytes of all columns at most: they are read again for each tile of kernels, from the second cache.
MOST_BYTES = 2**20

#: With fewer taps the sums at the ends of the dot products would be most of the work.
FEWEST_TAPS = 64


def fits(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> bool:
    """Whether there are few columns, and long ones."""
    taps = problem.in_channels // problem.groups * math.prod(problem.kernel_size)
    columns = problem.batch * math.prod(problem.output_size)
    if problem.op != "conv" or problem.groups > 1 or taps < FEWEST_TAPS or taps * columns * dtype.itemsize > MOST_BYTES:
        return False
    lengths = (axis.output + axis.span // axis.in_step for axis in axes)
    laid = problem.in_channels * math.prod(lengths) * math.prod(min(axis.in_step, axis.kernel) for axis in axes)
    return laid * dtype.itemsize <= MOST_BYTES


def effort(problem: Problem, _axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to: turns of the innermost loop, ends of dot products, inputs laid and gathered."""
    taps, columns = problem.kernel_elements // problem.out_channels, problem.batch * math.prod(problem.output_size)
    blocks, vectors = ceil_div(problem.out_channels, ROWS), ceil_div(taps * dtype.itemsize, VECTOR)
    shared: Features = {
        "sums": blocks * ROWS * vectors * columns,
        "loads": blocks * ROWS * vectors * ceil_div(columns, COLUMNS),
        "ends": blocks * ROWS * columns,
        "bytes": problem.kernel_elements * dtype.itemsize,
    }
    laid = cut_of(problem, dtype.itemsize, PLANNED_THREADS, whole=True).laid * problem.batch
    return Effort({"call": 1.0, "laid": laid, "gathered": taps * columns}, shared, blocks, problem.macs)


def workspace(problem: Problem, _axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output."""
    cut, lanes = cut_of(problem, dtype.itemsize, team.size, whole=True), VECTOR // dtype.itemsize
    columns = problem.batch * math.prod(problem.output_size) * (cut.sizes.in_group * cut.taps + lanes)
    return (columns + team.size * (cut.laid + cut.line)) * dtype.itemsize


def run(problem: Problem, _axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> bool:
    """Write the operation's output into `out`; shapes as for `tiles`. Whether all of it is finite."""
    boxes = boxes_of(problem, x.dtype.itemsize, whole=True)
    positions, taps = math.prod(problem.output_size), len(boxes.places)
    lanes = VECTOR // x.dtype.itemsize
    row = ceil_div(taps, lanes) * lanes + lanes  # not a power of two: a tile's columns would meet in the cache
    columns = np.empty(problem.batch * positions * row, x.dtype)
    _gather_columns(problem, boxes, x.reshape(-1), columns, row)
    sample, place = np.divmod(np.arange(problem.batch * positions), positions)
    targets = sample * (problem.out_channels * positions) + place
    flat_w, flat_out = w.reshape(-1), out.reshape(-1)
    flawed: list[bool] = []

    def part(low: int, high: int) -> None:
        _multiply(flat_w, columns, bias, flat_out, targets, positions, taps, row, problem.out_channels, low, high)
        if not np.isfinite(out[:, low * ROWS : high * ROWS]).all():
            flawed.append(True)

    run_in_parts(part, ceil_div(problem.out_channels, ROWS), work=problem.macs)
    return not flawed


def _gather_columns(problem: Problem, boxes: Boxes, x: Array, columns: Array, row: int) -> None:
    mode = PADDING_MODES.index(problem.padding_mode)

    def part(low: int, high: int) -> None:
        laid, line = pieces((boxes.cut.laid, boxes.cut.line), x.dtype)
        _gather(x, laid, line, boxes.cut.sizes, boxes.places, *boxes.residues, mode, columns, row, low, high)

    run_in_parts(part, problem.batch, work=problem.batch * math.prod(problem.output_size) * len(boxes.places))


@compiled
def _gather(x, laid, line, sizes, places, residues_z, residues_y, residues_x, mode, columns, row, low, high):
    """The columns of the samples from `low` to `high`: (outputs, taps), with zeros behind."""
    taps, plane = len(places), sizes.lines * sizes.line_length
    inputs = sizes.in_group * sizes.input_channel
    for b in range(low, high):
        lay(x, b * inputs, sizes, residues_z, residues_y, residues_x, mode, 0, 0, 0, laid, line)
        at = uint64(b * sizes.output_channel * row)
        for z in range(sizes.output_z):
            for y in range(sizes.output_y):
                for column in range(sizes.output_x):
                    first = z * plane + y * sizes.line_length + column
                    for t in range(uint64(taps)):
                        columns[at + t] = laid[uint64(places[t] + first)]
                    for t in range(uint64(taps), uint64(row)):
                        columns[at + t] = 0
                    at += uint64(row)


@compiled
def _multiply(w, columns, bias, out, targets, positions, taps, row, channels, low, high):
    """The outputs of the blocks of `ROWS` channels from `low` to `high`."""
    for block in range(low, high):
        co = block * ROWS
        for first in range(0, len(targets), COLUMNS):
            count = min(COLUMNS, len(targets) - first)
            dot_tile(
                count, w, co * taps, taps, min(ROWS, channels - co), columns, first * row, row, taps,
                bias, co, out, co * positions, positions, targets, first,
            )  # fmt: skip


@piece
def dot_tile(
    _context, count, w, w_at, w_row, live, columns, columns_at, columns_row, taps,
    bias, bias_at, out, out_at, out_row, targets, targets_at,
):  # fmt: skip
    """`ROWS` × `count` dot products, of 1 to `COLUMNS` columns.

        out[out_at + r·out_row + targets[targets_at + c]] = bias[bias_at + r]
            + Σ over t of w[w_at + r·w_row + t]·columns[columns_at + c·columns_row + t]

    Only `live` rows exist; the others repeat the last of them. Columns are read over
    whole vectors, and have zeros behind their taps.
    """
    i = types.int64
    signature = types.void(i, w, i, i, i, columns, i, i, i, bias, i, out, i, i, targets, i)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count, *rest = pointers(context, builder, signature.args, arguments)
        after = builder.append_basic_block("multiplied")
        choice = builder.switch(count, after)
        for c in range(1, COLUMNS + 1):
            block = builder.append_basic_block(f"dots_{c}")
            choice.add_case(I64(c), block)
            builder.position_at_end(block)
            _write_dots(Vectors(context, builder, signature.args[1].dtype), c, *rest)
            builder.branch(after)
        builder.position_at_end(after)
        return context.get_dummy_value()

    return signature, generate


def _write_dots(
    vec: Vectors, count: int, w: Any, w_at: Any, w_row: Any, live: Any, columns: Any, columns_at: Any, columns_row: Any,
    taps: Any, bias: Any, bias_at: Any, out: Any, out_at: Any, out_row: Any, targets: Any, targets_at: Any,
) -> None:  # fmt: skip
    """The instructions of `dot_tile` for one number of columns; arrays are pointers."""
    builder = vec.builder
    last = builder.sub(live, I64(1))
    real = [builder.select(builder.icmp_signed("<", I64(r), last), I64(r), last) for r in range(ROWS)]
    kernels = [builder.gep(w, [builder.add(w_at, builder.mul(r, w_row))]) for r in real]
    inputs = [builder.gep(columns, [builder.add(columns_at, builder.mul(columns_row, I64(c)))]) for c in range(count)]
    whole = builder.mul(builder.sdiv(taps, I64(vec.lanes)), I64(vec.lanes))

    def added(sums: list[Any], at: Any, some: Any) -> list[Any]:
        met = [vec.load(builder.gep(own, [at])) for own in inputs]
        following = []
        for r in range(ROWS):
            place = builder.gep(kernels[r], [at])
            weights = vec.load(place) if some is None else vec.load_some(place, some)
            following += [vec.multiply_add(weights, met[c], sums[r * count + c]) for c in range(count)]
        return following

    before, body, after = (builder.block, *(builder.append_basic_block(name) for name in ("dot", "end")))
    builder.cbranch(builder.icmp_signed("<", I64(0), whole), body, after)
    builder.position_at_end(body)
    at = builder.phi(I64)
    sums = [builder.phi(vec.kind) for _ in range(ROWS * count)]
    summed = added(sums, at, None)
    following = builder.add(at, I64(vec.lanes))
    at.add_incoming(I64(0), before)
    at.add_incoming(following, body)
    for one, new in zip(sums, summed, strict=True):
        one.add_incoming(vec.nothing, before)
        one.add_incoming(new, body)
    builder.cbranch(builder.icmp_signed("<", following, whole), body, after)
    builder.position_at_end(after)
    ends = [builder.phi(vec.kind) for _ in summed]
    for one, new in zip(ends, summed, strict=True):
        one.add_incoming(vec.nothing, before)
        one.add_incoming(new, body)
    ends = added(ends, whole, vec.below(builder.sub(taps, whole)))
    for r in range(ROWS):
        target = builder.gep(out, [builder.add(out_at, builder.mul(real[r], out_row))])
        constant = builder.load(builder.gep(bias, [builder.add(bias_at, real[r])]))
        for c in range(count):
            place = builder.load(builder.gep(targets, [builder.add(targets_at, I64(c))]))
            total = vec.sum_up(ends[r * count + c])
            builder.store(vec.add(total, constant), builder.gep(target, [place]))
