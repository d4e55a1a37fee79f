"""Wrong settings one by one: the code, the field, what is allowed, and a suggestion that mends it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.core import conv, conv_transpose, output_size
from app.core.errors import Fault, Path, ProblemError, Suggestion
from tests.core.strategies import Op
from tests.core.wrong_settings import Asked, put

MOST = 2**53 - 1
CONV_WORDS = ["valid", "same", "same_lower", "full"]
TRANSPOSE_WORDS = ["valid", "same", "same_lower"]
PADDING_MODES = ["zeros", "reflect", "replicate", "circular"]


def at_least(least: int) -> dict[str, int]:
    return {"min": least, "max": MOST}


def exactly(count: int) -> dict[str, int]:
    return {"min": count, "max": count}


Row = tuple[Op, dict[str, Any], Path, str, Any, Any]

#: op, the fields that differ from a 4×5 input and a 3×3 kernel, then of the fault: field, code, given, allowed
NUMBERS: list[Row] = [
    ("conv", {"stride": 0}, ("stride",), "out_of_range", 0, at_least(1)),
    ("conv", {"stride": (1, 0)}, ("stride", 1), "out_of_range", 0, at_least(1)),
    ("conv", {"stride": -7}, ("stride",), "out_of_range", -7, at_least(1)),
    ("conv", {"stride": MOST + 1}, ("stride",), "out_of_range", MOST + 1, at_least(1)),
    ("conv", {"dilation": (0, 1)}, ("dilation", 0), "out_of_range", 0, at_least(1)),
    ("conv", {"padding": -1}, ("padding",), "out_of_range", -1, at_least(0)),
    ("conv", {"padding": (0, -1)}, ("padding", 1), "out_of_range", -1, at_least(0)),
    ("conv", {"padding": ((0, 0), (0, -2))}, ("padding", 1, 1), "out_of_range", -2, at_least(0)),
    ("conv", {"padding": ((0, MOST + 9), (0, 0))}, ("padding", 0, 1), "out_of_range", MOST + 9, at_least(0)),
    ("conv", {"kernel_size": 0}, ("kernel_size",), "out_of_range", 0, at_least(1)),
    ("conv", {"kernel_size": (3, 0)}, ("kernel_size", 1), "out_of_range", 0, at_least(1)),
    ("conv", {"input_size": (0, 4)}, ("input_size", 0), "out_of_range", 0, at_least(1)),
    ("conv", {"input_size": (4, MOST + 1)}, ("input_size", 1), "out_of_range", MOST + 1, at_least(1)),
    ("conv", {"groups": 0}, ("groups",), "out_of_range", 0, at_least(1)),
    ("conv", {"batch": 0}, ("batch",), "out_of_range", 0, at_least(1)),
    ("conv", {"in_channels": -1}, ("in_channels",), "out_of_range", -1, at_least(1)),
    ("conv_transpose", {"out_channels": 0}, ("out_channels",), "out_of_range", 0, at_least(1)),
    ("conv_transpose", {"output_padding": -1}, ("output_padding",), "out_of_range", -1, at_least(0)),
    ("conv_transpose", {"output_padding": (0, -1)}, ("output_padding", 1), "out_of_range", -1, at_least(0)),
    ("conv_transpose", {"output_size": (6, 0)}, ("output_size", 1), "out_of_range", 0, at_least(1)),
]
LENGTHS: list[Row] = [
    ("conv", {"stride": (1, 1, 1)}, ("stride",), "wrong_length", 3, exactly(2)),
    ("conv", {"stride": ()}, ("stride",), "empty", 0, exactly(2)),
    ("conv", {"dilation": (1,)}, ("dilation",), "wrong_length", 1, exactly(2)),
    ("conv", {"padding": (1,)}, ("padding",), "wrong_length", 1, exactly(2)),
    ("conv", {"padding": ((1, 1),)}, ("padding",), "wrong_length", 1, exactly(2)),
    ("conv", {"padding": ((1, 1), (1, 1, 1))}, ("padding", 1), "wrong_length", 3, exactly(2)),
    ("conv", {"padding": ((1,), (1, 1))}, ("padding", 0), "wrong_length", 1, exactly(2)),
    ("conv", {"padding": ((), (1, 1))}, ("padding", 0), "empty", 0, exactly(2)),
    ("conv", {"kernel_size": (3, 3, 3)}, ("kernel_size",), "wrong_length", 3, exactly(2)),
    ("conv", {"input_size": ()}, ("input_size",), "empty", 0, {"min": 1, "max": 3}),
    ("conv", {"input_size": (4, 4, 4, 4)}, ("input_size",), "wrong_length", 4, {"min": 1, "max": 3}),
    ("conv_transpose", {"output_padding": (0, 0, 0)}, ("output_padding",), "wrong_length", 3, exactly(2)),
    ("conv_transpose", {"output_size": (6,)}, ("output_size",), "wrong_length", 1, exactly(2)),
]
WORDS: list[Row] = [
    ("conv", {"padding": "SAME"}, ("padding",), "out_of_range", "SAME", CONV_WORDS),
    ("conv", {"padding": ""}, ("padding",), "out_of_range", "", CONV_WORDS),
    ("conv_transpose", {"padding": "wide"}, ("padding",), "out_of_range", "wide", TRANSPOSE_WORDS),
    ("conv_transpose", {"padding": "full"}, ("padding",), "not_for_this_operation", "full", TRANSPOSE_WORDS),
    ("conv", {"padding_mode": "mirror"}, ("padding_mode",), "out_of_range", "mirror", PADDING_MODES),
    (
        "conv_transpose",
        {"padding_mode": "circular"},
        ("padding_mode",),
        "not_for_this_operation",
        "circular",
        ["zeros"],
    ),
]
COMBINATIONS: list[Row] = [
    ("conv", {"kernel_size": 5}, ("kernel_size",), "kernel_too_large", 5, None),
    ("conv", {"kernel_size": (4, 6)}, ("kernel_size", 1), "kernel_too_large", 6, None),
    ("conv", {"dilation": (1, 3)}, ("kernel_size",), "kernel_too_large", 7, None),
    ("conv", {"stride": 10**9, "kernel_size": 5}, ("kernel_size",), "kernel_too_large", 5, None),
    ("conv", {"padding": 4, "padding_mode": "reflect"}, ("padding",), "padding_too_large", 4, {"min": 0, "max": 3}),
    (
        "conv",
        {"padding": ((0, 0), (0, 6)), "padding_mode": "circular"},
        ("padding", 1, 1),
        "padding_too_large",
        6,
        {"min": 0, "max": 5},
    ),
    (
        "conv",
        {"padding": "full", "padding_mode": "reflect", "dilation": 2},
        ("padding",),
        "padding_too_large",
        4,
        {"min": 0, "max": 3},
    ),
    ("conv_transpose", {"padding": (2, 4)}, ("padding", 1), "empty_output", 8, None),
    ("conv_transpose", {"output_padding": 1}, ("output_padding",), "output_padding_too_large", 1, exactly(0)),
    (
        "conv_transpose",
        {"stride": (1, 2), "dilation": (3, 1), "output_padding": (2, 2)},
        ("output_padding", 1),
        "output_padding_too_large",
        2,
        {"min": 0, "max": 1},
    ),
    (
        "conv_transpose",
        {"stride": 2, "output_size": (9, 13)},
        ("output_size", 1),
        "output_size_unreachable",
        13,
        {"min": 11, "max": 12},
    ),
    (
        "conv_transpose",
        {"stride": 3, "padding": "same", "output_size": (15, 15)},
        ("output_size", 0),
        "output_size_unreachable",
        15,
        {"min": 1, "max": 14},
    ),
    ("conv_transpose", {"padding": "same", "output_padding": (0, 1)}, ("output_padding",), "conflict", None, None),
    ("conv_transpose", {"output_size": (6, 7), "output_padding": 1}, ("output_padding",), "conflict", None, None),
    ("conv", {"groups": 4, "in_channels": 6, "out_channels": 8}, ("groups",), "groups_do_not_divide", 4, None),
    ("conv_transpose", {"groups": 3, "in_channels": 6}, ("groups",), "groups_do_not_divide", 3, None),
]


def asked(op: Op, fields: dict[str, Any]) -> Asked:
    return Asked(op, {"input_size": (4, 5), "kernel_size": 3} | fields)


@pytest.mark.parametrize(
    ("op", "fields", "path", "code", "given", "allowed"), [*NUMBERS, *LENGTHS, *WORDS, *COMBINATIONS], ids=str
)
def test_one_fault(op: Op, fields: dict[str, Any], path: Path, code: str, given: Any, allowed: Any) -> None:
    case = asked(op, fields)
    (fault,) = case.faults()
    assert (fault.field, fault.code, fault.given, fault.allowed) == (path, code, given, allowed)
    assert str(fault.message)
    assert "{" not in str(fault.message)
    if fault.suggestion is not None:
        left = case.with_suggestion(fault.suggestion).faults()
        assert code not in {other.code for other in left}
        assert left == () or code == "out_of_range", "a number in range may still not fit the others"


@pytest.mark.parametrize(("op", "fields"), [row[:2] for row in NUMBERS], ids=str)
def test_a_number_out_of_range_has_a_suggestion(op: Op, fields: dict[str, Any]) -> None:
    (fault,) = asked(op, fields).faults()
    assert isinstance(fault.allowed, dict)
    assert isinstance(fault.given, int)
    nearest = min(max(fault.given, fault.allowed["min"]), fault.allowed["max"])
    assert fault.suggestion == Suggestion(fault.field, nearest)


def test_independent_faults_come_together() -> None:
    fields = {"stride": 0, "dilation": (1, 0), "padding": "wide", "padding_mode": "mirror", "groups": 0, "batch": -1}
    faults = asked("conv", fields).faults()
    found = {(fault.field, fault.code) for fault in faults}
    paths = [("stride",), ("dilation", 1), ("padding",), ("padding_mode",), ("groups",), ("batch",)]
    assert found == {(path, "out_of_range") for path in paths}


def test_both_dimensions_of_a_kernel_too_large() -> None:
    faults = asked("conv", {"kernel_size": (6, 8)}).faults()
    assert [(fault.field, fault.given) for fault in faults] == [(("kernel_size", 0), 6), (("kernel_size", 1), 8)]


def test_messages_carry_the_numbers_and_the_way_out() -> None:
    (fault,) = asked("conv", {"kernel_size": (5, 3), "padding": (0, 0)}).faults()
    expected = (
        "the kernel reaches over 5 rows and the padded input has 4: raise padding[0] by 1 or use a smaller kernel"
    )
    assert str(fault.message) == expected
    (fault,) = asked("conv", {"stride": (1, 0)}).faults()
    assert str(fault.message) == "stride[1] is 0; it must be at least 1"


@pytest.mark.parametrize("number", [10**4000, -(10**4000), 10**40, -(10**40)])
def test_a_very_long_number_is_told_short(number: int) -> None:
    for field in ("stride", "padding", "groups", "batch", "kernel_size"):
        (fault,) = asked("conv", {field: number}).faults()
        assert len(str(fault.given)) <= 41
        assert len(str(fault.message)) < 200


# Arrays: channels, groups, bias, ranks, dtypes


def faults_of(op: Op, x: tuple[int, ...], w: tuple[int, ...], **options: Any) -> tuple[Fault, ...]:
    """What is wrong with arrays of these shapes."""
    run = conv if op == "conv" else conv_transpose
    try:
        run(np.zeros(x), np.zeros(w), **options)
    except ProblemError as error:
        return error.faults
    return ()


@pytest.mark.parametrize(
    ("op", "x", "w", "options", "path", "code"),
    [
        ("conv", (1, 6, 8), (4, 5, 3), {}, ("kernel",), "channel_mismatch"),
        ("conv", (1, 6, 8), (4, 3, 3), {}, ("kernel",), "channel_mismatch"),
        ("conv", (1, 6, 8), (4, 6, 3), {"groups": 2}, ("kernel",), "channel_mismatch"),
        ("conv", (1, 6, 8), (4, 6, 3), {"groups": 4}, ("groups",), "groups_do_not_divide"),
        ("conv", (1, 6, 8), (4, 2, 3), {"groups": 3}, ("groups",), "groups_do_not_divide"),
        ("conv", (1, 6, 8), (3, 2, 3), {"groups": 5}, ("groups",), "groups_do_not_divide"),
        ("conv", (1, 6, 8), (4, 6, 9), {}, ("kernel",), "kernel_too_large"),
        ("conv", (1, 6, 8), (4, 6, 9), {"padding": (0,)}, ("kernel",), "kernel_too_large"),
        ("conv_transpose", (1, 6, 8), (5, 2, 3), {}, ("kernel",), "channel_mismatch"),
        ("conv_transpose", (1, 6, 8), (6, 2, 3), {"groups": 4}, ("groups",), "groups_do_not_divide"),
        ("conv_transpose", (1, 6, 8), (6, 1, 3), {"groups": 7}, ("groups",), "groups_do_not_divide"),
        ("conv", (1, 6, 8), (4, 6, 3), {"bias": np.zeros(3)}, ("bias",), "bias_length"),
        ("conv", (1, 6, 8), (4, 6, 3), {"bias": np.zeros(())}, ("bias",), "bias_length"),
        ("conv", (1, 6, 8), (4, 6, 3), {"bias": np.zeros((2, 2))}, ("bias",), "wrong_rank"),
        ("conv_transpose", (1, 6, 8), (6, 2, 3), {"groups": 2, "bias": np.zeros(2)}, ("bias",), "bias_length"),
        ("conv", (1, 6, 8), (4, 6, 3), {"method": "fast"}, ("method",), "out_of_range"),
    ],
)
def test_faults_of_arrays(
    op: Op, x: tuple[int, ...], w: tuple[int, ...], options: dict[str, Any], path: Path, code: str
) -> None:
    (fault,) = faults_of(op, x, w, **options)
    assert (fault.field, fault.code) == (path, code)
    if fault.suggestion is not None:
        name, *rest = fault.suggestion.field
        better = put(options.get(str(name)), rest, fault.suggestion.value)
        assert faults_of(op, x, w, **(options | {str(name): better})) == ()


@pytest.mark.parametrize("op", ["conv", "conv_transpose"])
def test_groups_suggested_are_the_nearest_that_work(op: Op) -> None:
    """Over all small channel counts, against trying every number of groups."""
    for inside in range(1, 9):
        for first, second, groups in [(a, b, g) for a in range(1, 7) for b in range(1, 5) for g in range(1, 9)]:
            x, w = (1, inside, 3), (first, second, 3)
            found = faults_of(op, x, w, groups=groups)
            works = [g for g in range(1, 9) if faults_of(op, x, w, groups=g) == ()]
            if not found:
                continue
            (fault,) = found
            if not works:
                assert fault.suggestion is None, (x, w, groups, fault.suggestion)
            else:
                assert fault.suggestion is not None, (x, w, groups, works)
                assert fault.suggestion.field == ("groups",)
                distance = min(abs(g - groups) for g in works)
                assert abs(fault.suggestion.value - groups) == distance, (x, w, groups, works, fault.suggestion)


@pytest.mark.parametrize(
    ("x", "w", "field", "code"),
    [
        ((3,), (3,), "kernel", "wrong_rank"),
        ((1, 1, 3), (1, 1, 3, 3), "input", "wrong_rank"),
        ((1, 1, 3, 3), (1, 1, 3), "input", "wrong_rank"),
        ((1, 1, 2, 2, 2, 2), (1, 1, 1, 1, 1, 1), "kernel", "wrong_rank"),
        ((1, 0, 3), (1, 1, 3), "input", "empty"),
        ((1, 1, 3), (1, 1, 0), "kernel", "empty"),
    ],
)
def test_shapes_that_are_none(x: tuple[int, ...], w: tuple[int, ...], field: str, code: str) -> None:
    for op in ("conv", "conv_transpose"):
        (fault,) = faults_of("conv" if op == "conv" else "conv_transpose", x, w)
        assert (fault.field, fault.code) == ((field,), code)


@pytest.mark.parametrize("dtype", ["int32", "float16", "bool", "complex128", "uint64"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        conv(np.zeros((1, 1, 3), dtype), np.zeros((1, 1, 3), dtype))
    assert refusal.value.faults[0].code == "dtype_mismatch"


def test_dtypes_that_differ_are_refused() -> None:
    x, w = np.zeros((1, 1, 3)), np.zeros((1, 1, 3))
    for arrays in ((x, w.astype(np.float32), None), (x, w, np.zeros(1, np.int64))):
        with pytest.raises(ProblemError) as refusal:
            conv(arrays[0], arrays[1], bias=arrays[2])
        assert refusal.value.faults[0].code == "dtype_mismatch"


def test_a_refusal_of_sizes_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="stride is 0"):
        output_size("conv", (3,), 3, stride=0)
