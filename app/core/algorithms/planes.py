"""Sums over small planes, each as one row, straight from the input: for depthwise layers at the end of networks.

Where a plane of outputs is as large as its inputs, every tap is the same row from another
place on. What a tap would take from beyond a line or a plane is masked, by a table that all
planes share; so lines of seven outputs fill vectors of sixteen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.taps import Axis, Int64Array, axes_of
from app.core.algorithms.vectors.simd import I64, VECTOR, Vectors, choose, piece, pointers, summed_over
from app.core.algorithms.watch import new_watches, note_inputs, shows_fit
from app.core.geometry import ceil_div, even_pieces
from app.core.layout import Array
from app.core.parallel import run_parted, team
from app.core.parted import parted
from app.core.problem import Problem

#: Vectors of sums that are made at once: a processor that multiplies and adds in four turns has so many under way.
WIDEST = 6

#: Masks of a table, for each vector of a plane and each tap: 64 KiB.
MOST_MASKS = 2**13


@dataclass(frozen=True)
class Rows:
    """The tables of `planes`: where each tap's row begins beside the outputs', and which outputs it serves.

    `masks` (tiles · taps, WIDEST) has a bit for each element of a vector, for each tile of the row and each tap. All
    of it is so much `work`.
    """

    places: Int64Array
    masks: Int64Array
    work: int


def fits(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> bool:
    """Whether planes of outputs are like those of inputs, and small."""
    taps = problem.in_group * math.prod(axis.kernel for axis in axes)
    return (
        problem.op == "conv"
        and not problem.pads_by_copying
        and all(axis.in_step == 1 and axis.input == axis.output for axis in axes)
        and ceil_div(_vectors(axes, dtype.itemsize), WIDEST) * WIDEST * taps <= MOST_MASKS
    )


def effort(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to: turns of the innermost loop, products of vectors in them, and tiles."""
    planes, taps = problem.batch * problem.out_channels, problem.kernel_elements // problem.out_channels
    vectors = _vectors(axes, dtype.itemsize)
    tiles = ceil_div(vectors, WIDEST)
    shared: Features = {
        "planes": planes,
        "tiles": planes * tiles,
        "turns": planes * tiles * taps,
        "sums": planes * vectors * taps,
        "bytes": (problem.input_elements + problem.output_elements) * dtype.itemsize,
    }
    return Effort({"call": 1.0}, shared, planes, _work(problem, axes, dtype.itemsize))


def _vectors(axes: tuple[Axis, ...], itemsize: int) -> int:
    """The vectors of a plane."""
    return ceil_div(math.prod(axis.output for axis in axes) * itemsize, VECTOR)


def _work(problem: Problem, axes: tuple[Axis, ...], itemsize: int) -> int:
    """Multiply-adds by their time: also those of empty places; those of eight bytes take twice as long."""
    return problem.batch * problem.kernel_elements * _vectors(axes, itemsize) * VECTOR // 8


def workspace(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output: the tables, and what each thread has seen."""
    vectors = _vectors(axes, dtype.itemsize)
    taps = problem.kernel_elements // problem.out_channels
    tables = (ceil_div(vectors, WIDEST) * WIDEST + 1) * taps * np.dtype(np.int64).itemsize
    made_from = math.prod(problem.kernel_size) * vectors * (2 * VECTOR // dtype.itemsize + 5 * 8)
    return 2 * tables + made_from + team.size * VECTOR


def run(problem: Problem, _axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> bool:
    """Write the operation's output into `out`; shapes as for the direct algorithm.

    Whether it has seen that the output fits the dtype.
    """
    rows = _rows_of(problem, x.dtype.itemsize)
    flat_x, flat_w, flat_out = x.reshape(-1), w.reshape(-1), out.reshape(-1)
    length, in_group, out_group = math.prod(x.shape[2:]), w.shape[1], problem.out_group
    seen = new_watches(x.dtype)
    clean = run_parted(
        _sum_planes, problem.batch * problem.out_channels, rows.work, flat_x, flat_w, bias,
        flat_out, rows.places, rows.masks, seen, length, in_group, out_group, problem.groups,
    )  # fmt: skip
    return shows_fit(clean, seen, flat_w, bias, len(rows.places))


@lru_cache(maxsize=256)
def _rows_of(problem: Problem, itemsize: int) -> Rows:
    """The tables of a problem for elements of so many bytes."""
    lanes, in_group, axes = VECTOR // itemsize, problem.in_group, axes_of(problem)
    served, along = served_by(axes)
    taps, row = served.shape
    vectors = ceil_div(row, lanes)
    padded = np.zeros((taps, vectors * lanes), np.bool_)
    padded[:, :row] = served
    masks = as_bits(padded.reshape(taps, vectors, lanes))
    tiles = np.zeros((ceil_div(vectors, WIDEST), in_group, taps, WIDEST), np.int64)
    for number, (first, count) in enumerate(even_pieces(vectors, WIDEST)):
        tiles[number, :, :, :count] = masks[:, first : first + count]
    places = (np.arange(in_group)[:, None] * row + along).reshape(-1)
    return Rows(places, tiles.reshape(-1, WIDEST), _work(problem, axes, itemsize))


def as_bits(masks: NDArray[np.bool_]) -> Int64Array:
    """Each vector of masks, along the last axis, as a number whose lowest bits they are."""
    packed = np.packbits(masks, axis=-1, bitorder="little").astype(np.int64)
    bits: Int64Array = (packed << np.arange(packed.shape[-1]) * 8).sum(axis=-1)
    return bits


def served_by(axes: tuple[Axis, ...]) -> tuple[NDArray[np.bool_], Int64Array]:
    """Of planes of outputs that are as large as their inputs, each as one row.

    (taps, outputs): which outputs find an input within the plane; and where the inputs of each tap lie beside the
    outputs. Taps are in the order of their weights, which are read as they lie.
    """
    shifts = [axis.shifts(0)[np.argsort(axis.taps(0))] for axis in axes]
    z, y, x = (_served(axis.input, own) for axis, own in zip(axes, shifts, strict=True))
    served = z[:, None, None, :, None, None] & y[None, :, None, None, :, None] & x[None, None, :, None, None, :]
    places = (shifts[0][:, None, None] * axes[1].input + shifts[1][:, None]) * axes[2].input + shifts[2]
    return served.reshape(places.size, -1), places.reshape(-1)


def _served(length: int, shifts: Int64Array) -> NDArray[np.bool_]:
    """Which outputs of a line find an input within it, for each tap: (taps, outputs)."""
    places = np.arange(length) + shifts[:, None]
    return (places >= 0) & (places < length)


@parted
def _sum_planes(me, low, high, x, w, bias, out, places, masks, all_seen, length, in_group, out_group, groups):
    """Sum the planes of outputs from `low` to `high`, counted over (batch, channel); whether nothing was seen."""
    seen = all_seen[me]
    lanes, taps, channels = VECTOR // x.itemsize, len(places), groups * out_group
    vectors = (length + lanes - 1) // lanes
    tiles = (vectors + WIDEST - 1) // WIDEST
    for plane in range(low, high):
        b, co = divmod(plane, channels)
        source = (b * groups + co // out_group) * in_group * length
        note_inputs(x, source, source + in_group * length, seen)
        for tile in range(tiles):
            first, end = tile * vectors // tiles, (tile + 1) * vectors // tiles
            start = first * lanes
            sum_row(
                end - first, x, source + start, places, taps, masks, tile * taps, w, co * taps, bias, co,
                out, plane * length + start, length - start, seen,
            )  # fmt: skip
    return not seen.any()


@piece
def sum_row(
    _context, vectors, x, x_at, places, taps, masks, mask_at, w, w_at, bias, bias_at, out, out_at, left, seen
):  # fmt: skip
    """Sum up to `WIDEST` vectors of outputs side by side.

        out[out_at + m] = Σ over t of w[w_at + t]·x[x_at + places[t] + m] + bias[bias_at]

    for m below `left`, without the products that the masks from mask_at on leave out: nothing is read there. Taps are
    summed in their order. What is seen of the outputs comes into `seen` (`Vectors.note`).
    """
    i = types.int64
    signature = types.void(i, x, i, places, i, masks, i, w, i, bias, i, out, i, i, seen)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors, *rest = pointers(context, builder, signature.args, arguments)
        vec = Vectors(context, builder, signature.args[1].dtype)
        choose(builder, vectors, {n: partial(_write_row, vec, n, *rest) for n in range(1, WIDEST + 1)})
        return context.get_dummy_value()

    return signature, generate


def _write_row(
    vec: Vectors, vectors: int, x: Any, x_at: Any, places: Any, taps: Any, masks: Any, mask_at: Any, w: Any, w_at: Any,
    bias: Any, bias_at: Any, out: Any, out_at: Any, left: Any, seen: Any,
) -> None:  # fmt: skip
    """The instructions for so many vectors; arrays are pointers."""
    builder = vec.builder
    x, w, out = builder.gep(x, [x_at]), builder.gep(w, [w_at]), builder.gep(out, [out_at])
    masks = builder.gep(masks, [builder.mul(mask_at, I64(WIDEST))])
    constant = vec.spread(builder.load(builder.gep(bias, [bias_at])))

    def of_tap(tap: Any, held: list[Any]) -> list[Any]:
        source = builder.gep(x, [builder.load(builder.gep(places, [tap]))])
        weight = vec.spread(builder.load(builder.gep(w, [tap])))
        own = builder.gep(masks, [builder.mul(tap, I64(WIDEST))])
        summed = []
        for v in range(vectors):
            mask = vec.of_bits(builder.load(builder.gep(own, [I64(v)])))
            met = vec.load_some(builder.gep(source, [I64(v * vec.lanes)]), mask)
            summed.append(vec.multiply_add(weight, met, held[v]))
        return summed

    summed = summed_over(builder, taps, [vec.nothing] * vectors, of_tap)
    noted = [vec.load(seen)]
    for v, one in enumerate(summed):
        total, begin = vec.add(one, constant), I64(v * vec.lanes)
        if v < vectors - 1:
            vec.store(total, builder.gep(out, [begin]))
        else:
            vec.store_some(total, builder.gep(out, [begin]), vec.below(builder.sub(left, begin)))
        noted.append(vec.note(vec.nothing, total))
    vec.store(reduce(vec.add, noted), seen)
