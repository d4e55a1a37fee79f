"""Matrix product and col2im, for transposed convolutions of few input positions.

The weights lie as (C_in, C_out/groups·kernel), so each input position's product with all
of them is a row of stamps, made by tiles whose vectors run along the weights as they lie:
they are read once, and nothing is rearranged. Then every stamp is added to its place in
the output; what falls outside of it is dropped.
"""

from __future__ import annotations

import math

import numpy as np
from numba import uint64

from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.scratch import pieces
from app.core.algorithms.simd import ROWS, VECTOR
from app.core.algorithms.taps import Axis, Int64Array
from app.core.algorithms.tile_sums import TILES, sum_tile
from app.core.geometry import ceil_div
from app.core.jit import compiled, inlined
from app.core.layout import Array
from app.core.parallel import PLANNED_THREADS, run_in_parts, team
from app.core.problem import Problem

#: Elements of the stamps of a chunk of output channels, and of the weights that make one tile of them.
STAMPS = 2**16

#: More input positions than this take more stamps than the second cache holds.
MOST_POSITIONS = 1024

#: Weights of one kernel at most: a chunk of output channels should stay small.
MOST_WEIGHTS = 4096

_HALF = ROWS // 2
_WIDEST = TILES[ROWS][0]


def fits(problem: Problem, _axes: tuple[Axis, ...], _dtype: np.dtype[np.generic]) -> bool:
    """Whether there are few enough input positions and weights."""
    kernel = math.prod(problem.kernel_size)
    return (
        problem.op == "conv_transpose"
        and problem.batch * math.prod(problem.input_size) <= MOST_POSITIONS
        and kernel <= MOST_WEIGHTS
    )


def effort(problem: Problem, _axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to: turns of the innermost loop and its calls, stamps added, lines of them."""
    positions, lanes = problem.batch * math.prod(problem.input_size), VECTOR // dtype.itemsize
    kernel, in_group = math.prod(problem.kernel_size), problem.in_channels // problem.groups
    chunk = _chunk(problem, positions, PLANNED_THREADS)
    chunks = problem.groups * ceil_div(problem.out_channels // problem.groups, chunk)
    blocks = ceil_div(positions, ROWS)
    rows = blocks * ROWS if positions > _HALF else _HALF
    shared: Features = {
        "sums": chunks * rows * ceil_div(chunk * kernel, lanes) * in_group,
        "tiles": chunks * blocks * ceil_div(chunk * kernel, _WIDEST * lanes),
        "stamps": problem.out_channels * kernel * positions,
        "lines": problem.out_channels * kernel // problem.kernel_size[-1] * positions,
        "bytes": (problem.kernel_elements + problem.output_elements) * dtype.itemsize,
    }
    return Effort({"call": 1.0, "turned": problem.input_elements}, shared, chunks, problem.macs)


def workspace(problem: Problem, _axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output."""
    return (sum(_working(problem, dtype)) * team.size + problem.input_elements) * dtype.itemsize


def _chunk(problem: Problem, positions: int, threads: int) -> int:
    """Output channels whose stamps are made at once, where so many threads share them."""
    out_group, kernel = problem.out_channels // problem.groups, math.prod(problem.kernel_size)
    least = max(1, STAMPS // (positions * kernel))
    shared = ceil_div(out_group * problem.groups, 2 * threads)
    return max(1, min(out_group, least, shared))


def _working(problem: Problem, dtype: np.dtype[np.generic]) -> tuple[int, int]:
    """Elements of the stamps and of the weights of one tile."""
    positions, lanes = problem.batch * math.prod(problem.input_size), VECTOR // dtype.itemsize
    width = ceil_div(_chunk(problem, positions, team.size) * math.prod(problem.kernel_size), lanes) * lanes
    return positions * width, problem.in_channels // problem.groups * _WIDEST * lanes


def run(problem: Problem, axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> None:
    """Write the operation's output into `out`; shapes as for `tiles`."""
    positions = math.prod(problem.input_size)
    in_group, out_group = problem.in_channels // problem.groups, problem.out_channels // problem.groups
    kernel, chunk = math.prod(problem.kernel_size), _chunk(problem, problem.batch * positions, team.size)
    grouped = x.reshape(problem.batch, problem.groups, in_group, positions)
    rows = np.ascontiguousarray(grouped.transpose(1, 0, 3, 2)).reshape(-1)  # (groups, batch, positions, C_in/groups)
    chunks, zeros = ceil_div(out_group, chunk), np.zeros(ROWS, x.dtype)
    flat_w, flat_out = w.reshape(-1), out.reshape(-1)
    sizes = (*(axis.input for axis in axes), *(axis.output for axis in axes))
    places = [_places(axis) for axis in axes]
    steps = tuple(axis.out_step for axis in axes)
    working = _working(problem, x.dtype)

    def part(low: int, high: int) -> None:
        stamps, tile = pieces(working, x.dtype)
        _stamp(
            flat_w, rows, bias, zeros, flat_out, stamps, tile, *places, sizes, steps,
            problem.batch, in_group, out_group, kernel, chunk, chunks, low, high,
        )  # fmt: skip

    run_in_parts(part, problem.groups * chunks, work=problem.macs)


def _places(axis: Axis) -> Int64Array:
    """Where each weight of an axis puts the stamp of the first input, in the output."""
    taps, shifts, residues = axis.all_taps
    places = np.empty(axis.kernel, np.int64)
    places[taps] = residues - axis.out_step * shifts
    return places


@compiled
def _stamp(
    w, rows, bias, zeros, out, stamps, tile, places_z, places_y, places_x, sizes, steps,
    batch, in_group, out_group, kernel, chunk, chunks, low, high,
):  # fmt: skip
    """Make and add the stamps of the chunks of output channels from `low` to `high`, counted over (group, chunk)."""
    positions, plane = sizes[0] * sizes[1] * sizes[2], sizes[3] * sizes[4] * sizes[5]
    lanes = VECTOR // w.itemsize
    count = batch * positions
    along = np.arange(in_group) * (_WIDEST * lanes)
    for task in range(low, high):
        g, number = divmod(task, chunks)
        first = number * chunk
        channels = min(chunk, out_group - first)
        width = (channels * kernel + lanes - 1) // lanes * lanes
        for start in range(0, channels * kernel, _WIDEST * lanes):
            length = min(_WIDEST * lanes, channels * kernel - start)
            vectors = (length + lanes - 1) // lanes
            for ci in range(in_group):
                source = uint64(((g * in_group + ci) * out_group + first) * kernel + start)
                target = uint64(ci * _WIDEST * lanes)
                for m in range(uint64(length)):
                    tile[target + m] = w[source + m]
                for m in range(uint64(length), uint64(vectors * lanes)):
                    tile[target + m] = 0
            for row in range(0, count, ROWS):
                live = min(ROWS, count - row)
                sum_tile(
                    ROWS if live > _HALF else _HALF, vectors, tile, 0, along, 0, in_group,
                    rows, (g * count + row) * in_group, in_group, live, zeros, 0, stamps, row * width + start, width,
                )  # fmt: skip
        for c in range(channels):
            channel = g * out_group + first + c
            for b in range(batch):
                target = (b * len(bias) + channel) * plane
                for m in range(uint64(target), uint64(target + plane)):
                    out[m] = bias[channel]
                source = b * positions * width + c * kernel
                _add_stamps(stamps, source, width, places_z, places_y, places_x, sizes, steps, out, target)


@inlined
def _add_stamps(stamps, source, width, places_z, places_y, places_x, sizes, steps, out, target):
    """Add one channel's stamps to their places in the output."""
    for iz in range(sizes[0]):
        for iy in range(sizes[1]):
            for ix in range(sizes[2]):
                at = source
                for place_z in places_z:
                    z = place_z + iz * steps[0]
                    for place_y in places_y:
                        y = place_y + iy * steps[1]
                        if 0 <= z < sizes[3] and 0 <= y < sizes[4]:
                            line = target + (z * sizes[4] + y) * sizes[5] + ix * steps[2]
                            left = -ix * steps[2]
                            right = sizes[5] + left
                            for k in range(len(places_x)):
                                if left <= places_x[k] < right:
                                    out[uint64(line + places_x[k])] += stamps[uint64(at + k)]
                        at += len(places_x)
                source += width
