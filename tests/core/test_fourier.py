"""The Fourier algorithm over large kernels: within the promise for a channel's loudest output, on hard data too."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.core.algorithms import direct, fourier
from app.core.algorithms.fourier import blocks
from app.core.algorithms.fourier.fft import lengths_within
from app.core.algorithms.fourier.phases import phases_of
from app.core.algorithms.taps import axes_of
from app.core.parallel import team
from tests.core import tap_sums
from tests.core.alone import problem_of, run_alone
from tests.core.hard_data import (
    INPUTS,
    KERNELS,
    constant,
    loud_channels,
    nothing,
    one_loud,
    plain,
    positive,
    quiet_beside_loud,
    silent_corner,
    sparse,
)
from tests.core.strategies import Op

Array = NDArray[Any]
Shape = tuple[int, ...]

#: (op, input, kernel, options): every number of dimensions and every option, several blocks in most.
CASES: dict[str, tuple[Op, Shape, Shape, dict[str, Any]]] = {
    "row": ("conv", (1, 1, 3000), (1, 1, 101), {}),
    "one block": ("conv", (1, 1, 80), (1, 1, 70), {"padding": 69}),
    "row, same": ("conv", (2, 1, 5000), (1, 1, 257), {"padding": "same"}),
    "row, full": ("conv", (1, 2, 900), (2, 2, 70), {"padding": "full"}),
    "row, strided": ("conv", (1, 1, 4001), (1, 1, 200), {"stride": 3, "padding": ((7, 300),)}),
    "row, dilated": ("conv", (1, 2, 2000), (3, 2, 65), {"dilation": 5, "padding": 100}),
    "rows of a picture": ("conv", (1, 1, 9, 700), (1, 1, 1, 90), {"padding": (0, 45)}),
    "picture": ("conv", (1, 1, 90, 70), (1, 1, 15, 11), {}),
    "picture, same": ("conv", (1, 3, 60, 100), (2, 3, 9, 12), {"padding": "same"}),
    "picture, circular": ("conv", (1, 1, 50, 60), (1, 1, 13, 13), {"padding": 6, "padding_mode": "circular"}),
    "picture, flipped": ("conv", (2, 1, 64, 64), (1, 1, 9, 17), {"padding": "full", "flip_kernel": True}),
    "picture, strided": ("conv", (1, 1, 80, 97), (1, 1, 12, 14), {"stride": (2, 3), "padding": (3, 5)}),
    "depthwise": ("conv", (2, 5, 40, 41), (5, 1, 9, 9), {"groups": 5, "padding": 4}),
    "groups": ("conv", (1, 6, 30, 30), (9, 2, 8, 7), {"groups": 3, "dilation": 2}),
    "dense": ("conv", (2, 8, 24, 24), (20, 8, 7, 7), {"padding": 3}),
    "volume": ("conv", (1, 2, 20, 25, 30), (2, 2, 5, 6, 7), {"padding": (2, 0, 3)}),
    "transposed row": ("conv_transpose", (1, 2, 500), (2, 3, 300), {"stride": 4, "padding": 70}),
    "transposed picture": ("conv_transpose", (1, 2, 20, 24), (2, 2, 20, 22), {"stride": 2, "padding": 5}),
    "transposed, dilated": ("conv_transpose", (1, 1, 30, 30), (1, 1, 13, 11), {"dilation": (2, 3), "stride": (1, 2)}),
    "transposed, gaps": (
        "conv_transpose",
        (2, 1, 40, 40),
        (1, 2, 11, 11),
        {"dilation": 2, "stride": 2, "padding": 10, "output_padding": 1},
    ),
    "transposed, grouped": (
        "conv_transpose",
        (2, 4, 16, 16),
        (4, 3, 13, 13),
        {"groups": 2, "output_padding": 0, "flip_kernel": True},
    ),
}


def run(op: Op, x: Array, w: Array, bias: Array | None = None, **options: Any) -> Array:
    """What the algorithm answers, with no check of the answer."""
    return run_alone(fourier, problem_of(op, x.shape, w.shape, bias is not None, options), x, w, bias)


def check(op: Op, x: Array, w: Array, bias: Array | None = None, spare: float = 0.0, **options: Any) -> None:
    """Hold every output to (K + 2)·u·(largest S of its channel and sample)."""
    answer = run(op, x, w, bias, **options)
    right = tap_sums.sums(problem_of(op, x.shape, w.shape, bias is not None, options), x, w, bias)
    assert answer.shape == right.value.shape
    assert np.isfinite(answer).all()
    largest = right.magnitude.max(axis=tuple(range(2, x.ndim)), keepdims=True)
    bound = (right.terms + 2) * (np.finfo(x.dtype).eps / 2) * largest + spare
    error = np.abs(answer - right.value)
    assert (error <= bound).all(), (error / np.where(bound == 0, 1, bound)).max()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_every_setting_on_hard_data_is_within_the_promise(name: str, dtype: str) -> None:
    op, x_shape, w_shape, options = CASES[name]
    rng = np.random.default_rng(len(name))
    for j, draw in enumerate(INPUTS):
        for weights in (KERNELS[j % len(KERNELS)], KERNELS[(3 * j + 1) % len(KERNELS)]):
            x, w = draw(rng, x_shape).astype(dtype), weights(rng, w_shape).astype(dtype)
            channels = w_shape[0] if op == "conv" else w_shape[1] * options.get("groups", 1)
            check(op, x, w, rng.standard_normal(channels).astype(dtype) if j % 2 else None, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weights", KERNELS)
@pytest.mark.parametrize("draw", INPUTS)
def test_each_hard_input_under_each_hard_kernel(draw: Any, weights: Any, dtype: str) -> None:
    rng = np.random.default_rng(3)
    check("conv", draw(rng, (1, 1, 4000)).astype(dtype), weights(rng, (1, 1, 301)).astype(dtype))
    x, w = draw(rng, (1, 2, 50, 60)).astype(dtype), weights(rng, (2, 2, 11, 13)).astype(dtype)
    check("conv", x, w, padding=5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_long_signal_of_one_channel(dtype: str) -> None:
    rng = np.random.default_rng(4)
    for draw in (plain, constant, quiet_beside_loud):
        check("conv", draw(rng, (1, 1, 40_000)).astype(dtype), positive(rng, (1, 1, 1025)).astype(dtype))


@pytest.fixture
def only_transforms(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: Any) -> None:
        raise AssertionError("done by direct sums")

    with monkeypatch.context() as patched:
        patched.setattr(direct, "run", refuse)
        yield


@pytest.mark.usefixtures("only_transforms")
@pytest.mark.parametrize(
    "draw", [plain, positive, constant, sparse, quiet_beside_loud, one_loud, loud_channels, nothing]
)
def test_usual_data_are_transformed(draw: Any) -> None:
    rng = np.random.default_rng(5)
    for weights in (plain, positive, silent_corner):
        check(
            "conv",
            draw(rng, (1, 3, 70, 80)).astype("f4"),
            weights(rng, (3, 1, 15, 15)).astype("f4"),
            groups=3,
            padding=7,
        )
        check("conv", draw(rng, (2, 1, 20_000)).astype("f4"), weights(rng, (1, 1, 513)).astype("f4"), padding=256)


@pytest.mark.usefixtures("only_transforms")
def test_a_smooth_input_under_weights_that_cancel_is_transformed() -> None:
    """The answer is next to nothing, but not the sum of magnitudes that the promise is made of."""
    line = np.sin(np.arange(5000) / 400).astype("f4").reshape(1, 1, -1)
    weights = np.diff(np.hanning(202)).astype("f4").reshape(1, 1, -1)
    check("conv", line, weights)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loud_value_that_meets_no_weight_does_no_harm(dtype: str) -> None:
    rng = np.random.default_rng(6)
    x, w = rng.random((1, 1, 2000)).astype(dtype), rng.random((1, 1, 200)).astype(dtype)
    x[..., 0], w[..., 0] = 2.0**60, 0
    check("conv", x, w)
    x[..., 0], w[..., 0], w[..., 1] = 0, 2.0**60, 0
    x[..., 1:1801] = 0
    check("conv", x, w)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loudest", [0.7, 1.0, 1.3])
@pytest.mark.parametrize("delay", [16833, 23745])
def test_roundings_of_a_loud_value_that_meets_no_weight_gather_nowhere(dtype: str, loudest: float, delay: int) -> None:
    """An impulse through a delay: its spectrum is roots of unity alone, whose roundings are no noise."""
    length, taps, quiet = 50_000, 30_000, loudest * 3.3e-3
    x, w = np.zeros((1, 1, length), dtype), np.zeros((1, 1, taps), dtype)
    x[..., 0], w[..., delay] = loudest, 0.98 / loudest
    outputs = length - 63
    x[..., outputs // 2 + delay] = quiet
    answer = run("conv", x, w, padding=((0, taps - 64),))[0, 0]
    right = np.zeros(outputs, np.longdouble)
    right[outputs // 2] = np.longdouble(x[0, 0, outputs // 2 + delay]) * np.longdouble(w[0, 0, delay])
    terms = np.minimum(taps, length - np.arange(outputs))
    assert (np.abs(answer - right) <= (terms + 2) * (np.finfo(dtype).eps / 2) * right.max()).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("quiet", np.geomspace(3e-7, 3e-5, 7))
def test_roundings_gather_in_no_frequency_that_a_kernel_makes_loud(dtype: str, quiet: float) -> None:
    """A pattern whose sum is zero, but rounded, again and again; and a constant kernel, which it never meets."""
    length, taps, loud, period, rng = 60_000, 50_000, 16_384, 8, np.random.default_rng(1)
    bits = 23 if dtype == "float32" else 52
    pattern = rng.integers(2 ** (bits - 1), 2**bits, period - 1) * np.resize([1, -1], period - 1)
    x, w = np.full((1, 1, length), quiet, dtype), np.zeros((1, 1, taps), dtype)
    x[..., :loud] = np.ldexp(np.tile([*pattern, -pattern.sum()], loud // period), -bits)
    w[..., loud:] = 1 - 2.0**-8
    answer = run("conv", x, w)[0, 0]
    right = (taps - loud) * np.longdouble(x[0, 0, -1]) * np.longdouble(w[0, 0, -1])
    assert (np.abs(answer - right) <= (taps + 2) * (np.finfo(dtype).eps / 2) * right).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("channels", "delay", "loud"), [(64, 384, 1.17), (128, 128, 0.92), (512, 384, 1.46)])
def test_roundings_of_sums_over_channels_that_are_copies_are_counted(
    dtype: str, channels: int, delay: int, loud: float
) -> None:
    """Each channel has a loud value that meets no weight, and their sum grows; one quiet value is all the answer."""
    length, taps = 1300, 600
    outputs = length - taps + 1
    for quiet in (0.006, 0.0086, 0.011):
        x, w = np.zeros((1, channels, length), dtype), np.zeros((1, channels, taps), dtype)
        x[..., 0], w[..., delay] = loud, 1
        x[0, 0, outputs // 2 + delay] = loud * quiet
        answer = run("conv", x, w)[0, 0]
        right = np.zeros(outputs, np.longdouble)
        right[outputs // 2] = x[0, 0, outputs // 2 + delay]
        bound = (channels * taps + 2) * (np.finfo(dtype).eps / 2) * right.max()
        assert (np.abs(answer - right) <= bound).all()


# The ends of the floats


@pytest.mark.parametrize(("dtype", "large"), [("float32", 1e38), ("float64", 1e308)])
def test_the_largest_floats_are_answered_where_they_fit(dtype: str, large: float) -> None:
    rng = np.random.default_rng(7)
    x = (large * rng.choice([-1.0, 1.0, 0.5], (1, 1, 3000))).astype(dtype)
    w = np.zeros((1, 1, 257), dtype)
    w[0, 0, [3, 77, 200]] = [1, -0.25, 0.25]
    check("conv", x, w)
    x, w = np.zeros((1, 1, 400), dtype), np.ones((1, 1, 64), dtype)
    x[..., ::100] = dtype_max(dtype)
    check("conv", x, w, padding=63)


def dtype_max(dtype: str) -> Any:
    return np.finfo(dtype).max


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_answer_that_does_not_fit_is_not_finite(dtype: str) -> None:
    x, w = np.full((1, 1, 500), dtype_max(dtype) / 10), np.ones((1, 1, 100), dtype)
    answer = run("conv", x.astype(dtype), w)
    assert not np.isfinite(answer).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_bias_brings_a_sum_that_is_too_large_back(dtype: str) -> None:
    x, w = np.full((1, 1, 500), dtype_max(dtype) / 80, dtype), np.ones((1, 1, 100), dtype)
    check("conv", x, w, np.array([-dtype_max(dtype) / 2]))


@pytest.mark.parametrize(("dtype", "small"), [("float32", 1e-38), ("float64", 1e-308)])
@pytest.mark.parametrize("weight", [1.0, 1e10, 1e-3])
def test_the_smallest_floats_keep_their_digits(dtype: str, small: float, weight: float) -> None:
    rng = np.random.default_rng(8)
    x = (small * rng.standard_normal((1, 1, 2000))).astype(dtype)
    w = (weight * rng.standard_normal((1, 1, 200))).astype(dtype)
    least = float(np.finfo(dtype).smallest_subnormal)  # between two such numbers there is nothing
    check("conv", x, w, spare=least)
    check("conv", x / 2**20, w, spare=least)
    check("conv", w, x[..., :200], spare=least)


def test_large_times_small_passes_through_no_extreme() -> None:
    rng = np.random.default_rng(9)
    x, w = rng.standard_normal((1, 1, 2000)), rng.standard_normal((1, 1, 200))
    check("conv", (x * 1e37).astype("f4"), (w * 1e-38).astype("f4"))
    check("conv", x * 1e300, w * 1e-300)


# How it is cut


@pytest.mark.parametrize("name", ["row, same", "dense", "depthwise", "volume", "transposed picture"])
def test_threads_change_no_bit(name: str) -> None:
    op, x_shape, w_shape, options = CASES[name]
    rng, threads = np.random.default_rng(10), team.size
    x, w = plain(rng, x_shape).astype("f4"), plain(rng, w_shape).astype("f4")
    try:
        answers = []
        for size in (1, 2, 3):
            team.resize(size)
            answers.append(run(op, x, w, **options).tobytes())
    finally:
        team.resize(threads)
    assert len(set(answers)) == 1


@pytest.mark.parametrize(("name", "room"), [("dense", 100_000), ("groups", 30_000), ("depthwise", 10_000)])
def test_spectra_that_do_not_fit_at_once_are_made_in_turn(
    name: str, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    op, x_shape, w_shape, options = CASES[name]
    rng = np.random.default_rng(11)
    x, w = plain(rng, x_shape).astype("f4"), plain(rng, w_shape).astype("f4")
    at_once = run(op, x, w, **options)
    monkeypatch.setattr(blocks, "SPECTRA_BYTES", room)
    blocks.blocks_of.cache_clear()
    try:
        problem = problem_of(op, x_shape, w_shape, False, options)
        axes = axes_of(problem)
        assert fourier.effort(problem, axes, x.dtype).alone["calls"] > 1
        np.testing.assert_allclose(run(op, x, w, **options), at_once, atol=1e-4 * np.abs(at_once).max())
        check(op, x, w, **options)
    finally:
        blocks.blocks_of.cache_clear()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_workspace_is_bounded(name: str, dtype: str) -> None:
    op, x_shape, w_shape, options = CASES[name]
    problem = problem_of(op, x_shape, w_shape, False, options)
    each = (fourier.workspace(problem, axes_of(problem), np.dtype(dtype)) - problem.kernel_elements * 8) / 2**20
    assert 0 < each < 9 + 7 * team.size


def test_it_fits_neither_whole_numbers_nor_small_kernels_nor_kernels_beyond_memory() -> None:
    def fits(x: Shape, w: Shape, dtype: str = "float32") -> bool:
        problem = problem_of("conv", x, w, False, {})
        return fourier.fits(problem, axes_of(problem), np.dtype(dtype))

    assert fits((1, 1, 3000), (1, 1, 100))
    assert not fits((1, 1, 3000), (1, 1, 100), "int64")
    assert not fits((1, 1, 3000), (1, 1, 50))
    assert fits((1, 1, 300_000), (1, 1, 50_000))
    assert not fits((1, 1, 3_000_000), (1, 1, 1_000_000))


@pytest.mark.parametrize("multiple", [1, 8, 64])
def test_lengths_have_small_factors_and_reach_what_is_asked(multiple: int) -> None:
    for least, most in ((1, 1), (17, 100), (90, 96), (97, 97), (130, 5000)):
        found = lengths_within(least, max(least, most), multiple)
        assert found == sorted(set(found))
        assert found[0] >= least
        assert found[-1] >= most > (found[-2] if len(found) > 1 else 0)
        for length in found:
            assert length % multiple == 0
            assert 6 ** math.ceil(math.log2(length)) % length == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_weights_of_a_phase_are_as_kernels_take_them(channels: int) -> None:
    """Without gaps and in order: for another layout they would be compiled anew."""
    problem = problem_of("conv_transpose", (1, channels, 9, 9), (channels, 2, 5, 6), False, {"stride": (1, 2)})
    w = np.random.default_rng(0).standard_normal((2, channels, 1, 5, 6))
    phases = phases_of(axes_of(problem), w, 1)
    assert len(phases) == 2
    for phase in phases:
        assert phase.weights.flags.c_contiguous
        assert np.array_equal(phase.weights.reshape(2, channels, 5, 3), w[:, :, 0, :, phase.index[2] :: 2])
