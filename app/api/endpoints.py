"""The computing routes, and what the OpenAPI document says of them."""

from __future__ import annotations

from types import UnionType
from typing import Any, get_args

from pydantic import BaseModel

from app.api.admission import ComputeThread
from app.api.answers import CodeAnswer, ComputedAnswer, GeometryAnswer
from app.api.code import Code
from app.api.convolution import Convolution
from app.api.negotiation import JSON, SAFETENSORS
from app.api.openapi import errors
from app.api.routing import DirectRoute
from app.api.schemas import (
    ConvCodeRequest,
    ConvRequest,
    ConvTransposeCodeRequest,
    ConvTransposeRequest,
    SizeRequest,
)
from app.api.sizes import OutputSize, geometry_of
from app.core import output_size
from app.settings import Settings

ERRORS = (400, 406, 408, 413, 415, 422)

PICTURE = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]

CONV_EXAMPLES: dict[str, Any] = {
    "picture": {
        "summary": "A 3×3 picture under a 2×2 kernel",
        "value": {"input": PICTURE, "kernel": [[1, 0], [0, -1]]},
    },
    "steps": {
        "summary": "The same as sliding windows and as one matrix product",
        "value": {"input": PICTURE, "kernel": [[1, 0], [0, -1]], "steps": ["sliding_window", "matrix"]},
    },
    "channels": {
        "summary": "Two channels, a bias, padding and a stride for each dimension",
        "value": {
            "input": [PICTURE, PICTURE],
            "kernel": [[[[1, 2], [3, 4]], [[0, 1], [1, 0]]]],
            "bias": [10],
            "stride": [2, 1],
            "padding": [[1, 0], [0, 1]],
        },
    },
}

CONV_TRANSPOSE_EXAMPLES: dict[str, Any] = {
    "usual": {
        "summary": "2×2 becomes 3×3: stride 2, padding 1",
        "value": {"input": [[1, 2], [3, 4]], "kernel": PICTURE, "stride": 2, "padding": 1},
    },
    "steps": {
        "summary": "The same with its four steps, and as stamps that overlap",
        "value": {
            "input": [[1, 2], [3, 4]],
            "kernel": PICTURE,
            "stride": 2,
            "padding": 1,
            "steps": ["sliding_window", "scatter"],
        },
    },
    "sized": {
        "summary": "The output's size chosen instead of output_padding",
        "value": {"input": [1, 2], "kernel": [1, 10, 100], "stride": 2, "padding": 1, "output_size": [4]},
    },
}

SIZE_EXAMPLES: dict[str, Any] = {
    "conv": {
        "summary": "The first layer of a ResNet",
        "value": {
            "op": "conv",
            "input_size": [224, 224],
            "kernel_size": 7,
            "stride": 2,
            "padding": 3,
            "in_channels": 3,
            "out_channels": 64,
        },
    },
    "conv_transpose": {
        "summary": "An upsampling layer whose kernel does not divide by its stride",
        "value": {"op": "conv_transpose", "input_size": [2, 2], "kernel_size": 3, "stride": 2, "padding": 1},
    },
}

CODE_EXAMPLES: dict[str, Any] = {
    "pytorch": {
        "summary": "A transposed convolution in PyTorch",
        "value": {"op": "conv_transpose", "framework": "pytorch", **CONV_TRANSPOSE_EXAMPLES["usual"]["value"]},
    },
    "numpy": {
        "summary": "Channels, a bias and uneven padding in NumPy",
        "value": {"op": "conv", "framework": "numpy", **CONV_EXAMPLES["channels"]["value"]},
    },
    "keras": {
        "summary": "A mathematical convolution in Keras",
        "value": {
            "op": "conv",
            "framework": "keras",
            "input": [0.5, 1, 2],
            "kernel": [1, 2],
            "padding": "same",
            "flip_kernel": True,
            "dtype": "float32",
        },
    },
}

BULK = (
    "`application/vnd.safetensors` takes and answers the same in bulk: tensors `input`, `kernel` and optional `bias`, "
    "the other fields as one JSON object in the metadata key `parameters`."
)


def routes(settings: Settings, thread: ComputeThread) -> list[DirectRoute]:
    """The routes that compute."""
    return [
        DirectRoute(
            "POST",
            "/v1/conv",
            Convolution("conv", settings, thread),
            operation_id="conv",
            tags=["Convolution"],
            summary="Convolution in one, two or three dimensions",
            description=f"What deep learning calls convolution (cross-correlation), with any of its steps. {BULK}",
            response_model=ComputedAnswer,
            responses={200: _bulk_answer(), **errors(*ERRORS, 503)},
            openapi_extra=_body(ConvRequest, CONV_EXAMPLES, bulk=True),
        ),
        DirectRoute(
            "POST",
            "/v1/conv-transpose",
            Convolution("conv_transpose", settings, thread),
            operation_id="conv_transpose",
            tags=["Convolution"],
            summary="Transposed convolution in one, two or three dimensions",
            description="Every element is spread over the full map, and the crop takes rows off it. It restores the "
            f"size of a convolution's input, not its values. {BULK}",
            response_model=ComputedAnswer,
            responses={200: _bulk_answer(), **errors(*ERRORS, 503)},
            openapi_extra=_body(ConvTransposeRequest, CONV_TRANSPOSE_EXAMPLES, bulk=True),
        ),
        DirectRoute(
            "POST",
            "/v1/output-size",
            OutputSize(settings, thread),
            operation_id="output_size",
            tags=["Sizes"],
            summary="Sizes, formulas and counts, without any tensor",
            description="The output's size with the formula that gives it, the sizes that belong to it the other way "
            "round, multiply-adds and parameters. Sizes too large to compute are answered too.",
            response_model=GeometryAnswer,
            responses={200: {"content": {JSON: {"example": _size_example()}}}, **errors(*ERRORS, 503)},
            openapi_extra=_body(SizeRequest, SIZE_EXAMPLES),
        ),
        DirectRoute(
            "POST",
            "/v1/code",
            Code(settings, thread),
            operation_id="code",
            tags=["Code"],
            summary="The operation as a script for NumPy, PyTorch, Keras, JAX or ONNX",
            description="A request to /v1/conv or /v1/conv-transpose without its steps, and the framework. The script "
            "runs as it stands, leaves the same result in `output`, and prints it. What a framework cannot say (uneven "
            "padding, transposed groups, whole numbers) is written out, with a comment.",
            response_model=CodeAnswer,
            responses=errors(*ERRORS, 503),
            openapi_extra=_body(ConvCodeRequest | ConvTransposeCodeRequest, CODE_EXAMPLES),
        ),
    ]


def _body(model: type[BaseModel] | UnionType, examples: dict[str, Any], *, bulk: bool = False) -> dict[str, Any]:
    models = get_args(model) or (model,)
    schemas = [one.model_json_schema() for one in models]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    content: dict[str, Any] = {JSON: {"schema": schema, "examples": examples}}
    if bulk:
        content[SAFETENSORS] = {"schema": {"type": "string", "format": "binary"}}
    return {"requestBody": {"required": True, "content": content}}


def _bulk_answer() -> dict[str, Any]:
    schema = {"type": "string", "format": "binary"}
    description = "The result; as safetensors: tensors `output` and `steps/<n>`, the rest in the metadata key `result`."
    return {"description": description, "content": {SAFETENSORS: {"schema": schema}}}


def _size_example() -> dict[str, Any]:
    return geometry_of(output_size("conv_transpose", (2, 2), 3, stride=2, padding=1))
