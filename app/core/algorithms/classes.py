"""The outputs along an axis in classes, each of which meets the same taps: those within the input."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from app.core.algorithms.taps import Axis, Int64Array


class Class(NamedTuple):
    """Outputs that meet the same taps: their numbers, where their inputs begin, and the taps' weights and offsets.

    An output finds the input of a tap at its place and the tap's offset, counted from where places begin.
    """

    outputs: Int64Array
    places: Int64Array
    taps: Int64Array
    offsets: Int64Array


def most_classes(axis: Axis) -> int:
    """How many classes of outputs a line has at most: another one with each tap that looks beyond an end."""
    first = axis.table[-axis.kernel :]
    last = first + (axis.counts.positions - 1) * axis.in_step
    return min(axis.output, axis.counts.phases + int(np.sum(first < 0) + np.sum(last >= axis.input)))


def classes_of(axis: Axis, first: int, *, apart: bool) -> list[Class]:
    """The classes along an axis whose places begin at input `first`, those without taps left out.

    All outputs of a phase are one class unless they are to be kept `apart`: then zeros lie around the input.
    """
    found = []
    for q in range(axis.counts.phases):
        taps, shifts = axis.taps(q), axis.shifts(q)
        begins, ends = axis.meets(q) if apart else (np.zeros_like(shifts), np.full_like(shifts, axis.positions(q)))
        for low, high in itertools.pairwise(np.unique([begins, ends]).tolist()):
            own = (begins <= low) & (low < ends)
            if own.any():
                m = np.arange(low, high)
                outputs, places = axis.residues[q] + m * axis.out_step, m * axis.in_step - first
                found.append(Class(outputs, places, taps[own], shifts[own]))
    return found


def all_sums(parts: Sequence[Int64Array], strides: Sequence[int]) -> Int64Array:
    """All sums of one element of each part, each times its stride, the last part's changing first."""
    total = np.zeros(1, np.int64)
    for part, stride in zip(parts, strides, strict=True):
        total = (total[:, None] + part * stride).reshape(-1)
    return total
