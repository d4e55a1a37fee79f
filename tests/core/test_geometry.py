"""The shape rule and what follows from it, against `tests.naive_sizes`."""

from __future__ import annotations

import ast
import math
import operator
import re
from itertools import product
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given

from app.core import ProblemError, output_size
from app.core.problem import Problem
from tests import naive_sizes
from tests.core.strategies import OPS, Case, Op, cases, examples
from tests.naive_sizes import Pair, per_axis

every_operation = pytest.mark.parametrize("op", OPS)
every_dimension = pytest.mark.parametrize("n", [1, 2, 3])

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.floordiv}
LISTED = 64
#: Far beyond every inverse size of the small settings here.
FAR = 80


def sized(case: Case) -> Problem:
    """The core's answer for a case, without arrays."""
    options = {name: value for name, value in case.options.items() if name != "flip_kernel"}
    return output_size(
        case.op,
        case.input_shape[2:],
        case.kernel_shape[2:],
        batch=case.input_shape[0],
        in_channels=case.input_shape[1],
        out_channels=case.out_channels,
        bias=case.with_bias,
        **options,
    )


def axes_of(case: Case) -> list[tuple[int, int, int, int]]:
    """(i, k, s, d) of each axis."""
    n = len(case.input_shape) - 2
    columns = (
        case.input_shape[2:],
        case.kernel_shape[2:],
        *(per_axis(case.options[o], n) for o in ("stride", "dilation")),
    )
    return list(zip(*columns, strict=True))


def expected_pads(case: Case) -> tuple[Pair, ...]:
    """The padding of a convolution, or the crop of a transposed one."""
    size, kernel, stride, dilation = zip(*axes_of(case), strict=True)
    padding = case.options["padding"]
    if case.op == "conv":
        return naive_sizes.conv_pads(size, kernel, stride, dilation, padding)
    choice = case.options.get("output_padding", 0), case.options.get("output_size")
    return naive_sizes.transpose_crops(size, kernel, stride, dilation, padding, *choice)


@every_operation
@every_dimension
def test_sizes_by_sliding_and_stamping(op: Op, n: int) -> None:
    @given(cases(op, n))
    @examples(200)
    def check(case: Case) -> None:
        problem, pads = sized(case), expected_pads(case)
        if op == "conv":
            sizes = [naive_sizes.conv_size(*axis, pair) for axis, pair in zip(axes_of(case), pads, strict=True)]
            assert problem.padding == pads
        else:
            full = [max(naive_sizes.stamped(*axis)) + 1 for axis in axes_of(case)]
            sizes = [length - sum(pair) for length, pair in zip(full, pads, strict=True)]
            assert (problem.full_size, problem.crop) == (tuple(full), pads)
        assert problem.output_size == tuple(sizes)

    check()


@every_operation
def test_formulas_with_the_numbers_put_in_hold(op: Op) -> None:
    @given(cases(op, 1))
    @examples(200)
    def check(case: Case) -> None:
        problem = sized(case)
        (dimension,) = problem.dimensions
        left, right = dimension.substituted.split(" = ")
        assert int(right) == problem.output_size[0] == evaluated(left)
        assert names_put_in(problem) == left

    check()


def evaluated(formula: str) -> int:
    """A formula's value in whole numbers: floor(a/b) is a//b."""
    return value_of(ast.parse(formula, mode="eval").body)


def value_of(node: ast.expr) -> int:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.BinOp(left=left, op=sign, right=right):
            return int(OPERATORS[type(sign)](value_of(left), value_of(right)))
        case ast.Call(func=ast.Name(id="floor"), args=[ast.BinOp(op=ast.Div()) as quotient]):
            return value_of(quotient)
    raise AssertionError(ast.unparse(node))


def names_put_in(problem: Problem) -> str:
    """The formula in letters, its letters replaced by the resolved numbers."""
    (dimension,) = problem.dimensions
    numbers = {
        "i": dimension.input,
        "k": dimension.kernel,
        "s": dimension.stride,
        "d": dimension.dilation,
        "p_before": dimension.padding[0],
        "p_after": dimension.padding[1],
        "output_padding": dimension.output_padding,
    }
    return re.sub(r"[a-z_]+", lambda word: str(numbers.get(word.group(), word.group())), dimension.formula)


@every_operation
def test_inverse_sizes_by_trying_all(op: Op) -> None:
    @given(cases(op, 1))
    @examples(300)
    def check(case: Case) -> None:
        (dimension,) = sized(case).dimensions
        ((i, k, s, d),) = axes_of(case)
        (padding,) = naive_sizes.asked_pads(case.options["padding"], 1)
        if op == "conv":
            mode, (output,) = case.options["padding_mode"], sized(case).output_size
            expected = naive_sizes.conv_inverse(k, s, d, padding, mode, output, FAR)
            assert i in expected
        elif isinstance(padding, str) and "output_size" in case.options:
            expected = list(case.options["output_size"])
        else:
            expected = naive_sizes.transpose_inverse(i, k, s, d, padding)
        assert expected[-1] < FAR
        assert dimension.inverse_range.listed() == expected[:LISTED]
        assert (dimension.inverse_range.min, dimension.inverse_range.max) == (expected[0], expected[-1])

    check()


@pytest.mark.parametrize("op", OPS)
def test_no_more_than_64_inverse_sizes_are_listed(op: Op) -> None:
    (dimension,) = output_size(op, (5,), 3, stride=1000).dimensions
    sizes = dimension.inverse_range
    assert sizes.listed() == list(range(sizes.min, sizes.min + LISTED))
    assert sizes.max - sizes.min == 999


@pytest.mark.parametrize("i", [1, 2, 3, 5])
def test_unused_input_by_marking(i: int) -> None:
    """Every small setting, those with no input under the last window included."""
    for k, s, d, before, after in product((1, 2, 3), range(1, 7), (1, 2), range(9), range(4)):
        if i + before + after > d * (k - 1):
            padding = ((before, after),)
            (dimension,) = output_size("conv", (i,), k, stride=s, dilation=d, padding=padding).dimensions
            expected = naive_sizes.unused_input(i, k, s, d, (before, after))
            assert dimension.unused_input == expected, (k, s, d, padding)


@pytest.mark.parametrize("s", range(1, 7))
def test_coverage_by_counting_stamps(s: int) -> None:
    for k in range(1, 8):
        for d in range(1, 7):
            (dimension,) = output_size("conv_transpose", (4,), k, stride=s, dilation=d).dimensions
            expected = naive_sizes.interior_coverage(k, s, d)
            assert (dimension.coverage.min, dimension.coverage.max) == expected, (k, s, d)


@given(cases("conv_transpose", 2) | cases("conv_transpose", 3))
@examples(200)
def test_coverage_over_all_dimensions(case: Case) -> None:
    problem = sized(case)
    least, most = naive_sizes.interior_coverage_of_all(tuple(axis[1:] for axis in axes_of(case)))
    assert (problem.coverage.min, problem.coverage.max) == (least, most)
    assert problem.checkerboard is (least != most)


@every_operation
@every_dimension
def test_counts(op: Op, n: int) -> None:
    @given(cases(op, n))
    @examples(150)
    def check(case: Case) -> None:
        problem = sized(case)
        assert problem.output_elements == case.input_shape[0] * case.out_channels * math.prod(problem.output_size)
        assert problem.parameters == math.prod(case.kernel_shape) + case.with_bias * case.out_channels
        # every element of the output (conv) or input (transposed) meets one kernel's worth of weights
        meets = problem.output_elements if op == "conv" else math.prod(case.input_shape)
        assert problem.macs == meets * math.prod(case.kernel_shape[1:])

    check()


def test_whole_numbers_of_any_kind_are_pythons_own() -> None:
    many: Any = np.int64(2**40)
    problem = output_size("conv", (2**20,), 3, batch=many, in_channels=many, out_channels=many)
    assert problem.macs == 2**40 * 2**40 * (2**20 - 2) * 2**40 * 3
    assert problem == output_size("conv", (2**20,), 3, batch=2**40, in_channels=2**40, out_channels=2**40)
    with pytest.raises(ProblemError, match="batch has type float; it must be a whole number"):
        output_size("conv", (8,), 3, batch=cast("int", 2.5))


def test_macs_count_taps_on_padding_and_taps_cropped_away() -> None:
    assert output_size("conv", (2,), 3, padding=2).macs == 4 * 3
    assert output_size("conv_transpose", (2,), 3, padding=2, output_padding=0, stride=2).macs == 2 * 3
    assert output_size("conv_transpose", (2, 2), 3, stride=100).macs == 36


# Sizes beyond every array

LARGE: tuple[tuple[Op, int, dict[str, Any], int], ...] = (
    ("conv", 2**31, {"stride": 2**31}, 1),
    ("conv", 2**31 + 2, {"stride": 2}, 2**30),
    ("conv", 2**53 - 1, {}, 2**53 - 3),
    ("conv", 2**53 - 1, {"padding": 2**53 - 1}, 3 * (2**53 - 1) - 2),
    ("conv", 2**53 - 1, {"padding": "same", "stride": 2}, 2**52),
    ("conv", 2**53 - 1, {"padding": "same_lower", "stride": 2**53 - 1}, 1),
    ("conv", 2**53 - 1, {"padding": "full", "dilation": 2**51}, 2**53 - 1 + 2**52),
    ("conv", 2**53 - 1, {"padding": 2**53 - 2, "padding_mode": "reflect"}, 3 * (2**53 - 1) - 4),
    ("conv_transpose", 2**31, {"stride": 2**31}, (2**31 - 1) * 2**31 + 3),
    ("conv_transpose", 2**53 - 1, {"stride": 2**53 - 1}, (2**53 - 2) * (2**53 - 1) + 3),
    ("conv_transpose", 2**53 - 1, {"padding": "same", "stride": 2**53 - 1}, (2**53 - 1) ** 2),
    ("conv_transpose", 1, {"dilation": 2**53 - 1, "output_padding": 2**53 - 2}, 2 * (2**53 - 1) + 1 + 2**53 - 2),
)


@pytest.mark.parametrize(("op", "i", "options", "expected"), LARGE)
def test_large_sizes_are_exact(op: Op, i: int, options: dict[str, Any], expected: int) -> None:
    problem = output_size(op, (i, i, i), 3, in_channels=2**40, out_channels=2**50, batch=2**53 - 1, **options)
    assert problem.output_size == (expected,) * 3
    assert problem.output_elements == (2**53 - 1) * 2**50 * expected**3
    assert problem.parameters == 2**90 * 27
    meets = 2**50 * expected**3 * 2**40 if op == "conv" else 2**40 * i**3 * 2**50
    assert problem.macs == (2**53 - 1) * meets * 27
    for dimension in problem.dimensions:
        assert len(dimension.inverse_range.listed()) <= LISTED
        assert evaluated(dimension.substituted.split(" = ")[0]) == expected


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [2**52, "same", "same_lower", "full"])
def test_ends_of_a_large_inverse_range_are_its_ends(mode: str, padding: int | str) -> None:
    """Both ends give the output, one step outside either does not (or is refused)."""
    i, k, s, d = 2**53 - 1, 3, 2**31 + 11, 2**50
    (dimension,) = output_size("conv", (i,), k, stride=s, dilation=d, padding=padding, padding_mode=mode).dimensions
    ends = dimension.inverse_range
    for size, inside in ((ends.min, True), (ends.max, True), (ends.min - 1, False), (ends.max + 1, False)):
        assert (closed_form(size, k, s, d, padding, mode) == dimension.output) is inside, size


def closed_form(i: int, k: int, s: int, d: int, padding: int | str, mode: str) -> int:
    """The contract's formula in closed form; 0 where it is refused."""
    reach = d * (k - 1) + 1
    pads = (reach - 1, reach - 1)
    if isinstance(padding, int):
        pads = (padding, padding)
    elif padding != "full":
        pads = naive_sizes.halves(max((-(-i // s) - 1) * s + reach - i, 0), padding == "same_lower")
    if i < 1 or i + sum(pads) < reach or not naive_sizes.mode_allows(pads, i, mode):
        return 0
    return (i + sum(pads) - reach) // s + 1
