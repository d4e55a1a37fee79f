"""How a group of channels lies and is summed: tables from shapes alone, kept by them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.core.algorithms.boxes.arranging import Lie
from app.core.algorithms.boxes.tables import Boxes, Cut, cut_into, positions_of, tables
from app.core.algorithms.taps import Axis, Int64Array, axes_of
from app.core.algorithms.vectors.line_sums import LINES
from app.core.algorithms.vectors.simd import LONGEST, VECTOR
from app.core.geometry import ceil_div
from app.core.kept import kept_by_size
from app.core.problem import Problem

#: Tables of more lines are made anew each time.
KEPT_LINES = 2**12

#: Bytes of sums that are made before they are copied to their places: a part of the first cache.
SUMS_BYTES = 2**13

#: Vectors of the widest tile, and how many are summed at most beyond a row's end.
WIDEST, BEYOND = 8, 3

#: The time of a product of vectors as one row, beside one of several lines, since most loads lie across lines of the
#: cache; and so many lines more a column of a kernel takes for its beginning and end.
ROW_TIME, ENDS = 1.8, 4

#: Lines whose every step-th inputs are laid by vectors have no longer steps.
LONGEST_STEP = 4


@dataclass(frozen=True)
class Groups:
    """The tables of `channelwise`.

    The line of a channel's plane that begins at `sources` goes to `targets` among its laid planes. Of
    each line, `columns` (3, remainders) tell where the inputs of a remainder go, from where, and how many, if these are
    laid one by one.
    As many lines of outputs are summed `at_once`. The groups before number `readable` are read as they lie. Where the
    `kernel` is told (height, width, places from one column to the next), its sums are those of `sum_four_lines`. What
    else a call would work out anew: whether lines are laid `in_vectors`, the elements of its `memory`, its `work`.
    """

    boxes: Boxes
    sources: Int64Array
    targets: Int64Array
    columns: Int64Array
    at_once: int
    readable: int
    kernel: tuple[int, int, int]
    in_vectors: bool
    memory: tuple[int, int]
    work: int


def laid_lines(axes: tuple[Axis, ...], cut: Cut) -> int:
    """The lines of a channel's planes."""
    planes = math.prod(len(axis.in_residues) for axis in axes[:2])
    return planes * (cut.sizes.box_z + cut.sizes.span_z) * cut.sizes.lines


def tasks_of(problem: Problem) -> int:
    """How many tasks there are: groups of all samples."""
    return problem.batch * problem.groups


def work_of(problem: Problem, cut: Cut) -> int:
    """Multiply-adds by their time: those of places without outputs, and some for each element that is moved."""
    sizes = cut.sizes
    row = sizes.positions_z * sizes.positions_y * sizes.line_length
    sums = problem.batch * problem.out_channels * sizes.in_group * cut.taps * row
    return sums + 4 * (problem.input_elements + problem.output_elements)


@lru_cache(maxsize=1024)
def cut_of(problem: Problem) -> Cut:
    """One box of a whole group."""
    axes = axes_of(problem)
    return cut_into(problem, Lie(axes), positions_of(axes), problem.out_channels, most_shared=LONGEST)


def goes_by_lines(axes: tuple[Axis, ...], cut: Cut, itemsize: int) -> bool:
    """Whether lines of outputs share their loads: of convolutions as they come, where that takes less time."""
    depth, height, _ = axes
    if depth.kernel > 1 or height.kernel < LINES or height.span >= height.kernel:
        return False
    if not all(axis.in_step == axis.out_step == 1 and _ascends(axis) for axis in axes):
        return False
    sizes, lanes = cut.sizes, VECTOR // itemsize
    row = ceil_div((sizes.positions_y - 1) * sizes.line_length + sizes.positions_x, lanes)
    lines = ceil_div(sizes.positions_y, LINES) * LINES * ceil_div(sizes.positions_x, lanes)
    return lines * (height.kernel + ENDS) < ROW_TIME * row * height.kernel


def _ascends(axis: Axis) -> bool:
    """Whether one weight after the other meets inputs further on: not in transposed and flipped kernels."""
    shifts = axis.shifts(0)[np.argsort(axis.taps(0))]
    return bool(shifts[0] <= shifts[-1])


def memory_of(cut: Cut, itemsize: int, *, by_lines: bool) -> tuple[int, int]:
    """Elements of a group's laid planes, and of the sums, with what is read and written beyond their ends.

    The zeros that the last line would share with a next one lie behind it.
    """
    sizes, lanes = cut.sizes, VECTOR // itemsize
    shared = sizes.box_x + sizes.span_x - sizes.line_length
    if by_lines:
        sums = LINES * ceil_div(sizes.positions_x, lanes) * lanes
    else:
        sums = sizes.woven * (lines_at_once(cut, itemsize) * sizes.line_length + (BEYOND + 1) * lanes)
    return cut.laid + shared + _beyond(cut, itemsize, by_lines=by_lines), sums


def _beyond(cut: Cut, itemsize: int, *, by_lines: bool) -> int:
    """Elements that are read behind a group's planes."""
    lanes = VECTOR // itemsize
    return max((BEYOND + 1) * lanes, (LINES - 1) * cut.sizes.line_length + lanes if by_lines else 0)


def lines_at_once(cut: Cut, itemsize: int) -> int:
    """Lines of outputs that are summed before they are copied."""
    return min(cut.sizes.positions_y, max(1, SUMS_BYTES // itemsize // cut.sizes.line_length))


def reads_as_it_lies(axes: tuple[Axis, ...], cut: Cut) -> bool:
    """Whether a group's input is what would be laid."""
    sizes = cut.sizes
    begins, laid = (sizes.begin_z, sizes.begin_y, sizes.begin_x), (sizes.box_z + sizes.span_z, sizes.lines)
    lying = (*laid, sizes.line_length) == (sizes.input_z, sizes.input_y, sizes.input_x)
    return lying and begins == (0, 0, 0) and all(axis.in_step == 1 for axis in axes)


def lays_in_vectors(axis: Axis) -> bool:
    """Whether lines along the last axis are laid by vectors."""
    return axis.in_step == 1 or len(axis.in_residues) == axis.in_step <= LONGEST_STEP


def groups_of(problem: Problem, itemsize: int) -> Groups:
    """The tables of a problem for elements of so many bytes."""
    return _kept_groups(problem, itemsize)


def _groups(problem: Problem, itemsize: int) -> Groups:
    axes, cut = axes_of(problem), cut_of(problem)
    boxes, sizes = tables(cut, axes), cut.sizes
    begins = (sizes.begin_z, sizes.begin_y, sizes.begin_x)
    lengths = (sizes.box_z + sizes.span_z, sizes.box_y + sizes.span_y, sizes.box_x + sizes.span_x)
    places = [
        (begin + np.arange(length)) * axis.in_step + residues[:, None]
        for axis, residues, begin, length in zip(axes, boxes.residues, begins, lengths, strict=True)
    ]
    (rz, u, iz), (ry, v, iy), (rx, m, ix) = (_inside(own, axis.input) for own, axis in zip(places, axes, strict=True))
    slab = sizes.lines * sizes.line_length
    plane, (along_y, along_x) = (sizes.box_z + sizes.span_z) * slab, map(len, boxes.residues[1:])
    sources = iz[:, None] * sizes.input_slab + iy * sizes.input_x
    targets = ((rz[:, None] * along_y + ry) * along_x) * plane + u[:, None] * slab + v * sizes.line_length
    _, first, counts = np.unique(rx, return_index=True, return_counts=True)
    columns = np.stack([rx[first] * plane + m[first], ix[first], counts])
    readable, tasks, by_lines = 0, tasks_of(problem), goes_by_lines(axes, cut, itemsize)
    if reads_as_it_lies(axes, cut):  # nothing is read after the input: the last groups are laid
        each = sizes.in_group * sizes.input_channel
        readable = max(0, tasks - ceil_div(_beyond(cut, itemsize, by_lines=by_lines), each))
    kernel, at_once = (0, 0, 0), lines_at_once(cut, itemsize)
    if by_lines:
        kernel = axes[1].kernel, axes[2].kernel, axes[2].span // max(1, axes[2].kernel - 1)
    return Groups(
        boxes, sources.reshape(-1), targets.reshape(-1), columns, at_once, readable, kernel,
        lays_in_vectors(axes[2]), memory_of(cut, itemsize, by_lines=by_lines), work_of(problem, cut),
    )  # fmt: skip


_kept_groups = kept_by_size(_groups, lambda problem, _: math.prod(problem.input_size[:-1]), (KEPT_LINES, 256))


def _inside(places: NDArray[np.int64], length: int) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Those places (residues, steps) that lie within the input: which residue, which step, and the place."""
    residue, step = np.nonzero((places >= 0) & (places < length))
    return residue, step, places[residue, step]
