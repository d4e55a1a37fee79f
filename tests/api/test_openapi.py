"""The OpenAPI document: valid, and true of what the service answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from openapi_spec_validator import validate

from app.api.answers import ComputedAnswer, GeometryAnswer
from app.api.openapi import Problem
from tests.api.client import CODE, CONV, CONV_TRANSPOSE, JSON, OUTPUT_SIZE, PROBLEM, SAFETENSORS, client
from tests.api.documented import Documented
from tests.api.faults import ONE_FAULT, Row
from tests.api.requests_at_random import Body, request_of
from tests.core.strategies import OPS, Case, Op, cases, examples

DOCUMENT: Body = client().request("GET", "/openapi.json").json()
DOCUMENTED = Documented(DOCUMENT)
COMPUTING = [CONV, CONV_TRANSPOSE]
POSTS = [*COMPUTING, OUTPUT_SIZE, CODE]


def operations() -> Iterator[tuple[str, str, Body]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, described in methods.items():
            yield path, method, described


def examples_of(content: Body) -> list[Any]:
    """The examples of one media type."""
    single = [content["example"]] if "example" in content else []
    return single + [example["value"] for example in content.get("examples", {}).values()]


def check(schema: Body, value: Any) -> None:
    """The value is what a schema of the document says."""
    DOCUMENTED.validator(schema).validate(value)


def check_documented(path: str, response: httpx.Response) -> None:
    """The status and the media type are documented, and the answer is as its schema says."""
    method, media_type = response.request.method.lower(), response.headers["content-type"]
    DOCUMENTED.check(path, method, response.status_code, media_type, response.content)


def test_it_is_valid() -> None:
    validate(DOCUMENT)


def test_no_reference_leads_nowhere() -> None:
    text = json.dumps(DOCUMENT)
    assert "#/$defs" not in text
    for name in text.split('"#/components/schemas/')[1:]:
        assert name.split('"')[0] in DOCUMENT["components"]["schemas"]


def test_every_operation_has_a_name_and_a_summary() -> None:
    names = [described["operationId"] for _, _, described in operations()]
    assert len(set(names)) == len(names)
    assert all(described["summary"] for _, _, described in operations())


def test_every_error_has_an_example() -> None:
    for _, _, described in operations():
        for status, answer in described["responses"].items():
            assert answer["description"]
            if int(status) >= 400:
                assert list(answer["content"]) == [PROBLEM]
                assert examples_of(answer["content"][PROBLEM])


def test_the_documented_errors_are_as_their_schema_says() -> None:
    for path, method, described in operations():
        for status, answer in described["responses"].items():
            for example in examples_of(answer["content"].get(PROBLEM, {})):
                Problem.model_validate(example)
                assert example["status"] == int(status)
                check(DOCUMENTED.schema(path, method, int(status), PROBLEM), example)


@pytest.mark.parametrize("path", POSTS)
def test_documented_requests_are_answered_as_documented(path: str) -> None:
    described = DOCUMENT["paths"][path]["post"]
    content = described["requestBody"]["content"][JSON]
    found = examples_of(content)
    assert found
    for example in found:
        check(content["schema"], example)
        response = client().post(path, example)
        assert response.status_code == 200, response.text
        check_documented(path, response)


def test_documented_answers_are_what_is_answered() -> None:
    for path, method, described in operations():
        for example in examples_of(described["responses"]["200"]["content"].get(JSON, {})):
            check(DOCUMENTED.schema(path, method, 200, JSON), example)
            if method == "get":
                assert client().request("GET", path).json() == example


def test_the_documented_size_is_that_of_a_documented_request() -> None:
    described = DOCUMENT["paths"][OUTPUT_SIZE]["post"]
    (answer,) = examples_of(described["responses"]["200"]["content"][JSON])
    requests = examples_of(described["requestBody"]["content"][JSON])
    assert answer in [client().post(OUTPUT_SIZE, request).json() for request in requests]


def test_both_media_types_are_documented() -> None:
    for path in COMPUTING:
        described = DOCUMENT["paths"][path]["post"]
        assert set(described["requestBody"]["content"]) == {JSON, SAFETENSORS}
        assert set(described["responses"]["200"]["content"]) == {JSON, SAFETENSORS}


@pytest.mark.parametrize("path", POSTS)
def test_the_contracts_statuses_are_documented(path: str) -> None:
    contract = {"200", "400", "401", "406", "408", "413", "415", "422", "429", "503"}
    assert set(DOCUMENT["paths"][path]["post"]["responses"]) == contract


@pytest.mark.parametrize("op", OPS)
def test_real_answers(op: Op) -> None:
    views = ["sliding_window", "matrix", *(["scatter"] if op == "conv_transpose" else [])]

    @given(cases(op, 2))
    @examples(25)
    def held(case: Case) -> None:
        request = request_of(case)
        check(
            DOCUMENT["paths"][request.path]["post"]["requestBody"]["content"][JSON]["schema"],
            json.loads(json.dumps(request.body)),
        )
        for fields in ({}, {"steps": views}):
            response = client().post(request.path, request.body | fields)
            check_documented(request.path, response)
            ComputedAnswer.model_validate(response.json())
        sizes = client().post(OUTPUT_SIZE, request.size_body)
        check_documented(OUTPUT_SIZE, sizes)
        GeometryAnswer.model_validate(sizes.json())

    held()


@pytest.mark.parametrize("row", ONE_FAULT, ids=lambda row: f"{row[3]} {row[2]}")
def test_real_errors(row: Row) -> None:
    path, body, *_ = row
    response = client().post(path, body)
    check_documented(path, response)


def test_what_a_schema_can_say_it_says() -> None:
    """Each wrong in one word or number that needs no geometry to judge."""
    schema = DOCUMENT["paths"][CONV]["post"]["requestBody"]["content"][JSON]["schema"]
    right: Body = {"input": [1], "kernel": [1]}
    check(schema, right)
    wrong: list[Body] = [
        *({name: 0} for name in ("stride", "dilation", "groups", "spatial_dims")),
        *(
            {name: None}
            for name in ("stride", "dilation", "groups", "padding", "dtype", "method", "steps", "flip_kernel")
        ),
        *({name: "x"} for name in ("stride", "padding", "padding_mode", "dtype", "method", "groups", "flip_kernel")),
        *(
            {"stride": 2**53},
            {"padding": -1},
            {"padding": [[1]]},
            {"padding": [1, [1, 2]]},
            {"steps": ["x"]},
            {"foo": 1},
        ),
        *(
            {"input": []},
            {"input": None},
            {"input": ["x"]},
            {"input": [[[[[[1]]]]]]},
            {"bias": []},
            {"spatial_dims": 4},
        ),
        *({"output_padding": 0}, {"steps": ["matrix", "matrix"]}, {"steps": ["scatter"]}, {"input": 3}, {"kernel": 3}),
    ]
    validator = DOCUMENTED.validator(schema)
    assert [fields for fields in wrong if validator.is_valid(right | fields)] == []
