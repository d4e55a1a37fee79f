"""Strides, dilations and paddings up to 2^53: exact all the same, or refused; no number wraps on the way."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from app.core import ProblemError, TooCostlyError, conv, conv_transpose
from app.core.algorithms import ALGORITHMS, SEPARABLE
from app.core.algorithms.taps import axes_of
from app.core.geometry import Dimension
from app.core.plan import MOST_PLACES, plan_of
from app.core.problem import OPS, Problem
from tests.core.alone import problem_of
from tests.core.traced import peak_bytes

#: The largest number that a request may have for a parameter.
M = 2**53 - 1

LARGE = (1, 1, 2, 3, 2**20, 2**31, 2**33, 2**40, 2**47, 2**52, M - 1, M)


def met(dim: Dimension) -> list[tuple[int, int, int]]:
    """(output, weight, input) of an axis wherever these meet, in Python's own numbers."""
    weights, inputs = range(dim.kernel), range(dim.input)
    if dim.op == "conv":
        steps = itertools.product(range(dim.output), weights)
        found = [(o, j, o * dim.stride + j * dim.dilation - dim.padding[0]) for o, j in steps]
        return [(o, j, i) for o, j, i in found if 0 <= i < dim.input]
    found = [(i * dim.stride + j * dim.dilation - dim.padding[0], j, i) for i, j in itertools.product(inputs, weights)]
    return [(o, j, i) for o, j, i in found if 0 <= o < dim.output]


def right(problem: Problem, x: Any, w: Any) -> Any:
    """The output of whole numbers, a product after the other; one group."""
    out = np.zeros(problem.output_shape, np.int64)
    subscripts = "bi,oi->bo" if problem.op == "conv" else "bi,io->bo"
    for triples in itertools.product(*map(met, problem.dimensions)):
        o, j, i = zip(*triples, strict=True)
        out[(slice(None), slice(None), *o)] += np.einsum(
            subscripts, x[(slice(None), slice(None), *i)], w[(slice(None), slice(None), *j)]
        )
    return out


def settings(seed: int) -> Iterator[tuple[Problem, dict[str, Any]]]:
    """Small tensors in huge settings, as far as they fit together."""
    rng = random.Random(seed)  # noqa: S311
    while True:
        op, n = rng.choice(OPS), rng.choice([1, 2, 2, 3])
        size = [rng.choice([1, 2, 5, 64 // n, 300 // n]) for _ in range(n)]
        kernel = [rng.choice([1, 2, 3, 4, 16]) for _ in range(n)]
        channels = rng.choice([1, 2, 16])
        options: dict[str, Any] = {
            "stride": tuple(rng.choice((*LARGE, rng.randint(1, M))) for _ in size),
            "dilation": tuple(rng.choice((*LARGE, rng.randint(1, M))) for _ in size),
        }
        if op == "conv":
            pairs = tuple((rng.choice([0, 1, M]), rng.choice([0, 1, M])) for _ in size)
            options["padding"] = rng.choice(["full", "same", 0, pairs])
        else:
            options |= {"padding": "same", "output_size": tuple(rng.choice([1, 5, 64]) for _ in size)}
        try:
            problem = problem_of(op, (1, channels, *size), (channels, channels, *kernel), False, options)
        except ProblemError:
            continue
        if problem.macs < 10**7 and problem.output_elements < 10**5:
            yield problem, options


@pytest.mark.parametrize("seed", range(6))
def test_small_tensors_in_huge_settings(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for problem, options in itertools.islice(settings(seed), 60):
        x, w = (rng.integers(-9, 10, shape) for shape in (problem.input_shape, problem.kernel_shape))
        compute = conv if problem.op == "conv" else conv_transpose
        for dtype in ("int64", "float32"):
            try:
                output = compute(x.astype(dtype), w.astype(dtype), **options)
            except TooCostlyError:
                assert max(map(places, problem.dimensions)) > MOST_PLACES
                continue
            assert output.tolist() == right(problem, x, w).tolist()


def places(dim: Dimension) -> int:
    return dim.stride + (dim.input + sum(dim.padding) if dim.op == "conv" else dim.full + dim.output_padding)


@pytest.mark.parametrize("seed", range(6, 12))
def test_no_count_wraps(seed: int) -> None:
    """What an algorithm tells of a problem are Python's own numbers, none below zero: int64 wraps in silence."""
    for problem, _ in itertools.islice(settings(seed), 60):
        if max(map(places, problem.dimensions)) > MOST_PLACES:
            continue
        axes = axes_of(problem)
        for dtype in (np.dtype(np.float32), np.dtype(np.int64)):
            for algorithm in (*ALGORITHMS[problem.op], SEPARABLE):
                if not algorithm.fits(problem, axes, dtype):
                    continue
                counts = algorithm.counts(problem, axes, dtype)
                told = [algorithm.workspace(problem, axes, dtype), *counts.values()]
                assert not any(isinstance(number, np.integer) for number in told), (algorithm.name, counts)
                assert all(0 <= number < math.inf for number in told), (algorithm.name, counts)


#: Settings that once ended the process, or an answer with 500: op, input, kernel, options.
HARD: tuple[tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]], ...] = (
    ("conv", (1, 1, 1, 256), (1, 1, 4, 8), {"dilation": (2**52, 1), "stride": (M, 1), "padding": "full"}),
    ("conv", (1, 1, 1, 256), (1, 1, 8, 2), {"dilation": (2**52, 1), "stride": (M, 1), "padding": "full"}),
    ("conv", (1, 1, 1, 128), (1, 1, 64, 2), {"dilation": (8866461766385664, 1), "stride": (M, 1), "padding": "full"}),
    ("conv", (1, 1, 1), (1, 1, 1025), {"dilation": M, "stride": M, "padding": "full"}),
    ("conv", (1, 1, 1), (1, 1, 1026), {"dilation": M, "stride": M, "padding": "full"}),
    ("conv_transpose", (1, 1, 1), (1, 1, 3000), {"dilation": M, "padding": "same", "output_size": (5,)}),
    ("conv_transpose", (1, 1, 2050), (1, 1, 1), {"stride": M, "padding": "same", "output_size": (5,)}),
    (
        *("conv", (1, 2, 64, 5), (2, 2, 8, 16)),
        {"stride": (13539671223534, 3232996886625527), "padding": ((M, M), (M, 1))},
    ),
)


@pytest.mark.parametrize(("op", "x_shape", "w_shape", "options"), HARD)
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_what_once_ended_the_process(
    op: Any, x_shape: tuple[int, ...], w_shape: tuple[int, ...], options: dict[str, Any], dtype: str
) -> None:
    problem = problem_of(op, x_shape, w_shape, False, options)
    x, w = np.ones(x_shape, dtype), np.ones(w_shape, dtype)
    if max(map(places, problem.dimensions)) > MOST_PLACES:
        with pytest.raises(TooCostlyError) as refusal:
            plan_of(problem, x.dtype)
        assert refusal.value.faults[0].code == "too_many_elements"
        return
    output = (conv if op == "conv" else conv_transpose)(x, w, **options)
    assert output.tolist() == right(problem, x.astype(np.int64), w.astype(np.int64)).tolist()


def test_planning_takes_little_where_nearly_all_outputs_lie_in_padding() -> None:
    """A list of these outputs once took gigabytes, and the event loop's time."""
    options = {"padding": ((0, 0), (66_000_000, 66_000_000))}
    problem = problem_of("conv", (1, 16, 1, 1), (1, 16, 1, 3), False, options)
    assert peak_bytes(lambda: plan_of(problem, np.dtype(np.float32))) < 2**26
    assert plan_of(problem, np.dtype(np.float32)).price > 10**7


def test_what_padding_by_copies_takes_is_counted() -> None:
    options = {"padding": ((0, 11000), (0, 11000), (0, 0)), "padding_mode": "replicate", "stride": (100000, 100000, 1)}
    problem = problem_of("conv", (1, 1, 1, 1, 1), (1, 1, 1, 1, 1), False, options)
    plan = plan_of(problem, np.dtype(np.int64))
    assert plan.price > 11000**2
    assert plan.bytes >= 2 * 8 * 11000**2


def test_taps_that_are_looked_at_and_meet_nothing_are_counted() -> None:
    problem = problem_of("conv", (2000, 1, 1), (1, 1, 30000), False, {"padding": "full", "stride": 29999})
    assert plan_of(problem, np.dtype(np.int64)).price > 2000 * 29999
