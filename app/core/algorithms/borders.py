"""Outputs near the ends of axes, which meet fewer inputs: counted from the tables of taps, without a look at all."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from app.core.algorithms.taps import Axis, Int64Array
from app.core.geometry import ceil_div

#: Outputs near the ends of an axis at most: where there are more, nearly all of them lie in padding.
MOST_UNLIKE = 2**18


def fewest_products(axis: Axis) -> int:
    """The fewest inputs that an output of a phase meets along an axis."""
    phases = range(axis.counts.phases)
    return min((int(products_at(axis, q, unlike_positions(axis, q, 1)).min()) for q in phases), default=0)


def products_at(axis: Axis, phase: int, positions: Int64Array) -> Int64Array:
    """How many inputs the outputs at some positions of a phase meet along an axis."""
    shifts, first = np.sort(axis.shifts(phase)), axis.in_step * positions
    met: Int64Array = np.searchsorted(shifts, axis.input - first) - np.searchsorted(shifts, -first)
    return met


def unlike_positions(axis: Axis, phase: int, period: int) -> Int64Array:
    """Positions of a phase that stand for all: those near its ends, which meet fewer inputs, and a period more."""
    positions, (near, far) = axis.positions(phase), _ends(axis, phase, period)
    if near + far >= positions:
        return np.arange(positions)
    return np.concatenate([np.arange(near), np.arange(positions - far, positions)])


def _ends(axis: Axis, phase: int, period: int) -> tuple[int, int]:
    """How many positions of a phase are near its first one, and near its last."""
    shifts, positions = axis.shifts(phase), axis.positions(phase)
    near = ceil_div(max(0, -int(shifts.min())), axis.in_step) + period
    far = positions - 1 - (axis.input - 1 - int(shifts.max())) // axis.in_step + period
    return near, max(0, far)


def has_few_unlike(axes: tuple[Axis, ...]) -> bool:
    """Whether the outputs near the ends of an axis can be looked at one by one, before anything is computed."""
    unlike = (sum(min(axis.positions(q), sum(_ends(axis, q, 1))) for q in range(axis.counts.phases)) for axis in axes)
    return max(unlike) <= MOST_UNLIKE


def products(axis: Axis) -> NDArray[np.int32]:
    """How many inputs each output meets along an axis."""
    counts = np.zeros(axis.output, np.int32)
    for q in range(len(axis.residues)):
        shifts = np.sort(axis.shifts(q))
        first = axis.in_step * np.arange(axis.positions(q))
        edge = (first + shifts[0] < 0) | (first + shifts[-1] >= axis.input)
        own = np.full(len(first), len(shifts), np.int32)
        own[edge] = products_at(axis, q, np.flatnonzero(edge))
        counts[axis.residues[q] :: axis.out_step] = own
    return counts


def few_products(axes: tuple[Axis, ...], in_group: int, few: int) -> tuple[int, int]:
    """(outputs of a channel that take fewer products than `few`, products of all these)."""
    if in_group * math.prod(map(fewest_products, axes)) >= few:
        return 0, 0
    found = {in_group: 1}  # outputs by their products, axis by axis
    for axis in axes:
        own = _outputs_by_products(axis)
        longer: dict[int, int] = {}
        for some, outputs in found.items():
            for more, along in own.items():
                if 0 < some * more < few:
                    longer[some * more] = longer.get(some * more, 0) + outputs * along
        found = longer
    return sum(found.values()), sum(count * outputs for count, outputs in found.items())


def _outputs_by_products(axis: Axis) -> dict[int, int]:
    """How many outputs meet so many inputs along an axis; looks at those near its ends alone."""
    found: dict[int, int] = {}
    for q in range(len(axis.residues)):
        positions, taps = axis.positions(q), len(axis.shifts(q))
        ends = unlike_positions(axis, q, 0)
        met = products_at(axis, q, ends)
        for count, outputs in zip(*np.unique(met, return_counts=True), strict=True):
            found[int(count)] = found.get(int(count), 0) + int(outputs)
        found[taps] = found.get(taps, 0) + positions - len(ends)
    return found
