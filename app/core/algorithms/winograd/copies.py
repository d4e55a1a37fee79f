"""Channels that are copies of each other around a place, in any volume: they all round in the same direction."""

from __future__ import annotations

import math
from itertools import chain
from typing import NamedTuple

import numpy as np
from numba import uint64

from app.core.algorithms.packing import packed, unpacking
from app.core.algorithms.scratch import LINE
from app.core.algorithms.taps import Axis, Int64Array
from app.core.algorithms.vectors.transforms import PLAIN
from app.core.algorithms.winograd.filters import Along, Filters
from app.core.jit import inlined
from app.core.layout import Array


class Around(NamedTuple):
    """Planes have `lines` of `line_length`; a tile has so many inputs along each axis, which lie so far `apart`.

    The first of these is from the `first` to the `last` place along the axis. Where tiles begin before an input
    repeats itself after so many lines, a `period`.
    """

    lines: int
    line_length: int
    inputs_y: int
    inputs_x: int
    apart_y: int
    apart_x: int
    first_y: int
    first_x: int
    last_y: int
    last_x: int
    period: int


#: In a kernel, the `Around` of their row.
around_of = unpacking(Around)

#: Places of the table of shapes for each channel, and how many are tried for one.
_ROOM, _TRIED = 4, 32

#: Copies that add a smaller share to the errors' squares need not be told from channels that are alike by chance.
_LITTLE = 1 / 16


class Tiles(NamedTuple):
    """What tells the tiles of an input: an `Around`, as a row; the bits of each line and, after them, of each column.

    Bit n says that the input may be a tile's n-th. `marks` are numbers without any order for a tile's inputs, twice.
    """

    around: Int64Array
    bits: Int64Array
    marks: Array


def tiles_around(filters: Filters, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]) -> Tiles:
    """The tiles of an operation in filters. Slabs are not filtered."""
    y, x = filters.y, filters.x
    bits = _bits(y), _bits(x)
    ends = zip(_first_places(y, axes[1]), _first_places(x, axes[2]), strict=True)
    inputs = y.kind.products, x.kind.products
    apart = y.step * y.run, x.step * x.run
    around = (axes[1].input, axes[2].input, *inputs, *apart, *chain(*ends), len(bits[0]))
    marks = np.random.default_rng(0).uniform(-1, 1, (2, *inputs))
    return Tiles(packed(Around._make(around)), np.concatenate(bits), marks.astype(dtype))


def _first_places(along: Along, axis: Axis) -> tuple[int, int]:
    """Where the first tile and the last one begin, at most: before the axis, too."""
    if along.kind == PLAIN:
        return 0, axis.input - 1
    begins = [begin for turn in along.turns for begin in turn.begins]
    positions = max(phase.positions for phase in along.phases)
    first, last = (along.origin + along.run * begin for begin in (min(begins), max(begins)))
    return first, last + along.step * (positions - 1)


def _bits(along: Along) -> Int64Array:
    """Which inputs of tiles the places of a period are."""
    if along.kind == PLAIN:
        return np.ones(1, np.int64)
    bits = np.zeros(along.kind.outputs * along.step, np.int64)
    for turn in along.turns:
        for begin in turn.begins:
            for number in range(along.kind.products):
                bits[(begin + along.step * number) % len(bits)] |= 1 << number
    return np.roll(np.repeat(bits, along.run), along.origin)


def room_for(channels: int) -> int:
    """Places of the table of shapes of so many channels: a power of two, whose rows fill lines of the cache."""
    return max(LINE, 1 << (_ROOM * channels - 1).bit_length())


@inlined
def added_by_copies(x, pair, place, peak, sizes, around, bits, marks, cell, met, energy):
    """What copies add to Σx² over a group's channels at one place, where that is the `peak` at most: (n² − 1)·Σx² of n.

    The most of all shapes that channels have in a tile that takes the place, each at its loudest in the tile: a place
    may be loud by other channels, and dark in the copies. Shapes are two numbers that no volume changes, alike if they
    fall into the same `cell`. `met` and `energy` are working memory, at least twice and once as long as the table of
    shapes.
    """
    rest, column = divmod(place, around.line_length)
    row = rest % around.lines
    bits_y = bits[row % around.period]
    bits_x = bits[around.period + column % (len(bits) - around.period)]
    most = 0.0
    for h in range(around.inputs_x):
        if not (bits_x >> h & 1 and around.first_x <= column - h * around.apart_x <= around.last_x):
            continue
        begin = place - h * around.apart_x
        across = _within(column, h, around.inputs_x, around.apart_x, around.line_length)
        count, in_line = _added_in(x, pair, begin, (0, 1), across, sizes, around, marks, cell, met, energy)
        share = (count * count - 1) * count / sizes.in_group
        if max(in_line, share * peak) <= _LITTLE * peak:  # in a tile with this line there are no more copies than in it
            most = max(most, in_line)
            continue
        for v in range(around.inputs_y):
            if bits_y >> v & 1 and around.first_y <= row - v * around.apart_y <= around.last_y:
                first = begin - v * around.apart_y * around.line_length
                down = _within(row, v, around.inputs_y, around.apart_y, around.lines)
                _, added = _added_in(x, pair, first, down, across, sizes, around, marks, cell, met, energy)
                most = max(most, added)
    return most


@inlined
def _within(place, number, inputs, apart, length):
    """From which input to which a tile is within an axis, where a place is its input of this number."""
    return number - min(number, place // apart), number + 1 + min(inputs - 1 - number, (length - 1 - place) // apart)


@inlined
def _added_in(x, pair, begin, down, across, sizes, around, marks, cell, met, energy):
    """How many channels are copies, and what these add: of the tile that begins at a place, in these lines and columns.

    The most of each. If the table is too crowded to tell, all are copies.
    """
    met[:], energy[:] = 0, 0
    all_energy = most = copies = 0.0
    is_told = True
    for ci in range(sizes.in_group):
        channel = (pair * sizes.in_group + ci) * sizes.plane
        loudest = squares = marked = others = marks[0, 0, 0] * 0
        for u in range(down[0], down[1]):
            line = channel + begin + u * around.apart_y * around.line_length
            line_squares = line_marked = line_others = marks[0, 0, 0] * 0
            for m in range(across[0], across[1]):
                value = x[uint64(line + m * around.apart_x)]
                line_squares += value * value
                loudest = max(loudest, abs(value))
                line_marked += value * marks[0, u, m]
                line_others += value * marks[1, u, m]
            squares, marked, others = squares + line_squares, marked + line_marked, others + line_others
        if not 0 < squares < math.inf:
            continue
        own = float(loudest) * float(loudest)
        all_energy += own
        cells = 1 / (math.sqrt(squares) * cell)
        key = _mixed(uint64(abs(marked) * cells) + _mixed(uint64(abs(others) * cells)))
        slot = _place_of(met, len(energy), key)
        is_told = is_told and slot >= 0
        if slot >= 0:
            energy[slot] += own
            count = float(met[len(energy) + slot])
            copies, most = max(copies, count), max(most, (count * count - 1) * energy[slot])
    if not is_told:
        copies = float(sizes.in_group)
        most = (copies * copies - 1) * all_energy
    return copies, most


@inlined
def _mixed(number):
    """Another number for each, whose bits all depend on those below (SplitMix64's increment and its first step)."""
    number = (number + uint64(0x9E3779B97F4A7C15)) * uint64(0xBF58476D1CE4E5B9)
    return number ^ (number >> uint64(31))


@inlined
def _place_of(met, length, key):
    """The place of a shape in the table, where it is counted; −1 if it finds none. Counts lie behind the keys."""
    for number in range(_TRIED):
        place = np.int64((key + uint64(number)) & uint64(length - 1))
        if met[place] == np.int64(key) or met[length + place] == 0:
            met[place] = np.int64(key)
            met[length + place] += 1
            return place
    return -1
