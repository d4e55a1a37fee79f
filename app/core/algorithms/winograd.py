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
from app.core.algorithms.simd import ROWS, VECTOR, sum_tile
from app.core.algorithms.taps import Axis, Int64Array
from app.core.algorithms.transforms import OF_INPUT, transform
from app.core.algorithms.winograd_tiling import Kernels, kernel_elements, tiling_of
from app.core.geometry import ceil_div
from app.core.jit import compiled, inlined
from app.core.layout import Array
from app.core.parallel import PLANNED_THREADS, run_in_parts, team
from app.core.problem import PADDING_MODES, Problem

#: With fewer input channels the error can pass the bound, and the guard would nearly always say so.
FEWEST_CHANNELS = 32


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
    """What the time is proportional to: turns of the innermost loop, vectors mapped of each kind, what guards it."""
    tiling = tiling_of(problem, dtype.itemsize, PLANNED_THREADS)
    cut, sizes, lanes = tiling.boxes.cut, tiling.boxes.cut.sizes, VECTOR // dtype.itemsize
    share = sizes.positions_y * sizes.positions_x / (sizes.box_y * sizes.box_x)
    places = sizes.groups * share * ceil_div(sizes.batch, tiling.together)
    products, rows = len(tiling.products), ceil_div(sizes.out_group, ROWS) * ROWS
    times_mapped = places if tiling.maps_as_it_goes else sizes.groups
    times_laid = sizes.batch * sizes.groups * share * min(PLANNED_THREADS, sizes.chunks)
    singly = tiling.kernels.length > 3 or tiling.kernels.apart_in > 1
    shared: Features = {
        "gathered": times_mapped * problem.kernel_elements / sizes.groups if singly else 0,
        "sums": products * places * (tiling.width // lanes) * rows * sizes.in_group,
        "kernels": times_mapped * rows * ceil_div(sizes.in_group, lanes) * products,
        "inputs": times_laid * sizes.in_group * sizes.box_y * ceil_div(sizes.box_x, lanes) * products,
        "outputs": places * rows * (tiling.width // lanes) * products,
        "laid": times_laid * cut.laid * dtype.itemsize,
        "lines": times_laid * cut.laid / sizes.line_length,
        "guarded": problem.input_elements + problem.kernel_elements,
        "bytes": (problem.input_elements + problem.kernel_elements + problem.output_elements) * dtype.itemsize,
    }
    return Effort({"call": 1.0}, shared, cut.tasks, problem.macs // 4)


def workspace(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel and output: each thread's box, and the mapped kernels; or what `tiles` takes."""
    tiling = tiling_of(problem, dtype.itemsize, team.size)
    kernels = 0 if tiling.maps_as_it_goes else kernel_elements(problem, dtype.itemsize)
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
    mode, zeros = PADDING_MODES.index(problem.padding_mode), np.zeros(ROWS, x.dtype)
    kernels = tiling.kernels
    mapped = flat_w if tiling.maps_as_it_goes else _mapped_kernels(sizes, kernels, tiling.weights, flat_w)
    working = Working(tiling.working, x.dtype)

    def part(low: int, high: int) -> None:
        at_hand, laid, line, inputs, own, gathered, sums, outputs = working.own()
        _filter(
            flat_x, flat_w, own if tiling.maps_as_it_goes else mapped, gathered, bias, zeros, flat_out,
            laid, line, inputs, sums, outputs, at_hand, sizes, kernels, boxes.phases, boxes.places, *boxes.residues,
            tiling.weights, tiling.channels, tiling.products, tiling.together, tiling.width, mode,
            tiling.maps_as_it_goes, low, high,
        )  # fmt: skip

    run_in_parts(part, boxes.cut.tasks, work=problem.macs // 4)
    return bool(np.abs(bias).max() < np.finfo(x.dtype).max / 2)


def _mapped_kernels(sizes: Sizes, kernels: Kernels, weights: Int64Array, w: Array) -> Array:
    """All mapped kernels, block by block of `ROWS` output channels of a group."""
    blocks = sizes.groups * ceil_div(sizes.out_group, ROWS)
    mapped = np.empty(blocks * kernels.block, w.dtype)

    def part(low: int, high: int) -> None:
        (gathered,) = pieces((kernels.gathered,), w.dtype)
        _map_blocks(w, mapped, gathered, weights, sizes, kernels, low, high)

    run_in_parts(part, blocks, work=8 * w.size)
    return mapped


@compiled
def _map_blocks(w, mapped, gathered, weights, sizes, kernels, low, high):
    """Map the kernels of the blocks of output channels from `low` to `high`, counted over (group, block)."""
    blocks = (sizes.out_group + ROWS - 1) // ROWS
    for number in range(low, high):
        g, block = divmod(number, blocks)
        _map_block(w, mapped, number * kernels.block, gathered, weights, sizes, kernels, g, block * ROWS)


@inlined
def _map_block(w, mapped, at, gathered, weights, sizes, kernels, g, first):
    """Map the kernels of up to `ROWS` output channels: for each product (ROWS, C_in/groups), `kernels.apart` apart."""
    lanes = VECTOR // w.itemsize
    for row in range(min(ROWS, sizes.out_group - first)):
        source = (g * sizes.in_group * sizes.out_group + (first + row) * kernels.apart_out) * kernels.weights
        if kernels.apart_in > 1 or kernels.length > 3:
            for ci in range(sizes.in_group):
                for t in range(kernels.weights):
                    gathered[uint64(t * kernels.row + ci)] = w[
                        uint64(source + ci * kernels.apart_in * kernels.weights + t)
                    ]
        elif kernels.weights == 9:
            split_in_nine(gathered, 0, kernels.row, w, source, sizes.in_group)
        else:
            split_in_three(gathered, 0, kernels.row, w, source, sizes.in_group)
        for ci in range(0, sizes.in_group, lanes):
            transform(
                kernels.of_kernel, gathered, ci, weights, 0, zero(w), mapped, at + row * kernels.row + ci, kernels.apart
            )


@compiled
def _filter(
    x, w, mapped, gathered, bias, zeros, out, laid, line, inputs, sums, outputs, at_hand,
    sizes, kernels, phases, places, residues_z, residues_y, residues_x, weights, channels, product_places,
    together, width, mode, maps_as_it_goes, low, high,
):  # fmt: skip
    """Filter the tasks from `low` to `high`, counted over (samples together, group, box, chunk of channels).

    `at_hand` holds the box whose inputs are mapped.
    """
    lanes, phase = VECTOR // x.itemsize, phases[0]
    squared, products = kernels.weights > kernels.length, len(product_places)
    in_group, out_group = sizes.in_group, sizes.out_group
    blocks = (out_group + ROWS - 1) // ROWS
    apart_inputs, apart_sums = in_group * width + lanes, ROWS * width + lanes
    output_plane = sizes.output_y * sizes.output_x
    input_plane = sizes.input_y * sizes.input_x
    for task in range(low, high):
        place, number = divmod(task, sizes.chunks)
        rest, column = divmod(place, sizes.boxes_x)
        rest, strip = divmod(rest, sizes.boxes_y)
        turn, g = divmod(rest, sizes.groups)
        begin, end = turn * together, min(sizes.batch, (turn + 1) * together)
        y, left = strip * sizes.box_y, column * sizes.box_x
        height, across = min(sizes.box_y, phase.positions_y - y), min(sizes.box_x, phase.positions_x - left)
        of_sample = height * across
        count = (end - begin) * of_sample
        if place != at_hand[0]:
            for b in range(begin, end):
                source = (b * sizes.groups + g) * in_group * input_plane
                lay(x, source, sizes, residues_z, residues_y, residues_x, mode, 0, y, left, laid, line)
                _map_inputs(
                    laid, inputs, (b - begin) * of_sample, places, sizes.line_length, products, in_group,
                    height, across, width, squared,
                )  # fmt: skip
            at_hand[0] = place
        first, last = number * sizes.chunk, min(out_group, (number + 1) * sizes.chunk)
        for co in range(first, last, ROWS):
            live = min(ROWS, last - co)
            at = 0 if maps_as_it_goes else (g * blocks + co // ROWS) * kernels.block
            if maps_as_it_goes:
                _map_block(w, mapped, 0, gathered, weights, sizes, kernels, g, co)
            _multiply(
                inputs, apart_inputs, channels, in_group, mapped, at, kernels, live, zeros, sums, apart_sums,
                products, count, width,
            )  # fmt: skip
            for r in range(live):
                channel = g * out_group + co + r
                for start in range(0, count, lanes):
                    transform(
                        kernels.of_output, sums, r * width + start, product_places, 0, bias[channel],
                        outputs, start, width,
                    )  # fmt: skip
                for b in range(begin, end):
                    plane = (b * sizes.groups * out_group + channel) * output_plane
                    first_tile = (b - begin) * of_sample
                    _place(
                        outputs, first_tile, width, sizes, kernels.outputs, squared, y, left, height, across, out, plane
                    )


@inlined
def _multiply(
    inputs, apart_inputs, channels, in_group, mapped, at, kernels, live, zeros, sums, apart_sums, products, count, width
):
    """sums = the mapped kernels of `live` output channels times the mapped inputs, product by product."""
    lanes = VECTOR // inputs.itemsize
    rows = ROWS if live > ROWS // 2 else ROWS // 2
    for f in range(products):
        for start in range(0, count, 3 * lanes):
            vectors = min(3, (count - start + lanes - 1) // lanes)
            sum_tile(
                rows, vectors, inputs, f * apart_inputs + start, channels, 0, in_group,
                mapped, at + f * kernels.apart, kernels.row, live, zeros, 0,
                sums, f * apart_sums + start, width,
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


@inlined
def _map_inputs(laid, inputs, at, places, line_length, per_channel, in_group, height, across, width, squared):
    """Map the tiles of a box, line by line, a row of all tiles for each product and channel."""
    lanes = VECTOR // laid.itemsize
    for ci in range(in_group):
        for v in range(height):
            for start in range(0, across, lanes):
                transform(
                    2 * OF_INPUT + squared, laid, v * line_length + start, places, ci * per_channel, zero(laid),
                    inputs, at + ci * width + v * across + start, in_group * width + lanes,
                )  # fmt: skip
