"""Every algorithm over random settings of everything, whether or not the plan would take it there."""

from __future__ import annotations

import pkgutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given

from app.core import algorithms
from app.core.algorithms import ALGORITHMS, Algorithm
from app.core.algorithms.channelwise.tables import cut_of, goes_by_lines
from app.core.algorithms.taps import axes_of
from app.core.board import SIZE, new_board, serve
from app.core.checks import describe
from app.core.execute import execute
from app.core.parallel import Signal, team
from app.core.plan import Plan, plan_of
from app.core.problem import Setting
from tests.core import tap_sums
from tests.core.alone import problem_of
from tests.core.fitting import KINDS, cases_for
from tests.core.strategies import OPS, Array, Case, Numbers, Op, examples

ALL = [(op, algorithm.name) for op in OPS for algorithm in ALGORITHMS[op]]
#: Those whose sums of whole numbers are exact; the others have tests of their own.
SUMMING = [(op, algorithm.name) for op in OPS for algorithm in ALGORITHMS[op] if algorithm.sums_products]


def frozen(value: Any) -> Any:
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def plan_for(case: Case, x: Array, w: Array, bias: Array | None, name: str) -> Plan | None:
    """The case's plan with this algorithm; None where it does not fit."""
    setting = Setting(
        case.op,
        x.shape[2:],
        w.shape[2:],
        batch=x.shape[0],
        in_channels=x.shape[1],
        kernel_channels=(w.shape[0], w.shape[1]),
        bias=False if bias is None else bias.shape,
        **{option: frozen(value) for option, value in case.options.items()},
    )
    plan = plan_of(describe(setting), x.dtype)
    algorithm = next(algorithm for algorithm in ALGORITHMS[case.op] if algorithm.name == name)
    fits = algorithm.fits(plan.problem, plan.axes, x.dtype)
    return replace(plan, algorithm=algorithm) if fits else None


@pytest.mark.parametrize(("op", "name"), SUMMING)
@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
def test_it_is_exact_on_whole_numbers(op: Op, name: str, dtype: Literal["int64", "float32", "float64"]) -> None:
    """Small whole numbers are exact in floats too, in whichever order they are summed."""
    ran = 0

    @given(cases_for(op, name))
    @examples(80 if (op, name) in KINDS else 150)
    def check(case: Case) -> None:
        nonlocal ran
        x, w, bias = case.arrays(Numbers("int64"))
        x, w, bias = x % 64, w % 64, None if bias is None else bias % 64
        cast = (x.astype(dtype), w.astype(dtype), None if bias is None else bias.astype(dtype))
        plan = plan_for(case, *cast, name)
        if plan is None:
            return
        ran += 1
        right = tap_sums.sums(plan.problem, x, w, bias) if (op, name) in KINDS else case.sums(x, w, bias)
        assert execute(plan, *cast).tolist() == right.value.tolist()

    check()
    assert ran >= 50


@pytest.mark.parametrize(("op", "name"), ALL)
def test_parts_change_no_bit_in_whatever_order(op: Op, name: str) -> None:
    """Threads do them side by side: none may need, or write, what another one writes."""
    ran = 0

    @given(cases_for(op, name))
    @examples(60)
    def check(case: Case) -> None:
        nonlocal ran
        x, w, bias = case.arrays(Numbers("float32"))
        plan = plan_for(case, x, w, bias, name)
        if plan is not None:
            ran += 1
            usual = execute(plan, x, w, bias)
            with backwards():
                assert execute(plan, x, w, bias).tobytes() == usual.tobytes()

    check()
    assert ran >= 20 or (op, name) not in SUMMING


@contextmanager
def backwards() -> Iterator[None]:
    """All algorithms do their tasks one by one: this thread from the first on, another from the last."""
    board, signal, ended = new_board(), Signal(), threading.Event()
    board[SIZE] = 2

    def help_out() -> None:
        while not ended.is_set():
            serve(board, 1, 20_000)  # some ten milliseconds: it watches nearly always

    def run(kernel: Callable[..., int], count: int, _work: int, *arguments: Any) -> bool:
        return not kernel(board, 2, signal.address, True, count, 1, 1, *arguments)

    names = [found.name for found in pkgutil.iter_modules(algorithms.__path__, algorithms.__name__ + ".")]
    size, helper = team.size, threading.Thread(target=help_out)
    team.resize(2)
    helper.start()
    try:
        with pytest.MonkeyPatch.context() as patched:
            for module in map(import_module, names):
                patched.setattr(module, "run_parted", run, raising=False)
            yield
    finally:
        ended.set()
        helper.join()
        team.resize(size)


#: Those that few random settings are for, with shapes that they are for: input, kernel, options.
PARTICULAR: dict[str, list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]]] = {
    "rows": [
        ((2, 3, 21, 70), (6, 1, 3, 3), {"groups": 3, "padding": 1}),
        ((1, 2, 9, 33), (5, 2, 5, 4), {"stride": 2, "padding": ((2, 1), (0, 3))}),
        ((1, 1, 6, 11, 40), (2, 1, 2, 7, 9), {"padding": (1, 3, 4), "flip_kernel": True}),
        ((1, 4, 7, 7), (4, 1, 7, 7), {"groups": 4, "padding": 3}),
        # Tall blocks, of a vector and of half a one.
        ((1, 2, 20, 13), (2, 2, 5, 4), {"padding": (2, 1)}),
        ((2, 3, 14, 14), (3, 1, 5, 5), {"groups": 3, "stride": 2, "padding": 2}),
        ((1, 2, 13, 7), (2, 1, 3, 3), {"groups": 2, "stride": 2, "padding": 1}),
        ((1, 1, 27, 15), (2, 1, 7, 4), {"stride": 2, "padding": ((3, 2), (0, 3))}),
        ((1, 1, 15, 16), (1, 1, 3, 5), {"padding": 2, "padding_mode": "reflect"}),
        ((1, 1, 40, 130), (1, 1, 3, 3), {"stride": 2}),
    ],
    "channelwise": [
        # Read as they lie, but for the last groups; a step of one, two, four, and those that are picked.
        ((2, 5, 9, 33), (5, 1, 4, 2), {"groups": 5}),
        ((1, 3, 20), (3, 1, 4), {"groups": 3, "padding": ((3, 0),)}),
        ((2, 3, 15, 15), (3, 1, 2, 2), {"groups": 3, "padding": 1, "stride": 2}),
        ((1, 6, 21, 40), (4, 3, 5, 9), {"groups": 2, "padding": (2, 4), "stride": (1, 4)}),
        ((1, 4, 33, 31), (8, 2, 3, 11), {"groups": 2, "padding": (1, 5), "stride": 5, "dilation": (1, 2)}),
        # Lines share all their zeros; some meet no window; more lines than are summed at once.
        ((1, 4, 14, 14), (4, 1, 27, 27), {"groups": 4, "padding": 13, "flip_kernel": True}),
        ((1, 2, 70), (2, 1, 181), {"groups": 2, "padding": 90}),
        ((1, 2, 3, 70), (2, 1, 1, 31), {"groups": 2, "padding": (0, 45), "dilation": (1, 3)}),
        ((3, 2, 13, 9), (4, 1, 2, 2), {"groups": 2, "stride": (6, 3)}),
        ((1, 2, 90, 70), (2, 1, 2, 5), {"groups": 2, "padding": (1, 2)}),
        ((2, 2, 5, 9, 7), (2, 1, 2, 3, 4), {"groups": 2, "padding": (0, 1, 2), "dilation": (2, 1, 1)}),
    ],
    "channelwise, by lines": [
        # Kernels of many lines: a line that is not full, two vectors and one, columns apart, inputs as they lie.
        ((2, 2, 19, 17), (2, 1, 13, 13), {"groups": 2, "padding": 6}),
        ((1, 4, 22, 40), (4, 2, 9, 3), {"groups": 2, "padding": ((4, 4), (2, 2)), "dilation": (1, 2)}),
        ((1, 3, 30, 36), (3, 1, 11, 5), {"groups": 3}),
        ((1, 2, 3, 33), (4, 1, 12, 1), {"groups": 2, "padding": ((11, 8), (0, 0))}),
        ((1, 2, 2, 31, 28), (2, 1, 1, 12, 7), {"groups": 2, "padding": (0, 3, 0)}),
    ],
    "channelwise, transposed": [
        # Two phases woven, and phases apart; more planes than there are inputs, which are not read as they lie.
        ((2, 3, 7, 16), (3, 1, 4, 4), {"groups": 3, "stride": 2, "padding": 1}),
        ((1, 4, 6, 5), (4, 3, 5, 7), {"groups": 2, "stride": (1, 3), "padding": 2}),
        ((1, 18, 5, 5, 4), (18, 1, 7, 7, 1), {"groups": 9, "stride": 7, "padding": (3, 6, 0)}),
        ((1, 2, 9, 3), (2, 2, 2, 3), {"groups": 2, "stride": 2, "dilation": 3, "flip_kernel": True}),
        ((1, 6, 16, 13), (6, 2, 11, 11), {"groups": 2, "flip_kernel": True}),
    ],
    "channels_last": [
        # Each line of outputs is a class of its own, some meet nothing; groups that are no whole number of vectors.
        ((2, 19, 7, 7), (19, 1, 7, 7), {"groups": 19, "padding": 3}),
        ((1, 32, 11, 13), (16, 2, 3, 5), {"groups": 16, "padding": ((4, 0), (1, 2))}),
        ((1, 34, 9, 5), (51, 2, 3, 2), {"groups": 17, "padding": (1, 0), "stride": 2, "flip_kernel": True}),
        # Fewer inputs than a vector has elements; outputs that meet none; inputs that no window meets.
        ((3, 16, 2, 3), (16, 1, 2, 2), {"groups": 16, "padding": ((5, 0), (0, 2))}),
        ((2, 20, 11, 10), (20, 1, 1, 2), {"groups": 20, "stride": 4}),
        # One dimension, and three.
        ((1, 20, 50), (40, 1, 9), {"groups": 20, "padding": ((8, 3),)}),
        ((1, 16, 3, 6, 5), (16, 1, 2, 3, 3), {"groups": 16, "padding": 1, "dilation": (1, 2, 1), "stride": (1, 1, 2)}),
    ],
    "channels_last, transposed": [
        ((2, 17, 5, 4), (17, 1, 4, 4), {"groups": 17, "stride": 2, "padding": 1}),
        # Outputs between the phases; weights apart, more padding than the kernel reaches.
        ((1, 32, 3, 3), (32, 3, 2, 2), {"groups": 16, "stride": 3}),
        ((2, 32, 6), (32, 2, 5), {"groups": 16, "stride": 3, "dilation": 2, "output_padding": 2, "flip_kernel": True}),
        ((1, 16, 2, 3, 4), (16, 1, 3, 2, 3), {"groups": 16, "stride": (2, 1, 2), "padding": (1, 0, 2)}),
    ],
    "blocked": [
        # Every border has taps of its own; channels that are no whole number of vectors; one vector, two, and one more.
        ((2, 5, 7, 7), (35, 5, 3, 3), {"padding": 1}),
        ((1, 6, 9, 12), (40, 3, 3, 2), {"groups": 2, "padding": ((1, 0), (2, 1)), "stride": 2, "flip_kernel": True}),
        ((1, 2, 25, 25), (16, 2, 3, 3), {"padding": 12, "dilation": 12}),
        # Outputs that meet no input; runs across lines; several strips, of a line and of a volume.
        ((3, 2, 6, 3), (33, 2, 2, 2), {"padding": ((7, 0), (0, 4)), "stride": (3, 1)}),
        ((1, 3, 40, 3), (16, 3, 3, 3), {}),
        ((1, 4, 700), (50, 4, 5), {"stride": 2, "padding": ((4, 1),)}),
        ((1, 3, 5, 9, 17), (17, 3, 3, 1, 3), {"padding": (1, 0, 1), "dilation": (2, 1, 1)}),
    ],
    "blocked, transposed": [
        ((2, 5, 6, 5), (5, 20, 4, 4), {"stride": 2, "padding": 1}),
        # Outputs between the phases, which have no inputs; a weight more than a vector has elements.
        ((1, 6, 3, 4), (6, 33, 2, 2), {"stride": 3, "groups": 2}),
        ((2, 3, 40), (3, 16, 17), {"stride": 8, "padding": 4, "output_padding": 5, "flip_kernel": True}),
        ((1, 2, 3, 4, 5), (2, 40, 3, 3, 2), {"stride": (2, 1, 2), "padding": (1, 2, 0), "dilation": (1, 2, 1)}),
    ],
    "masked": [
        # Tiles end inside lines; taps that meet padding alone are left out; planes of one tile that hold two vectors.
        ((2, 3, 14, 14), (8, 3, 3, 3), {"padding": 1}),
        ((1, 4, 25, 25), (20, 2, 3, 3), {"groups": 2, "padding": 12, "dilation": 12}),
        ((1, 3, 5, 8), (5, 3, 3, 5), {"padding": (1, 2), "flip_kernel": True}),
        ((3, 2, 17, 19), (9, 2, 1, 7), {"padding": (0, 3)}),
        ((2, 6, 5, 6, 7), (24, 3, 3, 3, 3), {"groups": 2, "padding": 1}),
        # More padding on one side, kernels that meet no input at all, a line with dilation, several strips.
        ((1, 2, 70), (13, 2, 5), {"padding": ((8, 0),), "dilation": 2}),
        ((1, 2, 48, 16), (4, 2, 3, 1), {"padding": ((94, 0), (0, 0)), "dilation": (47, 1)}),
        ((1, 2, 1, 20), (4, 2, 2, 1), {"padding": (1, 0), "dilation": (2, 1)}),
        ((1, 5, 40, 41), (6, 5, 5, 5), {"padding": 2}),
    ],
    # Wide dilation: lines by the taps that they need, and a plane for each tap along a line; lines without a gap.
    "tiles": [
        ((2, 5, 25, 25), (40, 5, 3, 3), {"padding": 12, "dilation": 12}),
        # Samples side by side: inputs as they lie, windows that move by two, several boxes of samples.
        ((5, 20, 5, 5), (70, 20, 1, 1), {}),
        ((3, 6, 9, 9), (40, 6, 3, 3), {"stride": 2, "padding": 1}),
        ((9, 130, 7, 6), (132, 65, 3, 3), {"padding": 1, "groups": 2, "padding_mode": "reflect"}),
        ((7, 3, 21), (40, 3, 5), {"padding": 2}),
        # Inputs as they lie, in boxes that are narrower than a tile, which then begins in the box before.
        ((1, 8192, 10, 10), (9, 8192, 1, 1), {}),
        # Padding that is reflected further than a line is long, where windows skip it.
        ((1, 2, 17, 3), (33, 2, 7, 7), {"stride": 5, "padding": (6, 2), "padding_mode": "reflect"}),
        # Outputs at the end of a row, one by one.
        ((1, 70, 7, 7), (20, 70, 1, 1), {}),
        ((2, 132, 14, 14), (18, 66, 1, 1), {"groups": 2}),
        ((1, 64, 3, 6, 1), (5, 64, 1, 1, 1), {}),
        # Tiles begin in lines between two samples, or two slabs, which are no outputs.
        ((2, 36, 13, 31), (9, 36, 5, 5), {"padding": 2}),
        ((1, 5, 3, 9, 31), (9, 5, 3, 5, 5), {"padding": (1, 2, 2)}),
        ((1, 3, 17, 19), (40, 3, 3, 3), {"padding": (20, 18), "dilation": (8, 9), "stride": (2, 1)}),
        ((3, 4, 17, 19), (66, 2, 5, 3), {"padding": 8, "dilation": 4, "groups": 2, "flip_kernel": True}),
        ((1, 2, 14, 14), (33, 2, 3, 3), {"padding": 30, "dilation": 2}),
        ((1, 2, 14, 14), (33, 2, 3, 5), {"padding": (0, 6), "dilation": (1, 3), "padding_mode": "circular"}),
        ((2, 2, 4, 13, 15), (33, 2, 3, 3, 3), {"padding": (1, 6, 7), "dilation": (1, 6, 7)}),
        ((2, 3, 64, 64), (20, 3, 4, 4), {"stride": 4}),
        ((2, 3, 8, 12, 16), (20, 3, 2, 2, 2), {"stride": 2}),
    ],
    "polyphase_tiles": [
        ((5, 20, 4, 4), (20, 33, 4, 4), {"stride": 2, "padding": 1}),
        ((1, 2, 6, 10, 6), (2, 20, 2, 2, 2), {"stride": (1, 1, 3), "dilation": (1, 2, 1)}),
        ((2, 4, 25, 9), (4, 33, 3, 3), {"padding": (12, 2), "dilation": (12, 1), "stride": (1, 4)}),
        ((2, 4, 20, 20), (4, 17, 3, 3), {"padding": 8, "dilation": 8, "groups": 2, "flip_kernel": True}),
    ],
    "col2im": [
        # Places that meet, in some units of channels; each output once; an input alone; windows apart, and outside.
        ((2, 9, 6, 5), (9, 100, 5, 5), {"stride": 2, "padding": 2, "output_padding": 1}),
        ((3, 6, 7, 9), (6, 35, 2, 2), {"groups": 2, "stride": 2}),
        ((1, 5, 2, 3, 4), (5, 13, 2, 3, 2), {"stride": (2, 3, 2)}),
        ((9, 20, 1, 1), (20, 17, 4, 4), {}),
        ((1, 4, 5, 3), (4, 70, 3, 2), {"stride": (5, 3), "padding": (1, 0), "dilation": (1, 4), "flip_kernel": True}),
        ((1, 3, 14), (3, 2, 9), {"padding": 8}),
        # One output channel, in sections of a stride: that overlap, that meet each output once, flipped, turned.
        ((2, 24, 21), (24, 1, 400), {"stride": 110, "padding": 3}),
        ((1, 9, 11), (9, 1, 256), {"stride": 256}),
        ((1, 9, 7), (9, 1, 301), {"stride": 299, "output_padding": 90, "flip_kernel": True}),
        ((3, 7, 9, 1), (7, 1, 333, 1), {"stride": (128, 1)}),
        ((1, 5, 30), (5, 1, 300), {"stride": 128, "dilation": 3}),
    ],
    "dots": [
        ((1, 130, 4, 4), (19, 130, 3, 3), {"padding": 1}),
        ((5, 67, 1, 1), (9, 67, 1, 1), {}),
        ((2, 40, 7, 5), (8, 40, 3, 2), {"stride": (2, 3), "dilation": (1, 2), "flip_kernel": True}),
        ((2, 30, 6), (11, 30, 4), {"padding": 2, "padding_mode": "circular"}),
        ((1, 16, 3, 4, 3), (17, 16, 2, 2, 2), {"padding": 1}),
        # Samples as they lie, and such that do not, as their taps are in another order.
        ((4, 7, 3, 5), (9, 7, 3, 5), {}),
        ((2, 7, 3, 5), (3, 7, 3, 5), {"flip_kernel": True}),
        ((2, 32, 3, 1), (5, 32, 3, 1), {"dilation": (1, 4)}),
        ((3, 9, 4, 4), (3, 9, 4, 4), {"stride": 3}),
    ],
}


def particular(name: str) -> tuple[Op, Algorithm]:
    """The operation and the algorithm of an entry."""
    op: Op = "conv_transpose" if name.endswith("transposed") or name in {"polyphase_tiles", "col2im"} else "conv"
    return op, next(algorithm for algorithm in ALGORITHMS[op] if algorithm.name == name.split(",", maxsplit=1)[0])


@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
@pytest.mark.parametrize("name", PARTICULAR)
def test_it_is_exact_where_it_is_for(name: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    op, algorithm = particular(name)
    for x_shape, w_shape, options in PARTICULAR[name]:
        x, w = rng.integers(-9, 10, x_shape), rng.integers(-9, 10, w_shape)
        bias = rng.integers(-9, 10, w_shape[0] if op == "conv" else w_shape[1] * options.get("groups", 1))
        problem = problem_of(op, x_shape, w_shape, True, options)
        plan = plan_of(problem, np.dtype(dtype))
        assert algorithm.fits(problem, plan.axes, np.dtype(dtype))
        output = execute(replace(plan, algorithm=algorithm), x.astype(dtype), w.astype(dtype), bias.astype(dtype))
        right = tap_sums.sums(problem, x.astype(np.float64), w.astype(np.float64), bias.astype(np.float64)).value
        assert output.tolist() == right.tolist()


@pytest.mark.parametrize(("op", "name"), ALL)
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_threads_change_no_bit(op: Op, name: str, dtype: str) -> None:
    rng, threads = np.random.default_rng(1), team.size
    setting = Setting(op, (70, 90), 3, in_channels=32, kernel_channels=(32, 32), padding=1, batch=2)
    x, w = (rng.integers(-999, 999, shape).astype(dtype) / (1 if dtype == "int64" else 7) for shape in SHAPES)
    plan = plan_of(describe(setting), np.dtype(dtype))
    algorithm = next(algorithm for algorithm in ALGORITHMS[op] if algorithm.name == name)
    if not algorithm.fits(plan.problem, plan.axes, plan_dtype := np.dtype(dtype)):
        assert plan_dtype.kind == "i" or name in PARTICULAR
        return
    outputs = []
    try:
        for size in (1, 2, 3):
            team.resize(size)
            outputs.append(execute(replace(plan, algorithm=algorithm), x.astype(dtype), w.astype(dtype)).tobytes())
    finally:
        team.resize(threads)
    assert len(set(outputs)) == 1


def test_kernels_of_many_lines_go_by_lines() -> None:
    for x_shape, w_shape, options in PARTICULAR["channelwise, by lines"]:
        problem = problem_of("conv", x_shape, w_shape, False, options)
        assert goes_by_lines(axes_of(problem), cut_of(problem), 8)


@pytest.mark.parametrize("name", PARTICULAR)
def test_threads_change_no_bit_where_it_is_for(name: str) -> None:
    """However many they are, the same is summed in the same order."""
    rng, threads, (op, algorithm) = np.random.default_rng(2), team.size, particular(name)
    try:
        for x_shape, w_shape, options in PARTICULAR[name]:
            x, w = (rng.normal(size=shape).astype(np.float32) for shape in (x_shape, w_shape))
            plan, outputs = plan_of(problem_of(op, x_shape, w_shape, False, options), x.dtype), []
            for size in (1, 2, 3):
                team.resize(size)
                outputs.append(execute(replace(plan, algorithm=algorithm), x, w).tobytes())
            assert len(set(outputs)) == 1
    finally:
        team.resize(threads)


@pytest.mark.parametrize("algorithm", ["direct", "tiles", "dots", "channelwise", "channels_last", "blocked"])
@pytest.mark.parametrize("op", OPS)
def test_taps_far_beyond_the_input_read_nothing(op: Op, algorithm: str) -> None:
    """Masks count in 32 bits: an algorithm that has them leaves to others what is further away."""
    far = 2**32
    if op == "conv":
        options: dict[str, Any] = {"padding": ((0, 0), (far, 5)), "stride": (1, far), "groups": 1}
        x, w = np.ones((1, 150, 3, 14), np.float32), np.ones((2, 150, 1, 2), np.float32)
        right = np.broadcast_to(np.array([0, 300]), (1, 2, 3, 2))  # the first window meets padding alone
    else:
        options = {"padding": ((0, 0), (far, 0)), "dilation": (1, 2 * far), "output_padding": (0, far), "groups": 64}
        x, w = np.ones((1, 64, 14, 14), np.float32), np.ones((64, 1, 1, 1), np.float32)
        right = np.zeros((1, 64, 14, 14))  # what is left of the full map is its output padding
    problem = problem_of(op, x.shape, w.shape, False, options)
    plan = plan_of(problem, x.dtype)
    for one in ALGORITHMS[op]:
        if one.name.endswith(algorithm) and one.fits(problem, plan.axes, x.dtype):
            plan = replace(plan, algorithm=one)
    assert execute(plan, x, w).tolist() == right.tolist()


def test_threads_change_no_bit_at_the_end_of_a_row() -> None:
    """Some outputs there are summed in another order than the rest: always the same ones."""
    rng, threads = np.random.default_rng(1), team.size
    w = rng.normal(size=(72, 200, 1)).astype(np.float32)
    try:
        for length in (49, 100, 196, 340, 383, 385, 401, 785):
            x, outputs = rng.normal(size=(1, 200, length)).astype(np.float32), []
            plan = plan_of(problem_of("conv", x.shape, w.shape, False, {}), x.dtype)
            tiles = next(algorithm for algorithm in ALGORITHMS["conv"] if algorithm.name == "tiles")
            for size in (1, 2, 3, 8):
                team.resize(size)
                outputs.append(execute(replace(plan, algorithm=tiles), x, w).tobytes())
            assert len(set(outputs)) == 1
    finally:
        team.resize(threads)


SHAPES = ((2, 32, 70, 90), (32, 32, 3, 3))
