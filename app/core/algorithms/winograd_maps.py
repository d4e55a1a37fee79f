"""Kernels and tiles of inputs mapped to the products of Winograd's filtering."""

from __future__ import annotations

import numpy as np
from numba import uint64

from app.core.algorithms.laying import lay
from app.core.algorithms.lines import split_in_nine, split_in_three
from app.core.algorithms.scratch import pieces
from app.core.algorithms.simd import ROWS, VECTOR
from app.core.algorithms.transforms import OF_INPUT, transform
from app.core.algorithms.winograd_tiling import Tiling
from app.core.jit import compiled, inlined
from app.core.layout import Array
from app.core.parallel import run_in_parts

#: What it takes to map one weight, in multiply-adds.
_WORK_OF_A_WEIGHT = 20


def mapped_kernels(tiling: Tiling, w: Array) -> Array:
    """All mapped kernels: `ROWS` output channels of a group after the others, by slices of the input channels."""
    sizes, kernels = tiling.boxes.cut.sizes, tiling.kernels
    mapped = np.empty(tiling.mapped, w.dtype)

    def part(low: int, high: int) -> None:
        (gathered,) = pieces((kernels.gathered,), w.dtype)
        _map_blocks(w, mapped, gathered, tiling.weights, sizes, kernels, tiling.way, low, high)

    run_in_parts(part, tiling.mapped // kernels.block, work=_WORK_OF_A_WEIGHT * w.size)
    return mapped


@compiled
def _map_blocks(w, mapped, gathered, weights, sizes, kernels, way, low, high):
    """Map the kernels of the blocks from `low` to `high`, counted over (group, `ROWS` output channels, slice)."""
    rows, slices = (sizes.out_group + ROWS - 1) // ROWS, (sizes.in_group + way.depth - 1) // way.depth
    for number in range(low, high):
        rest, part = divmod(number, slices)
        g, row = divmod(rest, rows)
        channel = part * way.depth
        map_block(
            w, mapped, number * kernels.block, gathered, weights, sizes, kernels, g, row * ROWS, channel,
            min(way.depth, sizes.in_group - channel),
        )  # fmt: skip


@inlined
def map_block(w, mapped, at, gathered, weights, sizes, kernels, g, first, channel, count):
    """Map the kernels of up to `ROWS` output channels and of `count` input channels of a group from `channel` on.

    Each product is (ROWS, kernels.row), and they lie `kernels.apart` apart.
    """
    lanes = VECTOR // w.itemsize
    for row in range(min(ROWS, sizes.out_group - first)):
        source = (
            g * sizes.in_group * sizes.out_group + (first + row) * kernels.apart_out + channel * kernels.apart_in
        ) * kernels.weights
        if kernels.apart_in > 1 or kernels.length > 3:
            for ci in range(count):
                for t in range(kernels.weights):
                    gathered[uint64(t * kernels.row + ci)] = w[
                        uint64(source + ci * kernels.apart_in * kernels.weights + t)
                    ]
        elif kernels.weights == 9:
            split_in_nine(gathered, 0, kernels.row, w, source, count)
        else:
            split_in_three(gathered, 0, kernels.row, w, source, count)
        for ci in range(0, count, lanes):
            transform(
                kernels.of_kernel, gathered, ci, weights, 0, zero(w), mapped, at + row * kernels.row + ci, kernels.apart
            )


@inlined
def box_of(place, sizes, way, phases):
    """Of a box: its samples from one to another, its group, its first line and column of tiles, and so many of them."""
    rest, column = divmod(place, sizes.boxes_x)
    rest, strip = divmod(rest, sizes.boxes_y)
    turn, g = divmod(rest, sizes.groups)
    y, left = strip * sizes.box_y, column * sizes.box_x
    height, across = min(sizes.box_y, phases[0].positions_y - y), min(sizes.box_x, phases[0].positions_x - left)
    return turn * way.together, min(sizes.batch, (turn + 1) * way.together), g, y, left, height, across


@compiled
def map_inputs(
    x, laid, inputs, sizes, of_part, way, phases, places, residues_z, residues_y, residues_x, mode, low, high
):
    """Map the inputs of the parts from `low` to `high`, counted over (box, part of its channels), for all threads."""
    for number in range(low, high):
        place, part = divmod(number, way.sharing)
        map_box(
            x, laid, inputs, place * way.inputs, sizes, of_part, part * of_part.in_group, way,
            phases, places, residues_z, residues_y, residues_x, mode, place,
        )  # fmt: skip


@inlined
def map_box(
    x, laid, inputs, at, sizes, of_part, channel, way,
    phases, places, residues_z, residues_y, residues_x, mode, place,
):  # fmt: skip
    """Map a box's tiles, `of_part.in_group` channels of them from `channel` on."""
    begin, end, g, y, left, height, across = box_of(place, sizes, way, phases)
    for b in range(begin, end):
        source = ((b * sizes.groups + g) * sizes.in_group + channel) * sizes.input_channel
        lay(x, source, of_part, residues_z, residues_y, residues_x, mode, 0, y, left, laid)
        _map_tiles(
            laid, places, sizes.line_length, channel, of_part.in_group, height, across, way,
            inputs, at + (b - begin) * height * across,
        )  # fmt: skip


@inlined
def _map_tiles(laid, places, line_length, channel, channels, height, across, way, inputs, at):
    """Map the tiles of a sample's channels from `channel` on, line by line: (slices, products, `way.depth`, tiles)."""
    lanes = VECTOR // laid.itemsize
    for ci in range(channels):
        part, number = divmod(channel + ci, way.depth)
        row = at + part * way.products * way.apart_inputs + number * way.width + number // way.part * lanes
        for v in range(height):
            for start in range(0, across, lanes):
                transform(
                    2 * OF_INPUT + way.squared, laid, v * line_length + start, places, ci * way.products, zero(laid),
                    inputs, row + v * across + start, way.apart_inputs,
                )  # fmt: skip


@inlined
def zero(values):
    """A zero of an array's dtype."""
    return values.dtype.type(0)
