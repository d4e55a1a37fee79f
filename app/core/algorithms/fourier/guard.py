"""What keeps the Fourier algorithm within the promise: powers of two around it, and direct sums of few products."""

# Compiled kernels get their types from numba, at each call.
# mypy: allow-untyped-defs

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.core.algorithms.promise import loudest
from app.core.algorithms.taps import Int64Array, phase_of, taps_within
from app.core.jit import compiled, inlined
from app.core.layout import Array
from app.core.problem import Problem


@dataclass(frozen=True)
class Scaling:
    """Powers of two that bring inputs and kernels to at most 1.

    `loud_x` (batch, groups) and `loud_w` (C_out) are the largest magnitudes; the loudest
    input of a group lies at `places` (batch, groups). `factors` and `weight_factors` scale
    down or up; `halves` (2, batch, C_out) are two factors that together take it back.
    """

    loud_x: Array
    loud_w: Array
    places: Int64Array
    factors: Array
    weight_factors: Array
    halves: Array

    def silent(self, channels: Int64Array, out_group: int) -> Array:
        """Where nothing but zeros meet: (channels, batch)."""
        silent: Array = (self.loud_w[channels, None] == 0) | (self.loud_x[:, channels // out_group].T == 0)
        return silent


def scaling_of(problem: Problem, x: Array, w: Array) -> Scaling:
    """The scaling of an input and a kernel, output channels first."""
    loud_x, places = loudest(x.reshape(problem.batch * problem.groups, -1))
    loud_w, _ = loudest(w.reshape(problem.out_channels, -1))
    loud_x, places = loud_x.reshape(problem.batch, -1), places.reshape(problem.batch, -1)
    exponents, weight_exponents = _exponents(loud_x), _exponents(loud_w)
    back = np.repeat(exponents, problem.out_group, axis=1) + weight_exponents
    one = x.dtype.type(1)
    halves = np.ldexp(one, np.stack([back // 2, back - back // 2]))
    return Scaling(loud_x, loud_w, places, np.ldexp(one, -exponents), np.ldexp(one, -weight_exponents), halves)


def _exponents(magnitudes: Array) -> Array:
    """The powers of two of some magnitudes, as far as their inverse is a normal number."""
    most = np.finfo(magnitudes.dtype).maxexp - 2
    return np.clip(np.frexp(magnitudes)[1], -most, most)


@compiled
def sum_few(x, w, bias, out, depth, height, width, counts, few):
    """Sum the outputs of fewer than `few` products directly. `counts`: the inputs that each output meets, by axis."""
    in_group = w.shape[1]
    out_group = out.shape[1] // (x.shape[1] // in_group)
    least_x = counts[2].min()
    for z in range(out.shape[2]):
        for y in range(out.shape[3]):
            plane = counts[0][z] * counts[1][y] * in_group
            if plane * least_x >= few:
                continue
            for column in range(out.shape[4]):
                if plane * counts[2][column] < few:
                    for b in range(out.shape[0]):
                        for co in range(out.shape[1]):
                            channel = co // out_group * in_group
                            out[b, co, z, y, column] = _sum_one(
                                bias[co], x, b, channel, w, co, depth, height, width, z, y, column
                            )


@inlined
def _sum_one(total, x, b, channel, w, co, depth, height, width, z, y, column):
    """total + the products of one output, in the order of its taps."""
    q_z, q_y, q_x = phase_of(depth, z % depth[1]), phase_of(height, y % height[1]), phase_of(width, column % width[1])
    if q_z < 0 or q_y < 0 or q_x < 0:
        return total
    at_z, at_y, at_x = z // depth[1] * depth[0], y // height[1] * height[0], column // width[1] * width[0]
    begin_z, end_z = taps_within(depth, q_z, -at_z, x.shape[2] - 1 - at_z)
    begin_y, end_y = taps_within(height, q_y, -at_y, x.shape[3] - 1 - at_y)
    begin_x, end_x = taps_within(width, q_x, -at_x, x.shape[4] - 1 - at_x)
    for ci in range(w.shape[1]):
        for tz in range(begin_z, end_z):
            iz, kz = at_z + depth[tz + depth[3]], depth[tz]
            for ty in range(begin_y, end_y):
                iy, ky = at_y + height[ty + height[3]], height[ty]
                for tx in range(begin_x, end_x):
                    ix, kx = at_x + width[tx + width[3]], width[tx]
                    total += x[b, channel + ci, iz, iy, ix] * w[co, ci, kz, ky, kx]
    return total
