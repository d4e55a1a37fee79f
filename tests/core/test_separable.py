"""Separable kernels: exact in whole numbers, within the promise for each output in floats."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from app.core import conv_transpose
from app.core.algorithms import direct, separable
from app.core.algorithms.separable import passes
from app.core.algorithms.taps import axes_of
from app.core.parallel import team
from tests import naive
from tests.core import tap_sums
from tests.core.alone import problem_of, run_alone
from tests.core.hard_data import INPUTS, plain
from tests.core.strategies import Op

Array = NDArray[Any]
Shape = tuple[int, ...]

#: (op, input, kernel, options), with one input channel in each group.
CASES: dict[str, tuple[Op, Shape, Shape, dict[str, Any]]] = {
    "valid": ("conv", (1, 1, 40, 50), (1, 1, 5, 7), {}),
    "same": ("conv", (2, 1, 33, 29), (1, 1, 5, 5), {"padding": "same"}),
    "high": ("conv", (1, 1, 400, 60), (1, 1, 9, 4), {"padding": (4, 1)}),
    "flipped": ("conv", (1, 1, 20, 20), (2, 1, 6, 3), {"flip_kernel": True, "padding": ((1, 3), (0, 2))}),
    "depthwise": ("conv", (2, 4, 24, 24), (8, 1, 5, 5), {"groups": 4, "padding": 2}),
    "strided": ("conv", (1, 2, 41, 43), (2, 1, 7, 5), {"groups": 2, "stride": (2, 3), "padding": 3}),
    "dilated": ("conv", (1, 1, 40, 40), (1, 1, 4, 5), {"dilation": (3, 2), "padding": 5}),
    "reflected": ("conv", (1, 1, 24, 30), (1, 1, 5, 7), {"padding": (2, 3), "padding_mode": "reflect"}),
    "volume": ("conv", (1, 1, 14, 15, 16), (1, 1, 3, 4, 5), {"padding": (1, 2, 2)}),
    "volume, strided": ("conv", (1, 1, 15, 20, 21), (1, 1, 5, 3, 3), {"stride": (2, 1, 2), "padding": (4, 0, 1)}),
    "flat in a volume": ("conv", (1, 1, 9, 20, 20), (1, 1, 1, 5, 5), {"padding": (1, 2, 2), "stride": (2, 1, 1)}),
    "upright in a volume": ("conv", (1, 1, 20, 9, 20), (1, 1, 5, 1, 5), {"padding": (2, 0, 2)}),
    "transposed": ("conv_transpose", (1, 2, 20, 22), (2, 2, 5, 5), {"groups": 2, "padding": 2, "dilation": (1, 2)}),
    "more padding than kernel": ("conv", (1, 1, 12, 12), (1, 1, 4, 5), {"padding": 9}),
}
every_case = pytest.mark.parametrize("name", CASES)


def product(lines: list[Array]) -> Array:
    """The outer product of lines (channels, length), with an axis for the input channel."""
    grown = reduce(lambda whole, line: whole[..., None] * line.reshape(len(line), *[1] * (whole.ndim - 1), -1), lines)
    return grown[:, None]


def whole_kernel(rng: np.random.Generator, shape: Shape, largest: int = 9) -> Array:
    lines = [rng.integers(-largest, largest + 1, (shape[0] * shape[1], length)) for length in shape[2:]]
    return product(lines).reshape(shape)


def float_kernel(rng: np.random.Generator, shape: Shape) -> Array:
    lines = [rng.standard_normal((shape[0] * shape[1], length)) for length in shape[2:]]
    return product(lines).reshape(shape)


def gaussian(_rng: np.random.Generator, shape: Shape) -> Array:
    lines = [np.exp(-(np.linspace(-2, 2, length) ** 2))[None] for length in shape[2:]]
    return np.broadcast_to(product([line / line.sum() for line in lines])[:, 0][None], shape)


def box(_rng: np.random.Generator, shape: Shape) -> Array:
    return np.full(shape, 1 / np.prod(shape[2:]))


def derivative(_rng: np.random.Generator, shape: Shape) -> Array:
    lines = [np.ones((1, length)) for length in shape[2:-1]]
    return np.broadcast_to(product([*lines, np.linspace(-1, 1, shape[-1])[None]])[:, 0][None], shape)


def identity(_rng: np.random.Generator, shape: Shape) -> Array:
    lines = [np.eye(1, length, length // 2) for length in shape[2:]]
    return np.broadcast_to(product(lines)[:, 0][None], shape)


KERNELS = [float_kernel, gaussian, box, derivative, identity]


@pytest.fixture
def only_passes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: Any) -> None:
        raise AssertionError("done by direct sums")

    with monkeypatch.context() as patched:
        patched.setattr(direct, "run", refuse)
        yield


@every_case
@pytest.mark.usefixtures("only_passes")
def test_whole_numbers_are_exact(name: str) -> None:
    op, x_shape, w_shape, options = CASES[name]
    rng = np.random.default_rng(len(name))
    for scale in (1, 12):
        x, w = rng.integers(-1000, 1000, x_shape), scale * whole_kernel(rng, w_shape)
        problem = problem_of(op, x_shape, w_shape, True, options)
        bias = rng.integers(-99, 99, problem.out_channels)
        answer = run_alone(separable, problem, x, w, bias)
        assert answer.dtype == np.int64
        assert answer.tolist() == tap_sums.sums(problem, x, w, bias).value.tolist()


def check(op: Op, x: Array, w: Array, bias: Array | None, options: dict[str, Any]) -> None:
    """Hold every output to (K + 2)·u·S, its own K and S."""
    problem = problem_of(op, x.shape, w.shape, bias is not None, options)
    answer, right = run_alone(separable, problem, x, w, bias), tap_sums.sums(problem, x, w, bias)
    bound = (right.terms + 2) * (np.finfo(x.dtype).eps / 2) * right.magnitude
    assert np.isfinite(answer).all()
    assert (np.abs(answer - right.value) <= bound).all()


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_are_within_the_promise_for_each_output(name: str, dtype: str) -> None:
    op, x_shape, w_shape, options = CASES[name]
    rng = np.random.default_rng(len(name))
    for draw in INPUTS:
        for weights in KERNELS:
            x, w = draw(rng, x_shape).astype(dtype), weights(rng, w_shape).astype(dtype)
            channels = problem_of(op, x_shape, w_shape, False, options).out_channels
            for bias in (None, plain(rng, (channels,)).astype(dtype)):
                check(op, x, w, bias, options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weights", KERNELS)
@pytest.mark.parametrize("name", ["valid", "same", "depthwise", "strided", "reflected", "volume"])
@pytest.mark.usefixtures("only_passes")
def test_usual_kernels_are_found_to_be_separable(name: str, weights: Any, dtype: str) -> None:
    op, x_shape, w_shape, options = CASES[name]
    rng = np.random.default_rng(1)
    check(op, plain(rng, x_shape).astype(dtype), weights(rng, w_shape).astype(dtype), None, options)


def test_where_single_products_are_outputs_only_exact_factors_will_do() -> None:
    """With "full" padding a corner is one product: there is room for its roundings along both axes, and one more."""
    rng = np.random.default_rng(2)
    x = np.ones((1, 1, 9, 9), np.float32)
    options = {"padding": "full"}
    for _ in range(200):
        check("conv", x, float_kernel(rng, (1, 1, 5, 5)).astype("f4"), None, options)
        check("conv", x, (gaussian(rng, (1, 1, 5, 5)) * rng.random()).astype("f4"), None, options)


# Factors


def found(kernel: Any, roundings: int = 5) -> Array | None:
    """The outer product of a kernel's factors, where it has them."""
    w = np.asarray(kernel)
    three_axes = w.reshape(1, 1, *[1] * (3 - w.ndim), *w.shape)
    lines = passes.factors(three_axes, roundings)
    return None if lines is None else product(list(lines))[0, 0].reshape(w.shape)


WHOLE = [
    np.ones((5, 5), np.int64),
    np.zeros((5, 5), np.int64),
    np.outer([1, 4, 6, 4, 1], [-1, -2, 0, 2, 1]),
    np.outer([0, 0, 6, 0], [0, 0, 0, 10, 15]),
    np.outer([-3, 6], [-(2**40), 2**40 + 1]),
    np.outer([2, -2, 2], [3, -3, 3]),
    np.multiply.outer([0, 2, 4], np.outer([6, 3], [5, 0, -10])),
    np.full((4, 4), 2**61),
]


@pytest.mark.parametrize("kernel", WHOLE)
def test_whole_factors_give_the_kernel(kernel: Array) -> None:
    factors = found(kernel)
    assert factors is not None
    assert np.array_equal(factors, kernel)


@pytest.mark.parametrize("kernel", WHOLE)
@pytest.mark.parametrize("away", [1, -1])
def test_a_kernel_next_to_one_of_rank_one_has_no_factors(kernel: Array, away: int) -> None:
    changed = kernel.copy()
    changed.flat[-1] += away
    near = found(changed)
    if near is not None:
        assert np.array_equal(near, changed)
        assert np.linalg.matrix_rank(changed.reshape(-1, changed.shape[-1])) <= 1


def test_kernels_of_rank_two_have_no_factors() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        pair = [rng.integers(-3, 4, (2, 5)) for _ in range(2)]
        kernel = np.outer(pair[0][0], pair[1][0]) + np.outer(pair[0][1], pair[1][1])
        if np.linalg.matrix_rank(kernel) == 2:
            assert found(kernel) is None
            assert found(kernel.astype("f8")) is None


def test_products_that_only_wrap_to_the_kernel_are_no_factors() -> None:
    wraps = np.array([[2**62, 0, 4], [0, 0, 0], [2**62, 0, 4]])
    wraps[2, 0] = 0
    assert found(wraps) is None
    least = np.full((4, 4), -(2**63))
    factors = found(least)
    assert factors is None or np.array_equal(factors, least)


def test_floats_too_small_to_have_all_their_digits_have_no_factors() -> None:
    line = np.array([1, 2, 3, 2, 1], np.float32)
    assert found(np.outer(line, line) * np.float32(1e-40)) is None
    assert found(np.outer(line, line) * np.float32(1e-30)) is not None


def test_one_channel_without_factors_is_enough() -> None:
    w = np.ones((3, 1, 1, 5, 5))
    assert passes.factors(w, 5) is not None
    w[1, 0, 0, 2, 2] = 2
    assert passes.factors(w, 5) is None


# The ends of the numbers


def test_whole_numbers_that_wrap_between_the_passes_are_exact_in_the_end() -> None:
    """Where a row meets zeros alone, its pass along x may be beyond int64; sums near the limit are exact."""
    rng = np.random.default_rng(4)
    w = np.outer([0, 1, 1, 0], [3, -5, 7, 4])[None, None]
    x = rng.integers(-(2**57), 2**57, (1, 1, 6, 12))
    x[0, 0, 0] = x[0, 0, -1] = 2**63 - 1
    x[0, 0, 2:4, :4] = [[2**57 + 2**56] * 4] * 2
    problem = problem_of("conv", x.shape, w.shape, False, {})
    right = naive.conv(naive.exact(x), naive.exact(w))
    assert max(right.magnitude.ravel().tolist()) < 2**63
    assert run_alone(separable, problem, x, w).tolist() == right.value.tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_that_overflow_between_the_passes_are_summed_directly(dtype: str) -> None:
    w = np.outer([0, 1, 1, 0], [3, -5, 7, 4])[None, None].astype(dtype)
    x = np.ones((1, 1, 7, 12), dtype)
    x[0, 0, 0] = np.finfo(dtype).max
    check("conv", x, w, None, {})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_answer_that_does_not_fit_is_not_finite(dtype: str) -> None:
    problem = problem_of("conv", (1, 1, 9, 9), (1, 1, 5, 5), False, {})
    x, w = np.full((1, 1, 9, 9), np.finfo(dtype).max / 9, dtype), np.ones((1, 1, 5, 5), dtype)
    assert not np.isfinite(run_alone(separable, problem, x, w)).any()


# How it is cut


@pytest.mark.parametrize("name", ["high", "depthwise", "volume"])
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_threads_and_strips_change_no_bit(name: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op, x_shape, w_shape, options = CASES[name]
    rng, threads = np.random.default_rng(5), team.size
    x, w = (100 * plain(rng, x_shape)).astype(dtype), whole_kernel(rng, w_shape).astype(dtype)
    problem = problem_of(op, x_shape, w_shape, False, options)
    answers = []
    try:
        for size in (1, 2, 3):
            monkeypatch.setattr(passes, "STRIP_BYTES", 2**18 // size**4)
            passes._cut_of.cache_clear()
            team.resize(size)
            answers.append(run_alone(separable, problem, x, w).tobytes())
    finally:
        team.resize(threads)
        passes._cut_of.cache_clear()
    assert len(set(answers)) == 1


def test_no_output_meets_fewer_inputs_than_are_counted() -> None:
    rng = random.Random(3)  # noqa: S311
    for _ in range(3000):
        n, k, d, s = rng.randint(1, 40), rng.randint(1, 9), rng.randint(1, 9), rng.randint(1, 4)
        before, after = (rng.randint(0, (k - 1) * d) for _ in range(2))
        if n + before + after <= (k - 1) * d:
            continue
        problem = problem_of(
            "conv", (1, 1, n), (1, 1, k), False, {"padding": ((before, after),), "dilation": d, "stride": s}
        )
        met = [sum(0 <= o * s - before + j * d < n for j in range(k)) for o in range(problem.output_size[0])]
        width = passes._sizes(axes_of(problem), np.dtype("float32"))[3]
        assert width.fewest <= min((count for count in met if count), default=1)


def test_it_fits_one_channel_in_a_group_and_kernels_worth_it_and_little_memory() -> None:
    def fits(x: Shape, w: Shape, op: Op = "conv", **options: Any) -> bool:
        problem = problem_of(op, x, w, False, options)
        axes, dtype = axes_of(problem), np.dtype("float32")
        able = separable.fits(problem, axes, dtype)
        assert (
            not able
            or separable.workspace(problem, axes, dtype) <= team.size * 8 * 2**20 + 20 * problem.kernel_elements
        )
        return able

    assert fits((1, 1, 2000, 4000), (1, 1, 31, 31))
    assert fits((1, 1, 200, 200, 200), (1, 1, 5, 5, 5))
    assert not fits((1, 2, 50, 50), (1, 2, 5, 5))
    assert not fits((1, 1, 50, 50), (1, 1, 3, 3))
    assert not fits((1, 1, 50, 50), (1, 1, 1, 31))
    assert not fits((1, 1, 50, 50), (1, 1, 8, 8), "conv_transpose", stride=2)
    assert not fits((1, 1, 4000, 9, 9000), (1, 1, 5, 5, 5))


def test_a_transposed_kernel_of_several_output_channels_is_looked_at_channel_by_channel() -> None:
    """Through the public function: its layout has the input channels first."""
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 10, (1, 1, 60, 60, 60)).astype(np.float64)
    ones, mixed = np.ones((1, 4, 5, 5, 5)), rng.integers(-9, 10, (1, 4, 5, 5, 5)).astype(np.float64)
    for w in (ones, mixed):
        right = [signal.fftconvolve(x[0, 0], w[0, co]) for co in range(4)]
        assert np.array_equal(conv_transpose(x, w)[0], np.round(right))
