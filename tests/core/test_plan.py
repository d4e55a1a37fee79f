"""What prices are made of, and what the plan makes of them."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.core import plan as planning
from app.core.algorithms import ALGORITHMS
from app.core.algorithms.borders import few_products, products
from app.core.algorithms.boxes.arranging import lie_of
from app.core.algorithms.boxes.phases import phases_along
from app.core.algorithms.boxes.regions import Regions, by_regions
from app.core.algorithms.boxes.tables import boxes_of, cut_of
from app.core.algorithms.taps import Axis, axes_of
from app.core.algorithms.tiles.efforts import effort
from app.core.algorithms.vectors.simd import ROWS, VECTOR, WIDEST
from app.core.checks import describe
from app.core.cost import Limits, affordable
from app.core.execute import execute
from app.core.geometry import Op
from app.core.parallel import PLANNED_THREADS, largest_share, team
from app.core.plan import plan_of
from app.core.problem import OPS, Setting
from benchmarks.cases import Case
from benchmarks.shapes import shapes
from tests.core.alone import problem_of
from tests.core.parts import run_in_parts
from tests.core.traced import peak_bytes

CASES = list(itertools.islice(shapes(11), 150))
SMALL = [case for case in CASES if max(case.problem().input_elements, case.problem().output_elements) < 20_000]


def _meetings(axis: Axis) -> list[tuple[int, int]]:
    """(phase and tap, output) of every pair that meets an input, found one by one."""
    return [
        (int(tap), m * axis.out_step + int(axis.residues[q]))
        for q in range(len(axis.residues))
        for tap, shift in zip(axis.taps(q), axis.shifts(q), strict=True)
        for m in range(axis.positions(q))
        if 0 <= axis.in_step * m + shift < axis.input
    ]


@pytest.mark.parametrize("case", SMALL, ids=Case.label)
def test_axes_tell_what_meets_an_input(case: Case) -> None:
    for axis in axes_of(case.problem()):
        found = _meetings(axis)
        assert axis.counts.pairs == len(found)
        assert axis.counts.met == len({tap for tap, _ in found})
        assert products(axis).sum() == len(found)
        reached = [q for q in range(len(axis.residues)) if axis.positions(q)]
        assert axis.counts.visits == sum(axis.positions(q) * len(axis.taps(q)) for q in reached)
        steps = [int(shift) // axis.in_step for q in reached for shift in axis.shifts(q)]
        assert axis.counts.phases == len(reached) == max(reached, default=-1) + 1
        assert axis.counts.taps == len(steps)
        assert axis.counts.positions == max((axis.positions(q) for q in reached), default=0)
        if reached:
            assert (axis.counts.begin, axis.counts.end) == (min(steps), max(steps))


def test_counts_of_many_outputs_by_many_taps_do_not_wrap() -> None:
    """What a tap of a padded line meets, summed over them in Python's own numbers."""
    taps, length = 2**12, 2**53 - 1
    for before in (0, 2**52 + 5):
        problem = describe(Setting("conv", (length,), taps, padding=before, kernel_channels=(1, 1)))
        axis = axes_of(problem)[2]
        met = [min(axis.output, length + before - k) - max(0, before - k) for k in range(taps)]
        assert axis.counts.visits == axis.output * taps > 2**63
        assert (axis.counts.pairs, axis.counts.met) == (sum(met), taps)
    transposed = axes_of(describe(Setting("conv_transpose", (length,), taps, kernel_channels=(1, 1))))[2]
    assert transposed.counts.pairs == length * taps
    assert plan_of(problem, np.dtype("f4")).price > problem.output_elements


@pytest.mark.parametrize("case", CASES, ids=Case.label)
def test_a_cut_says_of_its_tables_what_they_are(case: Case) -> None:
    problem, itemsize = case.problem(), case.numpy_dtype.itemsize
    cut, boxes = cut_of(problem, itemsize, team.size), boxes_of(problem, itemsize)
    axes = lie_of(problem, itemsize).axes
    phases = phases_along(axes)
    assert boxes.cut is cut or boxes.cut == cut
    assert cut.sizes.phases == len(phases) == len(boxes.phases)
    assert cut.taps == len(boxes.steps) // cut.sizes.in_group == sum(len(phase.taps) for phase in phases)
    assert cut.taps * cut.sizes.in_group == len(boxes.places)
    if not cut.ready:
        # What the last tap takes for a box's last position lies in what is laid, or in the zeros behind it.
        last = ((cut.sizes.box_z - 1) * cut.sizes.lines + cut.sizes.box_y - 1) * cut.sizes.line_length
        assert boxes.places.max() + last + cut.sizes.box_x <= cut.laid + WIDEST * VECTOR // itemsize


@pytest.mark.parametrize("length", [1, 5, 14, 33])
@pytest.mark.parametrize(
    ("padding", "dilation", "stride"), [(12, 12, 1), (30, 7, 2), (18, 18, 1), (3, 2, 1), (40, 3, 1)]
)
def test_regions_leave_out_padding_alone(length: int, padding: int, dilation: int, stride: int) -> None:
    for flip in (False, True):
        setting = Setting(
            "conv", (length,), 3, in_channels=1, kernel_channels=(1, 1), padding=padding, dilation=dilation,
            stride=stride, flip_kernel=flip,
        )  # fmt: skip
        axis = axes_of(describe(setting))[2]
        regions = by_regions(axis)
        left = {
            (int(tap), m + int(regions.residues[q]), regions.in_step * m + int(shift))
            for q in range(len(regions.residues))
            for tap, shift in zip(regions.taps(q), regions.shifts(q), strict=True)
            for m in range(regions.positions(q))
        }
        met = {
            (int(tap), m, axis.in_step * m + int(shift))
            for tap, shift in zip(axis.taps(0), axis.shifts(0), strict=True)
            for m in range(axis.output)
        }
        assert {each for each in met if 0 <= each[2] < length} <= left <= met
        assert regions.weights == 3
        if isinstance(regions, Regions):
            assert sum(regions.lengths) == axis.output
            assert len(left) == regions.counts.visits < 0.95 * len(met)


def test_boxes_fit_the_cache_however_large_a_picture_is() -> None:
    for size in [(245, 392), (2000, 1500), (90, 90, 90)]:
        for channels in (1, 8, 64):
            for op, stride in (("conv", 1), ("conv", 2), ("conv_transpose", 2)):
                problem = Case("", op, (channels, 4), size, 3, stride=stride, padding=1).problem()  # type: ignore[arg-type]
                assert cut_of(problem, 8, team.size).laid * 8 <= 2**22


@pytest.mark.parametrize("case", [case for case in CASES if math.prod(case.size) < 2000], ids=Case.label)
@pytest.mark.parametrize("in_group", [1, 3])
def test_outputs_of_few_products_are_counted(case: Case, in_group: int) -> None:
    axes = axes_of(case.problem())
    z, y, x = (products(axis).astype(np.int64) for axis in axes)
    each = (in_group * z[:, None, None] * y[:, None] * x).reshape(-1)
    few = each[(each > 0) & (each < 64)]
    assert few_products(axes, in_group, 64) == (len(few), few.sum())


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("work", [10**5, 3 * 10**6, 10**8])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
def test_the_share_of_a_thread_is_that_of_the_parts(
    threads: int, work: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(team, "size", threads)
    parts: list[int] = []
    for _ in range(3):  # so that helpers count as awake
        parts.clear()
        run_in_parts(lambda low, high: parts.append(high - low), count, work)
    loads = [0] * threads
    for size in sorted(parts, reverse=True):  # each to the thread that has least, as all are as fast
        loads[loads.index(min(loads))] += size
    share = largest_share(count, work, threads)
    assert share == 1 if work < 10**6 else 1 / threads <= share <= max(loads) / count


def test_the_algorithm_does_not_follow_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another would give other bits."""
    chosen = []
    for threads in (1, 2, 3, 16):
        monkeypatch.setattr(team, "size", threads)
        chosen.append([planning._plan(case.problem(), case.numpy_dtype, team.size).algorithm.name for case in CASES])
    assert chosen.count(chosen[0]) == 4
    assert len(set(chosen[0])) > 5


def goes_in_one_box(case: Case) -> bool:
    """Whether what a small problem lays goes in one box and one part."""
    problem = case.problem()
    cut = cut_of(problem, case.numpy_dtype.itemsize, PLANNED_THREADS)
    boxes = cut.sizes.boxes_z * cut.sizes.boxes_y * cut.sizes.boxes_x
    return problem.macs < 10**6 and not cut.ready and boxes == cut.sizes.chunks == 1


@pytest.mark.parametrize("case", [case for case in CASES if goes_in_one_box(case)], ids=Case.label)
def test_tiles_are_counted_as_they_are_made(case: Case) -> None:
    """By the loop of `tiles`, once more: over boxes of the mean size where they are all alike."""
    problem, lanes = case.problem(), VECTOR // case.numpy_dtype.itemsize
    sizes = cut_of(problem, case.numpy_dtype.itemsize, PLANNED_THREADS).sizes
    length = (sizes.box_z - 1) * sizes.lines * sizes.line_length + (sizes.box_y - 1) * sizes.line_length + sizes.box_x
    tiles = start = 0
    while start < length:
        row = start // sizes.line_length
        if row % sizes.lines >= sizes.box_y:
            start = (row // sizes.lines + 1) * sizes.lines * sizes.line_length
        left = -(-(length - start) // lanes)
        rows = sizes.out_group
        if rows > ROWS // 2:
            vectors = min(left, 3)
        elif rows > ROWS // 4:
            vectors = 6 if left >= 6 else min(left, 3)
        else:
            vectors = 8 if left >= 8 else 4 if left >= 4 else min(left, 2)
        tiles += -(-rows // ROWS)
        start += vectors * lanes
    counted = effort(problem, axes_of(problem), case.numpy_dtype).shared["tiles"]
    times = sizes.batch * sizes.groups * sizes.phases
    # How many lie between two slabs is told in the mean.
    assert abs(counted - tiles * times) <= (sizes.box_z - 1 if sizes.lines > sizes.box_y else 0) * times


@pytest.mark.parametrize("case", CASES, ids=Case.label)
def test_the_cheapest_is_taken_though_not_all_are_priced(case: Case) -> None:
    problem, dtype = case.problem(), case.numpy_dtype
    plan = planning.plan_of(problem, dtype)
    able = [one for one in ALGORITHMS[problem.op] if one.fits(problem, plan.axes, dtype)]
    prices = {one.name: one.price(problem, plan.axes, dtype) for one in able}
    assert all(one.least_price(dtype) <= prices[one.name] or one.prices == "direct" for one in able)
    if plan.one_call is None:
        assert plan.price == min(prices.values()) == prices[plan.algorithm.name]


def test_sums_are_asked_for_by_name() -> None:
    problem = Case("", "conv", (64, 64), (56, 56), 3, padding=1).problem()
    for dtype in map(np.dtype, ("float32", "float64")):
        assert planning.plan_of(replace(problem, method="direct"), dtype).algorithm.sums_products


@pytest.mark.parametrize(
    ("input_size", "kernel", "channels", "options"),
    [
        ((60, 4), (3, 9), (128, 8), {"stride": (1, 3), "padding": ((2, 2), (9, 8)), "groups": 2}),
        ((60, 2), (3, 4), (64, 64), {"stride": (1, 4), "padding": ((1, 1), (2, 4)), "flip_kernel": True}),
        ((1, 60), (8, 9), (32, 64), {"stride": (2, 1), "dilation": 2, "padding": ((1, 13), (2, 11))}),
    ],
)
def test_outputs_shorter_than_the_stride_are_planned(
    input_size: tuple[int, ...], kernel: tuple[int, ...], channels: tuple[int, int], options: dict[str, Any]
) -> None:
    setting = Setting(
        "conv_transpose", input_size, kernel, in_channels=channels[0], kernel_channels=channels, **options
    )
    assert plan_of(describe(setting), np.dtype("f4")).price >= 0


def test_long_lines_are_planned_without_their_length() -> None:
    long = describe(Setting("conv", (3_000_000,), 15, in_channels=32, kernel_channels=(32, 32)))
    assert peak_bytes(lambda: plan_of(long, np.dtype("f4"))) < 2**20


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("stride", [1, 3, 200_000, 300_007])
@pytest.mark.parametrize("dilation", [1, 7])
def test_planning_long_kernels_takes_no_more_memory_than_is_held_for_it(op: Op, stride: int, dilation: int) -> None:
    """In a transposed one of a long stride each weight is a phase of its own."""
    taps, length = 300_000, 5 if op == "conv_transpose" else 7 * 300_000
    problem = describe(
        Setting(op, (length,), taps, stride=stride, dilation=dilation, in_channels=1, kernel_channels=(1, 1))
    )
    held: list[int] = []
    plan_of(
        describe(Setting(op, (9_000,), 300, in_channels=1, kernel_channels=(1, 1))), np.dtype("f4")
    )  # loads kernels
    limits = Limits(float_macs=10**13)
    taken = peak_bytes(lambda: affordable(problem, np.dtype("f4"), limits, hold=held.append))
    arrays = 4 * (problem.input_elements + problem.kernel_elements + problem.output_elements)
    assert taken <= held[0] - arrays


#: Many channels for Winograd's tables, which it is planned with and which are made for its run alone.
MANY_CHANNELS: list[tuple[Op, tuple[int, ...], int, tuple[int, int], dict[str, Any]]] = [
    ("conv", (8, 8), 3, (4, 30_000), {"padding": 1}),
    ("conv", (16, 16), 9, (16, 4000), {"padding": 4}),
    ("conv_transpose", (8, 8), 6, (30_000, 4), {"stride": 2, "padding": 1}),
    ("conv_transpose", (12, 12), 12, (4000, 8), {"stride": 4, "padding": 1}),
]


@pytest.mark.parametrize(("op", "size", "kernel", "channels", "options"), MANY_CHANNELS)
def test_planning_makes_no_tables_of_channels(
    op: Op, size: tuple[int, ...], kernel: int, channels: tuple[int, int], options: dict[str, Any]
) -> None:
    into = channels[1] if op == "conv" else channels[0]
    problem = describe(Setting(op, size, kernel, in_channels=into, kernel_channels=channels, **options))
    assert peak_bytes(lambda: plan_of(problem, np.dtype("f4"))) < 2**20


#: What nothing but its own estimate counts: a bias of zeros, a kernel that is turned round, lists of planes and of
#: tiles, Winograd's tables and kernels.
TAKING: list[tuple[Op, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ("conv", (1, 1, 1), (2**21, 1, 1), {}),
    ("conv", (1, 256, 500, 6, 6), (256, 1, 500, 5, 5), {"padding": (0, 2, 2), "groups": 256, "flip_kernel": True}),
    ("conv", (1, 1, 30_000, 8, 8), (1, 1, 30_000, 3, 3), {"padding": (0, 1, 1), "method": "direct"}),
    ("conv", (1, 32, 8192), (32, 32, 11), {"padding": 25, "dilation": 5}),
    ("conv", (1, 8, 160, 127), (32, 8, 1, 1), {}),
    ("conv", (1, 64, 56, 56), (64, 64, 3, 3), {"padding": 1}),
    ("conv", (1, 1500, 14, 14), (256, 1500, 3, 3), {"padding": 1}),
    ("conv_transpose", (1, 1500, 14, 14), (1500, 128, 4, 4), {"stride": 2, "padding": 1}),
]


@pytest.mark.parametrize(("op", "x_shape", "w_shape", "options"), TAKING)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_a_call_takes_no_more_memory_than_is_predicted(
    op: Op, x_shape: tuple[int, ...], w_shape: tuple[int, ...], options: dict[str, Any], dtype: str
) -> None:
    x, w = np.ones(x_shape, dtype), np.random.default_rng(0).integers(-9, 9, w_shape).astype(dtype)
    plan = plan_of(problem_of(op, x_shape, w_shape, False, options), np.dtype(dtype))
    two = np.concatenate((x, x))  # which has tables of its own, and loads the kernels
    plan_of_two = plan_of(problem_of(op, two.shape, w_shape, False, options), two.dtype)
    execute(replace(plan_of_two, algorithm=plan.algorithm), two, w)
    with ThreadPoolExecutor(1) as thread:  # which has kept no memory of an earlier call
        taken = peak_bytes(lambda: thread.submit(execute, plan, x, w).result())
    assert taken <= plan.bytes - x.nbytes - w.nbytes + 2**18
