"""Matrix products over tiles of im2col columns; the whole im2col never exists.

For each group (and, transposed, each phase of the output) the weights are a matrix of
(out channels × taps). A tile of output positions is packed into (taps × positions), one
BLAS product gives its outputs, and they go to their places. Tiles are cut by the problem
alone, so the bits do not depend on the number of threads.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numba import uint64

from app.core.algorithms.jit import compiled
from app.core.algorithms.taps import Axis
from app.core.geometry import ceil_div
from app.core.layout import Array
from app.core.parallel import limit_blas, run_in_parts
from app.core.problem import Problem

#: A packed tile's elements: a float32 tile and its product stay in the second cache.
TILE_ELEMENTS = 2**17

#: A product narrower than this runs far below the machine's peak.
NARROWEST_TILE = 32

#: More taps would make even the narrowest tile large.
MOST_TAPS = 2**16

#: More phases than this are too many small products.
MOST_PHASES = 1024


def tile_width(taps: int) -> int:
    """Output positions in one tile, for so many taps over all channels of a group."""
    return max(NARROWEST_TILE, min(2048, TILE_ELEMENTS // taps // 16 * 16))


@dataclass(frozen=True)
class _Phase:
    """One phase of the output: its index and its number of positions along each axis."""

    index: tuple[int, ...]
    positions: tuple[int, ...]
    weights: Array  # (groups, out channels of a group, taps)


def run(problem: Problem, axes: tuple[Axis, ...], x: Array, w: Array, bias: Array, out: Array) -> None:
    """Write the operation's output into `out`; shapes as for the direct algorithm."""
    limit_blas()
    if any(axis.out_step > 1 for axis in axes):
        out[:] = bias[:, None, None, None]  # where no weight reaches
    for phase in _phases(axes, w, problem.groups):
        _run_phase(phase, axes, x, bias, out)


def _run_phase(phase: _Phase, axes: tuple[Axis, ...], x: Array, bias: Array, out: Array) -> None:
    groups, out_group, taps = phase.weights.shape
    in_group = x.shape[1] // groups
    count, width = math.prod(phase.positions), tile_width(taps)
    tiles = ceil_div(count, width)
    tables = [axis.table for axis in axes]

    def part(low: int, high: int) -> None:
        columns = np.empty((taps, width), x.dtype)
        products = np.empty((out_group, width), x.dtype)
        for task in range(low, high):
            sample, tile = divmod(task, tiles)
            b, g = divmod(sample, groups)
            begin, end = tile * width, min(count, (tile + 1) * width)
            _pack(x, b, g * in_group, in_group, *tables, phase.index, phase.positions, begin, end, columns)
            with np.errstate(over="ignore", invalid="ignore"):  # an overflow is found in the output
                np.matmul(phase.weights[g], columns[:, : end - begin], out=products[:, : end - begin])
            _place(products, bias, out, b, g * out_group, *tables, phase.index, phase.positions, begin, end)

    run_in_parts(part, len(x) * groups * tiles, work=len(x) * count * taps * out.shape[1])


def _phases(axes: tuple[Axis, ...], w: Array, groups: int) -> list[_Phase]:
    """The phases that have both outputs and weights."""
    found = []
    for index in itertools.product(*(range(len(axis.residues)) for axis in axes)):
        positions = tuple(axis.positions(q) for axis, q in zip(axes, index, strict=True))
        if all(positions):
            taps = (axis.taps(q) for axis, q in zip(axes, index, strict=True))
            chosen = w[np.ix_(np.arange(w.shape[0]), np.arange(w.shape[1]), *taps)]
            found.append(_Phase(index, positions, chosen.reshape(groups, w.shape[0] // groups, -1)))
    return found


@compiled
def _pack(x, b, channel, in_group, depth, height, width, index, positions, begin, end, columns):
    """columns[tap, m] = the input that the tap meets at position begin + m; 0 on padding."""
    _, _, planes, lines, length = x.shape
    flat_x, flat_columns = x.reshape(-1), columns.reshape(-1)
    first_z, first_y, first_x = 4 + depth[2], 4 + height[2], 4 + width[2]
    shift_z = first_z + depth[2] + 1 + depth[3]
    shift_y = first_y + height[2] + 1 + height[3]
    shift_x = first_x + width[2] + 1 + width[3]
    tap = 0
    for ci in range(channel, channel + in_group):
        for tz in range(depth[first_z + index[0]], depth[first_z + index[0] + 1]):
            for ty in range(height[first_y + index[1]], height[first_y + index[1] + 1]):
                for tx in range(width[first_x + index[2]], width[first_x + index[2] + 1]):
                    at = begin
                    while at < end:
                        line, column = divmod(at, positions[2])
                        plane, row = divmod(line, positions[1])
                        stop = min(end, at - column + positions[2])
                        iz = plane * depth[0] + depth[shift_z + tz]
                        iy = row * height[0] + height[shift_y + ty]
                        inside = 0 <= iz < planes and 0 <= iy < lines
                        source = (((b * x.shape[1] + ci) * planes + iz) * lines + iy) * length
                        target = tap * columns.shape[1] + at - begin
                        _copy_line(
                            flat_x,
                            source,
                            length if inside else 0,
                            width[0],
                            column * width[0] + width[shift_x + tx],
                            flat_columns,
                            target,
                            stop - at,
                        )
                        at = stop
                    tap += 1


@compiled
def _copy_line(flat_x, source, length, step, shift, flat_columns, target, count):
    """Copy every step-th input from `shift` on, with zeros where the line has none."""
    begin = min(count, 0 if shift >= 0 else (step - 1 - shift) // step)
    end = max(begin, min(count, (length - 1 - shift) // step + 1))
    t = uint64(target)
    for m in range(uint64(begin)):
        flat_columns[t + m] = 0
    for m in range(uint64(end), uint64(count)):
        flat_columns[t + m] = 0
    t, s = uint64(target + begin), uint64(source + shift + step * begin)
    if step == 1:
        for m in range(uint64(end - begin)):
            flat_columns[t + m] = flat_x[s + m]
    else:
        for m in range(uint64(end - begin)):
            flat_columns[t + m] = flat_x[s + uint64(step) * m]


@compiled
def _place(products, bias, out, b, channel, depth, height, width, index, positions, begin, end):
    """Lay the products of positions `begin` to `end` into their places, with the bias added."""
    _, channels, planes, lines, length = out.shape
    flat_out, flat_products = out.reshape(-1), products.reshape(-1)
    for c in range(products.shape[0]):
        at = begin
        while at < end:
            line, column = divmod(at, positions[2])
            plane, row = divmod(line, positions[1])
            stop = min(end, at - column + positions[2])
            oz = plane * depth[1] + depth[4 + index[0]]
            oy = row * height[1] + height[4 + index[1]]
            step = uint64(width[1])
            target = (((b * channels + channel + c) * planes + oz) * lines + oy) * length
            t = uint64(target + column * width[1] + width[4 + index[2]])
            s = uint64(c * products.shape[1] + at - begin)
            for m in range(uint64(stop - at)):
                flat_out[t + step * m] = flat_products[s + m] + bias[channel + c]
            at = stop
