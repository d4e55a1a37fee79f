"""The phases of an operation as `boxes` cuts them: their outputs, their taps, and where these take their inputs."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from app.core.algorithms.packing import picking
from app.core.algorithms.taps import Axis, Int64Array


class PhaseRow(NamedTuple):
    """One phase of the output, for kernels: its positions (outputs) along each axis and their residue.

    And where its taps' places and steps begin, and how many taps it has for each channel. A convolution has one phase.
    """

    positions_z: int
    positions_y: int
    positions_x: int
    residue_z: int
    residue_y: int
    residue_x: int
    places_at: int
    taps: int


#: In a kernel, one of such rows.
phase_at = picking(PhaseRow)

Sizes3 = tuple[int, int, int]


class Phase:
    """One phase of the output: its positions and taps along each axis."""

    def __init__(self, axes: tuple[Axis, ...], index: tuple[int, ...]) -> None:
        chosen = list(zip(axes, index, strict=True))
        self._steps = [axis.in_step for axis in axes]
        self._shifts = [axis.shifts(q) for axis, q in chosen]
        self._offsets = [shifts // step for shifts, step in zip(self._shifts, self._steps, strict=True)]
        self.positions = tuple(axis.positions(q) for axis, q in chosen)
        self.residue = tuple(int(axis.residues[q]) for axis, q in chosen)
        z, y, x = (axis.taps(q) for axis, q in chosen)
        kernel = [axis.weights for axis in axes]
        self.taps = ((z[:, None, None] * kernel[1] + y[:, None]) * kernel[2] + x).reshape(-1)

    def places(self, begin: Sizes3, apart: Sizes3, residues: tuple[Int64Array, ...], *, spread: bool) -> Int64Array:
        """Where each tap's inputs begin in a channel's planes: planes, their lines' planes and lines so far `apart`."""
        z, y, x = (own - first for own, first in zip(self._offsets, begin, strict=True))
        along = z[:, None, None] * apart[1] + y[:, None] * apart[2] + (0 if spread else x)
        z, y, x = (own % step for own, step in zip(self._shifts, self._steps, strict=True))
        met = (z, y, self._shifts[2] if spread else x)
        z, y, x = (np.searchsorted(places, own) for places, own in zip(residues, met, strict=True))
        number = (z[:, None, None] * len(residues[1]) + y[:, None]) * len(residues[2]) + x
        return (number * apart[0] + along).reshape(-1)


def phases_along(axes: tuple[Axis, ...]) -> list[Phase]:
    """The phases that have weights and outputs."""
    return [Phase(axes, index) for index in itertools.product(*(range(axis.counts.phases) for axis in axes))]


def residues_along(axes: tuple[Axis, ...], *, spread: bool) -> tuple[Int64Array, Int64Array, Int64Array]:
    """The remainders that places in the input leave by the step of the windows, for each axis.

    Where they are `spread`, each place of a tap has a plane of its own along the last one.
    """
    z, y, x = (axis.in_residues for axis in axes)
    return z, y, np.unique(axes[2].table[-axes[2].kernel :]) if spread else x


def inputs_of(axes: tuple[Axis, ...], *, spread: bool) -> tuple[Sizes3, Sizes3]:
    """Where the inputs of all phases begin, and over how many steps those of one position lie."""
    z, y, x = (axis.counts for axis in axes)
    begin, end = (0, 0) if spread else (x.begin, x.end)
    return (z.begin, y.begin, begin), (z.end - z.begin, y.end - y.begin, end - begin)
