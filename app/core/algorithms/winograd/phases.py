"""The phases of an operation that `winograd` filters, with their sets of kernels; and tables, filter by filter."""

from __future__ import annotations

import itertools
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from app.core.algorithms.packing import picking
from app.core.algorithms.taps import Axis, Int64Array
from app.core.algorithms.winograd.filters import Along, Filters


class PhaseRow(NamedTuple):
    """One phase of the output, for kernels: along each axis its first output, how many, whether tiles are backwards.

    And its turn, and its set of kernels.
    """

    residue_z: int
    residue_y: int
    residue_x: int
    positions_z: int
    positions_y: int
    positions_x: int
    mirrored_z: int
    mirrored_y: int
    mirrored_x: int
    turn: int
    set: int


#: In a kernel, one of such rows.
phase_at = picking(PhaseRow)


def phases_of(filters: Filters, axes: tuple[Axis, ...]) -> tuple[Int64Array, Int64Array]:
    """The phases turn by turn, and the taps of all sets: (sets, filters, weights), flat."""
    alongs = (filters.z, filters.y, filters.x)
    found = []
    for three in itertools.product(*(along.phases for along in alongs)):
        z, y, x = (one.turn for one in three)
        found.append(((z * len(filters.y.turns) + y) * len(filters.x.turns) + x, three))
    found.sort(key=itemgetter(0))
    sets: dict[tuple[tuple[int, ...], ...], int] = {}
    rows: list[PhaseRow] = []
    for turn, three in found:
        along = [[getattr(one, name) for one in three] for name in ("residue", "positions", "mirrored")]
        own = sets.setdefault(tuple(one.taps for one in three), len(sets))
        rows.append(PhaseRow._make([*itertools.chain(*along), turn, own]))
    return np.array(rows, np.int64), np.concatenate([_taps(own, alongs, axes) for own in sets])


def _taps(own: tuple[tuple[int, ...], ...], alongs: tuple[Along, ...], axes: tuple[Axis, ...]) -> Int64Array:
    """The weights of a set, filter by filter, by their place in the kernel; −1 for a zero."""
    z, y, x = (np.array(taps) for taps in own)
    place = (z[:, None, None] * axes[1].kernel + y[:, None]) * axes[2].kernel + x
    place[(z < 0)[:, None, None] | (y < 0)[:, None] | (x < 0)] = -1
    return _filter_by_filter(place, alongs, [along.kind.weights for along in alongs])


def by_filters(places: Int64Array, filters: Filters) -> Int64Array:
    """The places of inputs (turns, channels, taps of all axes), so that those of a filter follow each other."""
    alongs = (filters.z, filters.y, filters.x)
    counts = [along.filters * along.kind.products for along in alongs]
    return _filter_by_filter(places.reshape(-1, *counts), alongs, [along.kind.products for along in alongs])


def _filter_by_filter(values: Int64Array, alongs: tuple[Along, ...], lengths: list[int]) -> Int64Array:
    """Values (…, z, y, x), each axis filter by filter, reordered so that all of a filter of three axes come first."""
    split = [length for along, own in zip(alongs, lengths, strict=True) for length in (along.filters, own)]
    return values.reshape(-1, *split).transpose(0, 1, 3, 5, 2, 4, 6).reshape(-1)
