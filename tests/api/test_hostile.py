"""What no honest client sends: each is answered quickly, in a page at most, and never with a 500."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.client import (
    CONV,
    CONV_TRANSPOSE,
    OUTPUT_SIZE,
    answered,
    client,
    entries_of,
    one,
    places,
    refused,
)
from tests.api.requests_at_random import Body

DIGITS = "9" * 4000
ROW: Body = {"input": [1, 2, 3], "kernel": [1, 1]}
SIZES: Body = {"op": "conv_transpose", "input_size": [5], "kernel_size": 3}
COMPUTING = [CONV, CONV_TRANSPOSE]
PATHS = [*COMPUTING, OUTPUT_SIZE]


def body_for(path: str) -> Body:
    return SIZES if path == OUTPUT_SIZE else ROW


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "{",
            "}",
            "nonsense",
            "{'input': [1]}",
            "{} {}",
            "{},",
            '{"input": [1,], "kernel": [1]}',
            "\ufeff{}",
        ),
        *('{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}', '{"a": 01}', '{"a": +1}', '{"a": .5}', '{"a": 1.}'),
        *('{"a": 0x1}', '{"a": "\n"}', '{"a": "\\x"}', '{"a": tru}', '{"a" 1}', "{a: 1}", '{"a": 1e}', "[" * 100_000),
        *(
            "[" * 2000 + "]" * 2000,
            '{"a":' * 2000 + "1" + "}" * 2000,
            b'{"a": "\xff"}',
            b"\xff\xfe{\0}\0",
            b"\0",
            b"\x1f\x8b",
        ),
    ],
)
def test_not_json(path: str, text: str | bytes) -> None:
    entry = one(path, text, 400)
    assert (entry["pointer"], entry["code"]) == ("", "malformed_json")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("text", ["null", "[]", "3", '"x"', "true", "[{}]"])
def test_json_that_is_no_object(path: str, text: str) -> None:
    entry = one(path, text)
    assert (entry["pointer"], entry["code"]) == ("", "wrong_type")


# Numbers


@pytest.mark.parametrize("number", [str(2**63), str(-(2**63) - 1), str(2**64), "1" + "0" * 30, DIGITS, "-" + DIGITS])
@pytest.mark.parametrize("neighbours", ["", "0.5, ", "1, "])
@pytest.mark.parametrize("dtype", ["auto", "int64", "float64", "float32"])
def test_whole_numbers_outside_int64(number: str, neighbours: str, dtype: str) -> None:
    """Under every dtype, beside fractions or not: some parsers turn such a number into a float."""
    for field in ("input", "kernel"):
        other = "kernel" if field == "input" else "input"
        text = f'{{"{field}": [{neighbours}{number}], "{other}": [1], "dtype": "{dtype}"}}'
        errors = refused(CONV_TRANSPOSE, text)
        where = f"/{field}/{int(bool(neighbours))}"
        assert (where, "integer_too_large") in places(errors)
        entry = next(entry for entry in errors if entry["code"] == "integer_too_large")
        assert entry["given"] == int(number) if len(number) < 40 else entry["given"].startswith(number[:30])


@pytest.mark.parametrize("number", [str(2**53), str(2**63), str(2**64), "1" + "0" * 30, DIGITS, "-1", "-" + DIGITS])
@pytest.mark.parametrize(
    ("path", "field", "template", "pointer"),
    [
        (CONV, "stride", "{}", "/stride"),
        (CONV, "padding", "[[0, {}]]", "/padding/0/1"),
        (CONV, "groups", "{}", "/groups"),
        (CONV, "spatial_dims", "{}", "/spatial_dims"),
        (CONV_TRANSPOSE, "dilation", "[{}]", "/dilation/0"),
        (CONV_TRANSPOSE, "output_padding", "{}", "/output_padding"),
        (CONV_TRANSPOSE, "output_size", "[{}]", "/output_size/0"),
        (OUTPUT_SIZE, "input_size", "[{}]", "/input_size/0"),
        (OUTPUT_SIZE, "kernel_size", "{}", "/kernel_size"),
        (OUTPUT_SIZE, "in_channels", "{}", "/in_channels"),
        (OUTPUT_SIZE, "out_channels", "{}", "/out_channels"),
        (OUTPUT_SIZE, "batch", "{}", "/batch"),
        (OUTPUT_SIZE, "output_size", "[{}]", "/output_size/0"),
    ],
)
def test_parameters_out_of_all_range(path: str, field: str, template: str, pointer: str, number: str) -> None:
    text = json.dumps(body_for(path) | {field: "HERE"}).replace('"HERE"', template.format(number))
    entry = one(path, text)
    assert (entry["pointer"], entry["code"]) == (pointer, "out_of_range")
    assert entry["given"] == int(number) if len(number) < 40 else entry["given"].startswith(number[:30])


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1e400", "1" * 400 + ".5", "1e" + "9" * 400])
@pytest.mark.parametrize("field", ["input", "kernel", "bias"])
def test_numbers_too_large_for_a_double(number: str, field: str) -> None:
    text = json.dumps(ROW | {field: [0, "HERE"]}).replace('"HERE"', number)
    response = client().post(CONV, text)
    (entry,) = entries_of(response, response.status_code)
    assert response.status_code in (400, 422)
    assert entry["code"] == ("malformed_json" if response.status_code == 400 else "not_finite")


@pytest.mark.parametrize(
    "number", ["0." + DIGITS, "1" + "0" * 300 + "e-300", "1e-" + "9" * 400, "0" + "." + "0" * 4000 + "1"]
)
def test_long_fractions_are_numbers(number: str) -> None:
    assert answered(CONV, f'{{"input": [{number}], "kernel": [1]}}')["output"] == [float(number)]


# Types


@pytest.mark.parametrize(
    "value", [None, True, "1", 1.0, 1e2, {}, [[]], [None], [True], ["1"], [1.0], [{}], [[1, 2], 3]]
)
@pytest.mark.parametrize(
    ("path", "field"),
    [
        *((path, field) for path in PATHS for field in ("stride", "dilation", "padding", "groups", "padding_mode")),
        *((path, field) for path in COMPUTING for field in ("flip_kernel", "dtype", "method", "spatial_dims", "steps")),
        *((path, field) for path in (CONV_TRANSPOSE, OUTPUT_SIZE) for field in ("output_padding", "output_size")),
        *((OUTPUT_SIZE, field) for field in ("op", "input_size", "kernel_size", "in_channels", "batch", "bias")),
    ],
)
def test_every_wrong_type(path: str, field: str, value: Any) -> None:
    response = client().post(path, body_for(path) | {field: value})
    if takes(path, field, value):
        assert response.status_code == 200, response.text
        return
    codes = {"wrong_type", "wrong_length", "empty"}
    codes |= {"out_of_range"} if isinstance(value, str) or (value == ["1"] and field == "steps") else set()
    for entry in entries_of(response):
        assert entry["pointer"].split("/")[1] == field
        assert entry["code"] in codes


def takes(path: str, field: str, value: Any) -> bool:
    if value is None:
        return field in ("bias", "output_size", "spatial_dims")
    return value is True and field in ("steps", "flip_kernel", "bias")


@pytest.mark.parametrize("field", ["input", "kernel"])
@pytest.mark.parametrize("value", [None, True, "1", {}, [None], [1, "x"], [{}], [True], [[1], [None]]])
def test_tensors_of_wrong_type(field: str, value: Any) -> None:
    errors = refused(CONV, ROW | {field: value})
    assert {entry["code"] for entry in errors} == {"wrong_type"}
    assert all(entry["pointer"].startswith(f"/{field}") for entry in errors)


@pytest.mark.parametrize("key", ["\\ud800", "\\udfff", "a\\ud800b", "\\ud83d", "\\udc00\\ud800"])
@pytest.mark.parametrize(
    "template", ['{"%s": 1}', '{"padding": "%s"}', '{"input": "%s"}', '{"op": "%s"}', '{"steps": ["%s"]}']
)
def test_lone_surrogates(key: str, template: str) -> None:
    for path in PATHS:
        response = client().post(path, template % key)
        assert entries_of(response, response.status_code)
        assert response.status_code in (400, 422)


@pytest.mark.parametrize(
    "name", ["x" * 10_000, "\u4e2d" * 3000, "\U0001f600" * 3000, '"\\' * 3000, "\0" * 3000, "a\nb"]
)
def test_long_and_odd_names_and_words(name: str) -> None:
    for body in (
        ROW | {name: 1},
        ROW | {"padding": name},
        ROW | {"steps": [name]},
        ROW | {"stride": name},
        ROW | {"input": name},
    ):
        refused(CONV, body)


def test_the_last_of_a_repeated_key_counts() -> None:
    assert answered(CONV, '{"input": [1], "kernel": ["x"], "kernel": [2]}')["output"] == [2]
    entry = one(CONV, '{"input": [1], "kernel": [1], "stride": 1, "stride": 0}')
    assert (entry["pointer"], entry["given"]) == ("/stride", 0)


# Several faults


def test_all_independent_faults_at_once() -> None:
    faults: dict[str, tuple[Any, str, str]] = {
        "input": ([[1, 2], [3]], "/input/1", "uneven"),
        "kernel": ([["x"]], "/kernel/0/0", "wrong_type"),
        "bias": ([None], "/bias/0", "wrong_type"),
        "stride": (0, "/stride", "out_of_range"),
        "dilation": ([1, 1.5], "/dilation/1", "wrong_type"),
        "groups": (True, "/groups", "wrong_type"),
        "padding": ("some", "/padding", "out_of_range"),
        "padding_mode": ("mirror", "/padding_mode", "out_of_range"),
        "dtype": ("half", "/dtype", "out_of_range"),
        "method": ("fast", "/method", "out_of_range"),
        "steps": (["all"], "/steps/0", "out_of_range"),
        "foo": (1, "/foo", "unknown_field"),
        "flip_kernel": ("no", "/flip_kernel", "wrong_type"),
        "output_padding": (1, "/output_padding", "not_for_this_operation"),
        "spatial_dims": (9, "/spatial_dims", "out_of_range"),
    }
    body = {name: value for name, (value, *_) in faults.items()}
    assert places(refused(CONV, body)) == {(pointer, code) for _, pointer, code in faults.values()}


def test_sizes_and_channels_are_independent() -> None:
    long = {"input": [[1, 2, 3]], "kernel": [[[1] * 9]] * 2}
    assert places(refused(CONV, long | {"bias": [1]})) == {("/kernel", "kernel_too_large"), ("/bias", "bias_length")}
    assert places(refused(CONV, long | {"groups": 5})) == {
        ("/kernel", "kernel_too_large"),
        ("/groups", "groups_do_not_divide"),
    }


def test_shapes_numbers_and_views_are_independent() -> None:
    body = {"input": [[1, 2.5, 3]], "kernel": [[[1] * 9]] * 2, "dtype": "int64", "steps": ["scatter"]}
    assert places(refused(CONV, body)) == {
        ("/kernel", "kernel_too_large"),
        ("/steps/0", "not_for_this_operation"),
        ("/input/0/1", "dtype_mismatch"),
    }


def test_numbers_that_are_too_large_are_told_with_the_rest() -> None:
    body = {"input": [1, 1e39], "kernel": [1.5, -1e300], "dtype": "float32"}
    numbers = {("/input/1", "not_finite"), ("/kernel/1", "not_finite")}
    assert places(refused(CONV, body)) == numbers
    assert places(refused(CONV, body | {"stride": 0})) == numbers | {("/stride", "out_of_range")}
    assert places(refused(CONV, body | {"steps": ["x"]})) == numbers | {("/steps/0", "out_of_range")}
    assert places(refused(CONV, body | {"kernel": [1e39] * 9})) == {
        ("/input/1", "not_finite"),
        ("/kernel/0", "not_finite"),
        ("/kernel", "kernel_too_large"),
    }


def test_one_fault_is_told_once() -> None:
    """Nothing that hangs on a broken field is told beside it."""
    assert places(refused(CONV, {"input": [["x"]], "kernel": [[1] * 9]})) == {("/input/0/0", "wrong_type")}
    assert places(refused(CONV, ROW | {"kernel": [1] * 9, "dilation": 0})) == {("/dilation", "out_of_range")}
    assert places(refused(CONV, ROW | {"kernel": [[1]], "stride": [1]})) == {("/input", "wrong_rank")}
