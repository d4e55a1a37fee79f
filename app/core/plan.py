"""Which algorithm runs a problem: the cheapest of those that can."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.core.algorithms import ALGORITHMS, Algorithm
from app.core.algorithms.taps import CACHED_KERNEL, Axis, axes_of
from app.core.problem import Problem


@dataclass(frozen=True)
class Plan:
    """A problem with the algorithm that runs it and the tables that it runs by.

    `bytes` is what the computation holds at once: input, kernel, output, the padded
    input where there is one, and the algorithm's own workspace. `price` is the guess of
    its time in nanoseconds.
    """

    problem: Problem
    algorithm: Algorithm
    axes: tuple[Axis, ...]
    pads: bool
    bytes: int
    price: float


def plan_of(problem: Problem, dtype: np.dtype[np.generic]) -> Plan:
    """The plan of a problem in a dtype; small ones are worked out once and kept."""
    keep = max(problem.kernel_size) <= CACHED_KERNEL
    return _cached_plan(problem, dtype) if keep else _plan(problem, dtype)


def _plan(problem: Problem, dtype: np.dtype[np.generic]) -> Plan:
    pads = problem.padding_mode != "zeros" and any(any(pair) for pair in problem.padding)
    axes = axes_of(problem, padded=pads)
    able = [
        algorithm
        for algorithm in ALGORITHMS[problem.op]
        if (algorithm.sums_products or problem.method == "auto") and algorithm.fits(problem, axes, dtype)
    ]
    best = min(able, key=lambda algorithm: algorithm.price(problem, axes, dtype))
    padded = problem.batch * problem.in_channels * math.prod(axis.input for axis in axes) if pads else 0
    elements = problem.input_elements + problem.kernel_elements + problem.output_elements + padded
    tables = sum(axis.table.nbytes for axis in axes)
    bytes_ = elements * dtype.itemsize + tables + best.workspace(problem, dtype)
    return Plan(problem, best, axes, pads, bytes_, best.price(problem, axes, dtype))


_cached_plan = lru_cache(maxsize=1024)(_plan)
