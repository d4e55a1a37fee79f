"""safetensors in and out, with the format's own package as the client."""

from __future__ import annotations

import json
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load

from app.api.safetensors import DTYPES, read_safetensors
from app.api.tensors import cast, shared_dtype
from app.core.findings import Findings
from tests.api.client import (
    CONV,
    CONV_TRANSPOSE,
    JSON,
    OUTPUT_SIZE,
    PROBLEM,
    SAFETENSORS,
    answered,
    client,
    packed,
)
from tests.api.files import TWO, bad, entry, name_of, raw
from tests.api.requests_at_random import request_of
from tests.core.strategies import OPS, Case, Numbers, Op, cases, examples

Array = NDArray[Any]

ROW, TAPS = np.array([1, 2, 3]), np.array([1, 10])


def post(body: bytes, path: str = CONV, accept: str = SAFETENSORS) -> httpx.Response:
    response = client().post(path, body, Content_Type=SAFETENSORS, Accept=accept)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == accept
    return response


def result_of(response: httpx.Response) -> dict[str, Any]:
    """What beside the tensors is in the answer, read as the README's few lines do."""
    length = int.from_bytes(response.content[:8], "little")
    metadata = json.loads(response.content[8 : 8 + length])["__metadata__"]
    assert set(metadata) == {"result"}
    found: dict[str, Any] = json.loads(metadata["result"])
    return found


def convolve(tensors: dict[str, Array], parameters: Any = None, path: str = CONV) -> Array:
    """The output in bulk, which JSON has too."""
    body = packed(tensors, parameters)
    output: Array = load(post(body, path).content)["output"]
    written = post(body, path, JSON).json()
    assert np.array_equal(np.array(written["output"], output.dtype), output)
    assert written["dtype"] == output.dtype.name
    return output


# The same as JSON


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
def test_the_same_bits_as_json(op: Op, n: int, dtype: Any) -> None:
    numbers = Numbers(dtype)

    @given(cases(op, n))
    @examples(20)
    def check(case: Case) -> None:
        request = request_of(case, numbers)
        binary = post(packed(request.tensors, request.fields), request.path)
        output = load(binary.content)["output"]
        written = answered(request.path, request.body | {"dtype": dtype})
        assert output.dtype.name == dtype
        assert np.array(written.pop("output"), dtype).tobytes() == output.tobytes()
        assert result_of(binary) == written
        assert list(output.shape) == written["shape"]

    check()


def test_request_and_answer_types_are_independent() -> None:
    json_body = {"input": [1, 2, 3], "kernel": [1, 10]}
    answer = client().post(CONV, json_body, Accept=SAFETENSORS)
    assert answer.headers["content-type"] == SAFETENSORS
    assert load(answer.content)["output"].tolist() == [21, 32]
    assert post(packed({"input": ROW, "kernel": TAPS}), accept=JSON).json()["output"] == [21, 32]
    answer = client().post(CONV, json_body, Accept=f"{JSON};q=0.5, {SAFETENSORS};q=0.6")
    assert answer.headers["content-type"] == SAFETENSORS
    body = packed({"input": ROW, "kernel": TAPS})
    assert client().post(CONV, body, Content_Type=SAFETENSORS).headers["content-type"] == JSON


def test_errors_are_problems_whatever_was_accepted() -> None:
    response = client().post(CONV, {"input": [1]}, Accept=SAFETENSORS)
    assert (response.status_code, response.headers["content-type"]) == (422, PROBLEM)


def test_sizes_are_json_alone() -> None:
    assert client().post(OUTPUT_SIZE, b"", Content_Type=SAFETENSORS).status_code == 415
    assert client().post(OUTPUT_SIZE, {}, Accept=SAFETENSORS).status_code == 406


def test_no_content_type_is_json_and_a_form_is_told_what_to_send() -> None:
    content = b'{"input": [1], "kernel": [2]}'
    assert client().request("POST", CONV, content=content).json()["output"] == [2]
    response = client().post(CONV, content, Content_Type="application/x-www-form-urlencoded")
    assert response.status_code == 415
    assert JSON in response.json()["detail"]
    assert SAFETENSORS in response.json()["detail"]


def test_the_answers_file_can_be_opened(tmp_path: Any) -> None:
    body = packed({"input": ROW, "kernel": TAPS}, {"steps": ["matrix"]})
    file = tmp_path / "answer.safetensors"
    file.write_bytes(post(body).content)
    with safe_open(file, "numpy") as opened:
        assert sorted(opened.keys()) == ["output", *(f"steps/{n}" for n in range(5))]
        assert json.loads(opened.metadata()["result"])["shape"] == [2]


# Numbers


@pytest.mark.parametrize(
    ("stored", "computed"),
    [
        ("int8", "int64"),
        ("uint8", "int64"),
        ("int16", "int64"),
        ("uint16", "int64"),
        ("int32", "int64"),
        ("uint32", "int64"),
        ("int64", "int64"),
        ("float16", "float32"),
        ("float32", "float32"),
        ("float64", "float64"),
    ],
)
def test_dtypes_widen(stored: str, computed: str) -> None:
    dtype = np.dtype(stored)
    ends = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    values = np.array([ends.max, ends.min + (stored == "int64"), 1], dtype)
    output = convolve({"input": values, "kernel": np.ones(1, dtype)})
    assert output.dtype == computed
    assert np.array_equal(output, values.astype(computed))


def test_bfloat16() -> None:
    halves = np.array([0x3F80, 0xC000, 0x0001, 0x7F7F], "<u2")
    body = raw({"input": entry([4], 0, 8, "BF16"), "kernel": entry([1], 8, 10, "BF16")}, halves.tobytes() + b"\x80\x3f")
    output = load(post(body).content)["output"]
    assert output.dtype == np.float32
    assert np.array_equal(output.view(np.uint32), halves.astype(np.uint32) << 16)


@pytest.mark.parametrize(
    ("input_", "kernel", "bias", "expected"),
    [
        ("uint8", "int32", None, "int64"),
        ("uint8", "float32", None, "float32"),
        ("int64", "float32", None, "float32"),
        ("float16", "uint8", None, "float32"),
        ("float16", "float32", None, "float32"),
        ("float64", "uint8", None, "float64"),
        ("float32", "float64", None, "float64"),
        ("float16", "float64", None, "float64"),
        ("int64", "int64", "float32", "float32"),
        ("float32", "int8", "float64", "float64"),
    ],
)
def test_the_dtype_that_all_share(input_: str, kernel: str, bias: str | None, expected: str) -> None:
    tensors = {"input": np.array([2, 3], input_), "kernel": np.array([4], kernel)}
    tensors |= {"bias": np.array([1], bias)} if bias else {}
    output = convolve(tensors)
    assert (output.dtype.name, output.tolist()) == (expected, [9, 13] if bias else [8, 12])


@pytest.mark.parametrize(
    ("stored", "asked"),
    [("float64", "float32"), ("float32", "float64"), ("int64", "float32"), ("uint8", "float64"), ("int32", "int64")],
)
def test_dtype_overrides(stored: str, asked: str) -> None:
    output = convolve({"input": np.array([1, 2], stored), "kernel": np.array([3], stored)}, {"dtype": asked})
    assert (output.dtype.name, output.tolist()) == (asked, [3, 6])


def test_int64_of_floats_is_an_error() -> None:
    fault = bad(packed({"input": np.ones(2), "kernel": TAPS}, {"dtype": "int64"}))
    assert (fault["pointer"], fault["code"]) == ("/input", "dtype_mismatch")
    assert fault["suggestion"] == {"pointer": "/dtype", "value": "float64"}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_what_is_not_finite_never_enters(value: float, dtype: str) -> None:
    values = np.array([[1, 2], [3, value]], dtype)
    fault = bad(packed({"input": values, "kernel": np.ones((1, 1), dtype)}))
    assert (fault["pointer"], fault["code"]) == ("/input/1/1", "not_finite")


def test_both_infinities_do_not_cancel() -> None:
    fault = bad(packed({"input": np.array([np.inf, -np.inf]), "kernel": np.ones(1)}))
    assert (fault["pointer"], fault["code"]) == ("/input/0", "not_finite")


@pytest.mark.parametrize("offset", range(1, 8))
@pytest.mark.parametrize("dtype", ["int64", "float64", "float32", "int16"])
def test_misaligned_numbers(offset: int, dtype: str) -> None:
    values = np.arange(5, dtype=dtype)
    taps = np.array([1, 10], dtype)
    header = {
        "input": entry([5], 0, values.nbytes, name_of(dtype)),
        "kernel": entry([2], values.nbytes, values.nbytes + taps.nbytes, name_of(dtype)),
    }
    text = json.dumps(header).encode()
    text += b" " * ((offset - len(text)) % 8)
    body = raw(text, values.tobytes() + taps.tobytes())
    assert load(post(body).content)["output"].tolist() == [10, 21, 32, 43]


@pytest.mark.parametrize("offset", range(8))
@pytest.mark.parametrize("stored", ["F32", "F64", "I64", "I16", "U8", "F16"])
@pytest.mark.parametrize("asked", ["auto", "float32", "float64"])
def test_kernels_get_no_array_that_they_would_be_compiled_for_anew(offset: int, stored: str, asked: str) -> None:
    numbers = np.arange(5, dtype=DTYPES[stored][0])
    text = json.dumps({"input": entry([5], 0, numbers.nbytes, stored)}).encode()
    body = raw(text + b" " * ((offset - len(text)) % 8), numbers.tobytes())  # bytes, which nobody may write to
    tensors, _ = read_safetensors(body, Findings())
    array = cast(tensors["input"], shared_dtype(tensors.values(), asked))
    assert array.tolist() == [0, 1, 2, 3, 4]
    assert array.flags.aligned
    assert array.flags.writeable


def test_tensors_in_any_order() -> None:
    body = raw({"input": entry([1], 8, 16), "kernel": entry([1], 0, 8)}, TWO)
    assert load(post(body).content)["output"].tolist() == [12]


@pytest.mark.parametrize("bias", [np.array(5), np.array([5])])
def test_bias_of_a_bare_row(bias: Array) -> None:
    assert convolve({"input": ROW, "kernel": TAPS, "bias": bias}).tolist() == [26, 37]


def test_parameters() -> None:
    tensors = {"input": ROW, "kernel": TAPS}
    assert convolve(tensors, {"stride": 2, "padding": [[1, 1]]}).tolist() == [10, 32]
    assert convolve(tensors, {"stride": 2, "output_size": [7]}, CONV_TRANSPOSE).tolist() == [1, 10, 2, 20, 3, 30, 0]
    assert convolve(tensors, {}).tolist() == [21, 32]


def test_a_megabyte_comes_back_bit_for_bit() -> None:
    picture = np.random.default_rng(5).standard_normal((512, 300))
    assert np.array_equal(load(post(packed({"input": picture, "kernel": np.ones((1, 1))})).content)["output"], picture)
