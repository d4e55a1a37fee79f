"""How the inputs and outputs of an operation lie for `tiles`: along which axes, and in which planes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from app.core.algorithms.boxes.regions import by_regions
from app.core.algorithms.boxes.sizes import SHORTEST_CUT
from app.core.algorithms.taps import Axis, axes_of, table_of
from app.core.algorithms.vectors.dot_sums import FEWEST_TAPS
from app.core.algorithms.vectors.simd import ROWS, VECTOR
from app.core.geometry import ceil_div
from app.core.problem import Problem

#: Bytes of the inputs of a short row of outputs, at most.
MOST_LAID_BYTES = 2**23

#: Outputs of lines that are longer by more than this share, for their padding, have a plane for each tap along them;
#: those of phases, which share what is laid, by more than that.
MOST_GAPS, MOST_GAPS_OF_PHASES = 0.25, 0.1

#: Where inputs could be read as they lie, samples are stacked if their last vectors are so empty, for so many rows.
MOST_EMPTY, FEWEST_STACKED_ROWS = 1.1, 4 * ROWS

#: Zeros that a line shares with the next one.
MOST_SHARED = VECTOR // 8

#: The table of an axis of one tap at its own place.
_UNIT = table_of(1, 1, [0], [0, 1], np.zeros(1, np.int64), np.zeros(1, np.int64))


class Lie(NamedTuple):
    """How inputs and outputs lie for `tiles`.

    `ready`: the input can be read as it lies; `spread`: taps along a line have planes of their own; `stacked`:
    samples lie along the first axis, so that the outputs of several are one row. So many outputs at the `tail` of a row
    are dot products, since a vector for them would be nearly empty.
    """

    axes: tuple[Axis, ...]
    ready: bool = False
    spread: bool = False
    stacked: bool = False
    tail: int = 0


def lie_of(problem: Problem, itemsize: int, *, whole: bool = False) -> Lie:
    """How inputs and outputs lie for an operation, `whole` as `boxes_of` has it."""
    axes, lanes = axes_of(problem), VECTOR // itemsize
    if whole:
        return Lie(axes)
    if _reads_as_it_lies(axes) and math.prod(problem.input_size) >= lanes:
        row = _as_one_row(axes)
        if tail := _tail(problem, row[2].output, lanes):
            return Lie(row, ready=True, tail=tail)
        stacked = problem.batch > 1 and problem.out_channels >= FEWEST_STACKED_ROWS * problem.groups
        if stacked and ceil_div(row[2].output, lanes) * lanes > MOST_EMPTY * row[2].output:
            return Lie((_samples(problem), *row[1:]), stacked=True)
        return Lie(row, ready=True)
    stacked = problem.batch > 1 and axes[0].is_unit
    axes = (_samples(problem), *axes[1:]) if stacked else axes
    axes = axes if problem.pads_by_copying else (axes[0], by_regions(axes[1]), axes[2])
    spread = _spreads(problem, axes) and taken(problem, axes, spread=True) * itemsize <= MOST_LAID_BYTES
    return Lie(axes, spread=spread, stacked=stacked)


def _tail(problem: Problem, row: int, lanes: int) -> int:
    """How many outputs at the end of a row are made by dot products: only of rows that no number of threads cuts."""
    left, taps = row % lanes, problem.in_group
    suits = problem.op == "conv" and row < SHORTEST_CUT * lanes and taps >= FEWEST_TAPS and left <= lanes // 4
    return left if suits else 0


def _samples(problem: Problem) -> Axis:
    """The samples as an axis: one tap, which moves with them."""
    return Axis(problem.batch, problem.batch, _UNIT)


def _reads_as_it_lies(axes: tuple[Axis, ...]) -> bool:
    """Whether each output takes from its own place alone."""
    return all(axis.is_plain for axis in axes)


def _spreads(problem: Problem, axes: tuple[Axis, ...]) -> bool:
    """Whether lines side by side would be too much longer than their outputs."""
    z, y, x = (axis.counts for axis in axes)
    if axes[2].in_step > 1 or z.positions * y.positions == 1 or problem.out_channels < 2 * ROWS * problem.groups:
        return False
    span = x.end - x.begin
    shared = shared_zeros(problem, axes[2], x.begin, x.positions + span, span)
    return span - shared > (MOST_GAPS if x.phases == 1 else MOST_GAPS_OF_PHASES) * x.positions


def _as_one_row(axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
    length = math.prod(axis.input for axis in axes)
    return Axis(1, 1, _UNIT), Axis(1, 1, _UNIT), Axis(length, length, _UNIT)


def taken(problem: Problem, axes: tuple[Axis, ...], *, spread: bool) -> int:
    """The inputs of a short row of outputs."""
    spans = [0 if spread and axis is axes[2] else axis.span // axis.in_step for axis in axes]
    planes = [axis.kernel if spread and axis is axes[2] else min(axis.in_step, axis.kernel) for axis in axes]
    lengths = (min(axis.counts.positions, n) + span for axis, span, n in zip(axes, spans, (1, 1, 16), strict=True))
    return problem.in_group * math.prod(planes) * math.prod(lengths)


def shared_zeros(problem: Problem, axis: Axis, begin: int, line_length: int, span: int, most: int = MOST_SHARED) -> int:
    """How many zeros at the end of a line are those at the beginning of the next: the gap between two is shorter."""
    if problem.pads_by_copying or axis.in_step > 1:
        return 0
    return min(max(0, -begin), max(0, begin + line_length - axis.input), span, most)
