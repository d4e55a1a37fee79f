"""Requests with one fault each: where it is, which, and what else its entry holds."""

from __future__ import annotations

from typing import Any

from tests.api.client import CONV, CONV_TRANSPOSE, OUTPUT_SIZE
from tests.api.requests_at_random import Body

INT64 = {"min": -(2**63), "max": 2**63 - 1}
COUNT, FROM_0 = {"min": 1, "max": 2**53 - 1}, {"min": 0, "max": 2**53 - 1}

ROW: Body = {"input": [1, 2, 3], "kernel": [1, 1]}
GRID: Body = {"input": [[1, 2], [3, 4]], "kernel": [[1]]}
DEEP: Body = {"input": [[1, 2], [3, 4]], "kernel": [[[1]], [[1]]]}
SIZES: Body = {"op": "conv_transpose", "input_size": [5, 5], "kernel_size": 3}
OVER: Body = {"input": [2**62, 2**62], "kernel": [1, 1]}


def suggest(pointer: str, value: Any) -> Body:
    return {"pointer": pointer, "value": value}


Row = tuple[str, Body, str, str, Body]

#: (path, body, pointer, code, what else the entry holds)
ONE_FAULT: list[Row] = [
    (CONV, {"kernel": [1]}, "/input", "missing", {}),
    (CONV, {"input": [1]}, "/kernel", "missing", {}),
    (OUTPUT_SIZE, {"op": "conv", "kernel_size": 3}, "/input_size", "missing", {}),
    (OUTPUT_SIZE, {"input_size": [3], "kernel_size": 3}, "/op", "missing", {}),
    (CONV, ROW | {"strides": 2}, "/strides", "unknown_field", {}),
    (CONV, ROW | {"": 2}, "/", "unknown_field", {}),
    (CONV, ROW | {"a/b~c": 2}, "/a~1b~0c", "unknown_field", {}),
    (OUTPUT_SIZE, SIZES | {"flip_kernel": True}, "/flip_kernel", "unknown_field", {}),
    (OUTPUT_SIZE, SIZES | {"spatial_dims": None}, "/spatial_dims", "unknown_field", {}),
    (CONV, ROW | {"stride": "3"}, "/stride", "wrong_type", {"given": "3"}),
    (CONV, ROW | {"stride": True}, "/stride", "wrong_type", {"given": "true"}),
    (CONV, ROW | {"groups": 1.0}, "/groups", "wrong_type", {"given": 1.0}),
    (CONV, GRID | {"padding": [[0, 1], 2]}, "/padding/1", "wrong_type", {"given": 2}),
    (CONV, GRID | {"padding": [1, [0, 2]]}, "/padding/1", "wrong_type", {}),
    (CONV, ROW | {"flip_kernel": 1}, "/flip_kernel", "wrong_type", {"given": 1}),
    (CONV, ROW | {"steps": "matrix"}, "/steps", "wrong_type", {"given": "matrix"}),
    (CONV, ROW | {"input": [1, "2", 3]}, "/input/1", "wrong_type", {"given": "2"}),
    (CONV, ROW | {"input": [1, True]}, "/input/1", "wrong_type", {"given": "true"}),
    (CONV, ROW | {"input": [1, None]}, "/input/1", "wrong_type", {}),
    (CONV, ROW | {"input": {"a": 1}}, "/input", "wrong_type", {}),
    (CONV, ROW | {"bias": "1"}, "/bias", "wrong_type", {"given": "1"}),
    (
        CONV,
        ROW | {"stride": 0},
        "/stride",
        "out_of_range",
        {"given": 0, "allowed": COUNT, "suggestion": suggest("/stride", 1)},
    ),
    (
        CONV,
        GRID | {"dilation": [1, -2]},
        "/dilation/1",
        "out_of_range",
        {"given": -2, "suggestion": suggest("/dilation/1", 1)},
    ),
    (
        CONV,
        GRID | {"padding": [[0, 0], [0, -1]]},
        "/padding/1/1",
        "out_of_range",
        {"given": -1, "allowed": FROM_0, "suggestion": suggest("/padding/1/1", 0)},
    ),
    (
        CONV,
        ROW | {"stride": 10**30},
        "/stride",
        "out_of_range",
        {"given": 10**30, "suggestion": suggest("/stride", 2**53 - 1)},
    ),
    (
        CONV,
        ROW | {"padding": "SAME"},
        "/padding",
        "out_of_range",
        {"given": "SAME", "allowed": ["valid", "same", "same_lower", "full"]},
    ),
    (CONV, ROW | {"dtype": "float16"}, "/dtype", "out_of_range", {"allowed": ["auto", "int64", "float32", "float64"]}),
    (CONV, ROW | {"method": "fft"}, "/method", "out_of_range", {"allowed": ["auto", "direct"]}),
    (CONV, ROW | {"spatial_dims": 4}, "/spatial_dims", "out_of_range", {"given": 4, "allowed": {"min": 1, "max": 3}}),
    (CONV, ROW | {"steps": ["all"]}, "/steps/0", "out_of_range", {"given": "all"}),
    (OUTPUT_SIZE, SIZES | {"op": "conv-transpose"}, "/op", "out_of_range", {"allowed": ["conv", "conv_transpose"]}),
    (CONV, ROW | {"input": [1, 1e308 * 10]}, "", "malformed_json", {}),
    (
        CONV,
        ROW | {"input": [0.5, 4e38], "dtype": "float32"},
        "/input/1",
        "not_finite",
        {"given": 4e38, "suggestion": suggest("/dtype", "float64")},
    ),
    (CONV, ROW | {"input": [1, 2**63]}, "/input/1", "integer_too_large", {"given": 2**63, "allowed": INT64}),
    (CONV, ROW | {"bias": -(10**30)}, "/bias", "integer_too_large", {"given": -(10**30), "allowed": INT64}),
    (CONV, GRID | {"stride": [1, 2, 3]}, "/stride", "wrong_length", {"given": 3, "allowed": {"min": 2, "max": 2}}),
    (
        CONV,
        GRID | {"padding": [[0, 1], [0]]},
        "/padding/1",
        "wrong_length",
        {"given": 1, "allowed": {"min": 2, "max": 2}},
    ),
    (
        CONV,
        GRID | {"padding": [[0] * 100, [0, 0]]},
        "/padding/0",
        "wrong_length",
        {"given": 100, "allowed": {"min": 2, "max": 2}},
    ),
    (
        CONV,
        ROW | {"steps": ["matrix"] * 100},
        "/steps",
        "wrong_length",
        {"given": 100, "allowed": {"min": 0, "max": 3}},
    ),
    (
        OUTPUT_SIZE,
        SIZES | {"input_size": [1] * 4},
        "/input_size",
        "wrong_length",
        {"given": 4, "allowed": {"min": 1, "max": 3}},
    ),
    (CONV, GRID | {"stride": []}, "/stride", "empty", {"given": 0, "allowed": {"min": 2, "max": 2}}),
    (CONV, ROW | {"input": []}, "/input", "empty", {}),
    (CONV, GRID | {"input": [[], []]}, "/input/0", "empty", {}),
    (CONV, GRID | {"input": [[], [1]]}, "/input/0", "empty", {}),
    (CONV, ROW | {"bias": []}, "/bias", "empty", {}),
    (CONV, GRID | {"input": [[1, 2], [3]]}, "/input/1", "uneven", {"given": 1, "allowed": {"min": 2, "max": 2}}),
    (CONV, GRID | {"input": [[1, 2], 3]}, "/input/1", "uneven", {"given": 3}),
    (CONV, GRID | {"input": [[1, 2], [3, [4]]]}, "/input/1/1", "uneven", {}),
    (CONV, ROW | {"input": [[1, 2], [3, 4]]}, "/input", "wrong_rank", {"given": 2, "allowed": {"min": 1, "max": 1}}),
    (CONV, ROW | {"kernel": 3}, "/kernel", "wrong_rank", {"given": 0}),
    (CONV, ROW | {"input": [[[[[[1]]]]]]}, "/input", "wrong_rank", {"allowed": {"min": 1, "max": 5}}),
    (CONV, GRID | {"spatial_dims": 3}, "/kernel", "wrong_rank", {"given": 2, "allowed": [3, 5]}),
    (CONV, ROW | {"bias": [[1]]}, "/bias", "wrong_rank", {"given": 2}),
    (CONV, DEEP, "/kernel", "channel_mismatch", {"given": 1, "suggestion": suggest("/groups", 2)}),
    (
        CONV,
        {"input": [[[1, 2]] * 2] * 2, "kernel": [[[1]]]},
        "/kernel",
        "channel_mismatch",
        {"suggestion": suggest("/spatial_dims", 3)},
    ),
    (CONV_TRANSPOSE, {"input": [[1, 2]], "kernel": [[[1]], [[1]]]}, "/kernel", "channel_mismatch", {"given": 2}),
    (CONV, DEEP | {"groups": 3}, "/groups", "groups_do_not_divide", {"given": 3, "suggestion": suggest("/groups", 2)}),
    (CONV, DEEP | {"groups": 2, "bias": [1]}, "/bias", "bias_length", {"given": 1, "allowed": {"min": 2, "max": 2}}),
    (CONV, DEEP | {"groups": 2, "bias": 1}, "/bias", "bias_length", {"given": 1}),
    (
        CONV,
        ROW | {"kernel": [0.5], "dtype": "int64"},
        "/kernel/0",
        "dtype_mismatch",
        {"given": 0.5, "suggestion": suggest("/dtype", "float64")},
    ),
    (
        CONV,
        ROW | {"kernel": [1, 1] * 3},
        "/kernel",
        "kernel_too_large",
        {"given": 6, "suggestion": suggest("/padding", 2)},
    ),
    (
        OUTPUT_SIZE,
        SIZES | {"op": "conv", "kernel_size": [3, 6]},
        "/kernel_size/1",
        "kernel_too_large",
        {"given": 6, "suggestion": suggest("/padding", 1)},
    ),
    (
        CONV,
        ROW | {"padding": 3, "padding_mode": "reflect"},
        "/padding",
        "padding_too_large",
        {"given": 3, "allowed": {"min": 0, "max": 2}, "suggestion": suggest("/padding", 2)},
    ),
    (
        CONV,
        ROW | {"padding": [[0, 4]], "padding_mode": "circular"},
        "/padding/0/1",
        "padding_too_large",
        {"given": 4, "allowed": {"min": 0, "max": 3}, "suggestion": suggest("/padding/0/1", 3)},
    ),
    (
        CONV_TRANSPOSE,
        ROW | {"padding": 2},
        "/padding",
        "empty_output",
        {"given": 4, "suggestion": suggest("/padding", 1)},
    ),
    (
        CONV_TRANSPOSE,
        ROW | {"stride": 2, "output_padding": 2},
        "/output_padding",
        "output_padding_too_large",
        {"given": 2, "allowed": {"min": 0, "max": 1}, "suggestion": suggest("/output_padding", 1)},
    ),
    (
        CONV_TRANSPOSE,
        ROW | {"stride": 2, "output_size": [9]},
        "/output_size/0",
        "output_size_unreachable",
        {"given": 9, "allowed": {"min": 6, "max": 7}, "suggestion": suggest("/output_size/0", 7)},
    ),
    (CONV_TRANSPOSE, ROW | {"stride": 2, "output_size": [6], "output_padding": 1}, "/output_padding", "conflict", {}),
    (CONV_TRANSPOSE, ROW | {"stride": 2, "padding": "same", "output_padding": 1}, "/output_padding", "conflict", {}),
    (CONV, ROW | {"steps": ["matrix", "matrix"]}, "/steps/1", "conflict", {"given": "matrix"}),
    (CONV, ROW | {"output_padding": 0}, "/output_padding", "not_for_this_operation", {}),
    (CONV, ROW | {"output_padding": None}, "/output_padding", "not_for_this_operation", {}),
    (CONV, ROW | {"output_padding": "x"}, "/output_padding", "not_for_this_operation", {}),
    (CONV, ROW | {"output_size": [2]}, "/output_size", "not_for_this_operation", {}),
    (CONV, ROW | {"output_size": {}}, "/output_size", "not_for_this_operation", {}),
    (OUTPUT_SIZE, SIZES | {"op": "conv", "output_padding": 0}, "/output_padding", "not_for_this_operation", {}),
    (
        CONV,
        ROW | {"steps": ["scatter"]},
        "/steps/0",
        "not_for_this_operation",
        {"allowed": ["sliding_window", "matrix"]},
    ),
    (
        CONV_TRANSPOSE,
        ROW | {"padding": "full"},
        "/padding",
        "not_for_this_operation",
        {"allowed": ["valid", "same", "same_lower"]},
    ),
    (
        CONV_TRANSPOSE,
        ROW | {"padding_mode": "reflect"},
        "/padding_mode",
        "not_for_this_operation",
        {"allowed": ["zeros"]},
    ),
    (
        OUTPUT_SIZE,
        SIZES | {"padding_mode": "circular"},
        "/padding_mode",
        "not_for_this_operation",
        {"allowed": ["zeros"]},
    ),
    (CONV, OVER, "", "int64_overflow", {"limit": 2**63 - 1, "suggestion": suggest("/dtype", "float64")}),
    (CONV, ROW | {"input": [-(2**63), 1], "kernel": [-1]}, "", "int64_overflow", {"limit": 2**63 - 1}),
    (CONV, ROW | {"input": [2**63 - 1], "kernel": [1], "bias": 1}, "", "int64_overflow", {"limit": 2**63 - 1}),
    (
        CONV_TRANSPOSE,
        {"input": [2**62, 1], "kernel": [1, 4], "padding": [[0, 2]], "steps": ["scatter"]},
        "/steps",
        "int64_overflow",
        {"limit": 2**63 - 1},
    ),
    (
        CONV,
        ROW | {"input": [3e38], "kernel": [10], "dtype": "float32"},
        "",
        "float_overflow",
        {"suggestion": suggest("/dtype", "float64")},
    ),
    (CONV, ROW | {"input": [1e308], "kernel": [10]}, "", "float_overflow", {}),
    (
        CONV_TRANSPOSE,
        {"input": [1e308, 1], "kernel": [0, 10], "padding": [[0, 2]], "steps": ["scatter"]},
        "/steps",
        "float_overflow",
        {},
    ),
]
