"""The phases of an operation with their weights, for algorithms that take them one at a time."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.core.algorithms.taps import Axis
from app.core.layout import Array


@dataclass(frozen=True)
class Phase:
    """One phase of the output: its index and its number of positions along each axis.

    `weights` (groups, out channels of a group, taps), a tap for each input channel of the
    group and each weight that takes part.
    """

    index: tuple[int, ...]
    positions: tuple[int, ...]
    weights: Array


def fill_with_bias(axes: tuple[Axis, ...], bias: Array, out: Array) -> None:
    """Give every output the bias, where there may be such that no phase reaches."""
    if any(axis.out_step > 1 for axis in axes):
        out[:] = bias[:, None, None, None]


def phases_of(axes: tuple[Axis, ...], w: Array, groups: int) -> list[Phase]:
    """The phases that have both outputs and weights; w (C_out, C_in/groups, *kernel)."""
    found = []
    out_group = w.shape[0] // groups
    for index in itertools.product(*(range(len(axis.residues)) for axis in axes)):
        positions = tuple(axis.positions(q) for axis, q in zip(axes, index, strict=True))
        if not all(positions):
            continue
        taps = [axis.taps(q) for axis, q in zip(axes, index, strict=True)]
        weights = w
        if not all(map(_is_whole, axes, taps)):
            chosen: Any = np.ix_(*taps)
            weights = np.ascontiguousarray(w[:, :, *chosen])
        found.append(Phase(index, positions, weights.reshape(groups, out_group, -1)))
    return found


def _is_whole(axis: Axis, taps: Array) -> bool:
    """Whether the taps are all the weights of an axis in their own order."""
    return len(taps) == axis.kernel and (len(taps) == 1 or bool(taps[0] < taps[1]))
