"""Dot products along the taps, for few output positions: vectors run along the weights of a kernel.

Where there are fewer outputs in a channel than a vector or two hold, vectors of outputs
are mostly empty. Here the inputs that each output meets are gathered into a column of all
its taps, in the weights' own order, and a tile of kernels meets a tile of columns vector
by vector. The weights are read once, as they lie.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np
from numba import types, uint64

from app.core.algorithms.boxes import Boxes, boxes_of, cut_of
from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.laying import lay
from app.core.algorithms.scratch import aligned, pieces
from app.core.algorithms.simd import I32, I64, ROWS, VECTOR, Vectors, piece, pointers
from app.core.algorithms.taps import Axis
from app.core.algorithms.watch import new_watch
from app.core.geometry import ceil_div
from app.core.jit import compiled
from app.core.layout import Array
from app.core.parallel import PLANNED_THREADS, run_in_parts, team
from app.core.problem import PADDING_MODES, Problem

#: Columns of the widest tile.
COLUMNS = 3

#: Bytes of the columns that are multiplied with all kernels before the next ones: they are read again for each tile
#: of kernels, from the second cache. And of all columns, at most.
BLOCK_BYTES, MOST_BYTES = 2**19, 2**24

#: Slices of a sample's channels, which threads gather side by side.
SLICES = 8

#: Gathering an input takes as long as so many multiply-adds.
WORK_OF_AN_INPUT = 8

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
    rows, vectors = ceil_div(problem.out_channels, ROWS), ceil_div(taps * dtype.itemsize, VECTOR)
    blocks = _blocks(columns, (vectors + 1) * VECTOR)
    shared: Features = {
        "sums": rows * ROWS * vectors * columns,
        "loads": rows * ROWS * vectors * ceil_div(columns, COLUMNS),
        "ends": rows * ROWS * columns,
        "bytes": blocks * problem.kernel_elements * dtype.itemsize,
        "laid": cut_of(problem, dtype.itemsize, PLANNED_THREADS, whole=True).laid * problem.batch,
        "gathered": taps * columns,
    }
    return Effort({"call": 1.0}, shared, blocks * rows, problem.macs)


def workspace(problem: Problem, _axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output."""
    cut, lanes = cut_of(problem, dtype.itemsize, team.size, whole=True), VECTOR // dtype.itemsize
    columns = problem.batch * math.prod(problem.output_size) * (cut.sizes.in_group * cut.taps + lanes)
    return (columns + team.size * (cut.laid + cut.line)) * dtype.itemsize


def run(problem: Problem, _axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> bool:
    """Write the operation's output into `out`; shapes as for `tiles`. Whether all of it is known to be finite."""
    boxes = boxes_of(problem, x.dtype.itemsize, whole=True)
    positions, taps = math.prod(problem.output_size), len(boxes.places)
    lanes = VECTOR // x.dtype.itemsize
    row = ceil_div(taps, lanes) * lanes + lanes  # not a power of two: a tile's columns would meet in the cache
    count = problem.batch * positions
    columns = aligned(count * row, x.dtype)
    _gather_columns(problem, boxes, x.reshape(-1), columns, row)
    sample, place = np.divmod(np.arange(count), positions)
    targets = sample * (problem.out_channels * positions) + place
    flat_w, flat_out = w.reshape(-1), out.reshape(-1)
    blocks, rows = _blocks(count, row * x.dtype.itemsize), ceil_div(problem.out_channels, ROWS)
    flawed: list[bool] = []

    def part(low: int, high: int) -> None:
        finite = _multiply(
            flat_w, columns, bias, flat_out, targets, new_watch(x.dtype), positions, taps, row, problem.out_channels,
            blocks, rows, low, high,
        )  # fmt: skip
        if not finite:
            flawed.append(True)

    run_in_parts(part, blocks * rows, work=problem.macs)
    return not flawed


def _blocks(columns: int, row: int) -> int:
    """How many blocks columns of so many bytes are multiplied in."""
    return ceil_div(columns, max(COLUMNS, BLOCK_BYTES // row))


def _gather_columns(problem: Problem, boxes: Boxes, x: Array, columns: Array, row: int) -> None:
    mode, sizes = PADDING_MODES.index(problem.padding_mode), boxes.cut.sizes
    slices = math.gcd(sizes.in_group, SLICES)
    sizes, taps = sizes._replace(in_group=sizes.in_group // slices), len(boxes.places)

    def part(low: int, high: int) -> None:
        laid, line = pieces((boxes.cut.laid // slices, boxes.cut.line), x.dtype)
        _gather(
            x, laid, line, sizes, boxes.places[: taps // slices], *boxes.residues, mode, columns, taps, row, slices,
            low, high,
        )  # fmt: skip

    run_in_parts(part, problem.batch * slices, work=WORK_OF_AN_INPUT * len(columns))


@compiled
def _gather(
    x, laid, line, sizes, places, residues_z, residues_y, residues_x, mode, columns, taps, row, slices, low, high
):  # fmt: skip
    """Of columns (outputs, taps), with zeros behind, the slices from `low` to `high`, counted over (sample, slice).

    `sizes` and `places` are those of the channels of one slice.
    """
    count, plane = uint64(len(places)), sizes.lines * sizes.line_length
    for task in range(low, high):
        b, own = divmod(task, slices)
        source = task * sizes.in_group * sizes.input_channel
        lay(x, source, sizes, residues_z, residues_y, residues_x, mode, 0, 0, 0, laid, line)
        at = uint64(b * sizes.output_channel * row + own * len(places))
        behind = uint64(row - taps if own == slices - 1 else 0)
        for z in range(sizes.output_z):
            for y in range(sizes.output_y):
                for column in range(sizes.output_x):
                    first = z * plane + y * sizes.line_length + column
                    for t in range(count):
                        columns[at + t] = laid[uint64(places[t] + first)]
                    for t in range(behind):
                        columns[at + count + t] = 0
                    at += uint64(row)


@compiled
def _multiply(w, columns, bias, out, targets, seen, positions, taps, row, channels, blocks, rows, low, high):
    """The outputs of the tasks from `low` to `high`, counted over (block of columns, `ROWS` channels).

    Tells whether all of them are known to be finite.
    """
    for task in range(low, high):
        block, co = divmod(task, rows)
        co *= ROWS
        first, end = block * len(targets) // blocks, (block + 1) * len(targets) // blocks
        while first < end:
            count = min(COLUMNS, end - first)
            if end - first == COLUMNS + 1:  # a column alone would be waited for
                count = (COLUMNS + 1) // 2
            dot_tile(
                count, w, co * taps, taps, min(ROWS, channels - co), columns, first * row, row, taps,
                bias, co, out, co * positions, positions, targets, first, seen,
            )  # fmt: skip
            first += count
    return not seen.any()


@piece
def dot_tile(
    _context, count, w, w_at, w_row, live, columns, columns_at, columns_row, taps,
    bias, bias_at, out, out_at, out_row, targets, targets_at, seen,
):  # fmt: skip
    """`ROWS` × `count` dot products, of 1 to `COLUMNS` columns.

        out[out_at + r·out_row + targets[targets_at + c]] = bias[bias_at + r]
            + Σ over t of w[w_at + r·w_row + t]·columns[columns_at + c·columns_row + t]

    Only `live` rows exist; the others repeat the last of them. Columns are read over
    whole vectors, and have zeros behind their taps. What is seen of the outputs comes into `seen` (`Vectors.note`).
    """
    i = types.int64
    signature = types.void(i, w, i, i, i, columns, i, i, i, bias, i, out, i, i, targets, i, seen)

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
    seen: Any,
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
    totals = vec.sum_all([ends[r * count + c] for c in range(count) for r in range(ROWS)])
    known = vec.load_some(builder.gep(bias, [bias_at]), vec.below(live))
    constants = vec.shuffle(known, known, [m % ROWS for m in range(vec.lanes)])
    totals = [vec.add(total, constants) for total in totals]
    targets = [builder.load(builder.gep(targets, [builder.add(targets_at, I64(c))])) for c in range(count)]
    for r in reversed(range(ROWS)):  # what repeats the last row goes before it, to the same place: it has no constant
        target = builder.gep(out, [builder.add(out_at, builder.mul(real[r], out_row))])
        for c in range(count):
            vector, element = divmod(c * ROWS + r, vec.lanes)
            builder.store(builder.extract_element(totals[vector], I32(element)), builder.gep(target, [targets[c]]))
    vec.store(reduce(vec.note, totals, vec.load(seen)), seen)
