"""POST /v1/code: scripts that are run, and held against exact sums and the service's own answer."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from app.core.code.writing import nested
from tests.api.client import CODE, CONV, CONV_TRANSPOSE, answered, client, entries_of, one, refused
from tests.api.faults import ONE_FAULT, OVER, Row
from tests.api.requests_at_random import PATHS, Body, request_of, sums_of, within_the_promise
from tests.api.scripts import FRAMEWORKS, needs, run
from tests.core.strategies import OPS, Case, Numbers, Op, cases, examples

#: How many random settings of an operation each runs in each number of dimensions: JAX compiles every one.
EXAMPLES = {"numpy": 30, "pytorch": 20, "keras": 12, "jax": 4, "onnx": 20}

#: The last has whole numbers whose sums go beyond what a double holds.
NUMBERS = (Numbers("int64"), Numbers("float32"), Numbers("float64"), Numbers("int64", "loud_and_quiet", 24))


def code_of(op: Op, framework: str, body: Body) -> str:
    """The script for a request, after what holds for every answer."""
    answer = answered(CODE, body | {"op": op, "framework": framework})
    assert set(answer) == {"op", "framework", "code"}
    assert (answer["op"], answer["framework"]) == (op, framework)
    code: str = answer["code"]
    assert code.isascii()
    return code


def check_run(op: Op, framework: str, body: Body) -> None:
    """The script leaves and prints what the service answers, for whole numbers and small shapes."""
    answer = answered(PATHS[op], body)
    ran = run(code_of(op, framework, body))
    assert list(ran.output.shape) == answer["shape"]
    assert ran.output.dtype.name == answer["dtype"]
    assert ran.output.tolist() == answer["output"]
    assert ran.printed


# Scripts that run


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_scripts_give_what_the_service_answers(op: Op, n: int, framework: str) -> None:
    """Over every setting: shapes and dtypes are those of the answer, numbers within the promise of the exact sums."""
    needs(framework)

    @given(cases(op, n))
    @examples(EXAMPLES[framework])
    def held(case: Case) -> None:
        numbers = NUMBERS[case.seed % len(NUMBERS)]
        request = request_of(case, numbers)
        body = request.body | {"dtype": numbers.dtype}
        answer = answered(request.path, body)
        output = run(code_of(op, framework, body)).output
        assert list(output.shape) == answer["shape"]
        assert output.dtype.name == answer["dtype"] == numbers.dtype
        if numbers.dtype == "int64":
            assert output.tolist() == answer["output"]
            assert output.ravel().tolist() == sums_of(request, numbers).value.ravel().tolist()
        else:
            assert within_the_promise(request, output, numbers)

    held()


PICTURE = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]

#: Settings that random ones seldom meet, or that a framework says in a way of its own.
SPECIAL: list[tuple[Op, Body]] = [
    ("conv", {"input": PICTURE, "kernel": [[1, 0], [0, -1]]}),
    ("conv", {"input": PICTURE, "kernel": [[1, 2], [3, 4]], "padding": "same"}),
    ("conv", {"input": PICTURE, "kernel": [[1, 2], [3, 4]], "padding": "same_lower", "stride": 2, "dilation": 2}),
    ("conv", {"input": PICTURE, "kernel": [[1, 2], [3, 4]], "padding": "same", "stride": 2, "dilation": 2}),
    ("conv", {"input": PICTURE, "kernel": [[1, 2], [3, 4]], "padding": "full", "padding_mode": "circular", "bias": -5}),
    ("conv", {"input": [2**53 + 1, -(2**62)], "kernel": [1]}),
    ("conv", {"input": [-(2**63), 2**63 - 1, -1], "kernel": [0, 1], "bias": [0]}),
    ("conv", {"input": [3, 1], "kernel": [1, 1], "stride": 10**9, "flip_kernel": True}),
    ("conv_transpose", {"input": [[1, 2], [3, 4]], "kernel": PICTURE, "stride": 2, "padding": 1}),
    ("conv_transpose", {"input": [1, 2], "kernel": [1], "stride": 3, "padding": "same"}),
    ("conv_transpose", {"input": [[1, 2]], "kernel": [[1]], "dilation": 2**31}),
    ("conv_transpose", {"input": [[1, 2]], "kernel": [[3]], "dilation": 2**32 + 1, "output_padding": [1, 2]}),
    (
        "conv_transpose",
        {"input": [1], "kernel": [5], "dilation": 2, "padding": [[1, 0]], "output_padding": 1, "bias": 7},
    ),
    ("conv_transpose", {"input": [1, 2], "kernel": [1, 2], "dilation": 3, "output_padding": 2, "bias": 1}),
    ("conv_transpose", {"input": [[1, 2]] * 4, "kernel": [[[1, 2]]] * 4, "groups": 4, "stride": 2, "output_size": [5]}),
    ("conv_transpose", {"input": [2**40, 3], "kernel": [2**22, -1], "flip_kernel": True, "padding": [[0, 1]]}),
]


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(("op", "body"), SPECIAL)
def test_special_settings(op: Op, body: Body, framework: str) -> None:
    needs(framework)
    check_run(op, framework, body)


def test_the_onnx_model_runs_in_onnxruntime() -> None:
    """As its script says of float32: groups and padding modes too."""
    needs("onnx")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    bodies: list[tuple[Op, Body]] = [
        (
            "conv",
            {"input": [PICTURE] * 2, "kernel": [[[[1, 2]]]] * 2, "groups": 2, "padding_mode": "reflect", "padding": 1},
        ),
        ("conv_transpose", {"input": PICTURE, "kernel": PICTURE, "stride": 2, "padding": 1, "output_padding": 1}),
    ]
    for op, body in bodies:
        code = code_of(op, "onnx", body | {"dtype": "float32"})
        assert "onnxruntime" in code
        names = run(code).names
        session = runtime.InferenceSession(names["model"].SerializeToString())
        (y,) = session.run(None, {"x": names["x"], "kernel": names["kernel"]})
        assert y.reshape(names["output"].shape).tolist() == names["output"].tolist()


# What a script says


def test_a_layer_is_said_by_the_framework_where_it_can() -> None:
    body = {"input": [[1, 2], [3, 4]], "kernel": PICTURE, "stride": 2, "padding": 1}
    assert "F.conv_transpose2d(x, kernel, stride=2, padding=1)" in code_of("conv_transpose", "pytorch", body)
    assert "ConvTranspose <strides=[2, 2], pads=[1, 1, 1, 1]>" in code_of("conv_transpose", "onnx", body)
    assert "keras.ops.conv_transpose(x, kernel, strides=2" in code_of("conv_transpose", "keras", body)
    assert "lhs_dilation=(2, 2)" in code_of("conv_transpose", "jax", body)
    assert "full[2*i : 2*i + 3, 2*j : 2*j + 3] += value * kernel" in code_of("conv_transpose", "numpy", body)
    same = {"input": PICTURE, "kernel": PICTURE, "padding": "same"}
    assert 'padding="same"' in code_of("conv", "keras", same)
    assert '"SAME"' in code_of("conv", "jax", same)
    assert 'auto_pad="SAME_UPPER"' in code_of("conv", "onnx", same)
    assert "F.conv2d(x, kernel, padding=1)" in code_of("conv", "pytorch", same)


def test_what_a_framework_cannot_say_has_a_comment() -> None:
    uneven = {"input": PICTURE, "kernel": PICTURE, "padding": [[1, 0], [0, 1]]}
    assert "F.pad(x, (0, 1, 1, 0))  #" in code_of("conv", "pytorch", uneven)
    assert "# PyTorch crops both ends alike" in code_of(
        "conv_transpose", "pytorch", uneven | {"padding": [[0, 1], [0, 0]]}
    )
    groups = {"input": [[1, 2]] * 2, "kernel": [[[1]]] * 2, "groups": 2}
    assert "# Keras has no transposed groups" in code_of("conv_transpose", "keras", groups)
    assert "floats alone" in code_of("conv", "keras", uneven)
    assert "floats alone" in code_of("conv", "onnx", uneven)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_lines_are_not_long(framework: str) -> None:
    for op, body in [*SPECIAL, ("conv", {"input": [list(range(10**6, 10**6 + 50))] * 2, "kernel": [[1]]})]:
        assert max(map(len, code_of(op, framework, body).splitlines())) <= 100


def test_numbers_are_written_exactly() -> None:
    floats = [0.1, -0.0, 5e-324, 1.7976931348623157e308, 1e22, 1 / 3, -1e-7]
    x = run(code_of("conv", "numpy", {"input": floats, "kernel": [0.0]})).names["x"]
    assert [value.hex() for value in x.tolist()] == [value.hex() for value in floats]
    whole = [2**53 + 1, -(2**63), 2**63 - 1]
    x = run(code_of("conv", "numpy", {"input": whole, "kernel": [0]})).names["x"]
    assert x.dtype == np.int64
    assert x.tolist() == whole


def test_float32_is_read_back_bit_by_bit() -> None:
    """Python reads a double first: so the text must be right after two roundings."""
    bits = np.random.default_rng(1).integers(0, 2**32, 20_000, np.uint32)
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    read = np.array(ast.literal_eval(nested(values)), np.float64).astype(np.float32)
    assert (read.view(np.uint32) == values.view(np.uint32)).all()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_no_text_of_a_client_is_in_a_script(framework: str) -> None:
    """Every field that takes a word takes only ours; and no two words lead to other names than those of the package."""
    hostile = 'zeros"); __import__("os").abort()  #'
    for field in ("padding", "padding_mode", "dtype", "method", "framework", "op"):
        body = {"op": "conv", "framework": framework, "input": PICTURE, "kernel": [[1]], field: hostile}
        assert [entry["code"] for entry in refused(CODE, body)] == ["out_of_range"]
    for op, body in SPECIAL:
        tree = ast.parse(code_of(op, framework, body))
        called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not called & {"eval", "exec", "open", "__import__", "getattr"}


# Refusals


@pytest.mark.parametrize(
    "row",
    [row for row in ONE_FAULT if row[0] in (CONV, CONV_TRANSPOSE) and "steps" not in row[1]],
    ids=lambda row: row[2],
)
def test_the_same_refusals_as_the_computing_endpoints(row: Row) -> None:
    path, body, _, code, _ = row
    op = "conv" if path == CONV else "conv_transpose"
    status = 400 if code.startswith("malformed") else 422
    computed = refused(path, body, status)
    asked = refused(CODE, body | {"op": op, "framework": "numpy"}, status)
    assert [{**entry, "message": ""} for entry in asked] == [{**entry, "message": ""} for entry in computed]
    if code != "unknown_field":  # which may name a field that is near
        assert asked == computed


def test_faults_are_told_together() -> None:
    body = {"framework": "caffe", "input": [1, "2"], "kernel": [1], "stride": 0, "steps": True, "op": "conv"}
    found = {(entry["pointer"], entry["code"]) for entry in refused(CODE, body)}
    assert found == {
        ("/framework", "out_of_range"),
        ("/input/1", "wrong_type"),
        ("/stride", "out_of_range"),
        ("/steps", "unknown_field"),
    }


@pytest.mark.parametrize("op", OPS)
def test_the_numbers_in_a_script_are_limited(op: Op) -> None:
    body = {"op": op, "framework": "numpy", "input": [1] * 10, "kernel": [1] * 3, "bias": 1}
    assert client(code_elements=14).post(CODE, body).status_code == 200
    response = client(code_elements=13).post(CODE, body)
    assert response.json()["type"] == "urn:convarith:too-costly"
    (entry,) = entries_of(response)
    assert (entry["pointer"], entry["code"]) == ("", "too_many_elements")
    assert (entry["limit"], entry["would_be"]) == (13, 14)
    assert client(code_elements=1).post(PATHS[op], {"input": [1] * 10, "kernel": [1]}).status_code == 200


@pytest.mark.parametrize(
    ("body", "would_be"),
    [
        ({"op": "conv", "padding": 10**12, "stride": 10**12}, 2 * 10**12 + 2),
        ({"op": "conv_transpose", "padding": [[10**12, 0]], "stride": 10**12}, 2 * 10**12),
        ({"op": "conv_transpose", "dilation": 10**12, "padding": [[10**12, 0]]}, 10**12 + 2),
    ],
)
def test_a_script_that_could_not_run_is_refused(body: Body, would_be: int) -> None:
    """The answer is small, and yet what the script makes on its way is not."""
    tensors = {"input": [1, 2], "kernel": [1, 2] if "dilation" in body else [1]}
    fields = {name: value for name, value in body.items() if name != "op"}
    assert client().post(PATHS[body["op"]], tensors | fields).status_code == 200
    entry = one(CODE, tensors | body | {"framework": "numpy"})
    assert (entry["pointer"], entry["code"]) == ("", "too_many_elements")
    assert (entry["limit"], entry["would_be"]) == (2**27, would_be)


def test_work_is_limited_as_for_the_operation() -> None:
    body: Any = {"op": "conv", "framework": "jax", "input": [1] * 10, "kernel": [1] * 2}
    (entry,) = entries_of(client(int_macs=17).post(CODE, body))
    assert (entry["code"], entry["limit"], entry["would_be"]) == ("too_much_work", 17, 18)


def test_what_overflows_is_refused_in_every_framework() -> None:
    for framework in FRAMEWORKS:
        assert one(CODE, OVER | {"op": "conv", "framework": framework})["code"] == "int64_overflow"


def test_a_long_body_is_taken_by_the_compute_thread() -> None:
    picture = np.arange(200 * 200).reshape(200, 200).tolist()
    check_run("conv", "numpy", {"input": picture, "kernel": [[1, -1]]})


def test_the_frameworks_are_told() -> None:
    assert client().request("GET", "/v1/limits").json()["frameworks"] == list(FRAMEWORKS)
