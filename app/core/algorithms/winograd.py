"""Winograd's minimal filtering, F(4, 3) and F(2, 5), along one axis or two: three fifths to a quarter of the products.

Outputs are cut into tiles of 4 (4×4), or of 2 (2×2) for kernels of 5. A tile's inputs, 6 (6×6), are mapped to as many
products, and so are the kernels, once; the sums over the input channels are then matrix
products, one for each product of a tile; and their results are mapped back. The inputs
are laid with a plane for each remainder modulo that, so that tiles side by side are vectors.

The sums are not those of the products themselves: the error is bounded by the largest
sum of magnitudes in an output channel, not by each output's own, and for that it takes
some channels.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from app.core.algorithms import boxes as boxing
from app.core.algorithms import tiles, winograd_guard
from app.core.algorithms.boxes import Sizes
from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.fourier_guard import fewest_products
from app.core.algorithms.laying import lay
from app.core.algorithms.lines import split_in_nine, split_in_three, weave_four, weave_two
from app.core.algorithms.scratch import Working, pieces
from app.core.algorithms.simd import ROWS, VECTOR, add_tile
from app.core.algorithms.taps import Axis, Int64Array
from app.core.algorithms.transforms import OF_INPUT, transform
from app.core.algorithms.winograd_tiling import Kernels, Way, kernel_elements, tiling_of
from app.core.geometry import ceil_div
from app.core.jit import compiled, inlined
from app.core.layout import Array
from app.core.parallel import PLANNED_THREADS, run_in_parts, team
from app.core.problem import PADDING_MODES, Problem

#: With fewer input channels the error can pass the bound, and the guard would nearly always say so.
FEWEST_CHANNELS = 32

#: What it takes to lay and to map one input, and to map one weight, in multiply-adds.
_WORK_OF_AN_INPUT = 100
_WORK_OF_A_WEIGHT = 20


def fits(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> bool:
    """Whether windows of 3 or 5 (or squares) move by one, none beside the input, over enough channels; `tiles` too."""
    kernels = tuple(axis.kernel for axis in axes)
    return (
        dtype.kind == "f"
        and problem.in_channels // problem.groups >= FEWEST_CHANNELS
        and kernels in ((1, 1, 3), (1, 3, 3), (1, 1, 5), (1, 5, 5))
        and axes[0].is_unit
        and all(axis.in_step == axis.out_step == 1 and axis.span == axis.kernel - 1 for axis in axes)
        and all(fewest_products(axis) > 0 for axis in axes)
        and boxing.fits(problem, axes, dtype)
    )


def effort(problem: Problem, _axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to: turns of the innermost loop, vectors mapped of each kind, what guards it.

    Kernels that are mapped beforehand are written to memory, and read from there.
    """
    tiling = tiling_of(problem, dtype.itemsize, PLANNED_THREADS)
    cut, sizes, way, lanes = tiling.boxes.cut, tiling.boxes.cut.sizes, tiling.way, VECTOR // dtype.itemsize
    share = sizes.positions_y * sizes.positions_x / (sizes.box_y * sizes.box_x)
    places = sizes.groups * share * ceil_div(sizes.batch, way.together)
    products, rows = len(tiling.products), ceil_div(sizes.out_group, ROWS) * ROWS
    times_mapped = places if way.maps_as_it_goes else sizes.groups
    times_laid = sizes.batch * sizes.groups * share
    singly = tiling.kernels.length > 3 or tiling.kernels.apart_in > 1
    shared: Features = {
        "gathered": times_mapped * problem.kernel_elements / sizes.groups if singly else 0,
        "sums": products * places * (way.width // lanes) * rows * sizes.in_group,
        "kernels" if way.maps_as_it_goes else "kept": times_mapped * rows * ceil_div(sizes.in_group, lanes) * products,
        "inputs": times_laid * sizes.in_group * sizes.box_y * ceil_div(sizes.box_x, lanes) * products,
        "outputs": places * rows * (way.width // lanes) * products,
        "laid": times_laid * cut.laid * dtype.itemsize,
        "lines": times_laid * cut.laid / sizes.line_length,
        "guarded": problem.input_elements + problem.kernel_elements,
        "bytes": (problem.input_elements + problem.kernel_elements + problem.output_elements) * dtype.itemsize,
    }
    return Effort({"call": 1.0}, shared, cut.tasks, problem.macs // 4)


def workspace(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output: each thread's box, and the mapped kernels; or what `tiles` takes."""
    tiling = tiling_of(problem, dtype.itemsize, team.size)
    kernels = 0 if tiling.way.maps_as_it_goes else kernel_elements(problem, dtype.itemsize)
    own = (sum(tiling.working) * team.size + kernels) * dtype.itemsize
    return max(own, tiles.workspace(problem, axes, dtype)) + winograd_guard.workspace(problem, dtype)


def run(problem: Problem, axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> bool:
    """Write the operation's output into `out`; shapes as for `tiles`, which does what could pass the promise.

    Whether all of it is known to be finite: the guard has seen that no sum can be too large.
    """
    if not winograd_guard.holds(problem, x, w, bias):
        return tiles.run(problem, axes, x, w, bias, out)
    tiling = tiling_of(problem, x.dtype.itemsize, team.size)
    boxes, sizes = tiling.boxes, tiling.boxes.cut.sizes
    flat_x, flat_w, flat_out = x.reshape(-1), w.reshape(-1), out.reshape(-1)
    mode, kernels, way = PADDING_MODES.index(problem.padding_mode), tiling.kernels, tiling.way
    tables = (boxes.phases, boxes.places, *boxes.residues)
    mapped = flat_w if way.maps_as_it_goes else _mapped_kernels(sizes, kernels, way, tiling.weights, flat_w)
    working = Working(tiling.working, x.dtype)
    shared = working.own()[3]
    if way.sharing:

        def lay_part(low: int, high: int) -> None:
            _, laid, line, *_ = working.own()
            _map_inputs_of(flat_x, laid, line, shared, sizes, tiling.part, way, *tables, mode, low, high)

        run_in_parts(lay_part, boxes.cut.tasks // sizes.chunks * way.sharing, work=_WORK_OF_AN_INPUT * x.size)

    def part(low: int, high: int) -> None:
        at_hand, laid, line, inputs, own, gathered, sums, outputs = working.own()
        _filter(
            flat_x, flat_w, own if way.maps_as_it_goes else mapped, gathered, bias, flat_out,
            laid, line, shared if way.sharing else inputs, sums, outputs, at_hand, sizes, kernels, way, *tables,
            tiling.weights, tiling.channels, tiling.products, mode, low, high,
        )  # fmt: skip

    run_in_parts(part, boxes.cut.tasks, work=problem.macs // 4)
    return bool(np.abs(bias).max() < np.finfo(x.dtype).max / 2)


def _mapped_kernels(sizes: Sizes, kernels: Kernels, way: Way, weights: Int64Array, w: Array) -> Array:
    """All mapped kernels: `ROWS` output channels of a group after the others, by slices of the input channels."""
    blocks = sizes.groups * ceil_div(sizes.out_group, ROWS) * ceil_div(sizes.in_group, way.depth)
    mapped = np.empty(blocks * kernels.block, w.dtype)

    def part(low: int, high: int) -> None:
        (gathered,) = pieces((kernels.gathered,), w.dtype)
        _map_blocks(w, mapped, gathered, weights, sizes, kernels, way, low, high)

    run_in_parts(part, blocks, work=_WORK_OF_A_WEIGHT * w.size)
    return mapped


@compiled
def _map_blocks(w, mapped, gathered, weights, sizes, kernels, way, low, high):
    """Map the kernels of the blocks from `low` to `high`, counted over (group, `ROWS` output channels, slice)."""
    rows, slices = (sizes.out_group + ROWS - 1) // ROWS, (sizes.in_group + way.depth - 1) // way.depth
    for number in range(low, high):
        rest, part = divmod(number, slices)
        g, row = divmod(rest, rows)
        channel = part * way.depth
        _map_block(
            w, mapped, number * kernels.block, gathered, weights, sizes, kernels, g, row * ROWS, channel,
            min(way.depth, sizes.in_group - channel),
        )  # fmt: skip


@inlined
def _map_block(w, mapped, at, gathered, weights, sizes, kernels, g, first, channel, count):
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
def _box(place, sizes, way, phases):
    """Of a box: its samples from one to another, its group, its first line and column of tiles, and so many of them."""
    rest, column = divmod(place, sizes.boxes_x)
    rest, strip = divmod(rest, sizes.boxes_y)
    turn, g = divmod(rest, sizes.groups)
    y, left = strip * sizes.box_y, column * sizes.box_x
    height, across = min(sizes.box_y, phases[0].positions_y - y), min(sizes.box_x, phases[0].positions_x - left)
    return turn * way.together, min(sizes.batch, (turn + 1) * way.together), g, y, left, height, across


@compiled
def _map_inputs_of(
    x, laid, line, inputs, sizes, of_part, way, phases, places, residues_z, residues_y, residues_x, mode, low, high
):
    """Map the inputs of the parts from `low` to `high`, counted over (box, part of its channels), for all threads."""
    for number in range(low, high):
        place, part = divmod(number, way.sharing)
        _map_box(
            x, laid, line, inputs, place * way.inputs, sizes, of_part, part * of_part.in_group, way,
            phases, places, residues_z, residues_y, residues_x, mode, place,
        )  # fmt: skip


@inlined
def _map_box(
    x, laid, line, inputs, at, sizes, of_part, channel, way,
    phases, places, residues_z, residues_y, residues_x, mode, place,
):  # fmt: skip
    """Map a box's tiles, `of_part.in_group` channels of them from `channel` on."""
    begin, end, g, y, left, height, across = _box(place, sizes, way, phases)
    input_plane = sizes.input_y * sizes.input_x
    for b in range(begin, end):
        source = ((b * sizes.groups + g) * sizes.in_group + channel) * input_plane
        lay(x, source, of_part, residues_z, residues_y, residues_x, mode, 0, y, left, laid, line)
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


@compiled
def _filter(
    x, w, mapped, gathered, bias, out, laid, line, inputs, sums, outputs, at_hand, sizes, kernels, way,
    phases, places, residues_z, residues_y, residues_x, weights, channels, product_places, mode, low, high,
):  # fmt: skip
    """Filter the tasks from `low` to `high`, counted over (samples together, group, box, chunk of channels).

    `at_hand` holds the box whose inputs are mapped, where they are not `way.sharing`.
    """
    out_group, output_plane = sizes.out_group, sizes.output_y * sizes.output_x
    for task in range(low, high):
        place, number = divmod(task, sizes.chunks)
        begin, end, g, y, left, height, across = _box(place, sizes, way, phases)
        of_sample = height * across
        count, inputs_at = (end - begin) * of_sample, place * way.inputs if way.sharing else 0
        if not way.sharing and place != at_hand[0]:
            _map_box(
                x, laid, line, inputs, 0, sizes, sizes, 0, way,
                phases, places, residues_z, residues_y, residues_x, mode, place,
            )  # fmt: skip
            at_hand[0] = place
        first, last = number * sizes.chunk, min(out_group, (number + 1) * sizes.chunk)
        for co in range(first, last, way.abreast * ROWS):
            following = min(last, co + way.abreast * ROWS)
            _multiply(
                w, mapped, gathered, weights, inputs, inputs_at, channels, sums, sizes, kernels, way,
                g, co, following, count,
            )  # fmt: skip
            for c in range(following - co):
                block, r = divmod(c, ROWS)
                channel = g * out_group + co + c
                at = block * way.products * way.apart_sums + r * way.width
                for start in range(0, count, VECTOR // x.itemsize):
                    transform(
                        kernels.of_output, sums, at + start, product_places, 0, bias[channel], outputs, start, way.width
                    )
                for b in range(begin, end):
                    plane = (b * sizes.groups * out_group + channel) * output_plane
                    _place(
                        outputs, (b - begin) * of_sample, way.width, sizes, kernels.outputs, way.squared,
                        y, left, height, across, out, plane,
                    )  # fmt: skip


@inlined
def _multiply(
    w, mapped, gathered, weights, inputs, inputs_at, channels, sums, sizes, kernels, way, g, first, last, count
):
    """sums = the mapped kernels of the output channels from `first` to `last`, block by block, times the mapped inputs.

    Some input channels after the others, so that what is multiplied stays in the second cache.
    """
    lanes = VECTOR // inputs.itemsize
    blocks, slices = (sizes.out_group + ROWS - 1) // ROWS, (sizes.in_group + way.depth - 1) // way.depth
    for part in range(slices):
        channel = part * way.depth
        depth, source = min(way.depth, sizes.in_group - channel), inputs_at + part * way.products * way.apart_inputs
        for co in range(first, last, ROWS):
            live = min(ROWS, last - co)
            rows = ROWS if live > ROWS // 2 else ROWS // 2
            at, target = 0, (co - first) // ROWS * way.products * way.apart_sums
            if way.maps_as_it_goes:
                _map_block(w, mapped, 0, gathered, weights, sizes, kernels, g, co, channel, depth)
            else:
                at = ((g * blocks + co // ROWS) * slices + part) * kernels.block
            for f in range(way.products):
                for start in range(0, count, 3 * lanes):
                    vectors = min(3, (count - start + lanes - 1) // lanes)
                    add_tile(
                        rows, vectors, inputs, source + f * way.apart_inputs + start, channels, 0, depth,
                        mapped, at + f * kernels.apart, kernels.row, live, kernels.apart, part,
                        sums, target + f * way.apart_sums + start, way.width,
                    )  # fmt: skip


@inlined
def _place(outputs, at, width, sizes, tile, squared, y, left, height, across, out, plane):
    """Weave the outputs of a box's tiles into their lines; a tile has so many along each axis."""
    high, ox = tile if squared else 1, left * tile
    count = min(across * tile, sizes.output_x - ox)
    for v in range(height):
        for a in range(min(high, sizes.output_y - (y + v) * high)):
            target = plane + ((y + v) * high + a) * sizes.output_x + ox
            source = at + a * tile * width + v * across
            if tile == 4:
                weave_four(out, target, outputs, source, width, count)
            else:
                weave_two(out, target, outputs, source, width, count)


@inlined
def zero(values):
    """A zero of an array's dtype."""
    return values.dtype.type(0)
