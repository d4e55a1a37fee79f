"""How a large operation is cut into the blocks that are transformed: the cheapest cut that fits the memory."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.core.algorithms import fft
from app.core.geometry import ceil_div
from app.core.layout import Array

#: Bytes of the kernels' spectra that are held at once, and of each thread's own arrays.
SPECTRA_BYTES, THREAD_BYTES = 8 * 2**20, 6 * 2**20

#: Lengths that are tried along an axis.
MOST_LENGTHS = 12

#: Output channels that are transformed back together, at most.
MOST_TOGETHER = 16

#: So many bytes of a vector loop cost as much as its beginning.
SHORT_LANES = 256

#: With fewer tasks than this, an input's transform is rather made twice than by one thread alone.
FEW_TASKS = 4


@dataclass(frozen=True)
class Work:
    """One phase of an operation, as far as its blocks depend on it.

    `positions` are its outputs along each axis at stride 1, `spans` how far apart the
    inputs of one output lie, `itemsize` the bytes of a number.
    """

    positions: tuple[int, ...]
    spans: tuple[int, ...]
    batch: int
    groups: int
    in_group: int
    out_group: int
    itemsize: int


@dataclass(frozen=True)
class Blocks:
    """A cut into blocks, two of which are transformed as one complex one.

    `size` is a block's length along each axis, `shape` the same for the transforms, where
    a single row is folded in two; `step` the outputs of a block at stride 1, `counts` the
    blocks along each axis; `pairs` the pairs of blocks in a sample and channel;
    `held` the output channels whose kernels' spectra are held at once, and `together`
    those that one task makes from its inputs' spectra. `levels` counts the values of all
    transforms times their stages (log2), `moved` the values alone, `products` the complex
    products.
    """

    size: tuple[int, ...]
    shape: tuple[int, ...]
    step: tuple[int, ...]
    counts: tuple[int, ...]
    pairs: int
    held: int
    together: int
    levels: float
    moved: float
    products: float

    @property
    def points(self) -> int:
        """Values of one block."""
        return math.prod(self.size)

    def twist(self, dtype: np.dtype[np.generic]) -> tuple[Array, Array]:
        """The table of a row that is folded; an empty one otherwise."""
        rows, columns = (0, 1) if self.shape == self.size else self.shape[1:]
        return fft.twist_of(rows, columns, dtype)

    @property
    def price(self) -> float:
        """What is least for the best cut, in nanoseconds for a float32."""
        return 0.07 * self.levels + 1.2 * self.moved + 0.5 * self.products


@lru_cache(maxsize=1024)
def blocks_of(work: Work) -> Blocks | None:
    """The cheapest blocks; None where the kernel is too long for any, or flat in an axis before one where it is not."""
    depth, height, width = (span > 0 for span in work.spans)
    row = not (depth or height)
    if not width or (depth and not height):
        return None
    multiples = (1, 1, fft.VECTOR**2) if row else (1, fft.VECTOR, fft.VECTOR)
    lengths = [_lengths(*axis) for axis in zip(work.positions, work.spans, multiples, strict=True)]
    cuts = (_cut(work, size, row) for size in itertools.product(*lengths))
    return min((cut for cut in cuts if cut is not None), key=lambda cut: cut.price, default=None)


def _lengths(positions: int, span: int, multiple: int) -> list[int]:
    """The lengths of a block to try: evenly spread where there are many."""
    if span == 0:
        return [1]
    found = fft.lengths_within(max(span + 1, multiple), max(span + positions, multiple), multiple)
    if len(found) <= MOST_LENGTHS:
        return found
    return [found[j * (len(found) - 1) // (MOST_LENGTHS - 1)] for j in range(MOST_LENGTHS)]


def _cut(work: Work, size: tuple[int, ...], row: bool) -> Blocks | None:
    points = math.prod(size)
    spectrum = 2 * points * work.itemsize
    held = min(work.groups * work.out_group, SPECTRA_BYTES // (spectrum * work.in_group))
    room = THREAD_BYTES // spectrum - 2
    if held < 1 or room < 1:
        return None
    step = tuple(length - span for length, span in zip(size, work.spans, strict=True))
    counts = tuple(map(ceil_div, work.positions, step))
    pairs = ceil_div(math.prod(counts), 2)
    tasks = work.batch * pairs
    together = min(held, work.out_group, room, MOST_TOGETHER)
    if tasks * ceil_div(held, together) < FEW_TASKS:
        together = ceil_div(min(held, work.out_group), FEW_TASKS)
    kernels = work.groups * work.out_group * work.in_group
    inputs = tasks * work.groups * work.in_group * ceil_div(work.out_group, together)
    outputs = tasks * work.groups * work.out_group
    moved = (kernels + inputs + outputs) * points
    shape = (1, *_folded(size[2])) if row else size
    levels = moved * _levels(shape, (0, 1, 1) if row else work.spans, work.itemsize)
    return Blocks(size, shape, step, counts, pairs, held, together, levels, moved, float(tasks * kernels * points))


def _levels(shape: tuple[int, ...], spans: tuple[int, ...], itemsize: int) -> float:
    """Stages of a block's transforms; those along short vectors count for more."""
    _, rows, columns = shape
    lanes = (rows * columns, columns, rows)
    weights = (1 + SHORT_LANES / (along * itemsize) for along in lanes)
    axes = zip(shape, spans, weights, strict=True)
    return sum(math.log2(length) * weight for length, span, weight in axes if span)


def _folded(length: int) -> tuple[int, int]:
    """A row's length as rows·columns, close to a square, each a multiple of the vectors'."""
    rows = range(fft.VECTOR, math.isqrt(length) + 1, fft.VECTOR)
    best = max(r for r in rows if length % (r * fft.VECTOR) == 0)
    return best, length // best
