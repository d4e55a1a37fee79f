"""Requests made up from the OpenAPI document, right and wrong ones, and answers held to it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import schemathesis
from hypothesis import given
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.client import CODE, CONV, CONV_TRANSPOSE, OUTPUT_SIZE, client
from tests.core.strategies import examples
from tests.trust import schema_hooks  # noqa: F401 - makes safetensors bodies

#: What holds for any request. Left out are the checks for credentials and required headers (there are
#: none), for what a request leaves behind (nothing), and for other methods (held in test_operations).
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
#: A request that the schema refuses is refused. The reverse cannot hold: no schema can say that rows are
#: of one length, that a kernel fits its input or that channels agree, so that a 422 is right for some
#: requests that it allows. It does hold where there is nothing to send.
WRONG, NOTHING_SENT = [*CHECKS, negative_data_rejection], [*CHECKS, positive_data_acceptance]


def send(case: Case[Any]) -> httpx.Response:
    """A case to the service in this process."""
    asked = case.as_transport_kwargs(base_url="http://test")
    sent = {"json": asked.get("json"), "content": asked.get("data"), "files": asked.get("files")}
    sent = {name: value for name, value in sent.items() if value is not None}
    path = urlsplit(asked["url"]).path
    return client().request(asked["method"], path, params=asked.get("params"), headers=asked["headers"], **sent)


def operation(method: str, path: str) -> Any:
    return schemathesis.openapi.from_dict(client().app.openapi())[path][method]


@pytest.mark.parametrize("path", [CONV, CONV_TRANSPOSE, OUTPUT_SIZE, CODE])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_posts(path: str, mode: GenerationMode) -> None:
    """Requests that the schema allows, and such that it does not."""
    statuses = set()

    @given(operation("POST", path).as_strategy(generation_mode=mode))
    @examples(50)
    def check(case: Case[Any]) -> None:
        response = send(case)
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS if mode is GenerationMode.POSITIVE else WRONG)

    check()
    assert statuses <= {200, 400, 422}
    assert (200 in statuses) is (mode is GenerationMode.POSITIVE)


@pytest.mark.parametrize("path", ["/v1/limits", "/healthz/live", "/healthz/ready", "/metrics"])
def test_gets(path: str) -> None:
    @given(operation("GET", path).as_strategy())
    @examples(100)
    def check(case: Case[Any]) -> None:
        case.validate_response(send(case), checks=NOTHING_SENT)

    check()


def test_every_operation_is_asked() -> None:
    asked = {CONV, CONV_TRANSPOSE, OUTPUT_SIZE, CODE, "/v1/limits", "/healthz/live", "/healthz/ready", "/metrics"}
    assert set(client().app.openapi()["paths"]) == asked
