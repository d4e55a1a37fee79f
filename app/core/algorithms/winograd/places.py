"""Where the inputs, weights and products of `winograd`'s tiles lie: tables that grow with the channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from app.core.algorithms.boxes.tables import bytes_of_tables, tables
from app.core.algorithms.packing import packed
from app.core.algorithms.taps import Int64Array
from app.core.algorithms.vectors.simd import VECTOR
from app.core.algorithms.winograd.phases import by_filters
from app.core.algorithms.winograd.tiling import Tiling, tiling_of
from app.core.kept import kept_by_size
from app.core.problem import Problem

#: Of up to so many inputs of tiles so many tables are kept, 32 MiB at most of either; longer ones are made anew.
SHELVES = ((2**15, 128), (2**17, 32))


class Rows(NamedTuple):
    """What kernels take for the boxes' sizes, those of a part, and how kernels lie and boxes are filtered."""

    sizes: Int64Array
    part: Int64Array
    kernels: Int64Array
    way: Int64Array


@dataclass(frozen=True)
class Places:
    """The tables of a tiling.

    `inputs` are the places of a tile's inputs, for each turn, input channel and filter, and `residues` those that
    they leave along each axis. `rows` are the numbers of the tiling for kernels, those of a part as the boxes' sizes,
    with its input channels alone. `weights` tells where a set's weights lie when they are gathered, `filters` and
    `products` where the rows of inputs and of sums begin.
    """

    rows: Rows
    inputs: Int64Array
    residues: tuple[Int64Array, Int64Array, Int64Array]
    weights: Int64Array
    filters: Int64Array
    products: Int64Array


def _places(problem: Problem, itemsize: int, threads: int) -> Places:
    tiling = tiling_of(problem, itemsize, threads)
    boxes, way, kernels, lanes = tables(tiling.cut, tiling.tiled), tiling.way, tiling.kernels, VECTOR // itemsize
    numbers = np.arange(way.depth * way.filters)
    in_order = tiling.taps if kernels.whole else np.arange(kernels.weights)
    of_part = packed(tiling.cut.sizes._replace(in_group=way.part))
    return Places(
        Rows(boxes.row, of_part, packed(kernels), packed(way)),
        by_filters(boxes.places, tiling.filters),
        boxes.residues,
        weights=in_order * kernels.row,
        filters=numbers * way.width + numbers // (way.part * way.filters) * lanes,
        products=np.arange(way.products) * way.apart_sums,
    )


def bytes_of_places(tiling: Tiling) -> int:
    """What they take, and what they are made from."""
    cut = tiling.cut
    return bytes_of_tables(cut) + 8 * (cut.sizes.in_group * cut.taps + 2 * tiling.way.depth * tiling.way.filters)


def _size(problem: Problem, itemsize: int, threads: int) -> int:
    return problem.in_group * tiling_of(problem, itemsize, threads).cut.taps


#: The tables of a problem that `filters_of` cuts, for elements of so many bytes and so many threads.
places_of = kept_by_size(_places, _size, *SHELVES)
