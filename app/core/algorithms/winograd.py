"""Winograd's minimal filtering, F(4, 3) and F(2, 5), along one axis or two: three fifths to a quarter of the products.

Outputs are cut into tiles of 4 (4×4), or of 2 (2×2) for kernels of 5. A tile's inputs, 6 (6×6), are mapped to as many
products, and so are the kernels (`winograd_maps`); the sums over the input channels are then matrix
products, one for each product of a tile; and their results are mapped back. The inputs
are laid with a plane for each remainder modulo that, so that tiles side by side are vectors.

The sums are not those of the products themselves: the error is bounded by the largest
sum of magnitudes in an output channel, not by each output's own, and for that it takes
some channels.
"""

from __future__ import annotations

import numpy as np

from app.core.algorithms import boxes as boxing
from app.core.algorithms import tiles, winograd_guard
from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.fourier_guard import fewest_products
from app.core.algorithms.lines import weave_four, weave_two
from app.core.algorithms.scratch import Working
from app.core.algorithms.simd import ROWS, VECTOR
from app.core.algorithms.taps import Axis
from app.core.algorithms.tile_sums import add_tile
from app.core.algorithms.transforms import transform
from app.core.algorithms.winograd_maps import box_of, map_block, map_box, map_inputs, mapped_kernels
from app.core.algorithms.winograd_tiling import tiling_of
from app.core.geometry import ceil_div
from app.core.jit import compiled, inlined
from app.core.layout import Array
from app.core.parallel import PLANNED_THREADS, run_in_parts, team
from app.core.problem import PADDING_MODES, Problem

#: With fewer input channels the error can pass the bound, and the guard would nearly always say so.
FEWEST_CHANNELS = 32

#: What it takes to lay and to map one input, in multiply-adds.
_WORK_OF_AN_INPUT = 100


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
    own = (sum(tiling.working) * team.size + tiling.mapped) * dtype.itemsize
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
    mapped = flat_w if way.maps_as_it_goes else mapped_kernels(tiling, flat_w)
    working = Working(tiling.working, x.dtype)
    _, _, shared, *_ = working.own()
    if way.sharing:

        def lay_part(low: int, high: int) -> None:
            _, laid, *_ = working.own()
            map_inputs(flat_x, laid, shared, sizes, tiling.part, way, *tables, mode, low, high)

        run_in_parts(lay_part, boxes.cut.tasks // sizes.chunks * way.sharing, work=_WORK_OF_AN_INPUT * x.size)

    def part(low: int, high: int) -> None:
        at_hand, laid, inputs, own, gathered, sums, outputs = working.own()
        _filter(
            flat_x, flat_w, own if way.maps_as_it_goes else mapped, gathered, bias, flat_out,
            laid, shared if way.sharing else inputs, sums, outputs, at_hand, sizes, kernels, way, *tables,
            tiling.weights, tiling.channels, tiling.products, mode, low, high,
        )  # fmt: skip

    run_in_parts(part, boxes.cut.tasks, work=problem.macs // 4)
    return bool(np.abs(bias).max() < np.finfo(x.dtype).max / 2)


@compiled
def _filter(
    x, w, mapped, gathered, bias, out, laid, inputs, sums, outputs, at_hand, sizes, kernels, way,
    phases, places, residues_z, residues_y, residues_x, weights, channels, product_places, mode, low, high,
):  # fmt: skip
    """Filter the tasks from `low` to `high`, counted over (samples together, group, box, chunk of channels).

    `at_hand` holds the box whose inputs are mapped, where they are not `way.sharing`.
    """
    out_group, output_plane = sizes.out_group, sizes.output_y * sizes.output_x
    for task in range(low, high):
        place, number = divmod(task, sizes.chunks)
        begin, end, g, y, left, height, across = box_of(place, sizes, way, phases)
        of_sample = height * across
        count, inputs_at = (end - begin) * of_sample, place * way.inputs if way.sharing else 0
        if not way.sharing and place != at_hand[0]:
            map_box(
                x, laid, inputs, 0, sizes, sizes, 0, way,
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
                map_block(w, mapped, 0, gathered, weights, sizes, kernels, g, co, channel, depth)
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
