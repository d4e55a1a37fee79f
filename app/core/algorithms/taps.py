"""Which input element meets which weight, as tables: one form for both operations.

Along one dimension a convolution takes output m from input m·s + shift for each weight.
A transposed convolution falls apart by the residue of its output modulo the stride: in
phase r, output r + s·m takes from input m + shift, and only the weights with
(k·d − p_before) ≡ r (mod s) take part. So no inserted zero is ever met, and both are

    out[residue + out_step·m] = Σ over the phase's taps of x[in_step·m + shift]·w[tap]

with one phase (residue 0, out_step 1) for a convolution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.core.geometry import Dimension, ceil_div
from app.core.jit import brief, shared
from app.core.kept import kept_by_size
from app.core.layout import Array
from app.core.problem import Problem

Int64Array = NDArray[np.int64]


class Counts(NamedTuple):
    """What the taps of an axis come to.

    `visits`: taps of all outputs together, those that meet no input too; `pairs`: those that
    meet one; `met`: taps that meet any. The first `phases` have outputs, so many `positions`
    at most; they have so many `taps` together, whose inputs lie from `begin` to `end` steps
    beside the first output's own.
    """

    visits: int
    pairs: int
    met: int
    phases: int
    positions: int
    taps: int
    begin: int
    end: int


@dataclass(frozen=True)
class Axis:
    """One dimension's taps, in one table for the compiled kernels.

    [in_step, out_step, phases, kernel, *residues, *first, *taps, *shifts]

    `residues` (phases,) ascend; phase q has the taps from first[q] to first[q + 1], each
    with its weight's index in `taps` and its place in `shifts` (kernel,). Phases without
    taps are left out: there the output is the bias alone.
    """

    input: int
    output: int
    table: Int64Array

    @cached_property
    def in_step(self) -> int:
        """How far the input moves for the next output of a phase."""
        return int(self.table[0])

    @cached_property
    def out_step(self) -> int:
        """How far apart the outputs of a phase lie."""
        return int(self.table[1])

    @cached_property
    def kernel(self) -> int:
        """How many taps the table holds: one for each weight."""
        return int(self.table[3])

    @property
    def weights(self) -> int:
        """How many weights the kernel has along the dimension."""
        return self.kernel

    @cached_property
    def is_unit(self) -> bool:
        """Whether one input under one weight gives one output here."""
        return self.input == self.output == self.kernel == 1 and bool(self.table[-1] == 0)

    @cached_property
    def is_plain(self) -> bool:
        """Whether each output takes from its own place alone."""
        return self.in_step == self.out_step == self.kernel == 1 and self.input == self.output and self.table[-1] == 0

    @cached_property
    def residues(self) -> Int64Array:
        """Where each phase begins in the output."""
        return self.table[4 : 4 + self.table[2]]

    def taps(self, phase: int) -> Int64Array:
        """The weights of a phase, by their index in the kernel."""
        first = 4 + self.table[2]
        taps = self.table[first + self.table[2] + 1 :]
        return taps[self.table[first + phase] : self.table[first + phase + 1]]

    def shifts(self, phase: int) -> Int64Array:
        """Where a phase's taps take their inputs, beside the first output's own."""
        first = 4 + self.table[2]
        shifts = self.table[first + self.table[2] + 1 + self.kernel :]
        return shifts[self.table[first + phase] : self.table[first + phase + 1]]

    @property
    def all_taps(self) -> tuple[Int64Array, Int64Array, Int64Array]:
        """The weights of all phases, with their shifts and the residues of their phases."""
        taps, shifts = self.table[-2 * self.kernel :].reshape(2, -1)
        return taps, shifts, np.repeat(self.residues, np.diff(self._first))

    @cached_property
    def span(self) -> int:
        """How far apart the inputs of one output lie, at most."""
        shifts = self.table[-self.kernel :]
        return int(shifts.max() - shifts.min())

    @cached_property
    def farthest(self) -> int:
        """How far from the input's begin a tap of any output looks, at most, within the input or not."""
        shifts = self.table[-self.kernel :]
        return max(-int(shifts.min()), int(shifts.max()) + (self.output - 1) * self.in_step)

    @cached_property
    def counts(self) -> Counts:
        """What the taps come to."""
        if self.output * self.kernel > _COUNTED:
            return Counts._make(_count(self.table.tolist(), self.input, self.output))
        return Counts._make(_count_fast(self.table, self.input, self.output))

    @cached_property
    def in_residues(self) -> Int64Array:
        """The remainders that places in the input leave by the step of the windows."""
        if self.in_step == 1:
            return np.zeros(1, np.int64)
        return np.unique(self.table[-self.kernel :] % self.in_step)

    @cached_property
    def _first(self) -> Int64Array:
        """Where the taps of each phase begin, and where the last ones end."""
        return self.table[4 + self.table[2] : 5 + 2 * self.table[2]]

    def positions(self, phase: int) -> int:
        """How many outputs belong to a phase."""
        return max(0, ceil_div(self.output - int(self.residues[phase]), self.out_step))

    def meets(self, phase: int) -> tuple[Int64Array, Int64Array]:
        """From which output of a phase on, and up to which, each of its taps meets an input."""
        shifts, count = self.shifts(phase), self.positions(phase)
        begins = np.clip(-(shifts // self.in_step), 0, count)
        return begins, np.clip((self.input - 1 - shifts) // self.in_step + 1, begins, count)


#: What belongs to kernels up to a length is kept for so many of them: to `CACHED_KERNEL`, and for a few beyond.
CACHED_KERNEL = 256
BY_KERNEL = ((CACHED_KERNEL, 1024), (2**14, 16))


def axes_of(problem: Problem, *, padded: bool = False) -> tuple[Axis, ...]:
    """The taps of the dimensions, always three axes.

    Axes of length 1 come first (those that 1-D and 2-D lack, too): kernels run along the
    last one, and a picture of one column is a row to them. With `padded` the input
    already holds its padding.
    """
    axes = [_kept_axis(dim, problem.flip_kernel, padded) for dim in problem.dimensions]
    long = [axis for axis in axes if not axis.is_unit]
    return (*([_UNIT] * (3 - len(long))), *long)


def joined_axes_of(problem: Problem, *, padded: bool = False) -> tuple[Axis, ...]:
    """As `axes_of`, with planes as one line where the kernel reaches beyond a place between them alone.

    With `padded` or not, axis for axis is of the same dimension: which come first, and whether they are one line, the
    input without padding says.
    """
    each = [
        (_kept_axis(dim, problem.flip_kernel, False), _kept_axis(dim, problem.flip_kernel, padded))
        for dim in problem.dimensions
    ]
    long = [pair for pair in each if not pair[0].is_unit]
    (bare, first), *plane = [*([(_UNIT, _UNIT)] * (3 - len(long))), *long]
    if bare.is_unit or not all(axis.is_plain for axis, _ in plane):
        return (first, *(axis for _, axis in plane))
    length = math.prod(axis.input for axis, _ in plane)
    return _UNIT, first, Axis(length, length, _UNIT.table)


def _axis(dim: Dimension, flip: bool, padded: bool) -> Axis:
    places = np.arange(dim.kernel, dtype=np.int64)
    weights = places[::-1] if flip else places
    if dim.op == "conv":
        before = 0 if padded else dim.padding[0]
        length = dim.input + sum(dim.padding) if padded else dim.input
        shifts = places * dim.dilation - before
        return Axis(length, dim.output, table_of(dim.stride, 1, [0], [0, dim.kernel], weights, shifts))
    places = places * dim.dilation - dim.padding[0]
    residues = places % dim.stride
    order = np.argsort(residues, kind="stable")
    shifts, weights, residues = ((residues - places) // dim.stride)[order], weights[order], residues[order]
    del places, order  # a kernel may have millions of weights
    first = np.flatnonzero(np.diff(residues, prepend=-1, append=dim.stride))
    return Axis(dim.input, dim.output, table_of(1, dim.stride, residues[first[:-1]], first, weights, shifts))


def table_of(in_step: int, out_step: int, residues: ArrayLike, first: ArrayLike, taps: Array, shifts: Array) -> Array:
    """The table of an axis from its parts."""
    phases, kernel = len(np.asarray(residues)), len(taps)
    table = np.empty(5 + 2 * phases + 2 * kernel, np.int64)
    table[:4] = in_step, out_step, phases, kernel
    table[4 : 4 + phases], table[4 + phases : 5 + 2 * phases] = residues, first
    table[5 + 2 * phases : -kernel], table[-kernel:] = taps, shifts
    return table


#: Up to so many taps of all outputs int64 counts them.
_COUNTED = 2**62


def _count(table: Int64Array | list[int], length: int, outputs: int) -> tuple[int, ...]:
    """`Counts` of an axis with so many inputs and outputs."""
    in_step, out_step, phases, kernel = table[0], table[1], table[2], table[3]
    first = 4 + phases
    shifts = first + phases + 1 + kernel
    visits = pairs = met = reached = taps = 0
    begin, end = table[shifts] // in_step, table[shifts] // in_step
    for q in range(phases):
        positions = (outputs - table[4 + q] + out_step - 1) // out_step
        if positions <= 0:
            break
        reached += 1
        own = table[first + q + 1] - table[first + q]
        taps += own
        visits += own * positions
        for t in range(table[first + q], table[first + q + 1]):
            steps = table[shifts + t] // in_step
            begin, end = min(begin, steps), max(end, steps)
            inside = min(positions, (length - 1 - table[shifts + t]) // in_step + 1) - max(0, -steps)
            if inside > 0:
                pairs, met = pairs + inside, met + 1
    longest = (outputs - table[4] + out_step - 1) // out_step
    return visits, pairs, met, reached, max(0, longest), taps, begin, end


_count_fast = brief(_count)


@shared
def taps_within(table: Int64Array, phase: int, low: int, high: int) -> tuple[int, int]:
    """The taps of a phase whose shifts are from `low` to `high`, as a range of their places in the table.

    At a tap's place stands its weight, and table[3] further on its shift. Shifts ascend along a convolution's taps and
    descend along those of a transposed convolution's phase, so the range is found by halving: taps that meet no input
    cost nothing.
    """
    first, kernel = 4 + table[2], table[3]
    taps = first + table[2] + 1
    begin, end = taps + table[first + phase], taps + table[first + phase + 1]
    if begin == end or table[begin + kernel] <= table[end - 1 + kernel]:
        return _first_from(table, begin, end, low, 1), _first_from(table, begin, end, high + 1, 1)
    return _first_from(table, begin, end, -high, -1), _first_from(table, begin, end, 1 - low, -1)


@shared
def _first_from(table: Int64Array, begin: int, end: int, bound: int, sign: int) -> int:
    """The place of the first tap from `begin` on whose shift, times the sign, is at least the bound."""
    while begin < end:
        middle = (begin + end) // 2
        if sign * table[middle + table[3]] < bound:
            begin = middle + 1
        else:
            end = middle
    return begin


@shared
def first_phase(table: Int64Array, residue: int) -> int:
    """The first phase whose residue is at least this one; `phases` where there is none."""
    low, high = 0, table[2]
    while low < high:
        middle = (low + high) // 2
        if table[4 + middle] < residue:
            low = middle + 1
        else:
            high = middle
    return low


@shared
def phase_of(table: Int64Array, residue: int) -> int:
    """The index of a residue's phase, or −1 where no weight reaches it."""
    phase: int = first_phase(table, residue)
    return phase if phase < table[2] and table[4 + phase] == residue else -1


_kept_axis = kept_by_size(_axis, lambda dim, *_: dim.kernel, *BY_KERNEL)
_UNIT = _axis(Dimension("conv", 1, 1, 1, 1, (0, 0)), flip=False, padded=False)
