"""The benchmarks' own arithmetic, on numbers whose answers are known."""

from __future__ import annotations

import ast
import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from app.core.algorithms.prices import PRICES
from benchmarks import fit, growth, layers, regret, report, shapes, solving, timing, unseen
from benchmarks.cases import Case
from benchmarks.panel_cases import PANEL

CASE = Case("a layer", "conv", (4, 6), (9, 7), 3, stride=2, padding=1)


def _rows(*ratios: float) -> list[report.Row]:
    return [report.Row(CASE, "direct", {"ours": ratio, "torch": 1.0}, ratio) for ratio in ratios]


def test_panel_names_each_case_once_and_every_case_is_valid() -> None:
    assert len({case.name for case in PANEL}) == len(PANEL)
    assert len({(case.problem(), case.dtype) for case in PANEL}) == len(PANEL)


def test_arrays_have_the_shapes_that_pytorch_takes() -> None:
    x, w = Case("", "conv_transpose", (4, 6), (5, 3), (2, 3), batch=2, groups=2, dtype="int64").arrays()
    assert (x.shape, w.shape) == ((2, 4, 5, 3), (4, 3, 2, 3))
    assert x.dtype == w.dtype == np.int64


def test_label_tells_what_differs_from_the_default() -> None:
    assert CASE.label() == "1×4→6 at 9×7, k3 s2 p1"
    other = Case("", "conv_transpose", (2, 2), (8,), 4, stride=2, output_padding=1, groups=2, dtype="float64")
    assert other.label() == "transposed 1×2→2 at 8, k4 s2 op1 groups 2 float64"


def test_turns_alternate() -> None:
    made: list[str] = []
    times = timing.take_turns({"a": lambda: made.append("a"), "b": lambda: made.append("b")}, 0.002, turns=4)
    turns = len(times["a"])
    assert timing.FEWEST_TURNS <= turns == len(times["b"])
    blocks = [name for name, _ in itertools.groupby(made)]
    assert blocks == ["a", "b"] * (1 + turns)  # the first of each warms up


def test_ratio_is_the_median_of_the_turns_own() -> None:
    # The machine slows down by ten in the last turn: it meets both.
    assert timing.median_ratio([1, 2, 30], [2, 2, 20]) == pytest.approx(1.0)


def test_mean_leaves_out_what_was_not_compared() -> None:
    assert report.mean_ratio(_rows(0.5, 2.0, math.nan)) == pytest.approx(1.0)
    assert math.isnan(report.mean_ratio(_rows(math.nan)))
    assert report.mean_ratio(_rows(0.5, 2.0), lambda case: case.op == "conv_transpose") != 1.0


@pytest.mark.parametrize(
    ("seconds", "told"), [(4.51e-6, "0.0045"), (0.000123456, "0.123"), (0.01234, "12.3"), (1.5, "1500"), (None, "–")]
)
def test_milliseconds_keep_three_digits(seconds: float | None, told: str) -> None:
    assert report.milliseconds(seconds) == told


def test_table_is_markdown() -> None:
    assert report.markdown(("a", "b"), [("x", "1")], words=1) == "| a | b |\n| --- | ---: |\n| x | 1 |"


def test_growth_finds_slope_and_what_is_off_it() -> None:
    macs = np.geomspace(1e4, 1e10, 13)
    seconds = 3e-11 * macs**0.9
    seconds[8] *= 2
    slope, off = growth.fitted(list(macs), list(seconds))
    assert slope == pytest.approx(0.9, abs=0.05)
    assert off == pytest.approx(2 * 2 ** (-1 / 9), rel=0.05)  # the line itself is pulled up by a ninth


@pytest.mark.parametrize("family", growth.FAMILIES)
def test_families_reach_the_work_that_is_asked_for(family: str) -> None:
    for work in (1e6, 1e8, 1e10):
        assert growth.sized(growth.FAMILIES[family], work).problem().macs == pytest.approx(work, rel=0.2)


def test_random_shapes_are_the_same_for_a_seed_and_of_all_kinds() -> None:
    drawn = list(itertools.islice(shapes.shapes(3), 300))
    assert drawn == list(itertools.islice(shapes.shapes(3), 300))
    assert drawn != list(itertools.islice(shapes.shapes(4), 300))
    assert {(case.op, len(case.size), case.dtype) for case in drawn} == set(
        itertools.product(("conv", "conv_transpose"), (1, 2, 3), ("float32", "float64", "int64"))
    )
    work = [case.problem().macs for case in drawn]
    assert min(work) >= shapes.LEAST_WORK
    assert max(work) <= shapes.MOST_WORK


def test_unseen_layers_are_not_in_the_panel() -> None:
    drawn = unseen.draw(60, 0)
    assert len({case.problem() for case in drawn}) == 60
    assert not {case.problem() for case in drawn} & {case.problem() for case in PANEL}
    assert all(layer.problem().macs for layer in layers.layers())


def test_regret_is_the_time_beside_the_best() -> None:
    choice = regret.Choice(0, CASE, "gemm", {"gemm": 3.0, "direct": 2.0}, {"gemm": 1.0, "direct": 9.0})
    assert choice.regret == pytest.approx(1.5)


def test_kept_choices_are_told_together(tmp_path: Path) -> None:
    choices = [
        regret.Choice(
            seed, next(shapes.shapes(seed)), "direct", {"direct": time, "tiles": 1.0}, {"direct": 1.0, "tiles": 1.0}
        )
        for seed, time in ((0, 1.05), (3, 1.5))
    ]
    for choice in choices:
        regret.keep(tmp_path / "choices", choice)
    assert list(regret.kept(tmp_path / "choices")) == choices
    assert list(regret.kept(None)) == []
    assert "Of 2 random shapes (seeds 0, 3)" in regret.told(choices)
    assert "on 50.0%" in regret.told(choices)


def test_fit_finds_the_coefficients_behind_noisy_times() -> None:
    random = np.random.default_rng(0)
    macs, size, calls = 10 ** random.uniform(3, 9, 400), 10 ** random.uniform(3, 7, 400), random.integers(1, 50, 400)
    unused = 10 ** random.uniform(3, 9, 400)
    matrix = np.stack([macs, size, calls, unused], axis=1)
    times = matrix @ [0.02, 0.4, 3000.0, 0.0] * np.exp(random.normal(0, 0.05, 400))
    times[::40] *= 10  # other programs got in the way
    found = solving.solve(matrix, times, np.ones(400), np.array([1.0, 0.01, 100.0, 0.0]))
    assert found[:3] == pytest.approx([0.02, 0.4, 3000.0], rel=0.05)
    assert 0 <= found[3] < 2e-4


def test_fit_leaves_to_the_guess_what_the_times_do_not_tell() -> None:
    macs = 10 ** np.random.default_rng(0).uniform(3, 9, 50)
    matrix = np.stack([macs, macs, np.zeros(50)], axis=1)  # two that come together, one that never comes
    found = solving.solve(matrix, 0.5 * macs, np.ones(50), np.array([0.1, 0.1, 7.0]))
    assert found == pytest.approx([0.25, 0.25, 7.0], rel=0.01)


def test_prices_are_written_as_python_that_says_the_same() -> None:
    prices = {"direct": {"float32": {"macs": 0.0142, "calls": 12000.0}, "int64": {"macs": 0.0}}, "gemm": {}}
    (assignment,) = (node for node in ast.parse(solving.source(prices)).body if isinstance(node, ast.AnnAssign))
    assert assignment.value is not None
    assert ast.literal_eval(assignment.value) == prices


def test_fit_counts_what_the_price_is_made_of() -> None:
    for case in [*PANEL, *itertools.islice(shapes.shapes(5), 100)]:
        plan, algorithms = regret.able(case)
        for algorithm in algorithms:
            each = PRICES[algorithm.prices][case.dtype]
            summed = sum(
                each[name] * count for name, count in fit.counts(fit.Sample(case, algorithm.name, 1.0, 1.0)).items()
            )
            assert summed == pytest.approx(algorithm.price(plan.problem, plan.axes, case.numpy_dtype))


def test_kept_samples_are_read_as_they_were_written(tmp_path: Path) -> None:
    samples = [fit.Sample(CASE, "direct", 0.5, 1.25), fit.Sample(next(shapes.shapes(0)), "tiles", 2.0, 1.0)]
    fit.keep(tmp_path / "samples", samples[:1])
    fit.keep(tmp_path / "samples", samples[1:])
    assert list(fit.kept(tmp_path / "samples")) == samples
    assert list(fit.kept(tmp_path / "none")) == []


def test_fit_brings_prices_to_times() -> None:
    cases = [case for case in itertools.islice(shapes.shapes(6), 200) if case.dtype == "float32"]
    far = {line: {dtype: dict.fromkeys(each, 1.0) for dtype, each in prices.items()} for line, prices in PRICES.items()}
    samples = []
    for case in cases:
        plan, algorithms = regret.able(case)
        if plan.one_call is not None:  # too few of them
            continue
        name, price = algorithms[0].name, algorithms[0].price(plan.problem, plan.axes, case.numpy_dtype)
        samples.append(fit.Sample(case, name, price * 1e-9, 1.0))
    assert "| direct | float32 |" in fit.quality(samples, far)
    found = fit.fit(samples, far)
    for sample in samples:
        counted = fit.counts(sample).items()
        assert sum(found["direct"]["float32"][name] * count for name, count in counted) == pytest.approx(
            sample.seconds * 1e9, rel=0.2
        )


def test_fit_keeps_the_prices_that_too_few_samples_tell_of() -> None:
    samples = [fit.Sample(CASE, "direct", 0.5, 1.0)] * (fit.FEWEST - 1)
    assert fit.fit(samples, PRICES) == PRICES


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_kernels_of_rank_one_are_that(dtype: str) -> None:
    kernel = fit.of_rank_one(np.zeros((4, 3, 5, 7), dtype))
    assert kernel.dtype == dtype
    assert (np.linalg.matrix_rank(kernel.astype(np.float64)) == 1).all()
    assert len({each.tobytes() for each in kernel.reshape(12, -1)}) == 12
