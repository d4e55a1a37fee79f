"""What takes time in `winograd`, counted from how an operation is cut into boxes of tiles."""

from __future__ import annotations

import itertools

import numpy as np

from app.core.algorithms.boxes.laying import SHORTEST_RUN, deals_out_runs
from app.core.algorithms.boxes.tables import Sizes
from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.taps import Axis
from app.core.algorithms.vectors.simd import ROWS, VECTOR
from app.core.algorithms.winograd.tiling import Tiling, tiling_of
from app.core.geometry import ceil_div
from app.core.parallel import PLANNED_THREADS
from app.core.problem import Problem

#: Mapped inputs of so many bytes leave the second cache before they are multiplied, by some output channels each time.
SPILLED_BYTES = 2**20

#: The steps of lines that are laid plane by plane at once; the inputs of others are picked one by one.
_LAID_AT_ONCE = (1, 2, 3, 4)


def effort(problem: Problem, _axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to: turns of the innermost loop, vectors mapped of each kind, what guards it.

    Kernels that are mapped beforehand are written to memory, and read from there for each box.
    """
    tiling = tiling_of(problem, dtype.itemsize, PLANNED_THREADS)
    sizes, way, kernels, lanes = tiling.cut.sizes, tiling.way, tiling.kernels, VECTOR // dtype.itemsize
    boxes = _boxes(sizes)
    times = sizes.groups * ceil_div(sizes.batch, way.together)
    uses = times * sum(count for count, *_ in boxes)
    vectors = times * sum(count * ceil_div(way.together * z * y * x, lanes) for count, z, y, x in boxes)
    rows, filters = ceil_div(sizes.out_group, ROWS) * ROWS, sizes.in_group * way.filters
    times_mapped = uses * way.phases if way.maps_as_it_goes else sizes.groups * kernels.sets
    times_collected = times_mapped if way.maps_as_it_goes else sizes.groups
    mapped = times_mapped * rows * ceil_div(filters, lanes) * way.products
    in_lines = sizes.batch * sizes.groups * sum(count * z * y * ceil_div(x, lanes) for count, z, y, x in boxes)
    lines, elements = _laid(tiling)
    by_vectors = sizes.in_step_x in _LAID_AT_ONCE if sizes.run_x == 1 else _deals_out(sizes)
    passes = ceil_div(sizes.out_group, way.abreast * ROWS)
    of_guard = problem.input_elements + problem.kernel_elements
    shared: Features = {
        "gathered": 0 if kernels.whole else times_mapped * sizes.out_group * filters * kernels.weights,
        "collected": times_collected * problem.kernel_elements / sizes.groups if kernels.side_by_side else 0,
        "sums": vectors * way.phases * rows * way.products * filters,
        "kernels" if way.maps_as_it_goes else "kept": mapped,
        "streamed": 0 if way.maps_as_it_goes else uses * way.phases * rows * filters * way.products,
        "inputs": in_lines * way.turns * filters * way.products,
        "spilled": uses * way.phases * way.inputs * passes if way.inputs * dtype.itemsize > SPILLED_BYTES else 0,
        "outputs": vectors * way.phases * rows * way.products,
        "laid": elements * dtype.itemsize,
        "picked": 0 if by_vectors or sizes.run_x >= SHORTEST_RUN else elements,
        "lines": lines,
        "strewn": 0 if by_vectors or sizes.run_x == 1 else elements * dtype.itemsize,
        "apart": problem.output_elements if way.apart_x > 1 else 0,
        "guarded": of_guard,
        "bytes": (of_guard + problem.output_elements) * dtype.itemsize,
    }
    return Effort({"call": 1.0}, shared, tiling.cut.tasks, problem.macs)


def _boxes(sizes: Sizes) -> list[tuple[int, int, int, int]]:
    """The boxes of a sample: so many of so many slabs, lines and columns of tiles."""
    along = [
        [(total // box, box), (1, total % box)]
        for total, box in zip(
            (sizes.positions_z, sizes.positions_y, sizes.positions_x),
            (sizes.box_z, sizes.box_y, sizes.box_x),
            strict=True,
        )
    ]
    return [(a * b * c, z, y, x) for (a, z), (b, y), (c, x) in itertools.product(*along) if z * y * x]


def _laid(tiling: Tiling) -> tuple[int, int]:
    """The lines and the elements that are laid, each time that inputs are."""
    sizes, (residues_z, residues_y, residues_x) = tiling.cut.sizes, tiling.residues
    planes = sizes.batch * sizes.groups * sizes.in_group * residues_z * residues_y
    lines = elements = 0
    for count, z, y, x in _boxes(sizes):
        own = planes * count * (z + sizes.span_z) * _taken(y, sizes.span_y, sizes.run_y) * residues_x
        lines += own * (ceil_div(x, sizes.run_x) if sizes.run_x >= SHORTEST_RUN and not _deals_out(sizes) else 1)
        elements += own * _taken(x, sizes.span_x, sizes.run_x)
    return lines, elements


def _deals_out(sizes: Sizes) -> bool:
    return bool(deals_out_runs(sizes.run_x, sizes.in_step_x))


def _taken(positions: int, span: int, run: int) -> int:
    """The lines, or columns, that so many positions take: of runs that are longer, none of the others."""
    return positions + span if positions >= run else positions * (span // run + 1)
