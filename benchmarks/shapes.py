"""Random operations of every kind that users send, drawn by a seed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from app.core.errors import ProblemError
from app.core.problem import OPS
from benchmarks.cases import Case

Channels = Literal["single", "depthwise", "grouped", "few", "dense"]
KINDS: tuple[Channels, ...] = ("single", "depthwise", "grouped", "few", "dense")

#: Work and elements of a case: what takes from some microseconds to some tenths of a second.
LEAST_WORK, MOST_WORK = 1e3, 5e8
MOST_ELEMENTS = 2**24

#: Of cases with shorter sides, which much work on many channels would make the rule, one in five is kept.
SHORTEST_SIDE = 3

#: Kernel sizes by the number of dimensions; the common ones are the likely ones.
KERNELS = {1: (1, 2, 3, 3, 5, 7, 9, 16, 31, 101, 401), 2: (1, 1, 2, 3, 3, 3, 3, 4, 5, 7, 11, 21), 3: (1, 2, 3, 3, 5)}
DTYPES = ("float32", "float32", "float32", "float64", "int64")


def shapes(seed: int) -> Iterator[Case]:
    """Cases without end, spread evenly over the logarithm of their work; the same for the same seed."""
    random = np.random.default_rng(seed)
    while True:
        case = _draw(random)
        try:
            problem = case.problem()
        except ProblemError:
            continue
        if min(case.size) < SHORTEST_SIDE and random.random() < 0.8:
            continue
        elements = problem.input_elements + problem.kernel_elements + problem.output_elements
        if LEAST_WORK <= problem.macs <= MOST_WORK and elements <= MOST_ELEMENTS:
            yield case


def _draw(random: np.random.Generator) -> Case:
    """A case that may not fit: its sides are chosen to come near to a work that is drawn first."""
    op, rank = _one(random, OPS), _one(random, (1, 2, 2, 2, 3))
    channels, groups = _channels(random, _one(random, KINDS))
    kernel = _one(random, KERNELS[rank])
    stride = _one(random, (1, 1, 1, 2, 3)) if op == "conv" else _one(random, (1, 2, 2, 2, 3, kernel))
    dilation = _one(random, (1, 1, 1, 1, 2, 3))
    batch = _one(random, (1, 1, 1, 2, 8))
    reach = dilation * (kernel - 1) + 1
    padding = _one(random, (0, reach // 2, reach // 2))
    work = math.exp(random.uniform(math.log(LEAST_WORK), math.log(MOST_WORK)))
    each = batch * channels[0] * channels[1] / groups * kernel**rank
    side = (work / each) ** (1 / rank) * (stride if op == "conv" else 1)
    size = tuple(max(1, round(side * random.uniform(0.7, 1.4))) for _ in range(rank))
    return Case("", op, channels, size, kernel, batch, stride, padding, dilation, 0, groups, _one(random, DTYPES))


def _channels(random: np.random.Generator, kind: Channels) -> tuple[tuple[int, int], int]:
    """((in, out), groups)."""
    if kind == "single":
        return (1, 1), 1
    if kind == "depthwise":
        channels = _one(random, (3, 16, 32, 64, 96, 240, 384))
        return (channels, channels), channels
    if kind == "grouped":
        groups, inside, outside = _one(random, (2, 4, 8, 32)), _one(random, (2, 4, 8, 16)), _one(random, (2, 4, 8, 16))
        return (groups * inside, groups * outside), groups
    if kind == "few":
        return (_one(random, (1, 2, 3, 4, 8, 64)), _one(random, (1, 2, 3, 4, 8, 32))), 1
    return (_one(random, (16, 32, 64, 128, 256, 512)), _one(random, (16, 32, 48, 64, 128, 256, 512))), 1


def _one(random: np.random.Generator, values: tuple[Any, ...]) -> Any:
    """One of these; unlike NumPy's choice it stays a Python number."""
    return values[random.integers(len(values))]
