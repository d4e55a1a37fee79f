"""What algorithms work out from shapes, `blocked` above all: within bounds, for whatever a client sends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from app.core.algorithms import ALGORITHMS, blocked, channels_last, channelwise, tiles
from app.core.algorithms.blocked import sums as blocked_sums
from app.core.algorithms.blocked import tables as blocked_tables
from app.core.algorithms.boxes import tables as boxes_tables
from app.core.algorithms.channels_last import tables as channels_last_tables
from app.core.algorithms.channelwise import tables as channelwise_tables
from app.core.algorithms.classes import classes_of, most_classes
from app.core.algorithms.taps import axes_of
from app.core.algorithms.vectors.simd import VECTOR
from app.core.errors import OverflowingError
from app.core.execute import execute
from app.core.geometry import Op
from app.core.parallel import team
from app.core.plan import plan_of
from app.core.problem import OPS, Problem
from tests.core import tap_sums
from tests.core.alone import problem_of
from tests.core.traced import peak_bytes

#: What makes their tables, and keeps none.
MAKE: dict[ModuleType, Callable[[Problem, int], object]] = {
    blocked: blocked_tables._tables,
    channels_last: channels_last_tables.tables_of.__wrapped__,
    channelwise: channelwise_tables._groups,
    tiles: lambda problem, itemsize: boxes_tables._boxes(problem, itemsize, False, team.size),
}

#: Shapes with tables as large as any: input, kernel, options.
CORNERS: list[tuple[ModuleType, str, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    (channels_last, "conv", (1, 32, 8017), (32, 1, 4000), {"groups": 32}),
    (channels_last, "conv", (1, 16, 3857), (16, 1, 274), {"groups": 16, "padding": ((90, 81),)}),
    (channels_last, "conv", (1, 16, 78, 78), (16, 1, 13, 13), {"groups": 16, "padding": 6}),
    (channels_last, "conv_transpose", (1, 16, 21, 3), (16, 1, 22, 1), {"groups": 16}),
    (channels_last, "conv_transpose", (1, 16, 2216), (16, 1, 650), {"groups": 16}),
    (blocked, "conv", (1, 3, 8071), (48, 1, 72), {"groups": 3}),
    (blocked, "conv", (1, 16, 24, 24, 24), (16, 16, 3, 3, 3), {"padding": 1}),
    (blocked, "conv_transpose", (1, 1, 650), (1, 16, 70), {"dilation": 149}),
    (blocked, "conv_transpose", (1, 4, 4485), (4, 16, 80), {"dilation": 22}),
    (blocked, "conv", (1, 3, 8, 112, 112), (64, 3, 7, 7, 7), {"stride": 2, "padding": 3}),
    (blocked, "conv", (1, 1, 30, 30), (16, 1, 16, 15), {"padding": 7}),
    (blocked, "conv", (60, 16, 2, 2), (80, 16, 3, 3), {"padding": 1}),
    (blocked, "conv", (12, 16, 3, 4, 2), (80, 16, 3, 3, 3), {"padding": 1}),
    (blocked, "conv_transpose", (1, 1, 1053), (1, 16, 77), {"stride": 6, "dilation": 3}),
    (channelwise, "conv_transpose", (1, 1, 6, 6), (1, 1, 32, 32), {"stride": 32}),
    (channelwise, "conv_transpose", (1, 2, 5, 6), (2, 1, 40, 80), {"stride": (10, 40)}),
    (channelwise, "conv", (1, 8, 30, 30), (8, 1, 31, 31), {"groups": 8, "padding": 15}),
    (tiles, "conv_transpose", (1, 4, 6, 6), (4, 1, 30, 34), {"stride": (30, 34)}),
    (tiles, "conv_transpose", (1, 64, 4, 4, 4), (64, 2, 12, 12, 12), {"stride": 8}),
    (tiles, "conv", (1, 64, 16, 16), (4, 64, 11, 11), {"padding": 5}),
]


@pytest.mark.parametrize(("module", "op", "x", "w", "options"), CORNERS)
def test_tables_take_no_more_memory_than_is_counted(
    module: ModuleType, op: Any, x: tuple[int, ...], w: tuple[int, ...], options: dict[str, Any]
) -> None:
    problem = problem_of(op, x, w, False, options)
    axes, dtype = axes_of(problem), np.dtype(np.float32)
    assert module.fits(problem, axes, dtype)
    taken = peak_bytes(lambda: MAKE[module](problem, dtype.itemsize))
    assert taken <= module.workspace(problem, axes, dtype) - team.size * _of_thread(module, problem, dtype)


def _of_thread(module: ModuleType, problem: Problem, dtype: np.dtype[Any]) -> int:
    """Bytes of a thread's own memory at least."""
    if module is channels_last:
        return sum(channels_last_tables.memory_of(problem, axes_of(problem), VECTOR // dtype.itemsize)) * dtype.itemsize
    if module is channelwise:
        axes, cut = axes_of(problem), channelwise_tables.cut_of(problem)
        by_lines = channelwise_tables.goes_by_lines(axes, cut, dtype.itemsize)
        return sum(channelwise_tables.memory_of(cut, dtype.itemsize, by_lines=by_lines)) * dtype.itemsize
    if module is tiles:
        return boxes_tables.cut_of(problem, dtype.itemsize, team.size).laid * dtype.itemsize
    abreast = blocked_tables.way_of(problem, VECTOR // dtype.itemsize).abreast
    return blocked_tables.weights_of(problem, VECTOR // dtype.itemsize) * abreast * VECTOR


def test_a_large_plane_of_which_little_is_looked_at_is_left_to_others() -> None:
    """Tables tell of each input, and are kept."""
    problem = problem_of("conv", (1, 16, 2**22), (16, 1, 3), False, {"groups": 16, "stride": 2**22})
    assert not channels_last.fits(problem, axes_of(problem), np.dtype(np.float32))


@pytest.mark.parametrize(
    "options", [{"padding": 3}, {"padding": 9, "dilation": 4, "stride": 3}, {"padding": 12, "dilation": 6}]
)
def test_classes_are_the_outputs_that_meet_the_same_taps(options: dict[str, Any]) -> None:
    for op in ("conv", "conv_transpose"):
        problem = problem_of(op, (1, 1, 17), (1, 1, 5), False, options if op == "conv" else {**options, "padding": 1})
        axis = axes_of(problem)[2]
        met = {}
        for q in range(axis.counts.phases):
            for m in range(axis.positions(q)):
                looks = axis.shifts(q) + m * axis.in_step
                if inside := tuple(axis.taps(q)[(looks >= 0) & (looks < axis.input)].tolist()):
                    met[int(axis.residues[q]) + m * axis.out_step] = inside
        found = classes_of(axis, 0, apart=True)
        assert {int(o): tuple(own.taps.tolist()) for own in found for o in own.outputs} == met
        assert len(found) <= most_classes(axis)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("kernel", [(1,), (2,), (3,), (4,), (2, 2), (2, 4), (2, 2, 2), (3, 3), (4, 4)])
def test_transposed_kernels_of_few_taps_and_of_more(kernel: tuple[int, ...], dtype: str) -> None:
    """Output channels of a group end within a vector, and the weights of the last one are those of the memory's end."""
    rng = np.random.default_rng(6)
    x, w = rng.integers(-9, 10, (2, 6, *[3] * len(kernel))), rng.integers(-9, 10, (6, 19, *kernel))
    problem = problem_of("conv_transpose", x.shape, w.shape, False, {"groups": 2, "stride": 2})
    algorithm = next(one for one in ALGORITHMS["conv_transpose"] if one.name == "blocked")
    plan = replace(plan_of(problem, np.dtype(dtype)), algorithm=algorithm)
    assert algorithm.fits(problem, plan.axes, np.dtype(dtype))
    output = execute(plan, x.astype(dtype), w.astype(dtype))
    assert output.tolist() == tap_sums.sums(problem, x, w).value.tolist()


def test_an_infinite_bias_is_refused_where_outputs_meet_nothing_else() -> None:
    problem = problem_of("conv", (1, 2, 1, 1), (16, 2, 2, 2), False, {"padding": ((9, 0), (0, 5)), "stride": (20, 1)})
    x, w = np.ones(problem.input_shape), np.ones(problem.kernel_shape)
    plan = plan_of(problem, x.dtype)
    for algorithm in ALGORITHMS["conv"]:
        if algorithm.fits(problem, plan.axes, x.dtype) and algorithm.sums_products:
            with pytest.raises(OverflowingError):
                execute(replace(plan, algorithm=algorithm), x, w, np.full(16, np.inf))


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_channels_that_are_summed_in_parts_have_the_bits_of_all_at_once(
    monkeypatch: pytest.MonkeyPatch, op: Op, kernel: int, dtype: str
) -> None:
    rng = np.random.default_rng(kernel)
    w_shape = (40, 600, kernel, 2) if op == "conv" else (600, 40, kernel, 2)
    options = {"padding": (3, 0), "stride": 2}  # some outputs meet nothing
    problem = problem_of(op, (2, 600, 5, 4), w_shape, False, options if op == "conv" else {"stride": 3})
    x, w, bias = (rng.integers(-(2**20), 2**20, shape) for shape in (problem.input_shape, problem.kernel_shape, 40))
    plan = plan_of(problem, np.dtype(dtype))
    plan = replace(plan, algorithm=next(one for one in ALGORITHMS[op] if one.name == "blocked"))
    outputs = {}
    for size in (2**30, blocked_tables.AT_HAND, 2**13):
        monkeypatch.setattr(blocked_tables, "AT_HAND", size)
        monkeypatch.setattr(blocked_sums, "tables_of", blocked_tables._tables)  # not those kept for another size
        outputs[size] = execute(plan, x.astype(dtype), w.astype(dtype), bias.astype(dtype)).tobytes()
    assert len(outputs) == 3
    assert len(set(outputs.values())) == 1


#: Input, kernel, options: small maps of batches that samples together are summed of, and others.
SMALL_MAPS: list[tuple[Op, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ("conv", (8, 20, 3, 3), (80, 20, 3, 3), {"padding": 1}),
    ("conv", (6, 12, 4, 5), (40, 6, 3, 2), {"padding": (1, 0), "groups": 2}),
    ("conv", (7, 16, 1, 1), (130, 16, 1, 1), {}),
    ("conv", (4, 9, 2, 3, 4), (65, 9, 3, 3, 3), {"padding": 1}),
    ("conv", (60, 16, 2, 2), (48, 16, 3, 3), {"padding": 1, "flip_kernel": True}),
    ("conv", (9, 16, 5), (64, 16, 4), {"padding": ((3, 1),), "dilation": 2, "stride": 2}),
    ("conv_transpose", (6, 16, 2, 2), (16, 70, 4, 3), {"stride": 2, "padding": 1}),
    ("conv_transpose", (5, 16, 1), (16, 33, 5), {"stride": 7, "output_padding": (4,)}),
    ("conv", (3, 16, 9, 9), (80, 16, 3, 3), {"padding": 1}),
]


@pytest.mark.parametrize(("op", "x_shape", "w_shape", "options"), SMALL_MAPS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_small_maps_of_a_batch(
    op: Any, x_shape: tuple[int, ...], w_shape: tuple[int, ...], options: dict[str, Any], dtype: str
) -> None:
    problem = problem_of(op, x_shape, w_shape, True, options)
    rng = np.random.default_rng(4)
    x, w = (rng.integers(-9, 10, shape) for shape in (x_shape, w_shape))
    bias = rng.integers(-9, 10, problem.out_channels)
    plan = plan_of(problem, np.dtype(dtype))
    plan = replace(plan, algorithm=next(one for one in ALGORITHMS[op] if one.name == "blocked"))
    output = execute(plan, x.astype(dtype), w.astype(dtype), bias.astype(dtype))
    assert output.tolist() == tap_sums.sums(problem, x, w, bias).value.tolist()


def test_some_of_these_have_samples_together_and_more_channels_at_once() -> None:
    ways = {
        (way.samples > 1, way.abreast > 2)
        for op, x, w, options in SMALL_MAPS
        for way in [blocked_tables.way_of(problem_of(op, x, w, False, options), VECTOR // 4)]
    }
    assert {samples for samples, _ in ways} == {False, True}
    assert {wide for _, wide in ways} == ({False, True} if VECTOR == 64 else {False})


@pytest.mark.parametrize(("op", "x_shape", "w_shape", "options"), SMALL_MAPS)
def test_runs_and_steps_are_as_many_as_are_counted(
    op: Any, x_shape: tuple[int, ...], w_shape: tuple[int, ...], options: dict[str, Any]
) -> None:
    problem = problem_of(op, x_shape, w_shape, False, options)
    tables = blocked_tables.tables_of(problem, 4)
    taps = tables.runs[:, 6]
    assert tables.way.runs == np.count_nonzero(taps)
    assert tables.way.steps == taps.sum()
    pairs = math.prod(axis.counts.pairs for axis in axes_of(problem))
    assert tables.runs[:, 2] @ taps == pairs * tables.way.samples
    assert tables.runs[:, 2].sum() == math.prod(problem.output_size) * tables.way.samples


@pytest.mark.parametrize(("op", "x_shape", "w_shape", "options"), SMALL_MAPS)
def test_whole_vectors_are_read_within_the_sums(
    op: Any, x_shape: tuple[int, ...], w_shape: tuple[int, ...], options: dict[str, Any]
) -> None:
    problem = problem_of(op, x_shape, w_shape, False, options)
    tables, lanes, plane = blocked_tables.tables_of(problem, 4), VECTOR // 4, math.prod(problem.output_size)
    last = (tables.way.samples - 1) * plane
    assert tables.sums_apart >= (last + -(-plane // lanes) * lanes) * lanes
