"""An axis cut into regions of outputs by the taps that meet an input there.

Where a kernel reaches far beside the input, as widely dilated ones do, much of what it would
multiply is padding. A region's outputs have the same taps, so it is summed like a phase.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.core.algorithms.taps import CACHED_KERNEL, Axis, Counts, table_of

#: An axis is cut only where no more than this share of its taps is left, into few regions, so long in the mean.
MOST_LEFT, MOST_REGIONS, SHORTEST = 0.9, 8, 4


@dataclass(frozen=True)
class Regions(Axis):
    """Phases that are regions: each of its own length, with the taps that it needs of `kernel_size` weights."""

    lengths: tuple[int, ...]
    kernel_size: int

    @property
    def weights(self) -> int:
        """How many weights the kernel has along the dimension."""
        return self.kernel_size

    @property
    def mean(self) -> float:
        """How many outputs a region has, in the mean of all taps."""
        return self.counts.visits / self.counts.taps

    def positions(self, phase: int) -> int:
        """How many outputs a region has."""
        return self.lengths[phase]

    @cached_property
    def counts(self) -> Counts:
        """What the taps come to; those that only some outputs of a region need are taken to meet an input."""
        visits, steps = int(np.diff(self._first) @ np.array(self.lengths)), self.table[-self.kernel :] // self.in_step
        return Counts(
            visits=visits,
            pairs=visits,
            met=self.kernel,
            phases=len(self.lengths),
            positions=max(self.lengths),
            taps=self.kernel,
            begin=int(steps.min()),
            end=int(steps.max()),
        )


def by_regions(axis: Axis) -> Axis:
    """The axis of a convolution by regions, where that leaves out enough; its padding must be zeros."""
    if axis.out_step > 1 or not 1 < axis.kernel <= CACHED_KERNEL or axis.output < SHORTEST:
        return axis
    shifts, taps = axis.shifts(0), axis.taps(0)
    begins, ends = axis.meets(0)
    if (ends - begins).sum() > MOST_LEFT * axis.output * axis.kernel:
        return axis
    bounds = np.unique(np.concatenate([begins, ends, [0, axis.output]]))
    if len(bounds) - 1 > min(MOST_REGIONS, axis.output // SHORTEST):
        return axis
    # Where all taps meet padding, one of them stands for none: what it meets is laid as zeros.
    needed = [np.flatnonzero((begins <= first) & (first < ends)) for first in bounds[:-1]]
    needed = [own if len(own) else np.zeros(1, np.int64) for own in needed]
    first = np.cumsum([0, *map(len, needed)])
    moved = [shifts[own] + axis.in_step * begin for own, begin in zip(needed, bounds[:-1], strict=True)]
    chosen = [taps[own] for own in needed]
    table = table_of(axis.in_step, 1, bounds[:-1], first, np.concatenate(chosen), np.concatenate(moved))
    return Regions(axis.input, axis.output, table, tuple(np.diff(bounds).tolist()), axis.kernel)
