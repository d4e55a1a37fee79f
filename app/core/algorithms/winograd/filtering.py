"""Winograd's minimal filtering, along one axis or two: a quarter to four fifths of the products.

Kernels are cut into short filters (`filters`), and outputs into tiles of 4 or 2 (4×4, 2×2).
A filter's inputs for a tile, up to 7 (6×6), are mapped to as many products, and so are the kernels (`maps`);
the sums over the input channels and their filters are then matrix
products, one for each product of a tile; and their results are mapped back. The inputs
are laid with a plane for each remainder modulo what a tile moves, so that tiles side by side are vectors.

The sums are not those of the products themselves: the error is bounded by the largest
sum of magnitudes in an output channel, not by each output's own, and for that it takes
some channels.
"""

from __future__ import annotations

import math

import numpy as np

from app.core.algorithms import tiles
from app.core.algorithms.borders import has_few_unlike
from app.core.algorithms.boxes.laying import deals_out_runs
from app.core.algorithms.boxes.tables import sizes_of
from app.core.algorithms.scratch import thread_rows
from app.core.algorithms.taps import Axis, axes_of
from app.core.algorithms.vectors.lines import (
    copy_line,
    place_apart,
    weave_four,
    weave_four_in_fours,
    weave_four_in_twos,
    weave_two,
)
from app.core.algorithms.vectors.simd import ROWS, VECTOR
from app.core.algorithms.vectors.tile_sums import add_tile
from app.core.algorithms.vectors.transforms import map_sums_of_tiles
from app.core.algorithms.winograd import guard, margin
from app.core.algorithms.winograd.filters import saves
from app.core.algorithms.winograd.maps import block_of, box_of, collect, map_block, map_box, map_inputs, mapped_kernels
from app.core.algorithms.winograd.phases import phase_at
from app.core.algorithms.winograd.places import bytes_of_places, places_of
from app.core.algorithms.winograd.tiling import kernels_of, tiling_of, way_of
from app.core.jit import apart, inlined
from app.core.layout import Array
from app.core.parallel import run_parted, team
from app.core.parted import parted
from app.core.problem import Problem

#: With fewer input channels the error would nearly always pass the bound.
FEWEST_CHANNELS = 16

#: Longer kernels than this are for other algorithms.
MOST_WEIGHTS = 512

#: What it takes to lay and to map one input, in multiply-adds.
_WORK_OF_AN_INPUT = 100


def fits(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> bool:
    """Whether short filters save products, none beside the input, and will do for usual data; and `tiles` fits, too."""
    return (
        dtype.kind == "f"
        and problem.in_group >= FEWEST_CHANNELS
        and 1 < math.prod(problem.kernel_size) <= MOST_WEIGHTS
        and tiles.fits(problem, axes, dtype)
        and has_few_unlike(axes_of(problem))
        and saves(problem)
        and margin.suits(problem, dtype)
    )


def workspace(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output: each thread's box, and the mapped kernels; or what `tiles` takes."""
    tiling = tiling_of(problem, dtype.itemsize, team.size)
    own = (sum(tiling.working) * team.size + tiling.mapped) * dtype.itemsize
    own += 8 * tiling.cut.listed * team.size + tiling.taps.nbytes + bytes_of_places(tiling)
    return max(own, tiles.workspace(problem, axes, dtype)) + guard.workspace(problem, dtype)


def run(problem: Problem, axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> bool:
    """Write the operation's output into `out`; shapes as for `tiles`, which does what could pass the promise.

    Whether all of it is known to be finite: the guard has seen that no sum can be too large.
    """
    if not guard.holds(problem, x, w, bias):
        return tiles.run(problem, axes, x, w, bias, out)
    asked = problem, x.dtype.itemsize, team.size
    tiling, places = tiling_of(*asked), places_of(*asked)
    cut, sizes = tiling.cut, tiling.cut.sizes
    flat_x, flat_w, flat_out = x.reshape(-1), w.reshape(-1), out.reshape(-1)
    mode, way, rows = cut.mode, tiling.way, places.rows
    tables = (places.inputs, *places.residues)
    mapped = None if way.maps_as_it_goes else mapped_kernels(tiling, places, flat_w).reshape(1, -1)
    at_hand, laid, inputs, own, collected, gathered, sums, outputs = thread_rows(tiling.working, x.dtype, cut.listed)
    laid[:, cut.laid :] = 0
    if way.sharing:
        parts = cut.tasks // (sizes.chunks * way.phases) * way.sharing * way.turns
        run_parted(
            map_inputs, parts, _WORK_OF_AN_INPUT * x.size * way.turns, flat_x, laid, inputs[0], at_hand, rows.sizes,
            rows.part, rows.way, *tables, mode,
        )  # fmt: skip
    run_parted(
        _filter, cut.tasks, problem.macs, flat_x, flat_w, own if mapped is None else mapped, collected,
        gathered, bias, flat_out, laid, inputs, sums, outputs, at_hand, rows.sizes, rows.kernels, rows.way,
        tiling.phases, *tables, tiling.taps, places.weights, places.filters, places.products, mode,
    )  # fmt: skip
    return bool(np.abs(bias).max() < np.finfo(x.dtype).max / 2)


@parted
def _filter(
    me, low, high, x, w, all_mapped, all_collected, all_gathered, bias, out, all_laid, all_inputs, all_sums,
    all_outputs, all_at_hand, packed_sizes, packed_kernels, packed_way,
    phases, places, residues_z, residues_y, residues_x, taps, weights, filters, product_places, mode,
):  # fmt: skip
    """Filter the tasks from `low` to `high`, counted over (samples together, group, box, phase, chunk of channels).

    Of `all` pieces a thread has its row, or the first where they share it. `at_hand` holds the box and turn whose
    inputs are mapped, where they are not `way.sharing`, and the box whose are laid.
    """
    sizes, kernels, way = sizes_of(packed_sizes), kernels_of(packed_kernels), way_of(packed_way)
    mapped, inputs = all_mapped[me if way.maps_as_it_goes else 0], all_inputs[0 if way.sharing else me]
    collected, gathered, laid = all_collected[me], all_gathered[me], all_laid[me]
    sums, outputs, at_hand = all_sums[me], all_outputs[me], all_at_hand[me]
    for task in range(low, high):
        rest, number = divmod(task, sizes.chunks)
        place, p = divmod(rest, way.phases)
        phase = phase_at(phases, p)
        begin, end, g, z, y, left, depth, height, across = box_of(place, sizes, way)
        of_sample, turn = depth * height * across, place * way.turns + phase.turn
        count, inputs_at = (end - begin) * of_sample, turn * way.inputs if way.sharing else 0
        if not way.sharing and turn != at_hand[0]:
            map_box(
                x, laid, inputs, 0, at_hand, place, sizes, sizes, 0, way,
                places, residues_z, residues_y, residues_x, mode, place, phase.turn,
            )  # fmt: skip
            at_hand[0] = turn
        first, last = number * sizes.chunk, min(sizes.out_group, (number + 1) * sizes.chunk)
        for co in range(first, last, way.abreast * ROWS):
            following = min(last, co + way.abreast * ROWS)
            _multiply(
                w, mapped, collected, gathered, taps, weights, inputs, inputs_at, filters, sums, sizes, kernels, way,
                g, phase.set, co, following, count,
            )  # fmt: skip
            _write_outputs(
                sums, outputs, product_places, bias, out, sizes, kernels, way, phase, begin, end, g, co, following,
                z, y, left, depth, height, across,
            )  # fmt: skip


@apart
def _multiply(
    w, mapped, collected, gathered, taps, weights, inputs, inputs_at, filters, sums, sizes, kernels, way,
    g, own, first, last, count,
):  # fmt: skip
    """sums = a set's mapped kernels of the output channels from `first` to `last`, block by block, times the inputs.

    Some input channels after the others, so that what is multiplied stays in the second cache.
    """
    lanes = VECTOR // inputs.itemsize
    blocks, slices = (sizes.out_group + ROWS - 1) // ROWS, (sizes.in_group + way.depth - 1) // way.depth
    for part in range(slices):
        channel = part * way.depth
        depth, source = min(way.depth, sizes.in_group - channel), inputs_at + part * way.products * way.apart_inputs
        for co in range(first, last, ROWS):
            live = min(ROWS, last - co)
            high = ROWS if live > ROWS // 2 else ROWS // 2
            at, target = 0, (co - first) // ROWS * way.products * way.apart_sums
            if way.maps_as_it_goes:
                collect(w, collected, sizes, kernels, g, co, channel, depth)
                map_block(w, mapped, 0, collected, gathered, taps, weights, sizes, kernels, g, own, co, channel, depth)
            else:
                at = block_of(g, own, co // ROWS, part, blocks, slices, kernels)
            for f in range(way.products):
                for start in range(0, count, 3 * lanes):
                    vectors = min(3, (count - start + lanes - 1) // lanes)
                    add_tile(
                        high, vectors, inputs, source + f * way.apart_inputs + start, filters, 0, depth * way.filters,
                        mapped, at + f * kernels.apart, kernels.row, live, kernels.apart, part,
                        sums, target + f * way.apart_sums + start, way.width,
                    )  # fmt: skip


@apart
def _write_outputs(
    sums, outputs, product_places, bias, out, sizes, kernels, way, phase, begin, end, g, first, last,
    z, y, left, depth, height, across,
):  # fmt: skip
    """Map the products' sums of the output channels from `first` to `last` back, and place them: samples of a box."""
    of_sample, plane = depth * height * across, way.output_z * way.output_y * way.output_x
    for c in range(last - first):
        block, r = divmod(c, ROWS)
        channel, at = g * sizes.out_group + first + c, block * way.products * way.apart_sums + r * way.width
        for start in range(0, (end - begin) * of_sample, VECTOR // sums.itemsize):
            map_sums_of_tiles(
                kernels.of_output, sums, at + start, product_places, 0, outputs, start, way.width, bias[channel]
            )
        for b in range(begin, end):
            _place(
                outputs, (b - begin) * of_sample, sizes, way, phase, z, y, left, depth, height, across,
                out, (b * sizes.groups * sizes.out_group + channel) * plane,
            )  # fmt: skip


@inlined
def _place(outputs, at, sizes, way, phase, z, y, left, depth, height, across, out, plane):
    """Weave the outputs of a sample's tiles in a box into the lines of their phase."""
    begin, apart = (at + (way.wide - 1) * way.width, -way.width) if phase.mirrored_x else (at, way.width)
    for u in range(min(depth, phase.positions_z - z)):
        slab = plane + (phase.residue_z + way.apart_z * (z + u)) * way.output_y * way.output_x + phase.residue_x
        for v in range(height):
            turn, number = divmod(y + v, sizes.run_y)
            for a in range(way.high):
                position = sizes.run_y * (way.high * turn + a) + number
                if position < phase.positions_y:
                    row = way.high - 1 - a if phase.mirrored_y else a
                    source = begin + (u * height + v) * across + row * way.wide * way.width
                    line = slab + (phase.residue_y + way.apart_y * position) * way.output_x
                    if sizes.run_x == 1:
                        first = left * way.wide
                        count = min(across * way.wide, phase.positions_x - first)
                        _place_line(outputs, source, apart, way, out, line + way.apart_x * first, count)
                    else:
                        _place_runs(outputs, source, apart, sizes.run_x, way, out, line, left, across)


@inlined
def _place_runs(outputs, source, apart, run, way, out, line, left, across):
    """Place the outputs of a line of tiles from `left` on that come in runs: one for each output of a tile."""
    tile, first = left, left * way.wide
    if deals_out_runs(run, way.wide) and left % run == 0 and across % run == 0:
        count = min(across * way.wide, way.output_x - first)
        if run == 2:
            weave_four_in_twos(out, line + first, outputs, source, apart, count)
        else:
            weave_four_in_fours(out, line + first, outputs, source, apart, count)
        tile = left + across
    while tile < left + across:
        turn, number = divmod(tile, run)
        count = min(run - number, left + across - tile)
        for i in range(way.wide):
            first = run * (way.wide * turn + i) + number
            copy_line(
                out, line + first, outputs, source + i * apart + tile - left, max(0, min(count, way.output_x - first))
            )
        tile += count


@inlined
def _place_line(outputs, source, apart, way, out, target, count):
    """Weave one line of outputs, so many of a tile side by side, each `apart` from the one before."""
    if way.apart_x == 1:
        _weave(out, target, outputs, source, apart, way.wide, count)
    else:
        line = way.products * way.width
        _weave(outputs, line, outputs, source, apart, way.wide, count)
        place_apart(out, target, way.apart_x, outputs, line, count)


@inlined
def _weave(target, at, outputs, source, apart, wide, count):
    if wide == 4:
        weave_four(target, at, outputs, source, apart, count)
    elif wide == 2:
        weave_two(target, at, outputs, source, apart, count)
    else:
        copy_line(target, at, outputs, source, count)
