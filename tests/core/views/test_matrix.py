"""The view `matrix`: C from unit inputs, everything else from the steps that it names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests import naive
from tests.core.strategies import Array, Case, Op, examples
from tests.core.views.exact import rank_of
from tests.core.views.shown import (
    EVERY_CASE,
    TRANSPOSED,
    WHOLE,
    Shown,
    as_exact,
    is_sum,
    picture,
    show,
    show_arrays,
    shown,
)


@pytest.mark.parametrize(("op", "n"), EVERY_CASE)
def test_each_step_follows_from_its_sources(op: Op, n: int) -> None:
    @given(shown("matrix", op, n, most_products=300))
    @examples(25)
    def check(view: Shown) -> None:
        problem = view.problem
        x, matrix = view.operands.input, view.steps["matrix"].tensor
        rows = view.steps["flatten_input"].tensor
        assert rows.tolist() == x.reshape(problem.batch, -1).tolist()
        check_unit_inputs(view, matrix)
        check_maps(view, matrix)
        multiplied = view.steps["multiply"].tensor
        for b, o in naive.indices(multiplied.shape):
            assert is_sum(multiplied[b, o], products_of(rows[b], matrix[:, o]))
        view.check_sums(multiplied.reshape(problem.output_shape))
        view.check_sums(view.full("reshape"))
        view.check_bias("reshape")
        view.check_last()

    check()


def products_of(row: Array, column: Array) -> list[Any]:
    """The products that are not with a zero of the matrix."""
    return [as_exact(a) * as_exact(c) for a, c in zip(row, column, strict=True) if c]


def unit_sums(view: Shown, j: int) -> naive.Sums:
    """What the operation gives for the j-th unit input."""
    problem = view.problem
    unit = np.zeros((1, *problem.input_shape[1:]), np.int64)
    unit.flat[j] = 1
    return view.case.sums(unit, view.operands.kernel, None)


def check_unit_inputs(view: Shown, matrix: Array) -> None:
    problem = view.problem
    inside, outside = (shape // problem.batch for shape in (problem.input_elements, problem.output_elements))
    assert matrix.shape == (inside, outside)
    assert matrix.dtype == view.operands.kernel.dtype
    for j in range(inside):
        sums = unit_sums(view, j)
        row = matrix[j].reshape(sums.value.shape)
        for index in naive.indices(row.shape):
            # A single tap is the weight itself.
            alone = sums.terms[index] <= 1
            bound = 0 if alone else Shown.bound(matrix, sums.terms[index], sums.magnitude[index])
            assert abs(as_exact(row[index]) - sums.value[index]) <= bound


def check_maps(view: Shown, matrix: Array) -> None:
    """The matrix column by column, each as a map of the input's form."""
    problem, layout = view.problem, view.operands.layout
    name = "placements" if problem.op == "conv" else "column_kernels"
    maps = view.steps[name].tensor
    sample = problem.input_size if layout.bare else problem.input_shape[1:]
    assert maps.shape == (matrix.shape[1], *sample)
    assert maps.reshape(len(maps), -1).T.tolist() == matrix.tolist()
    if problem.op == "conv":
        assert view.steps["matrix"].sources == ("placements",)
        return
    products, sums = (view.steps[name].extra[part] for part in ("products", "sums"))
    batch = (problem.batch,) if layout.batched else ()
    assert products.shape == (*batch, *maps.shape)
    assert sums.shape == (*batch, len(maps))
    products, sums = products.reshape(problem.batch, *maps.shape), sums.reshape(problem.batch, len(maps))
    for b, o in naive.indices(sums.shape):
        x = view.operands.input[b].reshape(sample)
        assert products[b, o].tolist() == (maps[o] * x).tolist()
        assert is_sum(sums[b, o], products_of(x.ravel(), matrix[:, o]))


@pytest.mark.parametrize(("op", "n"), EVERY_CASE)
def test_rank_and_what_follows_from_it(op: Op, n: int) -> None:
    @given(shown("matrix", op, n, most_products=400))
    @examples(25)
    def check(view: Shown) -> None:
        step = view.steps["matrix"]
        inside, outside = step.tensor.shape
        rank = rank_of(step.tensor) if step.tensor.dtype.kind == "i" else int(np.linalg.matrix_rank(step.tensor))
        assert step.extra["rank"] == rank
        assert step.extra["square"] == (inside == outside)
        assert step.extra["invertible"] == (inside == outside == rank)
        assert step.extra["recoverable"] == (inside == rank)

    check()


@pytest.mark.parametrize("n", TRANSPOSED)
def test_the_transpose_of_convs_matrix(n: int) -> None:
    """Exactly so, and said so, where output_padding < stride; said nowhere else."""

    @given(shown("matrix", "conv_transpose", n, most_products=300))
    @examples(25)
    def check(view: Shown) -> None:
        problem, case = view.problem, view.case
        said = "transpose of the C" in str(view.steps["matrix"].detail)
        assert said == all(extra < s for extra, s in zip(problem.output_padding, problem.stride, strict=True))
        if said:
            kept = ("stride", "dilation", "groups", "flip_kernel")
            options = {name: case.options[name] for name in kept} | {"padding": problem.padding}
            shape = (1, problem.out_channels, *problem.output_size)
            conv = Case("conv", shape, case.kernel_shape, problem.in_channels, False, options, 0)
            x = np.zeros(shape, view.operands.kernel.dtype)
            transposed = show_arrays("matrix", conv, x, view.operands.kernel, None).steps["matrix"].tensor.T
            assert transposed.tolist() == view.steps["matrix"].tensor.tolist()

    check()


# Named cases


def facts(view: Shown) -> tuple[Any, ...]:
    step = view.steps["matrix"]
    return (*step.tensor.shape, *(step.extra[name] for name in ("rank", "square", "invertible", "recoverable")))


def test_four_by_four_with_three_by_three() -> None:
    view = show("matrix", picture("conv", (4, 4), (3, 3)), form="bare")
    assert view.steps["flatten_input"].tensor.shape == (1, 16)
    assert view.steps["placements"].tensor.shape == (4, 4, 4)
    assert facts(view) == (16, 4, 4, False, False, False)
    assert "16×4 with rank 4" in str(view.steps["matrix"].detail)
    assert "4 numbers cannot hold 16" in str(view.steps["matrix"].detail)


def test_the_way_back_has_the_old_size_and_other_values() -> None:
    case = picture("conv", (4, 4), (3, 3))
    x, w, _ = case.arrays(WHOLE)
    there = show_arrays("matrix", case, x, w, None, "bare")
    back_case = picture("conv_transpose", (2, 2), (3, 3))
    back = show_arrays("matrix", back_case, there.operands.output, w, None, "bare")
    assert back.steps["matrix"].tensor.tolist() == there.steps["matrix"].tensor.T.tolist()
    assert back.steps["reshape"].tensor.shape == (4, 4)
    assert back.steps["reshape"].tensor.tolist() != x[0, 0].tolist()


def test_full_padding_keeps_the_input_recoverable() -> None:
    x, w = np.arange(4).reshape(1, 1, 4), np.array([[[1, 2, 3]]])
    view = show_arrays("matrix", picture("conv", (4,), (3,), padding="full"), x, w, None, "bare")
    assert facts(view) == (4, 6, 4, False, False, True)
    assert view.steps["matrix"].tensor.tolist() == [
        [3, 2, 1, 0, 0, 0],
        [0, 3, 2, 1, 0, 0],
        [0, 0, 3, 2, 1, 0],
        [0, 0, 0, 3, 2, 1],
    ]
    assert "not square" in str(view.steps["matrix"].detail)
    assert "the input follows from the output" in str(view.steps["matrix"].detail)


def test_a_determinant_of_one_among_large_numbers() -> None:
    """C = [[10^9, 10^9 + 1], [10^9 − 1, 10^9]], of which floats see rank 1 alone."""
    c = np.array([[10**9, 10**9 + 1], [10**9 - 1, 10**9]])
    case = replace(picture("conv", (1,), (1,)), input_shape=(1, 2, 1), kernel_shape=(2, 2, 1), out_channels=2)
    view = show_arrays("matrix", case, np.ones((1, 2, 1), np.int64), c.T.reshape(2, 2, 1), None)
    assert view.steps["matrix"].tensor.tolist() == c.tolist()
    assert facts(view) == (2, 2, 2, True, True, True)


@pytest.mark.parametrize("scale", [1e300, 1e-300, 1.0])
def test_float_rank_at_every_scale(scale: float) -> None:
    kernel = np.array([[[1.0, -1.0]]]) * scale
    case = picture("conv", (4,), (2,), padding=((0, 1),), padding_mode="circular")
    view = show_arrays("matrix", case, np.full((1, 1, 4), 1e-5), kernel, None)
    assert facts(view) == (4, 4, 3, True, False, False)
    assert "numpy.linalg.matrix_rank" in str(view.steps["matrix"].detail)


def test_a_kernel_of_zeros_has_rank_zero() -> None:
    for dtype in ("int64", "float32"):
        case = picture("conv", (3,), (2,))
        view = show_arrays("matrix", case, np.ones((1, 1, 3), dtype), np.zeros((1, 1, 2), dtype), None)
        assert facts(view) == (3, 2, 0, False, False, False)
