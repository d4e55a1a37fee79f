"""Matrix products over tiles of im2col columns; the whole im2col never exists.

For each group (and, transposed, each phase of the output) the weights are a matrix of
(out channels × taps). A tile of output positions is packed into (taps × positions), one
BLAS product gives its outputs, and they go to their places. Tiles are cut by the problem
alone, so the bits do not depend on the number of threads.
"""

from __future__ import annotations

import itertools

import numpy as np
from numba import uint64

from app.core.algorithms.jit import compiled
from app.core.algorithms.phases import Phase, fill_with_bias, phases_of
from app.core.algorithms.taps import Axis
from app.core.geometry import ceil_div
from app.core.layout import Array
from app.core.parallel import limit_blas, run_in_parts
from app.core.problem import Problem

#: Elements of a packed tile: with its product it stays in the second cache.
TILE_ELEMENTS = 2**18

#: A product narrower than this runs far below the machine's peak; a wider one gains nothing.
NARROWEST_TILE, WIDEST_TILE = 64, 1024

#: With fewer tiles than this, threads share the channels of one tile instead.
FEW_TILES = 4

#: Output channels of one product, where tiles are few.
CHANNEL_BLOCK = 64

#: A packed tile's elements at most, where there are very many taps.
LARGEST_TILE = 2**22

#: More phases than this are too many small products.
MOST_PHASES = 1024


def tile_width(taps: int) -> int:
    """Output positions in one tile, for so many taps over all channels of a group."""
    return max(NARROWEST_TILE, min(WIDEST_TILE, TILE_ELEMENTS // taps // 16 * 16))


def run(problem: Problem, axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> None:
    """Write the operation's output into `out`; shapes as for the direct algorithm."""
    limit_blas()
    fill_with_bias(axes, bias, out)
    for phase in phases_of(axes, w, problem.groups):
        tiles = ceil_div(phase.count, tile_width(phase.weights.shape[2]))
        if len(x) * problem.groups * tiles < FEW_TILES:
            _run_few_tiles(phase, axes, x, bias, out)
        else:
            _run_many_tiles(phase, axes, x, bias, out)


def _run_many_tiles(phase: Phase, axes: tuple[Axis, ...], x: Array, bias: Array, out: Array) -> None:
    """Each thread packs and multiplies tiles of its own."""
    groups, out_group, taps = phase.weights.shape
    in_group = x.shape[1] // groups
    width = min(phase.count, tile_width(taps))
    tiles = ceil_div(phase.count, width)
    tables = [axis.table for axis in axes]
    ready = _ready_columns(phase, axes, x)

    def part(low: int, high: int) -> None:
        packed = np.empty((taps, width if ready is None else 0), x.dtype)
        products = np.empty((out_group, width), x.dtype)
        for task in range(low, high):
            sample, tile = divmod(task, tiles)
            b, g = divmod(sample, groups)
            begin, end = tile * width, min(phase.count, (tile + 1) * width)
            if ready is None:
                _pack(x, b, g * in_group, in_group, *tables, phase.index, phase.positions, begin, end, packed)
                columns = packed[:, : end - begin]
            else:
                columns = ready[b, g, :, begin:end]
            _multiply(phase.weights[g], columns, products[:, : end - begin])
            _place(products, bias, out, b, g * out_group, *tables, phase.index, phase.positions, begin, end)

    run_in_parts(part, len(x) * groups * tiles, work=len(x) * phase.count * taps * out.shape[1])


def _run_few_tiles(phase: Phase, axes: tuple[Axis, ...], x: Array, bias: Array, out: Array) -> None:
    """Threads pack a tile together by input channels, then multiply it by output channels."""
    groups, out_group, taps = phase.weights.shape
    in_group = x.shape[1] // groups
    width = min(phase.count, tile_width(taps))
    tables = [axis.table for axis in axes]
    columns = np.empty((taps, width), x.dtype)
    per_channel = taps // in_group

    for b, g, begin in itertools.product(range(len(x)), range(groups), range(0, phase.count, width)):
        end = min(phase.count, begin + width)

        def pack(low: int, high: int, b: int = b, g: int = g, begin: int = begin, end: int = end) -> None:
            own = columns[low * per_channel : high * per_channel]
            _pack(x, b, g * in_group + low, high - low, *tables, phase.index, phase.positions, begin, end, own)

        def multiply(low: int, high: int, b: int = b, g: int = g, begin: int = begin, end: int = end) -> None:
            for block in range(low, high):
                first = block * CHANNEL_BLOCK
                weights = phase.weights[g, first : first + CHANNEL_BLOCK]
                products = np.empty((len(weights), end - begin), x.dtype)
                _multiply(weights, columns[:, : end - begin], products)
                channel = g * out_group + first
                _place(products, bias, out, b, channel, *tables, phase.index, phase.positions, begin, end)

        run_in_parts(pack, in_group, work=taps * width)
        run_in_parts(multiply, ceil_div(out_group, CHANNEL_BLOCK), work=out_group * taps * width)


def _ready_columns(phase: Phase, axes: tuple[Axis, ...], x: Array) -> Array | None:
    """The input itself as (batch, groups, taps, positions), where each output has one tap at its own place."""
    groups, _, taps = phase.weights.shape
    own_place = all(
        axis.in_step == 1 and axis.input == n and len(shifts := axis.shifts(q)) == 1 and shifts[0] == 0
        for axis, n, q in zip(axes, phase.positions, phase.index, strict=True)
    )
    return x.reshape(len(x), groups, taps, -1) if own_place else None


def _multiply(weights: Array, columns: Array, products: Array) -> None:
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow is found in the output
        np.matmul(weights, columns, out=products)


@compiled
def _pack(x, b, channel, in_group, depth, height, width, index, positions, begin, end, columns):
    """columns[tap, m] = the input that the tap meets at position begin + m; 0 on padding."""
    _, _, planes, lines, length = x.shape
    flat_x, flat_columns = x.reshape(-1), columns.reshape(-1)
    first_z, first_y, first_x = 4 + depth[2], 4 + height[2], 4 + width[2]
    shift_z = first_z + depth[2] + 1 + depth[3]
    shift_y = first_y + height[2] + 1 + height[3]
    shift_x = first_x + width[2] + 1 + width[3]
    tap = 0
    for ci in range(channel, channel + in_group):
        for tz in range(depth[first_z + index[0]], depth[first_z + index[0] + 1]):
            for ty in range(height[first_y + index[1]], height[first_y + index[1] + 1]):
                for tx in range(width[first_x + index[2]], width[first_x + index[2] + 1]):
                    at = begin
                    while at < end:
                        line, column = divmod(at, positions[2])
                        plane, row = divmod(line, positions[1])
                        stop = min(end, at - column + positions[2])
                        iz = plane * depth[0] + depth[shift_z + tz]
                        iy = row * height[0] + height[shift_y + ty]
                        inside = 0 <= iz < planes and 0 <= iy < lines
                        source = (((b * x.shape[1] + ci) * planes + iz) * lines + iy) * length
                        target = tap * columns.shape[1] + at - begin
                        _copy_line(
                            flat_x,
                            source,
                            length if inside else 0,
                            width[0],
                            column * width[0] + width[shift_x + tx],
                            flat_columns,
                            target,
                            stop - at,
                        )
                        at = stop
                    tap += 1


@compiled
def _copy_line(flat_x, source, length, step, shift, flat_columns, target, count):
    """Copy every step-th input from `shift` on, with zeros where the line has none."""
    begin = min(count, 0 if shift >= 0 else (step - 1 - shift) // step)
    end = max(begin, min(count, (length - 1 - shift) // step + 1))
    t = uint64(target)
    for m in range(uint64(begin)):
        flat_columns[t + m] = 0
    for m in range(uint64(end), uint64(count)):
        flat_columns[t + m] = 0
    t, s = uint64(target + begin), uint64(source + shift + step * begin)
    if step == 1:
        for m in range(uint64(end - begin)):
            flat_columns[t + m] = flat_x[s + m]
    else:
        for m in range(uint64(end - begin)):
            flat_columns[t + m] = flat_x[s + uint64(step) * m]


@compiled
def _place(products, bias, out, b, channel, depth, height, width, index, positions, begin, end):
    """Lay the products of positions `begin` to `end` into their places, with the bias added."""
    _, channels, planes, lines, length = out.shape
    flat_out, flat_products = out.reshape(-1), products.reshape(-1)
    for c in range(products.shape[0]):
        at = begin
        while at < end:
            line, column = divmod(at, positions[2])
            plane, row = divmod(line, positions[1])
            stop = min(end, at - column + positions[2])
            oz = plane * depth[1] + depth[4 + index[0]]
            oy = row * height[1] + height[4 + index[1]]
            step = uint64(width[1])
            target = (((b * channels + channel + c) * planes + oz) * lines + oy) * length
            t = uint64(target + column * width[1] + width[4 + index[2]])
            s = uint64(c * products.shape[1] + at - begin)
            for m in range(uint64(stop - at)):
                flat_out[t + step * m] = flat_products[s + m] + bias[channel + c]
            at = stop
