"""What keeps Winograd's filtering within the promise: decided from loudness alone, before it runs.

The maps of inputs, weights and products round, and so do the sums over the channels. Where
these roundings have nothing to do with each other, their squares add up, and the error of an
output is at most about

    ROUNDINGS · u · √(Σ α·w²) · √(largest Σ over the channels of x² at one place)

with α for each weight from `transforms.amplification`. Sums of one sign grow, and their
roundings with them: a factor that grows with the channels. Channels that are copies of each
other, in any volume, all round in the same direction: n copies count n times, where a tile of the
loudest places of a stretch has them.

The promise is (K + 2)·u·(the largest S of a channel and sample), where K is smaller at the
borders; α takes that in. The largest S is at least the mean S, to which the inputs that meet
every weight give Σ|w|·(Σ|x| of its channel) over the outputs. So two sums along each output
channel's weights nearly always decide; if not, S is made for two outputs, as far as it takes.
"""

from __future__ import annotations

import math

import numpy as np

from app.core.algorithms.promise import exceeds, loudest
from app.core.algorithms.scratch import thread_rows
from app.core.algorithms.taps import Int64Array
from app.core.algorithms.vectors.magnitudes import SLACK
from app.core.algorithms.winograd.copies import room_for
from app.core.algorithms.winograd.loudness import (
    STRETCH,
    Limits,
    is_told,
    measure_strips,
    sum_strips,
    weigh_inputs,
    weigh_kernels,
    weigh_phases,
)
from app.core.algorithms.winograd.margin import Tables, amplified_of, roundings_of, tables_of
from app.core.layout import Array
from app.core.parallel import run_parted, team
from app.core.problem import Problem

#: Two channels are copies if their shapes differ by no more than so many roundings for each channel:
#: what differs by more differs in the last digits of the sums that it is added to.
ALIKE = 16.0

#: Below the first two, rounding errors lose digits of their own; above the last the maps could overflow.
_LIMITS = {
    "float32": Limits(square=2.0**-100, least=2.0**-90, most=2.0**105),
    "float64": Limits(square=2.0**-960, least=2.0**-930, most=2.0**1000),
}


def holds(problem: Problem, x: Array, w: Array, bias: Array) -> bool:
    """Whether all errors will be within the promise; the arrays as `winograd.run` takes them."""
    tables, limits = tables_of(problem, x.dtype), _LIMITS[x.dtype.name]
    sizes, flat_x, flat_w = tables.sizes, x.reshape(-1), w.reshape(-1)
    loudness, places, shares = _weigh_inputs(tables, flat_x)
    if not is_told(flat_x, loudness, math.sqrt(limits.square), sizes.in_group * sizes.plane):
        return False
    needed = np.zeros((problem.out_channels, problem.batch))
    if tables.phases is None:
        _, sums = thread_rows((2,), w.dtype)
        run_parted(
            weigh_kernels, problem.out_channels, 4 * w.size, flat_w, amplified_of(problem, x.dtype), shares, loudness,
            bias, tables.row, limits, sums, needed,
        )  # fmt: skip
    else:
        sums = np.zeros((2, problem.out_channels * sizes.taps), w.dtype)
        run_parted(
            weigh_phases, problem.out_channels, 4 * w.size, flat_w, tables.amplified, tables.phases, shares, loudness,
            bias, tables.row, limits, *sums, needed,
        )  # fmt: skip
    most = needed.max()
    if most in {0, math.inf}:
        return bool(most == 0)
    return not _all_stay_below(problem, tables, x, w, needed, places)


def workspace(problem: Problem, dtype: np.dtype[np.generic]) -> int:
    """Bytes that are held at once beside the arrays."""
    sizes = tables_of(problem, dtype).sizes
    shares = (sizes.batch + 1) * problem.in_channels * sizes.taps
    strips = sizes.batch * sizes.groups * sizes.strips * sizes.classes * sizes.in_group
    sums = 2 * problem.out_channels * sizes.taps
    kernel = problem.kernel_elements if problem.op == "conv_transpose" else 0  # a copy in the other order
    amplified = 2 * (sizes.run + SLACK // dtype.itemsize)  # as they are put together, and so
    floats = kernel + shares + strips + sums + sizes.classes * sizes.plane + amplified
    row = sizes.classes * sizes.in_group + 3 * sizes.strips
    doubles = problem.out_channels * sizes.batch + sizes.batch * sizes.groups * row
    shapes = team.size * room_for(sizes.in_group) * (2 * 8 + dtype.itemsize)
    return floats * dtype.itemsize + 8 * doubles + shapes


def _weigh_inputs(tables: Tables, x: Array) -> tuple[Array, Int64Array, Array]:
    """Loudness and loudest place of each sample's groups, (batch·groups) both, and shares: see the kernels."""
    sizes, dtype = tables.sizes, x.dtype
    pairs, slack = sizes.batch * sizes.groups, SLACK // dtype.itemsize
    core = np.zeros((sizes.classes, sizes.plane + slack), dtype)
    for own, places_of_class in zip(core, tables.cores, strict=True):
        own[: sizes.plane].reshape(tables.lengths)[places_of_class] = 1
    tasks = pairs * sizes.strips
    magnitudes = np.zeros(tasks * sizes.in_group * sizes.classes, dtype)
    (peaks, loud), places = np.empty((2, tasks)), np.empty(tasks, np.int64)
    room = room_for(sizes.in_group)
    listed, energy, of_shapes = thread_rows((STRETCH, room), dtype, 2 * room)
    cell = ALIKE * sizes.in_group * float(np.finfo(dtype).eps)
    run_parted(
        measure_strips, tasks, 2 * x.size, x, core.reshape(-1), energy, tables.row, *tables.tiles, cell,
        listed, of_shapes, magnitudes, peaks, loud, places,
    )  # fmt: skip
    loudness, loud_places = np.empty(pairs), np.empty(pairs, np.int64)
    shares = np.zeros((pairs + sizes.groups) * sizes.in_group * sizes.taps + slack, dtype)
    means = np.empty(pairs * sizes.in_group * sizes.classes)
    sum_strips(magnitudes, tables.row, means)
    weigh_inputs(
        peaks, loud, places, tables.classes, tables.row, roundings_of(tables), means, loudness, loud_places, shares
    )
    return loudness, loud_places, shares


def _all_stay_below(
    problem: Problem, tables: Tables, x: Array, w: Array, needed: Array, places: Int64Array
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
