"""How a large operation is cut into the blocks that are transformed: the cheapest cut that fits the memory."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.core.algorithms.fourier import fft
from app.core.algorithms.taps import Int64Array
from app.core.layout import Array

#: Bytes of the kernels' spectra that are held at once, and of each thread's own arrays.
SPECTRA_BYTES, THREAD_BYTES = 8 * 2**20, 6 * 2**20

#: Places of one phase's inputs beyond which nothing would fit anyway: what is counted below stays far within int64.
MOST_REACHED = 2**40

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


@lru_cache(maxsize=1024)
def blocks_of(work: Work) -> Blocks | None:
    """The cheapest blocks; None where the kernel is too long for any, or flat in an axis before one where it is not."""
    depth, height, width = (span > 0 for span in work.spans)
    row = not (depth or height)
    reach = math.prod(max(1, n + span) for n, span in zip(work.positions, work.spans, strict=True))
    if not width or (depth and not height) or reach > MOST_REACHED:
        return None
    multiples = (1, 1, fft.LANES**2) if row else (1, fft.LANES, fft.LANES)
    lengths = [_lengths(*axis) for axis in zip(work.positions, work.spans, multiples, strict=True)]
    sizes = np.array(list(itertools.product(*lengths)))
    sizes = sizes[_fits(work, sizes.prod(axis=1))]
    return _cheapest(work, sizes, row) if len(sizes) else None


def _lengths(positions: int, span: int, multiple: int) -> list[int]:
    """The lengths of a block to try: evenly spread where there are many."""
    if span == 0:
        return [1]
    found = fft.lengths_within(max(span + 1, multiple), max(span + positions, multiple), multiple)
    if len(found) <= MOST_LENGTHS:
        return found
    return [found[j * (len(found) - 1) // (MOST_LENGTHS - 1)] for j in range(MOST_LENGTHS)]


def _held(work: Work, points: Int64Array) -> Int64Array:
    """Output channels whose spectra are held at once."""
    return np.minimum(work.groups * work.out_group, SPECTRA_BYTES // (2 * points * work.itemsize * work.in_group))


def _room(work: Work, points: Int64Array) -> Int64Array:
    """Output channels that a thread's own arrays have room for."""
    return THREAD_BYTES // (2 * points * work.itemsize) - 2


def _fits(work: Work, points: Int64Array) -> NDArray[np.bool_]:
    return (_held(work, points) >= 1) & (_room(work, points) >= 1)


def _cheapest(work: Work, sizes: Int64Array, row: bool) -> Blocks:
    """The cheapest of blocks (cuts, 3) that fit; all are weighed at once, since there may be a thousand."""
    shapes = np.array([(1, *_folded(length)) for length in sizes[:, 2].tolist()]) if row else sizes
    points = sizes.prod(axis=1)
    held, steps = _held(work, points), sizes - work.spans
    counts = _ceil(np.array(work.positions), steps)
    pairs = _ceil(counts.prod(axis=1), 2)
    tasks = work.batch * pairs
    together = np.minimum(np.minimum(held, _room(work, points)), min(work.out_group, MOST_TOGETHER))
    shared = _ceil(np.minimum(held, work.out_group), FEW_TASKS)
    together = np.where(tasks * _ceil(held, together) < FEW_TASKS, shared, together)
    kernels = work.groups * work.out_group * work.in_group
    inputs = tasks * work.groups * work.in_group * _ceil(np.array(work.out_group), together)
    moved = (kernels + inputs + tasks * work.groups * work.out_group) * points
    levels = moved * _levels(shapes, (0, 1, 1) if row else work.spans, work.itemsize)
    products = tasks * kernels * points
    best = int(np.argmin(0.07 * levels + 1.2 * moved + 0.5 * products))  # nanoseconds for a float32
    size, shape, step, count = (tuple(each[best].tolist()) for each in (sizes, shapes, steps, counts))
    own = (int(each[best]) for each in (pairs, held, together))
    return Blocks(size, shape, step, count, *own, *(float(each[best]) for each in (levels, moved, products)))


def _ceil(a: Int64Array, b: Int64Array | int) -> Int64Array:
    """⌈a / b⌉, element by element."""
    return -(-a // b)


def _levels(shapes: Int64Array, spans: tuple[int, ...], itemsize: int) -> NDArray[np.float64]:
    """Stages of a block's transforms; those along short vectors count for more."""
    _, rows, columns = shapes.T
    lanes = (rows * columns, columns, rows)
    axes = zip(shapes.T, spans, lanes, strict=True)
    stages: NDArray[np.float64] = np.sum(
        [np.log2(length) * (1 + SHORT_LANES / (along * itemsize)) for length, span, along in axes if span], axis=0
    )
    return stages


def _folded(length: int) -> tuple[int, int]:
    """A row's length as rows·columns, close to a square, each a multiple of the vectors'."""
    rows = range(fft.LANES, math.isqrt(length) + 1, fft.LANES)
    best = max(r for r in rows if length % (r * fft.LANES) == 0)
    return best, length // best
