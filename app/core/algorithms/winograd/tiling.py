"""How an operation is cut into boxes of tiles for `winograd`: from shapes alone, kept by them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from app.core.algorithms.boxes.arranging import Lie
from app.core.algorithms.boxes.phases import Sizes3, residues_along
from app.core.algorithms.boxes.tables import MANY_TASKS, Cut, cut_into
from app.core.algorithms.packing import unpacking
from app.core.algorithms.taps import Axis, Int64Array, joined_axes_of
from app.core.algorithms.vectors.simd import ROWS, VECTOR
from app.core.algorithms.vectors.transforms import OF_INPUT, OF_KERNEL, OF_OUTPUT
from app.core.algorithms.winograd.filters import Filters, filters_of
from app.core.algorithms.winograd.phases import phases_of
from app.core.geometry import ceil_div
from app.core.parallel import WORTH_A_THREAD
from app.core.problem import Problem

#: Bytes of a box's mapped inputs: they should stay in the second cache.
MAPPED_BYTES = 5 * 2**17

#: Vectors in a row of a box's tiles, where there are so many: with fewer, kernels would be read too often.
FEWEST_VECTORS = 3

#: What a box takes beside its vectors, counted in these.
OF_A_BOX = 0.5

#: Bytes of a box's mapped inputs and a block of kernels that stay in the second cache together. Where they are more,
#: some input channels are multiplied after the others, inputs of so many bytes, by some blocks of kernels each time.
WHOLE_BYTES = 3 * 2**18
SLICE_BYTES = 7 * 2**16
MOST_ABREAST = 4

#: Parts in which a box's inputs are mapped at most.
MOST_SHARES = 16

#: Mapped kernels that are used in no more boxes are mapped anew for each, in the cache; weights that are picked one by
#: one in fewer, and several sets, which are picked together, in none.
MOST_USES, MOST_PICKED_USES = 8, 2

#: Bytes of all mapped kernels at most; larger ones are mapped for each box, too.
MOST_KERNEL_BYTES = 2**25


class Kernels(NamedTuple):
    """How kernels lie in memory.

    A kernel has so many `elements`, and is cut into `filters` of so many `weights`, in so many `sets` (one for each
    phase whose weights are its own). `whole`: it is one filter, and its weights lie in a row. `of_kernel` and
    `of_output` are the maps. The kernels of a transposed operation are collected first, with so many weights of a tap
    `side_by_side` (else 0). Mapped, each product has a `row` of the filters of a slice's input channels for each of
    `ROWS` output channels, two products lie `apart`, and all of them are a `block`.
    """

    elements: int
    filters: int
    weights: int
    sets: int
    whole: bool
    of_kernel: int
    of_output: int
    side_by_side: int
    row: int
    apart: int
    block: int


class Way(NamedTuple):
    """How a box is filtered.

    A tile has so many outputs along y and x (`high`, `wide`), which lie so many elements apart in the output. A box
    holds the tiles of so many samples `together`, in rows of `width` (whole vectors): a row for each product and
    filter of an input channel of a slice, and for each product and output channel; two products lie `apart`. All mapped
    `inputs` of a box are so many elements. They are multiplied `depth` input channels at a time, a slice, with the
    kernels of so many blocks of `ROWS` output channels `abreast`. Kernels are mapped as they are needed, or all
    beforehand. Where boxes are few, all threads map a box's inputs for each other, in so many parts (`sharing`, and
    else 0). After the channels of a `part` there is a vector of room: the last line of a row may be written over its
    end. Each of so many `turns` maps inputs of its own, for some of the `phases`.
    """

    of_input: int
    products: int
    filters: int
    turns: int
    phases: int
    high: int
    wide: int
    apart_z: int
    apart_y: int
    apart_x: int
    output_z: int
    output_y: int
    output_x: int
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


#: In a kernel, the `Kernels` and the `Way` of their rows.
kernels_of, way_of = unpacking(Kernels), unpacking(Way)


@dataclass(frozen=True)
class Tiling:
    """The boxes of tiles, without the tables of their places: enough to tell a price.

    The `cut` is along the axes of tiles, `tiled`, whose inputs leave so many `residues`. `phases` are those of the
    output, and `taps` the weights of each set's filters. `mapped` are the elements of all kernels that are mapped
    beforehand, `of_weights` and `working` those of each piece of working memory.
    """

    filters: Filters
    tiled: tuple[Axis, Axis, Axis]
    cut: Cut
    residues: Sizes3
    kernels: Kernels
    way: Way
    phases: Int64Array
    taps: Int64Array
    mapped: int
    of_weights: tuple[int, int]
    working: tuple[int, ...]


@lru_cache(maxsize=256)
def tiling_of(problem: Problem, itemsize: int, threads: int) -> Tiling:
    """The tiles of a problem that `filters_of` cuts, for elements of so many bytes, shared by so many threads."""
    filters, axes, lanes = filters_of(problem), joined_axes_of(problem), VECTOR // itemsize
    each, products, in_group = filters.each, filters.products, problem.in_group
    along_z, along_y, along_x = (
        along.axis(axis) for along, axis in zip((filters.z, filters.y, filters.x), axes, strict=True)
    )
    tiled = (along_z, along_y, along_x)
    tiles = (filters.z.tiles, filters.y.tiles, filters.x.tiles)
    most = max(MAPPED_BYTES // (products * each * in_group * itemsize) // lanes, FEWEST_VECTORS) * lanes
    box = _box(tiles, most, lanes)
    together = max(1, min(problem.batch, most // math.prod(tiles)))
    uses = ceil_div(problem.batch, together) * math.prod(map(ceil_div, tiles, box))
    cut = _cut(problem, filters, tiled, box, uses, threads)
    width = ceil_div(together * math.prod(box), lanes) * lanes
    width += lanes if together > 1 else 0  # a sample's last line may be written over the end of its channel's row
    phases, taps = phases_of(filters, axes)
    slices = _slices(products * each * in_group * itemsize, width)
    depth = ceil_div(ceil_div(in_group, slices), lanes) * lanes
    kernels = _kernels(problem, axes, filters, taps, depth, lanes)
    mapped = (
        kernels.sets * kernels.block * problem.groups * ceil_div(problem.out_group, ROWS) * ceil_div(in_group, depth)
    )
    maps_as_it_goes = uses * filters.phases <= _most_uses(kernels) or mapped * itemsize > MOST_KERNEL_BYTES
    shared = cut.sizes.chunks > 1 and uses * problem.groups * filters.turns < 2 * threads
    part = math.gcd(in_group, depth, max(1, in_group // MOST_SHARES)) if shared else depth
    apart_inputs = depth * each * width + depth // part * lanes
    way = Way(
        of_input=2 * OF_INPUT[filters.kind] + filters.squared,
        products=products,
        filters=each,
        turns=filters.turns,
        phases=filters.phases,
        high=filters.y.kind.outputs,
        wide=filters.x.kind.outputs,
        apart_z=filters.z.apart,
        apart_y=filters.y.apart,
        apart_x=filters.x.apart,
        output_z=axes[0].output,
        output_y=axes[1].output,
        output_x=axes[2].output,
        together=together,
        width=width,
        depth=depth,
        part=part,
        abreast=min(ceil_div(cut.sizes.chunk, ROWS), MOST_ABREAST if slices > 1 else 1),
        apart_inputs=apart_inputs,
        apart_sums=ROWS * width + lanes,
        inputs=ceil_div(in_group, depth) * products * apart_inputs,
        sharing=in_group // part if shared else 0,
        maps_as_it_goes=maps_as_it_goes,
    )
    of_all = way.inputs * (uses * problem.groups * way.turns if shared else 1), kernels.block * maps_as_it_goes
    of_weights = ROWS * kernels.elements * kernels.side_by_side, kernels.weights * kernels.row
    sums = way.abreast * products * way.apart_sums
    z, y, x = map(len, residues_along(tiled, spread=False))
    return Tiling(
        filters,
        tiled,
        cut,
        (z, y, x),
        kernels,
        way,
        phases,
        taps,
        mapped=0 if maps_as_it_goes else mapped,
        of_weights=of_weights,
        working=(cut.laid + 2 * lanes, *of_all, *of_weights, sums, (products + way.wide) * width),
    )


def _cut(
    problem: Problem, filters: Filters, tiled: tuple[Axis, Axis, Axis], box: Sizes3, uses: int, threads: int
) -> Cut:  # fmt: skip
    """The tiles cut into boxes, each group's into so many `uses` of a kernel, and its channels into chunks."""
    out_group, tasks = problem.out_group, uses * problem.groups * filters.phases
    pieces = ceil_div(MANY_TASKS * threads, tasks) if problem.macs >= 4 * WORTH_A_THREAD else 1
    cut = cut_into(problem, Lie(tiled), box, min(out_group, ceil_div(out_group, pieces * ROWS) * ROWS))
    sizes = cut.sizes._replace(
        run_y=filters.y.run, run_x=filters.x.run, origin_y=filters.y.origin, origin_x=filters.x.origin
    )
    return replace(cut, sizes=sizes, tasks=tasks * sizes.chunks)


def _box(tiles: Sizes3, most: int, lanes: int) -> Sizes3:
    """The slabs, lines and columns of tiles in a box: about as many as `most`."""
    slabs, lines, columns = tiles
    x = min(columns, ceil_div(ceil_div(columns, ceil_div(columns, most)), lanes) * lanes)
    y = _fullest(lines, x, most, lanes)
    return ceil_div(slabs, ceil_div(slabs, max(1, min(slabs, most // (x * y))))), y, x


def _most_uses(kernels: Kernels) -> int:
    """In how many boxes and phases mapped kernels are used at most that are mapped anew for each."""
    if kernels.sets > 1:
        return 0
    return MOST_USES if kernels.whole else MOST_PICKED_USES


def _fullest(lines: int, columns: int, most: int, lanes: int) -> int:
    """The lines of tiles of a box, so that all boxes take the fewest vectors, of at most `most` tiles."""

    def taken(height: int) -> float:
        counts = [height] * (lines // height) + [lines % height] * (lines % height > 0)
        return sum(ceil_div(count * columns, lanes) + OF_A_BOX for count in counts)

    highest = max(1, min(lines, most // columns))
    return min(range(1, highest + 1), key=taken)


def _slices(of_tile: int, width: int) -> int:
    """Into how many slices the input channels are cut, where tiles of so many bytes are mapped, `width` of them."""
    if of_tile * (width + ROWS) <= WHOLE_BYTES:
        return 1
    return ceil_div(of_tile * width, SLICE_BYTES)


def _kernels(
    problem: Problem, axes: tuple[Axis, ...], filters: Filters, taps: Int64Array, depth: int, lanes: int
) -> Kernels:  # fmt: skip
    elements, weights = math.prod(axis.kernel for axis in axes), filters.weights
    row = depth * filters.each
    apart = ROWS * row + lanes  # not a power of two: products of a tile would meet in the same few places of a cache
    return Kernels(
        elements,
        filters.each,
        weights,
        len(taps) // (filters.each * weights),
        whole=problem.op == "conv" and weights == elements == len(taps) and weights in (3, 9),
        of_kernel=2 * OF_KERNEL[filters.kind] + filters.squared,
        of_output=2 * OF_OUTPUT[filters.kind] + filters.squared,
        side_by_side=depth + lanes if problem.op == "conv_transpose" else 0,
        row=row,
        apart=apart,
        block=filters.products * apart,
    )
