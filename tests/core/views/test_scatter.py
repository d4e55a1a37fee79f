"""Every step of `scatter` from the steps that it names, stamp by stamp."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests import naive
from tests.core.strategies import Array, examples
from tests.core.views.shown import TRANSPOSED, Shown, as_exact, is_sum, picture, show, show_arrays, shown


@pytest.mark.parametrize("n", TRANSPOSED)
def test_each_step_follows_from_its_sources(n: int) -> None:
    @given(shown("scatter", "conv_transpose", n))
    @examples(50)
    def check(view: Shown) -> None:
        stamps = check_stamps(view)
        check_accumulated(view, stamps)
        cropped = any(any(pair) for pair in view.problem.padding)
        assert ("crop" in view.steps) == cropped
        if cropped:
            check_crop(view)
        view.check_bias("crop" if cropped else "accumulate")
        view.check_last()

    check()


def map_size(view: Shown) -> tuple[int, ...]:
    return tuple(
        (dim.input - 1) * dim.stride + dim.dilation * (dim.kernel - 1) + 1 + dim.output_padding
        for dim in view.problem.dimensions
    )


def check_stamps(view: Shown) -> Array:
    """The stamps at rank N + 2 and the kernel's, each the kernel times its element."""
    problem, layout, x, kernel = view.problem, view.operands.layout, view.operands.input, view.operands.kernel
    step = view.steps["stamps"]
    assert step.sources == ("input", "kernel")
    form = problem.kernel_size if layout.bare else kernel.shape[1:]
    assert step.tensor.shape == (*layout.form_shape(x.shape), *form)
    stamps = step.tensor.reshape(*x.shape, *kernel.shape[1:])
    kernel = naive.reverse_space(kernel) if problem.flip_kernel else kernel
    origins = step.extra["origins"]
    assert origins.dtype == np.int64
    assert origins.shape == (x.size, problem.spatial_dims)
    for (b, ci, *place), origin in zip(naive.indices(x.shape), origins.tolist(), strict=True):
        assert origin == [at * s for at, s in zip(place, problem.stride, strict=True)]
        assert stamps[(b, ci, *place)].tolist() == (x[(b, ci, *place)] * kernel[ci]).tolist()
    return stamps


def check_accumulated(view: Shown, stamps: Array) -> None:
    problem, origins = view.problem, view.steps["stamps"].extra["origins"].tolist()
    x_shape, own = view.operands.input.shape, problem.out_group
    covered: Counter[tuple[int, ...]] = Counter()
    terms: defaultdict[tuple[int, ...], list[Any]] = defaultdict(list)
    for (b, ci, *place), origin in zip(naive.indices(x_shape), origins, strict=True):
        first = ci // (problem.in_group) * own
        for co, *tap in naive.indices(stamps.shape[2 + problem.spatial_dims :]):
            reached = tuple(o + k * d for o, k, d in zip(origin, tap, problem.dilation, strict=True))
            covered[reached] += (b, ci, co) == (0, 0, 0)
            terms[(b, first + co, *reached)].append(as_exact(stamps[(b, ci, *place, co, *tap)]))
    overlap, whole = view.steps["overlap"].tensor, view.full("accumulate")
    assert overlap.dtype == np.int64
    assert overlap.shape == whole.shape[2:] == map_size(view)
    assert whole.shape[:2] == view.problem.output_shape[:2]
    for at in naive.indices(overlap.shape):
        assert overlap[at] == covered[at]
    if "crop" in view.steps or "add_bias" in view.steps:
        for index in naive.indices(whole.shape):
            assert is_sum(whole[index], terms[index])
    else:
        view.check_sums(whole)


def check_crop(view: Shown) -> None:
    assert view.steps["crop"].sources == ("accumulate",)
    whole, cropped = view.full("accumulate"), view.full("crop")
    view.check_sums(cropped)
    if whole.dtype.kind == "i" or "add_bias" in view.steps:
        for b, c, *place in naive.indices(cropped.shape):
            source = [at + before for at, (before, _) in zip(place, view.problem.padding, strict=True)]
            assert cropped[(b, c, *place)] == whole[(b, c, *source)]


def test_output_padding_uncovers_what_the_padding_cropped() -> None:
    x, w = np.array([[[1, 2]]]), np.array([[[1, 10, 100]]])
    plain = show_arrays("scatter", picture("conv_transpose", (2,), (3,), stride=2, padding=1), x, w, None, "bare")
    assert plain.steps["stamps"].tensor.tolist() == [[1, 10, 100], [2, 20, 200]]
    assert plain.steps["stamps"].extra["origins"].tolist() == [[0], [2]]
    assert plain.steps["overlap"].tensor.tolist() == [1, 1, 2, 1, 1]
    assert plain.steps["accumulate"].tensor.tolist() == [1, 10, 102, 20, 200]
    assert plain.steps["crop"].tensor.tolist() == [10, 102, 20]
    case = picture("conv_transpose", (2,), (3,), stride=2, padding=1, output_padding=1)
    longer = show_arrays("scatter", case, x, w, None, "bare")
    assert longer.steps["overlap"].tensor.tolist() == [1, 1, 2, 1, 1, 0]
    assert longer.steps["accumulate"].tensor.tolist() == [1, 10, 102, 20, 200, 0]
    assert longer.steps["crop"].tensor.tolist() == [10, 102, 20, 200]


def test_output_padding_alone_crops_nothing() -> None:
    view = show("scatter", picture("conv_transpose", (2,), (3,), stride=2, output_padding=1), form="bare")
    assert list(view.steps) == ["stamps", "overlap", "accumulate"]
    assert view.steps["accumulate"].tensor.shape == (6,)
