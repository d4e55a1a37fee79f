"""Health, metrics, limits, and the document with its page."""

from __future__ import annotations

import gc
import re
from typing import Any

import numba
from openapi_spec_validator import validate

from app import __version__, main
from app.api.operations import Readiness
from app.core import warm
from app.main import create_app
from app.settings import Settings
from tests.api.calls import ask, probed_app
from tests.api.client import client

APP = create_app(Settings())


def test_readiness_follows_the_flag() -> None:
    app = create_app(Settings())
    readiness: Readiness = app.state.readiness
    assert ask(app, "GET", "/healthz/ready").headers["retry-after"] == "1"
    readiness.warmed_up = True
    assert ask(app, "GET", "/healthz/ready").json() == {"status": "ready"}
    readiness.stopping = True
    assert ask(app, "GET", "/healthz/ready").status_code == 503
    assert ask(app, "GET", "/healthz/live").status_code == 200


def test_what_was_loaded_is_left_out_of_collections_of_garbage() -> None:
    """A full one would hold up every request."""
    client()
    looked_through = {id(each) for each in gc.get_objects()}
    assert not looked_through & {id(vars(module)) for module in (main, warm, numba)}


def test_limits_are_those_in_force() -> None:
    shown = ask(create_app(Settings(float_macs=5)), "GET", "/v1/limits").json()
    assert shown["limits"]["float_macs"] == 5
    assert shown["limits"]["json_body_bytes"] == 16 * 2**20
    assert shown["version"] == __version__
    assert shown["dtypes"] == ["int64", "float32", "float64"]
    assert shown["views"]["conv"] == ["sliding_window", "matrix"]
    assert "full" in shown["padding_words"]["conv"]
    assert ask(APP, "GET", "/v1/limits", headers={"Accept": "text/html"}).status_code == 406


def count(text: str, labels: str) -> float:
    found = re.search(rf"^convarith_requests_total{{{re.escape(labels)}}} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0


def test_metrics_count_requests_by_route() -> None:
    app = probed_app()
    labels = 'method="POST",route="/test/echo",status="200"'
    before = count(ask(app, "GET", "/metrics").text, labels)
    ask(app, "POST", "/test/echo?a=b", content=b"{}")
    ask(app, "BREW", "/private/path")
    text = ask(app, "GET", "/metrics").text
    assert count(text, labels) == before + 1
    assert count(text, 'method="other",route="unmatched",status="404"') >= 1
    assert "private" not in text
    assert 'convarith_request_seconds_count{route="/test/echo"}' in text
    assert "convarith_queue_waiting 0" in text


def test_the_document_is_valid() -> None:
    document = ask(APP, "GET", "/openapi.json").json()
    validate(document)
    assert document == ask(APP, "GET", "/openapi.json").json()
    assert "HTTPValidationError" not in document["components"]["schemas"]


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_every_operation_is_described() -> None:
    for operation in operations(APP.openapi()):
        assert operation["tags"]
        assert operation["summary"]
        assert operation["operationId"]
        for status, response in operation["responses"].items():
            assert response["description"]
            if int(status) >= 400:
                assert response["content"]["application/problem+json"]["examples"]
