"""What takes time in `tiles`, counted from how an operation is cut into boxes, without the tables."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from app.core.algorithms.boxes.tables import Cut, cut_of
from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.scratch import LINE
from app.core.algorithms.taps import Axis
from app.core.algorithms.vectors.simd import ROWS, VECTOR
from app.core.geometry import ceil_div
from app.core.parallel import PLANNED_THREADS
from app.core.problem import Problem

#: Bytes of a kernel that stays in the second cache: the weights of a phase of a larger one come from afar, and apart;
#: those of one that stays in no cache, for all vectors of a tile anew.
NEAR_BYTES, KEPT_BYTES = 2**19, 2**22

#: A turn of dot products takes so much longer than one of tiles: they load more, and have sums to add at their ends.
DOTS_BESIDE_TILES = 1.5


def effort(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to.

    `sums`: turns of the innermost loop, by vectors; `tiles`: calls of it; `laid`, `lines`:
    bytes and lines of inputs laid, `picked`: inputs laid one by one; `placed`, `spread`,
    `parts`: outputs copied from a tile to their places, side by side and apart, and the lines
    of them; `far`: kernels of a transposed convolution that each phase reads from afar, `afar`
    those that it reads again and again, `strewn` weights that each lie in a line of the cache;
    `gaps`: outputs that no weight reaches.
    """
    cut = cut_of(problem, dtype.itemsize, PLANNED_THREADS)
    sizes, lanes = cut.sizes, VECTOR // dtype.itemsize
    runs = sizes.batch * sizes.groups * sizes.boxes_z * sizes.boxes_y * sizes.boxes_x
    sums, tiles, placed, parts = _tiles(cut, lanes)
    laid = cut.laid * runs * min(PLANNED_THREADS, sizes.chunks)
    singly = sizes.in_step_x > 2 and not len(axes[2].in_residues) == sizes.in_step_x <= 4
    kernel_bytes = problem.kernel_elements * dtype.itemsize if problem.op == "conv_transpose" else 0
    kernels = sizes.phases * problem.in_channels * sizes.out_group
    shared: Features = {
        "tasks": cut.tasks,
        "sums": runs * sums * cut.taps * sizes.in_group,
        "tiles": runs * tiles * sizes.phases,
        "parts": runs * parts * sizes.phases / sizes.woven,
        "spread" if sizes.out_step_x > sizes.woven else "placed": runs * placed * sizes.phases,
        "laid": laid * dtype.itemsize,
        "picked": laid if singly else 0,
        "lines": laid / sizes.line_length,
        "far": kernels if kernel_bytes > NEAR_BYTES else 0,
        "afar": kernels * runs * tiles * ROWS / sizes.out_group if kernel_bytes > KEPT_BYTES else 0,
        "strewn": problem.kernel_elements * runs * tiles / ceil_div(sizes.out_group, ROWS)
        if sizes.out_step_x * dtype.itemsize >= LINE and kernel_bytes > NEAR_BYTES * sizes.groups
        else 0,
        "bytes": (problem.input_elements + problem.kernel_elements + problem.output_elements) * dtype.itemsize,
    }
    gaps = problem.output_elements * dtype.itemsize if cut.leaves_gaps else 0
    return Effort({"call": 1.0, "gaps": gaps}, shared, cut.tasks, problem.macs)


def _tiles(cut: Cut, lanes: int) -> tuple[float, float, float, float]:
    """(turns by vectors, calls, outputs placed, lines of them) for one phase of a box of the mean size, and a tap."""
    sizes = cut.sizes
    depth, height, width = _mean_box(cut)
    length = ((depth - 1) * sizes.lines + height - 1) * sizes.line_length + width
    length -= (depth - 1) * _skipped((sizes.lines - height) * sizes.line_length, 3 * lanes)
    length -= cut.tail
    useful = depth * height * width / length
    sums = tiles = placed = parts = 0.0
    for count, chunks in ((sizes.chunk, sizes.out_group // sizes.chunk), (sizes.out_group % sizes.chunk, 1)):
        sums += ceil_div(count, ROWS) * ROWS * chunks * cut.tail * DOTS_BESIDE_TILES / lanes
        for vectors, along in _widths(math.ceil(length / lanes), count):
            tile = vectors * lanes
            apart = _apart(cut, length, height, width, tile)
            for live, blocks in ((ROWS, count // ROWS), (count % ROWS, 1)):
                if live:
                    many = along * blocks * chunks
                    sums += many * max(_rows(live, vectors), 2) * vectors
                    tiles += many
                    placed += apart * many * live * tile * useful
                    parts += apart * many * live * (1 + tile / sizes.line_length)
    return sums, tiles, placed, parts


def _skipped(dead: float, tile: int) -> float:
    """Of so many positions without outputs, how many `tiles` leaves out in the mean: those after a tile's end."""
    return dead - tile / 2 if dead >= tile else dead * dead / (2 * tile)


def _mean_box(cut: Cut) -> tuple[float, float, float]:
    sizes = cut.sizes
    return sizes.positions_z / sizes.boxes_z, cut.mean, sizes.positions_x / sizes.boxes_x


def _widths(vectors: int, rows: int) -> Iterator[tuple[int, int]]:
    """(vectors of a tile, tiles) along a box, as `tiles` chooses them for so many rows."""
    widest = (3,) if rows > ROWS // 2 else (6, 3) if rows > ROWS // 4 else (8, 4, 2)
    for width in widest:
        if vectors >= width:
            yield width, vectors // width
        vectors %= width
    if vectors:
        yield vectors, 1


def _rows(live: int, vectors: int) -> int:
    """Rows of the smallest tile that holds so many, as `tiles` chooses them."""
    if live > ROWS // 2:
        return ROWS
    if live > ROWS // 4 or vectors % 3 == 0:
        return ROWS // 2
    return max(1, ROWS // 4) if live > ROWS // 8 else 1


def _apart(cut: Cut, length: float, height: float, width: float, tile: int) -> float:
    """The share of tiles whose outputs do not lie side by side in the output, as `tiles` has runs of them."""
    sizes = cut.sizes
    if sizes.out_step_x > 1 or cut.ready:
        return float(not cut.ready)
    run, joined = float(sizes.line_length), width
    if sizes.line_length == width == sizes.output_x and sizes.out_step_y == 1:
        run, joined = sizes.lines * width, height * width
        if sizes.lines == height and sizes.output_slab == run and sizes.out_step_z == 1:
            return 0.0
    if length <= run:
        return float(tile > joined)
    return 1 - max(0.0, joined - tile + 1) / run
