"""What takes time in `channelwise`, counted from how a group lies, without the tables."""

from __future__ import annotations

import numpy as np

from app.core.algorithms.boxes.tables import Cut
from app.core.algorithms.channelwise.tables import (
    WIDEST,
    cut_of,
    goes_by_lines,
    laid_lines,
    lays_in_vectors,
    lines_at_once,
    reads_as_it_lies,
    tasks_of,
    work_of,
)
from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.taps import Axis
from app.core.algorithms.vectors.line_sums import LINES, WIDTHS
from app.core.algorithms.vectors.simd import VECTOR
from app.core.geometry import ceil_div
from app.core.problem import Problem


def effort(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to.

    `groups`; `lines` and bytes `laid`, or inputs `picked` one by one; the sums; `parts`, lines of outputs that are
    copied, and what is `placed` side by side, or `spread`.
    """
    cut, groups = cut_of(problem), tasks_of(problem)
    sizes = cut.sizes
    outputs = groups * sizes.out_group * sizes.phases * sizes.positions_z * sizes.positions_y
    sums = _by_lines if goes_by_lines(axes, cut, dtype.itemsize) else _by_rows
    shared: Features = {
        "groups": groups,
        "parts": outputs / sizes.woven,
        "spread" if sizes.out_step_x > sizes.woven else "placed": outputs * sizes.positions_x * dtype.itemsize,
        "bytes": (problem.input_elements + problem.kernel_elements + problem.output_elements) * dtype.itemsize,
        **sums(axes, cut, groups * sizes.out_group * sizes.positions_z, dtype.itemsize),
    }
    if not reads_as_it_lies(axes, cut):
        shared["lines"] = groups * sizes.in_group * laid_lines(axes, cut)
        shared["laid" if lays_in_vectors(axes[2]) else "picked"] = groups * cut.laid * dtype.itemsize
    gaps = problem.output_elements * dtype.itemsize if cut.leaves_gaps else 0
    return Effort({"call": 1.0, "gaps": gaps}, shared, groups, work_of(problem, cut))


def _by_rows(_axes: tuple[Axis, ...], cut: Cut, slabs: int, itemsize: int) -> Features:
    """Of so many slabs of outputs: `tiles`, their `turns` of the innermost loop, and these by vectors, `sums`."""
    sizes, lanes, at_once = cut.sizes, VECTOR // itemsize, lines_at_once(cut, itemsize)
    strips, last = divmod(sizes.positions_y, at_once)
    tiles = vectors = 0
    for height, count in ((at_once, strips), (last, 1 if last else 0)):
        for wide, many in _widths(ceil_div((height - 1) * sizes.line_length + sizes.positions_x, lanes)):
            tiles += count * many
            vectors += count * many * wide
    taps = slabs * sizes.in_group * cut.taps
    return {"tiles": slabs * tiles * sizes.phases, "turns": tiles * taps, "sums": vectors * taps}


def _by_lines(axes: tuple[Axis, ...], cut: Cut, slabs: int, itemsize: int) -> Features:
    """Of so many slabs of outputs: `columns` of kernels that some lines meet, and products of vectors by `lined`."""
    sizes, vectors = cut.sizes, ceil_div(cut.sizes.positions_x * itemsize, VECTOR)
    blocks = slabs * ceil_div(sizes.positions_y, LINES)
    columns = blocks * ceil_div(vectors, WIDTHS[0]) * sizes.in_group * axes[2].kernel
    return {"columns": columns, "lined": blocks * LINES * vectors * sizes.in_group * cut.taps}


def _widths(vectors: int) -> list[tuple[int, int]]:
    """(vectors of a tile, tiles) along a row of so many."""
    whole, left = divmod(vectors, WIDEST)
    return [(WIDEST, whole), (1 << (left - 1).bit_length(), 1)] if left else [(WIDEST, whole)]
