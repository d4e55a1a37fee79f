"""What every answer carries, and what becomes of a request that goes wrong."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog
from starlette.types import Message, Scope

from app.api import envelope
from app.api.envelope import exchange_of
from app.api.routing import DirectRoute, answer
from app.main import create_app
from app.settings import Settings
from tests.api.calls import PROBLEM, ask, probed_app

APP = probed_app()

Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """What is logged; a server that another test started has its log bound for good."""
    structlog.reset_defaults()
    monkeypatch.setattr(envelope, "log", structlog.get_logger())
    with structlog.testing.capture_logs() as captured:
        yield captured


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz/live", 200),
        ("HEAD", "/healthz/live", 200),
        ("GET", "/", 200),
        ("GET", "/docs", 200),
        ("GET", "/nope", 404),
        ("GET", "/v1/limits/", 404),
        ("POST", "/healthz/live", 405),
        ("OPTIONS", "/healthz/live", 405),
        ("GET", "/test/fail", 500),
        ("POST", "/test/echo", 200),
    ],
)
def test_every_answer_carries_the_headers(method: str, path: str, status: int) -> None:
    response = ask(APP, method, path)
    assert response.status_code == status
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])
    assert response.headers["server-timing"].startswith("total;dur=")
    assert response.headers["content-language"] == "en"
    assert ("Accept-Encoding" if path in ("/", "/docs") else "Accept-Language") in response.headers["vary"]
    assert response.headers["x-content-type-options"] == "nosniff"
    if status >= 400:
        assert response.headers["content-type"] == PROBLEM
        shown = response.json()
        assert (shown["status"], shown["type"]) == (status, "about:blank")
        assert shown["detail"]


@pytest.mark.parametrize("own", ["a", "A-z.0_9", "x" * 128])
def test_a_plain_request_id_is_kept(own: str) -> None:
    assert ask(APP, "GET", "/healthz/live", headers={"X-Request-ID": own}).headers["x-request-id"] == own


@pytest.mark.parametrize("own", ["", "x" * 129, "a b", "a/b", "é", 'a"b', "a\n"])
def test_another_request_id_is_replaced(own: str) -> None:
    headers = [(b"X-Request-ID", own.encode())]
    assert ask(APP, "GET", "/healthz/live", headers=headers).headers["x-request-id"] != own


@pytest.mark.parametrize(
    ("method", "path", "allow"), [("POST", "/v1/limits", "GET, HEAD"), ("GET", "/test/echo", "POST")]
)
def test_method_not_allowed_says_which_are(method: str, path: str, allow: str) -> None:
    response = ask(APP, method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allow)


def test_a_fault_of_our_own_tells_nothing_but_its_id(lines: Lines) -> None:
    response = ask(APP, "GET", "/test/fail", headers={"X-Request-ID": "mine"})
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "mine" in response.json()["detail"]
    failed, request = lines
    assert (failed["event"], failed["log_level"], failed["request_id"]) == ("failed", "error", "mine")
    assert failed["exc_info"]
    assert (request["event"], request["status"]) == ("request", 500)


def test_one_line_a_request_without_client_data(lines: Lines) -> None:
    ask(APP, "POST", "/test/echo?key=private", content=b"private", headers={"X-Request-ID": "mine"})
    ask(APP, "GET", "/private")
    echo, unmatched = lines
    assert echo["ms"] > 0
    assert {**echo, "ms": 0} == {
        "event": "request",
        "log_level": "info",
        "method": "POST",
        "route": "/test/echo",
        "status": 200,
        "ms": 0,
        "bytes": len('{"length":7,"type":"memoryview"}'),
        "request_id": "mine",
    }
    assert unmatched["route"] == "unmatched"


def test_the_line_can_be_switched_off(lines: Lines) -> None:
    ask(create_app(Settings(access_log=False)), "GET", "/healthz/live")
    assert lines == []


def test_an_endpoint_tells_its_timings() -> None:
    async def timed(scope: Scope, _receive: Any, send: Any) -> None:
        exchange = exchange_of(scope)
        exchange.parse, exchange.compute, exchange.serialise = 0.001, 0.0025, 0.0
        exchange.vary = b"Accept, Accept-Language"
        await answer(send, b"{}")

    app = create_app(Settings())
    app.router.routes.append(DirectRoute("GET", "/test/timed", timed))
    response = ask(app, "GET", "/test/timed")
    assert response.headers["server-timing"] == "parse;dur=1.000, compute;dur=2.500, serialise;dur=0.000"
    assert response.headers["vary"] == "Accept, Accept-Language"


def test_a_client_that_goes_away_ends_quietly(lines: Lines) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/test/echo", "headers": [], "query_string": b""}
    asyncio.run(APP(scope, receive, send))
    assert sent == []
    assert [line["status"] for line in lines] == [499]


def test_cors_is_off_until_set() -> None:
    response = ask(APP, "GET", "/healthz/live", headers={"Origin": "https://page.example"})
    assert "access-control-allow-origin" not in response.headers


def test_cors_exposes_what_a_page_needs() -> None:
    app = probed_app(Settings(cors_origins=("https://page.example",)))
    for path in ("/healthz/live", "/test/fail", "/nope"):
        response = ask(app, "GET", path, headers={"Origin": "https://page.example"})
        assert response.headers["access-control-allow-origin"] == "https://page.example"
        assert response.headers["access-control-expose-headers"] == "X-Request-ID, Server-Timing, Retry-After"
        assert "Origin" in ", ".join(response.headers.get_list("vary"))
        assert response.headers["x-request-id"]
    other = ask(app, "GET", "/healthz/live", headers={"Origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers


def test_cors_preflight() -> None:
    app = create_app(Settings(cors_origins=("*",)))
    asked = {
        "Origin": "https://page.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    response = ask(app, "OPTIONS", "/v1/limits", headers=asked)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["x-request-id"]
