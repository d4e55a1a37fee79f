"""How a kernel falls into short filters for `winograd`, along each axis: from the taps of the axes alone.

An axis is summed tap by tap, or filtered: each phase's taps are cut into filters of so many weights, those whose
inputs lie evenly, and the last of them is filled up with zeros. A tile has so many outputs of a phase, and takes for
each filter as many inputs as it has products. Where windows move by two, every second input is for filters of its own.
Where taps lie a run of places apart, so do the outputs and the inputs of a tile, and there is a tile for each place
of a run. Phases whose filters take the same inputs are a turn: what is mapped for one of them is there for all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from app.core.algorithms.borders import fewest_products, products_at, unlike_positions
from app.core.algorithms.taps import Axis, Int64Array, joined_axes_of, table_of
from app.core.algorithms.vectors.transforms import KINDS, PLAIN, SQUARED, Kind, amplification
from app.core.geometry import ceil_div
from app.core.problem import Problem


class Phase(NamedTuple):
    """One phase along an axis: its number, first output, how many it has, its turn, and the weight of each tap.

    The weights of a filter come one after the other, backwards as its tiles do where the turn is `mirrored`; −1 for
    a zero.
    """

    number: int
    residue: int
    positions: int
    turn: int
    mirrored: bool
    taps: tuple[int, ...]


class Turn(NamedTuple):
    """Where the inputs of the first tile of each filter begin, and whether tiles are taken backwards.

    A tile's last output has the largest errors: better not one that takes fewer products than others.
    """

    begins: tuple[int, ...]
    mirrored: bool


#: Where the inputs of taps begin that lie evenly, and the weights of these.
Run = tuple[int, tuple[int, ...]]

Kinds = tuple[Kind, Kind, Kind]


class Along(NamedTuple):
    """An axis in filters of a kind.

    Outputs of a phase lie `apart`. Inputs of a tile lie a `step` apart, and so do windows that are summed tap by tap;
    where they come in runs, that is in units of a `run`, of which the first begins at the `origin`.
    """

    kind: Kind
    apart: int
    step: int
    run: int
    origin: int
    turns: tuple[Turn, ...]
    phases: tuple[Phase, ...]

    @property
    def filters(self) -> int:
        """How many filters a phase has."""
        return len(self.turns[0].begins)

    @property
    def tiles(self) -> int:
        """Those of the longest phase."""
        return tiles_of(max(phase.positions for phase in self.phases), self.kind, self.run)

    def axis(self, axis: Axis) -> Axis:
        """The axis by tiles, for `boxes`: a phase for each turn, and in it a tap for each input of each filter."""
        per_turn, turns, step = self.filters * self.kind.products, len(self.turns), self.kind.outputs * self.step
        places = np.concatenate([self._places(turn) for turn in self.turns])
        shifts = step * self.run * (places // step) + places % step
        first, taps = np.arange(turns + 1) * per_turn, np.arange(turns * per_turn)
        return Axis(axis.input, self.tiles, table_of(step, 1, np.zeros(turns, np.int64), first, taps, shifts))

    def _places(self, turn: Turn) -> Int64Array:
        """The places of the first tile's inputs, filter by filter."""
        inputs = np.arange(self.kind.products)
        in_order = inputs[::-1] if turn.mirrored else inputs
        places: Int64Array = (np.array(turn.begins)[:, None] + self.step * in_order).reshape(-1)
        return places


@dataclass(frozen=True)
class Filters:
    """The three axes in filters, those that are filtered in some of the same `kind`."""

    z: Along
    y: Along
    x: Along

    @property
    def kind(self) -> Kind:
        """That of an axis that is filtered."""
        return max(self.y.kind, self.x.kind)

    @property
    def squared(self) -> bool:
        """Whether two axes are filtered."""
        return PLAIN not in (self.y.kind, self.x.kind)

    @property
    def each(self) -> int:
        """Filters of one phase, for each input channel."""
        return self.z.filters * self.y.filters * self.x.filters

    @property
    def weights(self) -> int:
        """Those of a filter."""
        return self.y.kind.weights * self.x.kind.weights

    @property
    def products(self) -> int:
        """Those of a tile."""
        return self.y.kind.products * self.x.kind.products

    @property
    def turns(self) -> int:
        """Those of all axes together."""
        return len(self.z.turns) * len(self.y.turns) * len(self.x.turns)

    @property
    def phases(self) -> int:
        """Those of all axes together."""
        return len(self.z.phases) * len(self.y.phases) * len(self.x.phases)


#: Windows that move by more than this meet too few of the inputs that a tile takes more than once.
MOST_STEP = 2

#: Filters of all channels that tiles of 6×6 products take at least: their maps amplify roundings most.
LARGEST_SQUARE, FEWEST_FOR_SQUARES = 36, 48

#: Longer runs have tiles that take too much for a cache.
LONGEST_RUN = 512

#: More phases, or filters of one, than this have larger tables than what they save is worth.
MOST_PHASES, MOST_FILTERS = 256, 64

#: Filtered are operations whose products are no more than this share of the sums'.
MOST_PRODUCTS = 0.8


def saves(problem: Problem) -> bool:
    """Whether there are filters that save products; not where windows move far, or weights reach not all outputs."""
    return _cut(problem) is not None


def filters_of(problem: Problem) -> Filters:
    """The way with the fewest products, for a problem where one `saves` some."""
    filters = _cut(problem)
    if filters is None:
        raise ValueError("short filters save nothing here")
    return filters


@lru_cache(maxsize=1024)
def _cut(problem: Problem) -> Filters | None:
    axes = joined_axes_of(problem)
    if any(axis.in_step > MOST_STEP or axis.counts.phases < axis.out_step for axis in axes):
        return None
    met = joined_axes_of(problem, padded=problem.pads_by_copying)
    kinds = _cheapest(axes, problem.in_group)
    if kinds is None or any(fewest_products(axis) == 0 for axis in met):
        return None
    filters = Filters(*map(along, axes, met, kinds))
    return filters if filters.phases <= MOST_PHASES and filters.each <= MOST_FILTERS else None


def _cheapest(axes: tuple[Axis, ...], channels: int) -> Kinds | None:
    """The kinds of the three axes that take the fewest products; None where they save too little."""
    lengths, spacings = [_run_lengths(axis) for axis in axes], [_spacing(axis) for axis in axes]
    best, least = None, (MOST_PRODUCTS * math.prod(axis.counts.visits for axis in axes), 0, 0)
    for kinds in _possible(tuple(map(is_even, axes))):
        each = work = products = 1
        for axis, kind, runs, spacing in zip(axes, kinds, lengths, spacings, strict=True):
            count = max(sum(ceil_div(length, kind.weights) for length in phase) for phase in runs)
            run = spacing // axis.in_step if kind != PLAIN else 1
            each, products = each * count, products * kind.products
            work *= count * kind.products * axis.counts.phases * tiles_of(axis.counts.positions, kind, run)
        are_enough = products < LARGEST_SQUARE or channels * each >= FEWEST_FOR_SQUARES
        if are_enough and (work, each, products) < least:
            best, least = kinds, (work, each, products)
    return best


def _possible(even: tuple[bool, ...]) -> Iterator[Kinds]:
    """The kinds that the axes can have: one of them is filtered, or two of them alike."""
    for kind in KINDS:
        for kinds in ((PLAIN, kind, PLAIN), (PLAIN, PLAIN, kind), (PLAIN, kind, kind)):
            are_even = all(own == PLAIN or suits for own, suits in zip(kinds, even, strict=True))
            if are_even and (kinds.count(kind) == 1 or kind in SQUARED):
                yield kinds


def tiles_of(positions: int, kind: Kind, run: int) -> int:
    """The tiles of so many outputs: in each turn of runs one for each place, in the last as many as are needed."""
    full, rest = divmod(positions, kind.outputs * run)
    return full * run + min(rest, run)


def _run_lengths(axis: Axis) -> list[list[int]]:
    """For each phase, how many taps have inputs that leave the same remainder by the step of the windows."""
    return [
        list(np.unique(axis.shifts(q) % axis.in_step, return_counts=True)[1].tolist())
        for q in range(axis.counts.phases)
    ]


def is_even(axis: Axis) -> bool:
    """Whether phases have taps enough for a filter, and taps that are apart are those of one phase."""
    spacing = _spacing(axis)
    if axis.counts.taps == axis.counts.phases or spacing > LONGEST_RUN:
        return False
    return spacing == axis.in_step or axis.in_step == axis.out_step == 1


def along(axis: Axis, met: Axis, kind: Kind) -> Along:
    """An axis in filters of a kind; of any but `PLAIN` only where it `is_even`.

    `met` is the axis as the promise counts products: with its padding where that is copied.
    """
    spacing = _spacing(axis)
    run = spacing // axis.in_step if kind != PLAIN else 1
    origin = int(axis.shifts(0)[0]) % run
    own = [(q, _runs(axis, q, origin, run)) for q in range(axis.counts.phases)]
    count = max(sum(ceil_div(len(taps), kind.weights) for _, taps in runs) for _, runs in own)
    turns: list[Turn] = []
    phases = []
    for q, runs in sorted(own, key=lambda one: -sum(len(taps) for _, taps in one[1])):
        begins, taps = _cut_runs(runs, spacing // run, count, kind.weights)
        forward, backward = (_errors(met, q, kind, run, order) for order in (1, -1))
        room = kind.weights - len(runs[0][1])
        number, before = _turn(turns, Turn(begins, backward < forward), spacing // run, room)
        filled = np.array([-1] * before + taps[: len(taps) - before]).reshape(-1, kind.weights)
        mirrored = turns[number].mirrored
        in_order = filled[:, ::-1] if mirrored else filled
        of_filters = tuple(map(int, in_order.reshape(-1)))
        phases.append(Phase(q, int(axis.residues[q]), axis.positions(q), number, mirrored, of_filters))
    phases.sort(key=lambda phase: phase.turn)
    return Along(kind, axis.out_step, axis.in_step, run, origin, tuple(turns), tuple(phases))


def _errors(met: Axis, phase: int, kind: Kind, run: int, order: int) -> float:
    """How large errors become, as squares, beside those of outputs that take one product; tiles in this order."""
    of_outputs = np.max(amplification(kind), axis=1)[::order]
    positions = unlike_positions(met, phase, run * kind.outputs)
    return float((of_outputs[positions // run % kind.outputs] / products_at(met, phase, positions) ** 2).max())


def _runs(axis: Axis, phase: int, origin: int, run: int) -> list[Run]:
    """The taps of a phase whose inputs lie evenly, for each remainder by the step of the windows; in units of a run."""
    shifts = (axis.shifts(phase) - origin) // run
    runs = []
    for remainder in np.unique(shifts % axis.in_step):
        own = np.flatnonzero(shifts % axis.in_step == remainder)
        own = own[np.argsort(shifts[own])]
        runs.append((int(shifts[own[0]]), tuple(map(int, axis.taps(phase)[own]))))
    return runs


def _cut_runs(runs: list[Run], spacing: int, count: int, length: int) -> tuple[tuple[int, ...], list[int]]:
    """Where the inputs of each filter begin, and its weights; filters that are too many repeat the last, with zeros."""
    begins: list[int] = []
    filled: list[int] = []
    for begin, taps in runs:
        for first in range(0, len(taps), length):
            own = taps[first : first + length]
            begins.append(begin + first * spacing)
            filled += [*own, *[-1] * (length - len(own))]
    more = count - len(begins)
    return tuple(begins + begins[-1:] * more), filled + [-1] * (more * length)


def _turn(turns: list[Turn], wanted: Turn, spacing: int, room: int) -> tuple[int, int]:
    """The turn that takes a phase's inputs, a new one where none does, and how many zeros come before its weights.

    A single filter with `room` for zeros may begin earlier, with those of another phase.
    """
    for number, turn in enumerate(turns):
        before, rest = divmod(wanted.begins[0] - turn.begins[0], spacing)
        if turn == wanted or (len(turn.begins) == 1 and rest == 0 <= before <= room and room > 0):
            return number, before
    turns.append(wanted)
    return len(turns) - 1, 0


def _spacing(axis: Axis) -> int:
    """How far apart the inputs of two neighbouring taps of a run lie, the same in all phases."""
    for q in range(axis.counts.phases):
        for remainder in range(axis.in_step):
            shifts = np.sort(axis.shifts(q)[axis.shifts(q) % axis.in_step == remainder])
            if len(shifts) > 1:
                return int(shifts[1] - shifts[0])
    return axis.in_step
