"""The steps as they are sent: fields, names, sources, shapes; the same in JSON and in bulk."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load

from app.api.answers import StepAnswer
from tests.api.client import CONV, CONV_TRANSPOSE, SAFETENSORS, answered, client, packed
from tests.api.requests_at_random import Body, Request, request_of
from tests.core.strategies import OPS, Case, Numbers, Op, cases, examples

VIEWS: dict[Op, tuple[str, ...]] = {
    "conv": ("sliding_window", "matrix"),
    "conv_transpose": ("sliding_window", "matrix", "scatter"),
}
EVERY = {"view", "name", "from", "title", "detail", "shape", "tensor"}
EXTRA = {
    "slide": {"windows"},
    "matrix": {"rank", "square", "invertible", "recoverable"},
    "column_kernels": {"products", "sums"},
    "stamps": {"origins"},
}
OF_WINDOW = {"output_index", "origin", "window", "products", "value"}

USUAL: Body = {"input": [[1, 2], [3, 4]], "kernel": [[1, 2, 3], [4, 5, 6], [7, 8, 9]], "stride": 2, "padding": 1}


def names_of(request: Request, geometry: Body, view: str) -> list[str]:
    """The steps that a view has for a setting."""
    conv, flip, bias = request.case.op == "conv", request.case.options["flip_kernel"], request.bias is not None
    if view == "matrix":
        third = [] if conv else ["column_kernels"]
        names = ["flatten_input", *(["placements"] if conv else []), "matrix", *third, "multiply", "reshape"]
    elif view == "scatter":
        crops = any(any(pair) for pair in geometry["padding"])
        names = ["stamps", "overlap", "accumulate", *(["crop"] if crops else [])]
    elif conv:
        names = ["pad", *(["flip_kernel"] if flip else []), "slide"]
    else:
        names = ["insert_zeros", "pad", "flip_kernel", "slide"]
    return names + (["add_bias"] if bias else [])


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_random_settings(op: Op, n: int) -> None:
    @given(cases(op, n), st.permutations(VIEWS[op]), st.integers(1, 3))
    @examples(30)
    def check(case: Case, views: list[str], count: int) -> None:
        request, asked = request_of(case), views[:count]
        answer = answered(request.path, request.body | {"steps": asked})
        steps = answer["steps"]
        assert [step["view"] for step in steps] == sorted((step["view"] for step in steps), key=asked.index)
        for view in asked:
            own = [step for step in steps if step["view"] == view]
            assert [step["name"] for step in own] == names_of(request, answer["geometry"], view)
            assert own[-1]["tensor"] == answer["output"]
            for number, step in enumerate(own):
                _check_step(step, {earlier["name"] for earlier in own[:number]}, request)
        _check_bulk(request, asked, answer)

    check()


def _check_step(step: Body, earlier: set[str], request: Request) -> None:
    StepAnswer.model_validate(step)
    extra = EXTRA.get(step["name"], set())
    if step["name"] == "column_kernels" and len(step["shape"]) == 0:
        extra = set()
    assert set(step) == EVERY | extra
    assert list(np.shape(step["tensor"])) == step["shape"]
    assert step["from"]
    assert set(step["from"]) <= earlier | {"input", "kernel", *(["bias"] if step["name"] == "add_bias" else [])}
    assert step["title"]
    assert step["title"][-1] not in ".:"
    assert len(step["title"]) < 120
    assert step["detail"].rstrip(")").endswith(".")
    assert not {"{", "}", "None"} & set(step["title"] + step["detail"])
    if step["name"] == "slide":
        _check_windows(step, request)


def _check_windows(step: Body, request: Request) -> None:
    indices = [window["output_index"] for window in step["windows"]]
    assert indices == [list(index) for index in np.ndindex(*step["shape"])]
    taps = list(request.case.kernel_shape[2:])
    case = request.case
    groups = case.options["groups"]
    channels = case.kernel_shape[1] if case.op == "conv" else case.kernel_shape[0] // groups
    bare = request.kernel.ndim == len(taps)
    values = np.array(step["tensor"])
    for window in step["windows"]:
        assert set(window) == OF_WINDOW
        assert len(window["origin"]) == len(taps)
        assert list(np.shape(window["window"])) == (taps if bare else [channels, *taps])
        assert np.shape(window["products"]) == np.shape(window["window"])
        assert np.sum(window["products"]) == window["value"] == values[tuple(window["output_index"])]


def _check_bulk(request: Request, asked: list[str], answer: Body) -> None:
    """The same in safetensors: a tensor for each step, and the rest as JSON."""
    body = packed(request.tensors, request.fields | {"steps": asked})
    response = client().post(request.path, body, Content_Type=SAFETENSORS, Accept=SAFETENSORS)
    length = int.from_bytes(response.content[:8], "little")
    result = json.loads(json.loads(response.content[8 : 8 + length])["__metadata__"]["result"])
    tensors = load(response.content)
    assert set(tensors) == {"output", *(f"steps/{number}" for number in range(len(answer["steps"])))}
    assert tensors["output"].tolist() == answer["output"]
    for number, step in enumerate(result["steps"]):
        assert "tensor" not in step
        tensor = tensors[f"steps/{number}"]
        assert step | {"tensor": tensor.tolist()} == answer["steps"][number]
        assert list(tensor.shape) == step["shape"]
    assert result | {"output": answer["output"], "steps": answer["steps"]} == answer


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_last_step_has_the_outputs_bits(op: Op, dtype: Any) -> None:
    @given(cases(op, 2))
    @examples(25)
    def check(case: Case) -> None:
        request = request_of(case, Numbers(dtype, "loud_and_quiet", 9))
        answer = answered(request.path, request.body | {"dtype": dtype, "steps": list(VIEWS[op])})
        for view in VIEWS[op]:
            last = [step for step in answer["steps"] if step["view"] == view][-1]
            assert last["tensor"] == answer["output"]

    check()


# How they are asked for


@pytest.mark.parametrize("path", [CONV, CONV_TRANSPOSE])
def test_true_false_and_lists(path: str) -> None:
    def asked(steps: Any) -> Any:
        return answered(path, {"input": [1, 2, 3], "kernel": [1, 2], "steps": steps}).get("steps")

    assert asked(True) == asked(["sliding_window"])
    assert {step["view"] for step in asked(True)} == {"sliding_window"}
    assert asked(False) in (None, [])
    assert asked([]) in (None, [])
    both = asked(["matrix", "sliding_window"])
    assert both == asked(["matrix"]) + asked(["sliding_window"])


def test_nothing_of_steps_without_asking() -> None:
    assert "steps" not in answered(CONV, {"input": [1], "kernel": [1]})


# Hand-worked


def test_the_four_steps_of_the_usual_picture() -> None:
    steps = answered(CONV_TRANSPOSE, USUAL | {"steps": True})["steps"]
    assert [step["name"] for step in steps] == ["insert_zeros", "pad", "flip_kernel", "slide"]
    assert [step["from"] for step in steps] == [["input"], ["insert_zeros"], ["kernel"], ["pad", "flip_kernel"]]
    assert steps[0]["tensor"] == [[1, 0, 2], [0, 0, 0], [3, 0, 4]]
    assert steps[1]["tensor"] == [[0] * 5, [0, 1, 0, 2, 0], [0] * 5, [0, 3, 0, 4, 0], [0] * 5]
    assert steps[2]["tensor"] == [[9, 8, 7], [6, 5, 4], [3, 2, 1]]
    assert steps[3]["tensor"] == [[5, 14, 10], [14, 36, 24], [15, 34, 20]]
    assert steps[3]["windows"][1] == {
        "output_index": [0, 1],
        "origin": [0, 1],
        "window": [[0, 0, 0], [1, 0, 2], [0, 0, 0]],
        "products": [[0, 0, 0], [6, 0, 8], [0, 0, 0]],
        "value": 14,
    }
    assert "stride 2" in steps[0]["title"] + steps[0]["detail"]


def test_the_scatter_of_the_usual_row() -> None:
    body = {"input": [1, 2], "kernel": [1, 10, 100], "stride": 2, "padding": 1, "output_padding": 1, "bias": 5}
    steps = answered(CONV_TRANSPOSE, body | {"steps": ["scatter"]})["steps"]
    assert [step["name"] for step in steps] == ["stamps", "overlap", "accumulate", "crop", "add_bias"]
    assert steps[0]["tensor"] == [[1, 10, 100], [2, 20, 200]]
    assert steps[0]["origins"] == [[0], [2]]
    assert steps[1]["tensor"] == [1, 1, 2, 1, 1, 0]
    assert steps[2]["tensor"] == [1, 10, 102, 20, 200, 0]
    assert steps[3]["tensor"] == [10, 102, 20, 200]
    assert steps[4]["tensor"] == [15, 107, 25, 205]


def test_the_matrix_of_the_usual_picture() -> None:
    body = {"input": np.arange(16).reshape(4, 4).tolist(), "kernel": [[1, 2, 3], [4, 5, 6], [7, 8, 9]]}
    flat, placements, matrix, product, reshaped = answered(CONV, body | {"steps": ["matrix"]})["steps"]
    assert (flat["shape"], placements["shape"], matrix["shape"]) == ([1, 16], [4, 4, 4], [16, 4])
    assert (product["shape"], reshaped["shape"]) == ([1, 4], [2, 2])
    assert (matrix["rank"], matrix["square"], matrix["invertible"], matrix["recoverable"]) == (4, False, False, False)
    assert (np.array(flat["tensor"]) @ np.array(matrix["tensor"])).tolist() == product["tensor"]
    assert np.array(placements["tensor"]).reshape(4, 16).T.tolist() == matrix["tensor"]
    back = {"input": reshaped["tensor"], "kernel": body["kernel"], "steps": ["matrix"]}
    steps = answered(CONV_TRANSPOSE, back)["steps"]
    assert steps[1]["tensor"] == np.array(matrix["tensor"]).T.tolist()
    assert steps[-1]["shape"] == [4, 4]
    assert steps[-1]["tensor"] != body["input"]


def test_full_is_not_square_and_yet_recoverable() -> None:
    body = {"input": [1, 2, 3, 4], "kernel": [1, 2, 3], "padding": "full", "steps": ["matrix"]}
    matrix = next(step for step in answered(CONV, body)["steps"] if step["name"] == "matrix")
    assert (matrix["shape"], matrix["rank"]) == ([4, 6], 4)
    assert (matrix["square"], matrix["invertible"], matrix["recoverable"]) == (False, False, True)


def test_rank_is_exact_on_whole_numbers() -> None:
    nearly = [10**9, 10**9 + 1, 10**9 - 1, 10**9]
    body = {
        "input": [[0], [0]],
        "kernel": [[[nearly[0]], [nearly[2]]], [[nearly[1]], [nearly[3]]]],
        "steps": ["matrix"],
    }
    matrix = next(step for step in answered(CONV, body)["steps"] if step["name"] == "matrix")
    assert (matrix["rank"], matrix["square"], matrix["invertible"], matrix["recoverable"]) == (2, True, True, True)


@pytest.mark.parametrize("batch", [False, True])
def test_column_kernels_have_a_batch_where_the_input_has(batch: bool) -> None:
    input_ = np.arange(6).reshape(1, 2, 3) if batch else np.arange(6).reshape(2, 3)
    body = {"input": input_.tolist(), "kernel": [[[1, 2]], [[3, 4]]], "steps": ["matrix"]}
    step = next(step for step in answered(CONV_TRANSPOSE, body)["steps"] if step["name"] == "column_kernels")
    assert step["shape"] == [4, 2, 3]
    assert np.shape(step["products"]) == ((1, 4, 2, 3) if batch else (4, 2, 3))
    assert np.shape(step["sums"]) == ((1, 4) if batch else (4,))
