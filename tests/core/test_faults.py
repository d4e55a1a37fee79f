"""Wrong settings one by one: the code, the field, what is allowed, and a suggestion that mends it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.core import conv, conv_transpose, output_size
from app.core.errors import Fault, Path, ProblemError, Suggestion
from tests.core.strategies import OPS, Op
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


# Types

#: An argument that is none, the path of the fault, what it is called there, and what it must be.
EACH, NUMBER, LIST = "a whole number, or a list of one for each dimension", "a whole number", "a list of whole numbers"
TYPES: list[tuple[str, Any, Path, str, str]] = [
    *((field, ((1, 2), 1), (field, 0), "tuple", NUMBER) for field in ("stride", "dilation", "output_padding")),
    *((field, [1, [2]], (field, 1), "tuple", NUMBER) for field in ("stride", "output_size")),
    *((field, "2", (field,), "str", EACH) for field in ("stride", "dilation", "output_padding")),
    *((field, True, (field,), "bool", EACH) for field in ("stride", "dilation", "output_padding")),
    *(("groups", value, ("groups",), kind, NUMBER) for value, kind in (("1", "str"), ((1,), "tuple"), (1.0, "float"))),
    *(("groups", value, ("groups",), kind, NUMBER) for value, kind in ((True, "bool"), (None, "NoneType"))),
    ("stride", (1, 2.0), ("stride", 1), "float", NUMBER),
    ("stride", {1, 2}, ("stride",), "set", EACH),
    ("stride", [1, np.float64(1)], ("stride", 1), "float64", NUMBER),
    ("dilation", b"ab", ("dilation",), "bytes", EACH),
    ("output_size", 6, ("output_size",), "int", LIST),
    ("output_size", "66", ("output_size",), "str", LIST),
    ("padding", (1, "same"), ("padding", 1), "str", NUMBER),
    ("padding", ((0, 1), (0, (1,))), ("padding", 1, 1), "tuple", NUMBER),
    ("padding", ((0, 1), (0.5, 1)), ("padding", 1, 0), "float", NUMBER),
]


def type_fault(found: tuple[Fault, ...], path: Path, kind: str, wanted: str) -> bool:
    (fault,) = found
    name = str(path[0]) + "".join(f"[{part}]" for part in path[1:])
    same = (fault.field, fault.code) == (path, "wrong_type")
    return same and str(fault.message) == f"{name} has type {kind}; it must be {wanted}"


@pytest.mark.parametrize(("field", "value", "path", "kind", "wanted"), TYPES, ids=str)
def test_what_has_another_type_is_named(field: str, value: Any, path: Path, kind: str, wanted: str) -> None:
    assert type_fault(asked("conv_transpose", {field: value}).faults(), path, kind, wanted)
    if field in ("output_padding", "output_size"):
        assert type_fault(faults_of("conv_transpose", (1, 1, 4, 5), (1, 1, 3, 3), **{field: value}), path, kind, wanted)
        return
    for op in OPS:
        assert type_fault(faults_of(op, (1, 1, 4, 5), (1, 1, 3, 3), **{field: value}), path, kind, wanted)


@pytest.mark.parametrize("value", [1, None, "yes", [True], {}])
def test_flags_and_words_of_another_type_are_named(value: Any) -> None:
    shapes = (1, 1, 4, 5), (1, 1, 3, 3)
    kind = type(value).__name__
    for op in OPS:
        assert faults_of(op, *shapes, flip_kernel=True) == ()
        assert type_fault(faults_of(op, *shapes, flip_kernel=value), ("flip_kernel",), kind, "true or false")
        assert type_fault(asked(op, {"bias": value}).faults(), ("bias",), kind, "true or false")
        if value != "yes":
            assert type_fault(faults_of(op, *shapes, method=value), ("method",), kind, "a word")
            assert type_fault(asked(op, {"padding_mode": value}).faults(), ("padding_mode",), kind, "a word")
    if value != "yes":
        assert type_fault(faults_of("conv", *shapes, padding_mode=value), ("padding_mode",), kind, "a word")
        assert type_fault(asked(value, {}).faults(), ("op",), kind, "a word")


def test_sizes_and_counts_of_another_type_are_named() -> None:
    assert type_fault(asked("conv", {"input_size": 4}).faults(), ("input_size",), "int", LIST)
    assert type_fault(asked("conv", {"kernel_size": None}).faults(), ("kernel_size",), "NoneType", EACH)
    for field in ("batch", "in_channels", "out_channels"):
        assert type_fault(asked("conv", {field: 2.0}).faults(), (field,), "float", NUMBER)


def test_faults_of_types_and_of_numbers_come_together() -> None:
    fields = {"stride": "2", "dilation": 0, "groups": 1.0, "padding": ((0, -1), (0, 0))}
    expected = {"stride": "wrong_type", "dilation": "out_of_range", "groups": "wrong_type", "padding": "out_of_range"}
    assert {fault.field[0]: fault.code for fault in asked("conv", fields).faults()} == expected
    found = faults_of("conv", (1, 1, 4, 5), (1, 1, 3, 3), **fields)
    assert {fault.field[0]: fault.code for fault in found} == expected


def test_what_is_no_array_is_named() -> None:
    wanted = "an array of numbers, or lists of them that are as long as each other"
    x = np.zeros((1, 1, 3))
    wrongs: tuple[tuple[Any, str], ...] = (
        ("abc", "str"),
        (None, "NoneType"),
        ([[[1, 2], [1]]], "list"),
        ([[["a"]]], "list"),
    )
    for wrong, kind in wrongs:
        for field, arrays in (("input", (wrong, x, x)), ("kernel", (x, wrong, x)), ("bias", (x, x, wrong))):
            if wrong is None and field == "bias":
                continue
            with pytest.raises(ProblemError) as refusal:
                conv(arrays[0], arrays[1], bias=arrays[2])
            assert type_fault(refusal.value.faults, (field,), kind, wanted)


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


def test_a_single_sample_is_told_what_it_lacks() -> None:
    for op in OPS:
        (fault,) = faults_of(op, (1, 4, 5), (1, 1, 3, 3))
        assert str(fault.message).endswith("they have 3 and 4; to a single sample add a batch axis: x[None]")
        (fault,) = faults_of(op, (1, 4), (1, 1, 3, 3))
        assert str(fault.message).endswith("they have 2 and 4")


def test_a_bias_of_another_rank_is_told_its_shape() -> None:
    (fault,) = faults_of("conv", (1, 6, 8), (4, 6, 3), bias=np.zeros((1, 4)))
    assert str(fault.message) == "the bias has rank 2; it must have shape (4,), a number for each output channel"


@pytest.mark.parametrize(
    ("dtype", "nearest"),
    [
        *(("int32", "int64"), ("bool", "int64"), ("uint64", "int64")),
        *(("float16", "float32"), ("complex128", "float64"), ("U2", "float64")),
    ],
)
def test_other_dtypes_are_refused(dtype: str, nearest: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        conv(np.zeros((1, 1, 3), dtype), np.zeros((1, 1, 3), dtype))
    assert refusal.value.faults[0].code == "dtype_mismatch"
    assert str(refusal.value).endswith(f'convert them, as by x.astype("{nearest}")')
    with pytest.raises(ProblemError, match=r'x.astype\("float32"\)'):
        conv(np.zeros((1, 1, 3), dtype), np.zeros((1, 1, 3), np.float32))


def test_dtypes_that_differ_are_refused() -> None:
    x, w = np.zeros((1, 1, 3)), np.zeros((1, 1, 3))
    for arrays in ((x, w.astype(np.float32), None), (x, w, np.zeros(1, np.int64))):
        with pytest.raises(ProblemError) as refusal:
            conv(arrays[0], arrays[1], bias=arrays[2])
        assert refusal.value.faults[0].code == "dtype_mismatch"


def test_a_refusal_of_sizes_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="stride is 0"):
        output_size("conv", (3,), 3, stride=0)
