"""The algorithms, in one table: a new one is a file and a line here.

The prices are nanoseconds on two cores with 512-bit vectors; only their order matters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.core.algorithms import direct, gemm, planes
from app.core.algorithms.taps import Axis
from app.core.geometry import ceil_div
from app.core.layout import Array
from app.core.parallel import team
from app.core.problem import Problem

Axes = tuple[Axis, ...]


@dataclass(frozen=True)
class Algorithm:
    """One way to compute an operation.

    `fits` says whether it can run a problem in a dtype, `price` what it would take in
    nanoseconds, `workspace` how many bytes beside input, kernel and output it needs, and
    `run` writes the output. `sums_products` is false for those that transform instead.
    """

    name: str
    fits: Callable[[Problem, Axes, np.dtype[np.generic]], bool]
    price: Callable[[Problem, Axes, np.dtype[np.generic]], float]
    workspace: Callable[[Problem, np.dtype[np.generic]], int]
    run: Callable[[Problem, Axes, Array, Array, Array, Array], None]
    sums_products: bool = True


def _taps(problem: Problem) -> int:
    """Products that one output can need: over the channels of a group and the kernel."""
    return problem.in_channels // problem.groups * math.prod(problem.kernel_size)


def _direct_price(problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> float:
    per_mac = {"float32": 0.045, "float64": 0.09, "int64": 0.14}[dtype.name]
    strided = 2.5 if axes[2].in_step > 1 else 1.2 if axes[2].out_step > 1 else 1.0
    rows = math.prod(problem.output_shape[:-1]) * ceil_div(axes[2].output, direct.STRETCH)
    passes = rows * _taps(problem) / math.prod(axis.out_step for axis in axes[:2])
    return problem.macs * per_mac * strided + passes * 8.0


def _visits(problem: Problem, axes: Axes) -> int:
    """Multiply-adds of an algorithm that does not leave out the taps that meet no input."""
    channels = problem.out_channels * problem.in_channels // problem.groups
    return problem.batch * channels * math.prod(axis.visits for axis in axes)


def _gemm_fits(problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> bool:
    taps, positions = _taps(problem), math.prod(axis.positions(0) for axis in axes)
    tile = taps * min(positions, gemm.tile_width(taps))
    return dtype.kind == "f" and tile <= gemm.LARGEST_TILE and _phases(axes) <= gemm.MOST_PHASES


def _phases(axes: Axes) -> int:
    return math.prod(len(axis.residues) for axis in axes)


def _gemm_price(problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> float:
    per_mac = {4: 0.015, 8: 0.03}[dtype.itemsize]
    macs, out_group = _visits(problem, axes), problem.out_channels // problem.groups
    placed = problem.output_elements * 0.5
    calls = _phases(axes) * problem.batch * problem.groups
    narrow = 4.0 if out_group < 4 else 1.0
    return macs * per_mac * narrow + macs / out_group * 0.6 + placed + calls * 12_000.0


def _gemm_workspace(problem: Problem, dtype: np.dtype[np.generic]) -> int:
    taps = _taps(problem)
    width = min(math.prod(problem.output_size), gemm.tile_width(taps))
    tile = (taps + problem.out_channels // problem.groups) * width  # of each thread
    return (tile * team.size + problem.kernel_elements) * dtype.itemsize


def _planes_fits(problem: Problem, axes: Axes, _dtype: np.dtype[np.generic]) -> bool:
    in_group = problem.in_channels // problem.groups
    windows_move_by_one = all(axis.in_step == 1 for axis in axes)
    return (
        windows_move_by_one
        and _phases(axes) <= planes.MOST_PHASES
        and planes.plane_size(axes, in_group) <= planes.LARGEST_PLANE
    )


def _planes_price(problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> float:
    out_group = problem.out_channels // problem.groups
    per_mac = {"float32": 0.05, "float64": 0.1, "int64": 0.16}[dtype.name]
    if out_group >= planes.BLOCK - 1:
        per_mac *= 0.6 if out_group % planes.BLOCK == 0 else 0.75
    dropped = math.prod(1 + axis.span / max(1, axis.positions(0)) for axis in axes[1:])
    plane = planes.plane_size(axes, problem.in_channels // problem.groups)
    laid = problem.batch * problem.groups * plane * _phases(axes)
    tasks = problem.batch * problem.groups * ceil_div(out_group, planes.BLOCK) * _phases(axes)
    rest = laid * 1.5 + problem.output_elements * 0.5 + tasks * 150.0 + _phases(axes) * 30_000.0
    return _visits(problem, axes) * per_mac * dropped + rest


def _planes_workspace(problem: Problem, dtype: np.dtype[np.generic]) -> int:
    return (planes.LARGEST_PLANE * team.size + problem.kernel_elements) * dtype.itemsize


ALGORITHMS: dict[str, tuple[Algorithm, ...]] = {
    "conv": (
        Algorithm("direct", lambda *_: True, _direct_price, lambda *_: 0, direct.run),
        Algorithm("planes", _planes_fits, _planes_price, _planes_workspace, planes.run),
        Algorithm("gemm", _gemm_fits, _gemm_price, _gemm_workspace, gemm.run),
    ),
    "conv_transpose": (
        Algorithm("polyphase", lambda *_: True, _direct_price, lambda *_: 0, direct.run),
        Algorithm("polyphase_planes", _planes_fits, _planes_price, _planes_workspace, planes.run),
        Algorithm("polyphase_gemm", _gemm_fits, _gemm_price, _gemm_workspace, gemm.run),
    ),
}
