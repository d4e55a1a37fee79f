"""What keeps Winograd's filtering within the promise: decided from loudness alone, before it runs.

The maps of inputs, weights and products round, and so do the sums over the channels. Where
these roundings have nothing to do with each other, their squares add up, and the error of an
output is at most about

    ROUNDINGS · u · √(Σ α·w²) · √(largest Σ over the channels of x² at one place)

with α for each weight from `transforms.amplification`. Sums of one sign grow, and their
roundings with them: a factor that grows with the channels. Channels that are copies of each
other, in any volume, all round in the same direction: a factor for the most copies.

The promise is (K + 2)·u·(the largest S of a channel and sample), where K is smaller at the
borders; α takes that in. The largest S is at least the mean S, to which the inputs that meet
every weight give Σ|w|·(Σ|x| of its channel) over the outputs. So two sums along each output
channel's weights nearly always decide; if not, S is made for two outputs, as far as it takes.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.core.algorithms.filters import Along, filters_of
from app.core.algorithms.fourier_guard import exceeds, loudest, products_at, unlike_positions
from app.core.algorithms.magnitudes import SLACK
from app.core.algorithms.packing import packed
from app.core.algorithms.scratch import pieces
from app.core.algorithms.taps import Axis, Int64Array, axes_of
from app.core.algorithms.transforms import amplification
from app.core.algorithms.winograd_loudness import (
    STRETCH,
    Limits,
    Sizes,
    is_told,
    measure_strips,
    shape_inputs,
    weigh_inputs,
    weigh_kernels,
    weigh_phases,
)
from app.core.geometry import ceil_div
from app.core.layout import Array
from app.core.parallel import run_in_parts
from app.core.problem import Problem

#: An error takes fewer roundings of the norms. Measured with 16 to 1024 channels: below 2.5 for what is random; that of
#: one-signed data, and of stripes that the maps amplify most, can be more, but so is their S. A search for channels
#: that are nearly copies, but seem none, found errors that took 1.21 times as many as 4 allow.
ROUNDINGS = 5.0

#: With so many filters of all channels the square of that is twice as much, since sums of one sign grow.
GROWING_CHANNELS = 128

#: What is expected of errors is at most this share of the promise: channels may seem copies of each other by chance.
MOST_EXPECTED = 0.55

#: Two channels are copies if their shapes differ by no more than so many roundings for each channel:
#: what differs by more differs in the last digits of the sums that it is added to.
ALIKE = 16.0

#: Below the first two, rounding errors lose digits of their own; above the last the maps could overflow.
_LIMITS = {
    "float32": Limits(square=2.0**-100, least=2.0**-90, most=2.0**105),
    "float64": Limits(square=2.0**-960, least=2.0**-930, most=2.0**1000),
}


#: Numbers without any order. Σx² weighted with them is another share of Σx² for channels of another shape.
_MARKS = np.random.default_rng(0).uniform(-1, 1, STRETCH + SLACK)


@dataclass(frozen=True)
class _Tables:
    """What shapes alone say.

    `row` has the sizes for kernels, and each input channel so many `filters`. `amplified` is α for the weights of a
    run. Inputs, of these `lengths`, fall into classes that meet weights of their own: `cores` are the slabs, lines and
    columns of those that meet all of these, and `classes` has that of each weight. `shifts`, `steps` and `positions`
    are as for `exceeds`. Where outputs fall into phases, `phases` has that of each weight, and no output is looked at.
    """

    sizes: Sizes
    row: Int64Array
    filters: int
    amplified: Array
    phases: Int64Array | None
    lengths: tuple[int, int, int]
    cores: list[tuple[slice, slice, slice]]
    classes: Int64Array
    shifts: tuple[Int64Array, ...]
    steps: tuple[int, int, int]
    positions: tuple[int, int, int]


def suits(problem: Problem, dtype: np.dtype[np.generic]) -> bool:
    """Whether `holds` is to be expected: of inputs and kernels that are drawn from a normal distribution."""
    tables = _tables(problem, dtype)
    sizes, taps = tables.sizes, tables.sizes.taps
    phases = np.zeros(taps, np.int64) if tables.phases is None else tables.phases
    loudness = math.sqrt(sizes.in_group) * _roundings(tables)
    norm = math.sqrt(sizes.in_group * np.bincount(phases, tables.amplified[:taps]).max())
    met = [math.prod(map(_count, core, tables.lengths)) for core in tables.cores]
    mean = sizes.in_group * sum(met[number] for number in tables.classes) / sizes.outputs * (2 / math.pi)
    return bool(loudness * norm <= MOST_EXPECTED * (sizes.in_group * taps + 2) * mean)


def holds(problem: Problem, x: Array, w: Array, bias: Array) -> bool:
    """Whether all errors will be within the promise; the arrays as `winograd.run` takes them."""
    tables, limits = _tables(problem, x.dtype), _LIMITS[x.dtype.name]
    sizes, flat_x, flat_w = tables.sizes, x.reshape(-1), w.reshape(-1)
    loudness, places, shares = _weigh_inputs(tables, flat_x)
    if not is_told(flat_x, loudness, math.sqrt(limits.square), sizes.in_group * sizes.plane):
        return False
    needed = np.zeros((problem.out_channels, problem.batch))

    def part(low: int, high: int) -> None:
        if tables.phases is None:
            sums = np.empty(2, w.dtype)
            weigh_kernels(flat_w, tables.amplified, shares, loudness, bias, tables.row, limits, sums, needed, low, high)
        else:
            own = np.zeros((2, (high - low) * sizes.taps), w.dtype)
            weigh_phases(
                flat_w,
                tables.amplified,
                tables.phases,
                shares,
                loudness,
                bias,
                tables.row,
                limits,
                *own,
                needed,
                low,
                high,
            )

    run_in_parts(part, problem.out_channels, work=4 * w.size)
    most = needed.max()
    if most in {0, math.inf}:
        return bool(most == 0)
    return not _all_stay_below(problem, tables, x, w, needed, places)


def workspace(problem: Problem, dtype: np.dtype[np.generic]) -> int:
    """Bytes that are held at once beside the arrays."""
    sizes = _tables(problem, dtype).sizes
    shares = (sizes.batch + 1) * problem.in_channels * sizes.taps
    strips = sizes.batch * sizes.groups * sizes.strips * ((2 * sizes.classes + 1) * sizes.in_group + 3)
    sums = 2 * problem.out_channels * sizes.taps
    kernel = problem.kernel_elements if problem.op == "conv_transpose" else 0  # a copy in the other order
    floats = kernel + shares + strips + sums + sizes.classes * sizes.plane
    return floats * dtype.itemsize + 8 * problem.out_channels * sizes.batch


@lru_cache(maxsize=256)
def _tables(problem: Problem, dtype: np.dtype[np.generic]) -> _Tables:
    axes = axes_of(problem)
    plane, taps = math.prod(problem.input_size), math.prod(problem.kernel_size)
    in_group, out_group = problem.in_channels // problem.groups, problem.out_channels // problem.groups
    row, transposed = in_group * taps, problem.op == "conv_transpose"
    lies = (taps, in_group, taps, out_group * taps) if transposed else (row, 1, row, row)
    classes = list(itertools.product(*map(_classes, axes)))
    counts = (ceil_div(plane, STRETCH), len(classes), math.prod(problem.output_size), taps)
    sizes = Sizes(problem.batch, problem.groups, in_group, out_group, plane, *counts, *lies)
    met = axes_of(problem, padded=problem.pads_by_copying)
    filters = filters_of(problem)
    along_z, along_y, along_x = map(_amplified, (filters.z, filters.y, filters.x), met)
    amplified = np.multiply.outer(along_z, np.outer(along_y, along_x)).reshape(-1)
    z, y, x = (axis.shifts(0)[np.argsort(axis.taps(0))] for axis in axes)
    return _Tables(
        sizes,
        packed(sizes),
        filters.each,
        np.append(np.tile(amplified, sizes.run // taps), np.zeros(SLACK // dtype.itemsize)).astype(dtype),
        _numbers([[axis.taps(q) for q in range(axis.counts.phases)] for axis in axes])
        if any(axis.out_step > 1 for axis in axes)
        else None,
        (axes[0].input, axes[1].input, axes[2].input),
        [(z, y, x) for (_, z), (_, y), (_, x) in classes],
        _numbers([[taps for taps, _ in _classes(axis)] for axis in axes]),
        (z, y, x),
        (axes[0].in_step, axes[1].in_step, axes[2].in_step),
        (axes[0].output, axes[1].output, axes[2].output),
    )


def _amplified(along: Along, axis: Axis) -> Array:
    """The factors along an axis of which α is made, for each weight.

    The largest of all outputs; those that meet fewer inputs may have smaller errors, and
    count for as much more.
    """
    of_tile, by_weight = np.array(amplification(along.kind)), np.zeros(axis.kernel)
    for phase in along.phases:
        positions = unlike_positions(axis, phase.number, along.run * along.kind.outputs)
        shares = products_at(axis, phase.number, positions)[:, None] / axis.kernel
        of_place, taps = of_tile[::-1] if phase.mirrored else of_tile, np.array(phase.taps)
        by_place = np.max(of_place[positions // along.run % along.kind.outputs] / shares**2, axis=0)
        met = taps >= 0
        np.maximum.at(by_weight, taps[met], by_place[np.arange(len(taps)) % along.kind.weights][met])
    return by_weight


def _numbers(taps: list[list[Int64Array]]) -> Int64Array:
    """For each weight the number of its part, where the taps of each axis fall into parts."""
    numbers = np.zeros(1, np.int64)
    for parts in taps:
        own = np.zeros(sum(map(len, parts)), np.int64)
        for number, part in enumerate(parts):
            own[part] = number
        numbers = (numbers[:, None] * len(parts) + own).reshape(-1)
    return numbers


def _classes(axis: Axis) -> list[tuple[Int64Array, slice]]:
    """The weights that meet the same inputs along an axis, with those of these inputs that meet all of them."""
    step = axis.in_step
    if step == 1:
        begins = [int(axis.shifts(q).max()) for q in range(axis.counts.phases)]
        ends = [axis.positions(q) + int(axis.shifts(q).min()) for q in range(axis.counts.phases)]
        taps = np.concatenate([axis.taps(q) for q in range(axis.counts.phases)])
        return [(taps, _within(max(begins), min(ends), axis.input, 1))]
    found = []
    for remainder in axis.in_residues:
        own = np.flatnonzero(axis.shifts(0) % step == remainder)
        shifts = axis.shifts(0)[own]
        end = step * (axis.output - 1) + int(shifts.min()) + 1
        found.append((axis.taps(0)[own], _within(int(shifts.max()), end, axis.input, step)))
    return found


def _count(places: slice, length: int) -> int:
    return len(range(*places.indices(length)))


def _roundings(tables: _Tables) -> float:
    return ROUNDINGS * math.sqrt(1 + tables.sizes.in_group * tables.filters / GROWING_CHANNELS)


def _within(begin: int, end: int, length: int, step: int) -> slice:
    """The places from one to another, those in a line of this length."""
    begin += max(0, -(begin // step)) * step
    return slice(begin, max(begin, min(end, length)), step)


def _weigh_inputs(tables: _Tables, x: Array) -> tuple[Array, Int64Array, Array]:
    """Loudness and loudest place of each sample's groups, (batch·groups) both, and shares: see the kernels."""
    sizes, dtype = tables.sizes, x.dtype
    pairs, slack = sizes.batch * sizes.groups, SLACK // dtype.itemsize
    core = np.zeros((sizes.classes, sizes.plane + slack), dtype)
    for own, places_of_class in zip(core, tables.cores, strict=True):
        own[: sizes.plane].reshape(tables.lengths)[places_of_class] = 1
    tasks, marks = pairs * sizes.strips, _MARKS.astype(dtype)
    magnitudes = np.zeros(tasks * sizes.in_group * (2 * sizes.classes + 1), dtype)
    peaks, places = np.empty(tasks), np.empty(tasks, np.int64)

    def part(low: int, high: int) -> None:
        (energy,) = pieces((STRETCH,), dtype)
        measure_strips(x, core.reshape(-1), energy, marks, tables.row, magnitudes, peaks, places, low, high)

    run_in_parts(part, tasks, work=2 * x.size)
    alike = ALIKE * sizes.in_group * float(np.finfo(dtype).eps) / 2
    loudness, loud_places = np.empty(pairs), np.empty(pairs, np.int64)
    shares = np.zeros((pairs + sizes.groups) * sizes.in_group * sizes.taps + slack, dtype)
    means, shapes = np.empty((pairs, sizes.in_group, sizes.classes)), np.empty((pairs, sizes.in_group))
    shape_inputs(magnitudes, tables.row, means, shapes)
    shapes.sort()
    weigh_inputs(
        peaks,
        places,
        tables.classes,
        tables.row,
        _roundings(tables),
        alike,
        means,
        shapes,
        loudness,
        loud_places,
        shares,
    )
    return loudness, loud_places, shares


def _all_stay_below(
    problem: Problem, tables: _Tables, x: Array, w: Array, needed: Array, places: Int64Array
) -> bool:  # fmt: skip
    """Whether for some sample and channel no output that is looked at has the S that is needed."""
    if problem.op == "conv_transpose":
        w = w.reshape(problem.groups, tables.sizes.in_group, tables.sizes.out_group, -1).swapaxes(1, 2)
    w = np.ascontiguousarray(w)
    _, loud_weights = loudest(w.reshape(problem.out_channels, -1))
    shape = (problem.out_channels, -1, *map(len, tables.shifts))
    planes = (problem.batch, problem.in_channels, *tables.lengths)
    ones = np.ones((problem.batch, problem.groups), x.dtype), np.ones(problem.out_channels, x.dtype)
    return bool(
        exceeds(
            needed,
            0,
            x.reshape(planes),
            w.reshape(shape),
            tables.shifts,
            tables.steps,
            tables.positions,
            places.reshape(problem.batch, problem.groups),
            loud_weights,
            *ones,
        )
    )
