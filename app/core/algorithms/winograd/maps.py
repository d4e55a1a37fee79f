"""Kernels and tiles of inputs mapped to the products of Winograd's filtering."""

from __future__ import annotations

import numpy as np
from numba import uint64

from app.core.algorithms.boxes.laying import lay
from app.core.algorithms.boxes.tables import sizes_of
from app.core.algorithms.scratch import NOTED, thread_rows
from app.core.algorithms.vectors.lines import split_in_nine, split_in_three
from app.core.algorithms.vectors.simd import ROWS, VECTOR
from app.core.algorithms.vectors.transforms import map_inputs_of_tiles, map_weights_of_filters
from app.core.algorithms.winograd.places import Places
from app.core.algorithms.winograd.tiling import Tiling, kernels_of, way_of
from app.core.jit import apart, inlined
from app.core.layout import Array
from app.core.parallel import run_parted
from app.core.parted import parted

#: What it takes to map one weight, in multiply-adds.
_WORK_OF_A_WEIGHT = 20


def mapped_kernels(tiling: Tiling, places: Places, w: Array) -> Array:
    """All mapped kernels: of a group's sets, `ROWS` output channels after the others, by slices of the channels."""
    kernels, rows = tiling.kernels, places.rows
    mapped = np.empty(tiling.mapped, w.dtype)

    _, collected, gathered = thread_rows(tiling.of_weights, w.dtype)
    run_parted(
        _map_blocks, tiling.mapped // (kernels.block * kernels.sets), _WORK_OF_A_WEIGHT * w.size, w, mapped, collected,
        gathered, tiling.taps, places.weights, rows.sizes, rows.kernels, rows.way,
    )  # fmt: skip
    return mapped


@parted
def _map_blocks(
    me, low, high, w, mapped, all_collected, all_gathered, taps, weights, packed_sizes, packed_kernels, packed_way
):  # fmt: skip
    """Map the kernels of the blocks from `low` to `high`, counted over (group, `ROWS` output channels, slice)."""
    collected, gathered = all_collected[me], all_gathered[me]
    sizes, kernels, way = sizes_of(packed_sizes), kernels_of(packed_kernels), way_of(packed_way)
    rows, slices = (sizes.out_group + ROWS - 1) // ROWS, (sizes.in_group + way.depth - 1) // way.depth
    for number in range(low, high):
        rest, part = divmod(number, slices)
        g, row = divmod(rest, rows)
        channel = part * way.depth
        count = min(way.depth, sizes.in_group - channel)
        collect(w, collected, sizes, kernels, g, row * ROWS, channel, count)
        for own in range(kernels.sets):
            map_block(
                w, mapped, block_of(g, own, row, part, rows, slices, kernels), collected, gathered, taps, weights,
                sizes, kernels, g, own, row * ROWS, channel, count,
            )  # fmt: skip


@inlined
def block_of(g, own, row, part, rows, slices, kernels):
    """Where the block of a group's set, of `ROWS` output channels and of a slice begins in the mapped kernels."""
    return (((g * kernels.sets + own) * rows + row) * slices + part) * kernels.block


@inlined
def collect(w, collected, sizes, kernels, g, first, channel, count):
    """The weights that `map_block` takes, with those of a tap side by side, where they lie far apart.

    (`ROWS`, elements of a kernel, `kernels.side_by_side`), of which `count` input channels are written. All sets have
    their weights from here, so that memory is read once, and in its order.
    """
    if kernels.side_by_side:
        elements = uint64(min(ROWS, sizes.out_group - first) * kernels.elements)
        for ci in range(count):
            begin = uint64(((g * sizes.in_group + channel + ci) * sizes.out_group + first) * kernels.elements)
            for m in range(elements):
                collected[m * uint64(kernels.side_by_side) + uint64(ci)] = w[begin + m]


@apart
def map_block(w, mapped, at, collected, gathered, taps, weights, sizes, kernels, g, own, first, channel, count):
    """Map the kernels of a set, of up to `ROWS` output channels and of `count` input channels from `channel` on.

    Each product is (ROWS, kernels.row), and they lie `kernels.apart` apart.
    """
    lanes = VECTOR // w.itemsize
    for row in range(min(ROWS, sizes.out_group - first)):
        source = ((g * sizes.out_group + first + row) * sizes.in_group + channel) * kernels.elements
        if kernels.side_by_side:
            line = kernels.side_by_side
            _gather(collected, row * kernels.elements * line, line, 1, gathered, taps, own, kernels, count)
        elif not kernels.whole:
            _gather(w, source, 1, kernels.elements, gathered, taps, own, kernels, count)
        elif kernels.weights == 9:
            split_in_nine(gathered, 0, kernels.row, w, source, count)
        else:
            split_in_three(gathered, 0, kernels.row, w, source, count)
        for ci in range(0, count * kernels.filters, lanes):
            map_weights_of_filters(
                kernels.of_kernel, gathered, ci, weights, 0, mapped, at + row * kernels.row + ci, kernels.apart
            )


@inlined
def _gather(w, source, apart, step, gathered, taps, own, kernels, count):
    """The weights of a set's filters: (weights, input channels, filters). Taps lie `apart`, channels a `step`."""
    for number in range(kernels.filters):
        for t in range(kernels.weights):
            tap = taps[(own * kernels.filters + number) * kernels.weights + t]
            at = t * kernels.row + number
            if tap < 0:
                for ci in range(count):
                    gathered[uint64(at + ci * kernels.filters)] = 0
            else:
                begin = source + tap * apart
                for ci in range(count):
                    gathered[uint64(at + ci * kernels.filters)] = w[uint64(begin + ci * step)]


@inlined
def box_of(place, sizes, way):
    """Of a box: its samples from one to another, its group, its first slab, line and column of tiles, and so many."""
    rest, column = divmod(place, sizes.boxes_x)
    rest, strip = divmod(rest, sizes.boxes_y)
    rest, slab = divmod(rest, sizes.boxes_z)
    turn, g = divmod(rest, sizes.groups)
    z, y, left = slab * sizes.box_z, strip * sizes.box_y, column * sizes.box_x
    depth, height = min(sizes.box_z, sizes.positions_z - z), min(sizes.box_y, sizes.positions_y - y)
    across = min(sizes.box_x, sizes.positions_x - left)
    return turn * way.together, min(sizes.batch, (turn + 1) * way.together), g, z, y, left, depth, height, across


@parted
def map_inputs(
    me, low, high, x, all_laid, inputs, all_at_hand, packed_sizes, packed_part, packed_way,
    places, residues_z, residues_y, residues_x, mode,
):  # fmt: skip
    """Map the inputs of the parts from `low` to `high`, for all threads, counted over (box, part of channels, turn)."""
    laid, at_hand = all_laid[me], all_at_hand[me]
    sizes, of_part, way = sizes_of(packed_sizes), sizes_of(packed_part), way_of(packed_way)
    for number in range(low, high):
        rest, turn = divmod(number, way.turns)
        place, part = divmod(rest, way.sharing)
        map_box(
            x, laid, inputs, (place * way.turns + turn) * way.inputs, at_hand, rest, sizes, of_part,
            part * of_part.in_group, way, places, residues_z, residues_y, residues_x, mode, place, turn,
        )  # fmt: skip


@inlined
def map_box(
    x, laid, inputs, at, at_hand, laid_part, sizes, of_part, channel, way,
    places, residues_z, residues_y, residues_x, mode, place, turn,
):  # fmt: skip
    """Map a box's tiles in a turn, `of_part.in_group` channels of them from `channel` on.

    at_hand[1] holds which part of all boxes' inputs is laid, where that is one sample's.
    """
    begin, end, g, z, y, left, depth, height, across = box_of(place, sizes, way)
    for b in range(begin, end):
        if laid_part != at_hand[1]:
            source = ((b * sizes.groups + g) * sizes.in_group + channel) * sizes.input_channel
            lay(x, source, of_part, residues_z, residues_y, residues_x, mode, z, y, left, laid, at_hand[NOTED:])
            at_hand[1] = laid_part if way.together == 1 else -1
        _map_tiles(
            laid, places, turn * sizes.in_group * way.filters * way.products, sizes, channel, of_part.in_group,
            depth, height, across, way, inputs, at + (b - begin) * depth * height * across,
        )  # fmt: skip


@apart
def _map_tiles(laid, places, places_at, sizes, channel, channels, depth, height, across, way, inputs, at):
    """Map the tiles of a sample's channels from `channel` on: (slices, products, `way.depth`, filters, tiles)."""
    lanes, plane = VECTOR // laid.itemsize, sizes.lines * sizes.line_length
    for ci in range(channels):
        part, number = divmod(channel + ci, way.depth)
        for f in range(way.filters):
            row = at + part * way.products * way.apart_inputs + number // way.part * lanes
            row += (number * way.filters + f) * way.width
            of_filter = places_at + (ci * way.filters + f) * way.products
            for u in range(depth):
                for v in range(height):
                    source, target = u * plane + v * sizes.line_length, row + (u * height + v) * across
                    for start in range(0, across, lanes):
                        map_inputs_of_tiles(
                            way.of_input, laid, source + start, places, of_filter, inputs, target + start,
                            way.apart_inputs,
                        )  # fmt: skip
