"""How an operation is cut into boxes of tiles for `winograd`: tables from shapes alone, kept by them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from app.core.algorithms.arranging import Lie
from app.core.algorithms.boxes import MANY_TASKS, Boxes, Sizes, cut_into, tables
from app.core.algorithms.simd import ROWS, VECTOR
from app.core.algorithms.taps import Axis, Int64Array, axes_of, table_of
from app.core.algorithms.transforms import OF_KERNEL, OF_OUTPUT, OUTPUTS, PRODUCTS
from app.core.geometry import ceil_div
from app.core.parallel import WORTH_A_THREAD
from app.core.problem import Problem

#: Bytes of a box's mapped inputs: they should stay in the second cache.
MAPPED_BYTES = 5 * 2**17

#: Vectors in a row of a box's tiles, where there are so many: with fewer, kernels would be read too often.
FEWEST_VECTORS = 3

#: Bytes of a box's mapped inputs and a block of kernels that stay in the second cache together. Where they are more,
#: some input channels are multiplied after the others, inputs of so many bytes, by some blocks of kernels each time.
WHOLE_BYTES = 3 * 2**18
SLICE_BYTES = 7 * 2**16
MOST_ABREAST = 4

#: Parts in which a box's inputs are mapped at most.
MOST_SHARES = 16

#: Mapped kernels that are used in no more boxes are mapped anew for each, in the cache; weights that are picked one by
#: one in fewer.
MOST_USES, MOST_PICKED_USES = 8, 2

#: Bytes of all mapped kernels at most; larger ones are mapped for each box, too.
MOST_KERNEL_BYTES = 2**25


class Kernels(NamedTuple):
    """How kernels lie in memory.

    A kernel has so many `weights`, `length` of them along each axis, and a tile so many
    `outputs`; `of_kernel` and `of_output` are their maps. Those of two output or two input channels of a group lie
    `apart_out` and `apart_in` kernels apart. Mapped, each product has a `row` of the input
    channels of a slice for each of `ROWS` output channels, two products lie `apart`, and all of them
    are a `block`. `gathered` are the elements of a row of kernels, weight by weight.
    """

    weights: int
    length: int
    outputs: int
    of_kernel: int
    of_output: int
    apart_out: int
    apart_in: int
    row: int
    apart: int
    block: int
    gathered: int


class Way(NamedTuple):
    """How a box is filtered.

    It holds the tiles of so many samples `together`, in rows of `width` (whole vectors): a row for each product and
    input channel of a slice, and for each product and output channel; two products lie `apart`. All mapped `inputs`
    of a box are so many elements. They are multiplied `depth` input channels at a time, a slice, with the kernels of
    so many blocks of `ROWS` output channels `abreast`. Kernels are mapped as they are needed, or all beforehand. Where
    boxes are few, all threads map a box's inputs for each other, in so many parts (`sharing`, and else 0). After the
    channels of a `part` there is a vector of room: the last line of a row may be written over its end.
    """

    squared: int
    products: int
    together: int
    width: int
    depth: int
    part: int
    abreast: int
    apart_inputs: int
    apart_sums: int
    inputs: int
    sharing: int
    maps_as_it_goes: bool


@dataclass(frozen=True)
class Tiling:
    """The boxes of tiles, with the places of a kernel's weights, of input channels and of products.

    `part` is as the boxes' sizes are, with the input channels of one part; `mapped` are the elements of all kernels
    that are mapped beforehand, `working` those of each piece of working memory.
    """

    boxes: Boxes
    part: Sizes
    kernels: Kernels
    way: Way
    weights: Int64Array
    channels: Int64Array
    products: Int64Array
    mapped: int
    working: tuple[int, ...]


@lru_cache(maxsize=256)
def tiling_of(problem: Problem, itemsize: int, threads: int) -> Tiling:
    """The tiles of a problem for elements of so many bytes, shared by so many threads."""
    axes, lanes = axes_of(problem), VECTOR // itemsize
    squared = axes[1].kernel > 1
    products = PRODUCTS**2 if squared else PRODUCTS
    in_group, out_group = problem.in_channels // problem.groups, problem.out_channels // problem.groups
    tiled = (axes[0], _tiled(axes[1]) if squared else axes[1], _tiled(axes[2]))
    _, lines, columns = (axis.positions(0) for axis in tiled)
    most = max(MAPPED_BYTES // (products * in_group * itemsize) // lanes, FEWEST_VECTORS) * lanes
    box_x = ceil_div(columns, ceil_div(columns, most))
    box_y = ceil_div(lines, ceil_div(lines, max(1, min(lines, most // box_x))))
    together = max(1, min(problem.batch, most // (lines * columns)))
    uses = ceil_div(problem.batch, together) * ceil_div(lines, box_y) * ceil_div(columns, box_x)
    pieces = ceil_div(MANY_TASKS * threads, uses * problem.groups) if problem.macs >= 4 * WORTH_A_THREAD else 1
    chunk = min(out_group, ceil_div(out_group, pieces * ROWS) * ROWS)
    cut = cut_into(problem, Lie(tiled), (1, box_y, box_x), chunk)
    boxes = tables(cut, tiled)
    sizes = cut.sizes._replace(output_y=axes[1].output, output_x=axes[2].output)  # in elements, not in tiles
    width = ceil_div(together * box_y * box_x, lanes) * lanes
    width += lanes if together > 1 else 0  # a sample's last line may be written over the end of its channel's row
    picked = problem.op == "conv_transpose" or axes[2].kernel > 3
    slices = _slices(products * in_group * itemsize, width)
    depth = ceil_div(ceil_div(in_group, slices), lanes) * lanes
    kernels = _kernels(problem, axes, products, depth, lanes)
    mapped = problem.groups * ceil_div(out_group, ROWS) * ceil_div(in_group, depth) * kernels.block
    maps_as_it_goes = uses <= (MOST_PICKED_USES if picked else MOST_USES) or mapped * itemsize > MOST_KERNEL_BYTES
    shared = sizes.chunks > 1 and uses * problem.groups < 2 * threads
    part = math.gcd(in_group, depth, max(1, in_group // MOST_SHARES)) if shared else depth
    way = Way(
        squared,
        products,
        together,
        width,
        depth,
        abreast=min(ceil_div(chunk, ROWS), MOST_ABREAST if slices > 1 else 1),
        part=part,
        apart_inputs=depth * width + depth // part * lanes,
        apart_sums=ROWS * width + lanes,
        inputs=ceil_div(in_group, depth) * products * (depth * width + depth // part * lanes),
        sharing=in_group // part if shared else 0,
        maps_as_it_goes=maps_as_it_goes,
    )
    of_all = way.inputs * (uses * problem.groups if shared else 1), kernels.block if maps_as_it_goes else 0
    sums = way.abreast * products * way.apart_sums
    return Tiling(
        replace(boxes, cut=replace(cut, sizes=sizes, tasks=uses * problem.groups * sizes.chunks)),
        sizes._replace(in_group=part),
        kernels,
        way,
        weights=_weights_in_order(axes) * depth,
        channels=np.arange(depth) * width + np.arange(depth) // part * lanes,
        products=np.arange(products) * way.apart_sums,
        mapped=0 if maps_as_it_goes else mapped,
        working=(cut.laid + lanes, *of_all, kernels.gathered, sums, products * width),
    )


def _slices(of_tile: int, width: int) -> int:
    """Into how many slices the input channels are cut, where tiles of so many bytes are mapped, `width` of them."""
    if of_tile * (width + ROWS) <= WHOLE_BYTES:
        return 1
    return ceil_div(of_tile * width, SLICE_BYTES)


def _kernels(problem: Problem, axes: tuple[Axis, ...], products: int, row: int, lanes: int) -> Kernels:
    in_group, out_group = problem.in_channels // problem.groups, problem.out_channels // problem.groups
    count = math.prod(axis.kernel for axis in axes)
    length, squared = axes[2].kernel, int(axes[1].kernel > 1)
    maps = (2 * OF_KERNEL[length] + squared, 2 * OF_OUTPUT[length] + squared)
    between = (in_group, 1) if problem.op == "conv" else (1, out_group)
    apart = ROWS * row + lanes  # not a power of two: products of a tile would meet in the same few places of a cache
    return Kernels(count, length, OUTPUTS[length], *maps, *between, row, apart, products * apart, count * row)


def _weights_in_order(axes: tuple[Axis, ...]) -> Int64Array:
    """The weights of a kernel by the place that they meet: backwards where the kernel is flipped."""
    y, x = (axis.taps(0)[np.argsort(axis.shifts(0))] for axis in axes[1:])
    return (y[:, None] * axes[2].kernel + x).reshape(-1)


def _tiled(axis: Axis) -> Axis:
    """The axis by tiles: each takes 6 inputs, and the next begins as many later as it has outputs."""
    numbers, outputs = np.arange(PRODUCTS), OUTPUTS[axis.kernel]
    shifts = numbers + axis.shifts(0).min()
    output = ceil_div(axis.output, outputs)
    return Axis(axis.input, output, table_of(outputs, 1, [0], [0, PRODUCTS], numbers, shifts))
