"""How an operation is cut into boxes of outputs for `tiles`: tables from shapes alone, kept by them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from app.core.algorithms.boxes.arranging import MOST_LAID_BYTES, MOST_SHARED, Lie, lie_of, shared_zeros, taken
from app.core.algorithms.boxes.laying import MODES, listed_of
from app.core.algorithms.boxes.phases import PhaseRow, Sizes3, inputs_of, phases_along, residues_along
from app.core.algorithms.boxes.regions import Regions
from app.core.algorithms.boxes.sizes import box_within, own_box, shorter_box
from app.core.algorithms.packing import packed, unpacking
from app.core.algorithms.taps import Axis, Int64Array
from app.core.algorithms.vectors.simd import LONGEST, ROWS, VECTOR
from app.core.geometry import ceil_div
from app.core.kept import kept_by_size
from app.core.parallel import MOST_IN_A_TASK, WORTH_A_THREAD, team
from app.core.problem import Problem

#: Bytes of a box's inputs: half of a usual second cache.
LAID_BYTES = 2**19

#: The same for all of a picture, which is cut only then: more than this, threads do not keep between calls.
CUT_BYTES = 3 * 2**20

#: More phases than this are too many small boxes.
MOST_PHASES = 1024

#: Tasks for each thread: better so many, since a thread may come late, and at least so many. A box of all outputs
#: is shared by chunks of channels, and each thread lays its inputs; others are cut into smaller ones, if that will do.
FEW_TASKS, MANY_TASKS = 4, 8

#: Tables of more taps than this are made anew each time.
KEPT_TAPS = 2**14

#: Bytes that tell of a phase while tables are made: its numbers, and its own arrays before they are joined.
PHASE_BYTES = 2560


class Sizes(NamedTuple):
    """What all phases share.

    Positions are those of the longest phase, and a box is counted in them; a task is a
    box with a `chunk` of a group's output channels. A box's inputs begin at `begin` steps,
    lie over `span` steps more than it has positions, and are laid in planes of so many
    `lines` of `line_length`. Two channels, and two slabs (places along z), lie so many elements
    apart. The kernels of two input and two output channels lie so many kernels `apart`.

    Two phases along a line are summed in one task, and `woven` (else 1): their outputs lie between each other.
    The positions of lines and columns may come in runs whose inputs lie side by side from an `origin` on: see `laying`.

    Where samples lie along z, the batch is 1, a slab is a sample, and channels lie closer than slabs.
    """

    batch: int
    groups: int
    in_group: int
    out_group: int
    input_z: int
    input_y: int
    input_x: int
    output_z: int
    output_y: int
    output_x: int
    input_channel: int
    input_slab: int
    output_channel: int
    output_slab: int
    in_step_z: int
    in_step_y: int
    in_step_x: int
    out_step_z: int
    out_step_y: int
    out_step_x: int
    positions_z: int
    positions_y: int
    positions_x: int
    box_z: int
    box_y: int
    box_x: int
    boxes_z: int
    boxes_y: int
    boxes_x: int
    chunk: int
    chunks: int
    begin_z: int
    begin_y: int
    begin_x: int
    span_z: int
    span_y: int
    span_x: int
    lines: int
    line_length: int
    phases: int
    apart_in: int
    apart_out: int
    run_y: int
    run_x: int
    origin_y: int
    origin_x: int
    woven: int


@dataclass(frozen=True)
class Cut:
    """What `tiles` works through, without its tables.

    `laid` are the elements of a box's inputs, with so many planes `per_line` of the input, which is padded in a `mode`;
    `taps` are the taps of all phases. `ready` and
    `spread` are as in `Lie`, and so is `tail` where a box has all of a row. A box has so many
    lines of outputs for each tap, in the `mean`.
    """

    sizes: Sizes
    laid: int
    per_line: int
    mode: int
    taps: int
    tasks: int
    ready: bool
    tail: int
    leaves_gaps: bool
    spread: bool
    mean: float

    @cached_property
    def listed(self) -> int:
        """Numbers that `lay` lists."""
        return int(listed_of(self.sizes, self.per_line, self.mode))


#: In a kernel, the `Sizes` of their row.
sizes_of = unpacking(Sizes)


@dataclass(frozen=True)
class Boxes:
    """The tables of `tiles`, and the cut's sizes as a `row`.

    `places` tells where each tap's plane begins, for every phase, channel and tap, and `steps`
    where its weight lies, from the first of an output channel on; `residues` are the remainders
    of places in the input that taps meet, along each axis.
    """

    cut: Cut
    row: Int64Array
    phases: Int64Array
    places: Int64Array
    steps: Int64Array
    residues: tuple[Int64Array, Int64Array, Int64Array]


def fits(problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> bool:
    """Whether there are few phases, and the inputs of a short row of outputs are few enough to be laid."""
    if not 0 < _phase_count(axes) <= MOST_PHASES or math.prod(problem.input_size) >= LONGEST:
        return False
    if any(axis.farthest >= LONGEST for axis in axes):
        return False
    return taken(problem, axes, spread=False) * dtype.itemsize <= MOST_LAID_BYTES


def boxes_of(problem: Problem, itemsize: int, *, whole: bool = False) -> Boxes:
    """The tables of a problem for elements of so many bytes; `whole` for one box of everything, always laid."""
    return _kept_boxes(problem, itemsize, whole, team.size)


def cut_of(problem: Problem, itemsize: int, threads: int, *, whole: bool = False) -> Cut:
    """What `boxes_of` makes its tables of, for so many threads: enough to tell a price."""
    return _cut(problem, itemsize, whole, threads)


def _boxes(problem: Problem, itemsize: int, whole: bool, threads: int) -> Boxes:
    lie = lie_of(problem, itemsize, whole=whole)
    return tables(_cut(problem, itemsize, whole, threads), lie.axes)


@lru_cache(maxsize=1024)
def _cut(problem: Problem, itemsize: int, whole: bool, threads: int) -> Cut:
    lie, lanes = lie_of(problem, itemsize, whole=whole), VECTOR // itemsize
    axes, spread = lie.axes, lie.spread
    if whole:
        return cut_into(problem, lie, positions_of(axes), problem.out_channels)
    most, span = positions_of(axes), inputs_of(axes, spread=spread)[1]
    channels = problem.in_group * math.prod(map(len, residues_along(axes, spread=spread)))
    box = box_within(most, span, channels, LAID_BYTES // itemsize, CUT_BYTES // itemsize)
    chunk = out_group = problem.out_group
    batch = 1 if lie.stacked else problem.batch
    tasks = _phase_count(axes) // _woven(axes[2]) * batch * problem.groups * math.prod(map(ceil_div, most, box))
    enough = max(MANY_TASKS * threads, problem.macs // MOST_IN_A_TASK)
    if problem.macs >= WORTH_A_THREAD and tasks < enough:
        pieces = ceil_div(enough, tasks)
        by_channels = not lie.ready and box[1:] == most[1:] and out_group >= FEW_TASKS * threads * ROWS
        if by_channels and (own := own_box(span, box, threads, lanes)) != box:
            tasks *= math.prod(map(ceil_div, box, own))
            few = FEW_TASKS * threads
            box, pieces = own, ceil_div(max(few, problem.macs // MOST_IN_A_TASK), tasks)
        shorter = box if by_channels else shorter_box(span, box, pieces, lanes)
        if shorter == box or tasks * math.prod(map(ceil_div, box, shorter)) < FEW_TASKS * threads:
            chunk = min(out_group, ceil_div(out_group, pieces * ROWS) * ROWS)
        else:
            box = shorter
    return cut_into(problem, lie, box, chunk)


def cut_into(problem: Problem, lie: Lie, box: Sizes3, chunk: int, most_shared: int = MOST_SHARED) -> Cut:
    """An operation cut into boxes, and its output channels into chunks; lines share so many zeros at most."""
    axes, spread = lie.axes, lie.spread
    in_group, out_group = problem.in_group, problem.out_group
    most, phases, woven = positions_of(axes), _phase_count(axes), _woven(axes[2])
    counts = tuple(map(ceil_div, most, box))
    begin, span = inputs_of(axes, spread=spread)
    depth, lines, line_length = (n + more for n, more in zip(box, span, strict=True))
    if box[2] == most[2]:
        line_length -= shared_zeros(problem, axes[2], begin[2], line_length, span[2], most_shared)
    between = (1, in_group) if problem.op == "conv" else (out_group, 1)
    apart = [_apart(problem.in_channels, [axis.input for axis in axes], stacked=lie.stacked)]
    apart += [_apart(problem.out_channels, [axis.output for axis in axes], stacked=lie.stacked)]
    sizes = Sizes._make([
        1 if lie.stacked else problem.batch, problem.groups, in_group, out_group,
        *(axis.input for axis in axes), *(axis.output for axis in axes), *apart[0], *apart[1],
        *(axis.in_step for axis in axes), *(axis.out_step for axis in axes),
        *most, *box, *counts, chunk, ceil_div(out_group, chunk), *begin, *span, lines, line_length, phases,
        *between, 1, 1, 0, 0, woven,
    ])  # fmt: skip
    *others, per_line = map(len, residues_along(axes, spread=spread))
    planes = math.prod(others) * per_line
    taps = math.prod(axis.counts.taps for axis in axes)
    return Cut(
        sizes,
        laid=0 if lie.ready else in_group * planes * depth * lines * line_length,
        per_line=per_line,
        mode=MODES.index(problem.padding_mode),
        taps=taps,
        tasks=phases // woven * sizes.batch * problem.groups * math.prod(counts) * sizes.chunks,
        ready=lie.ready,
        tail=lie.tail if counts[2] == 1 else 0,
        leaves_gaps=math.prod(map(_reached, axes)) < math.prod(min(axis.out_step, axis.output) for axis in axes),
        spread=spread,
        mean=(axes[1].mean if isinstance(axes[1], Regions) else most[1]) / counts[1],
    )


def _apart(channels: int, lengths: list[int], *, stacked: bool) -> tuple[int, int]:
    """How far two channels, and two slabs, lie apart in an array of so many channels."""
    plane = lengths[1] * lengths[2]
    return (plane, channels * plane) if stacked else (lengths[0] * plane, plane)


def tables(cut: Cut, axes: tuple[Axis, ...]) -> Boxes:
    """The tables of an operation that is cut into boxes; `axes` as they were for the cut."""
    sizes, residues, phases = cut.sizes, residues_along(axes, spread=cut.spread), phases_along(axes)
    apart = sizes.lines * sizes.line_length
    begin = (sizes.begin_z, sizes.begin_y, sizes.begin_x)
    plane = (sizes.box_z + sizes.span_z) * apart
    channel = cut.laid // sizes.in_group or sizes.input_channel
    kernel, channels = math.prod(axis.weights for axis in axes), np.arange(sizes.in_group)[:, None]
    rows: list[PhaseRow] = []
    places: list[Int64Array] = []
    steps: list[Int64Array] = []
    taps_at = 0
    for phase in phases:
        rows.append(PhaseRow._make([*phase.positions, *phase.residue, sizes.in_group * taps_at, len(phase.taps)]))
        in_order = np.argsort(phase.taps)  # weights are read as they lie, also where the kernel is flipped
        own = phase.places(begin, (plane, apart, sizes.line_length), residues, spread=cut.spread)[in_order]
        places.append((channels * channel + own).reshape(-1))
        steps.append((channels * (sizes.apart_in * kernel) + phase.taps[in_order]).reshape(-1))
        taps_at += len(phase.taps)
    return Boxes(cut, packed(sizes), np.array(rows, np.int64), np.concatenate(places), np.concatenate(steps), residues)


def bytes_of_tables(cut: Cut) -> int:
    """What `tables` takes: a place and a step for each tap and each channel's, before they are joined and after.

    Its own numbers take less than those of two phases.
    """
    return 4 * (1 + cut.sizes.in_group) * cut.taps * np.dtype(np.int64).itemsize + (cut.sizes.phases + 2) * PHASE_BYTES


def positions_of(axes: tuple[Axis, ...]) -> Sizes3:
    """Those of the longest phase, which is the first."""
    z, y, x = (axis.counts.positions for axis in axes)
    return z, y, x


def _reached(axis: Axis) -> int:
    """How many of the residues that outputs have by their step are reached by a weight."""
    return 1 if isinstance(axis, Regions) else axis.counts.phases


def _woven(axis: Axis) -> int:
    """How many phases along lines are summed together: both, where there are two."""
    return 2 if axis.out_step == axis.counts.phases == 2 else 1


def _phase_count(axes: tuple[Axis, ...]) -> int:
    return math.prod(axis.counts.phases for axis in axes)


_kept_boxes = kept_by_size(
    _boxes, lambda problem, *_: problem.in_group * math.prod(problem.kernel_size), (KEPT_TAPS, 256)
)
