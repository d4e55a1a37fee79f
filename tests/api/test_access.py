"""Hosts, keys and rates: off until set, closed by default, and without a word too many."""

from __future__ import annotations

import hmac
import time
from typing import Any

import httpx
import pytest
from jsonschema_rs import Draft202012Validator
from openapi_spec_validator import validate

from app.api import access, rates
from app.api.access import host_of, network_of
from app.api.openapi import Problem
from app.api.pages import files
from app.api.rates import Rates
from app.api.routing import DirectRoute
from app.api.service import Service
from app.main import create_app
from app.settings import Settings
from tests.api.calls import PROBLEM, ask, probed_app, read_all, serving

ALICE, BOB = "alice-0123456789abcdef", "bob+/0123456789abcdef=="
KEYS = {"api_keys": f"alice:{ALICE}, bob:{BOB}"}
HEALTH = ["/healthz/live", "/healthz/ready"]
OPEN = [*HEALTH, "/openapi.json", *files()]
SIZES: Any = {"op": "conv", "input_size": [5], "kernel_size": 3}


def app_with(**settings: Any) -> Service:
    return probed_app(Settings.model_validate(settings))


def refused(response: httpx.Response, status: int) -> httpx.Response:
    """A refusal as every other error is."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    shown = response.json()
    Problem.model_validate(shown)
    assert (shown["type"], shown["status"]) == ("about:blank", status)
    assert shown["detail"]
    assert response.headers["x-request-id"]
    return response


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


# Keys


@pytest.mark.parametrize(
    "headers",
    [
        bearer(ALICE),
        {"Authorization": f"bearer  {BOB}"},
        {"X-API-Key": BOB},
        {"X-API-Key": ALICE, "Authorization": "Basic eDp5"},
    ],
)
def test_each_key_opens_by_either_header(headers: dict[str, str]) -> None:
    app = app_with(**KEYS)
    assert ask(app, "POST", "/v1/output-size", json=SIZES, headers=headers).status_code == 200
    assert ask(app, "GET", "/v1/limits", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer ")],
        [("Authorization", ALICE)],
        [("Authorization", f"Basic {ALICE}")],
        [("Authorization", f"Bearer {ALICE[:-1]}")],
        [("Authorization", f"Bearer {ALICE}x")],
        [("Authorization", f"Bearer {ALICE.upper()}")],
        [("Authorization", f"Bearer {ALICE}, Bearer {ALICE}")],
        [("Authorization", f"Bearer {ALICE}"), ("Authorization", f"Bearer {BOB}")],
        [("X-API-Key", "alice")],
        [("X-API-Key", f"alice:{ALICE}")],
        [("X-API-Key", "é" * 20)],
        [("X-API-Key", "x" * 60_000)],
        [("Cookie", f"key={ALICE}")],
    ],
)
def test_no_other_key_opens(headers: list[tuple[str, str]]) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    response = refused(ask(app_with(**KEYS), "POST", "/v1/output-size", json=SIZES, headers=raw), 401)
    assert response.headers["www-authenticate"].startswith('Bearer realm="convarith"')
    for secret in (ALICE, BOB, "alice", "xxx"):
        assert secret not in response.text


def test_a_key_in_the_address_opens_nothing() -> None:
    refused(ask(app_with(**KEYS), "GET", f"/v1/limits?key={ALICE}&api_key={ALICE}"), 401)


def test_an_unknown_key_is_told_from_none() -> None:
    app = app_with(**KEYS)
    missing, unknown = ask(app, "GET", "/v1/limits"), ask(app, "GET", "/v1/limits", headers=bearer("x" * 20))
    assert "invalid_token" not in missing.headers["www-authenticate"]
    assert 'error="invalid_token"' in unknown.headers["www-authenticate"]
    assert missing.json()["detail"] != unknown.json()["detail"]


def test_all_is_closed_but_what_is_listed() -> None:
    app = app_with(**KEYS)
    paths = {route.path for route in app.routes if isinstance(route, DirectRoute)}
    assert set(OPEN) < paths
    closed = {"/v1/conv", "/v1/conv-transpose", "/v1/output-size", "/v1/code", "/v1/limits", "/metrics"}
    assert paths - set(OPEN) == closed | {"/test/echo", "/test/fail"}
    for path in (*closed, "/nope", "/v1", "/docs/", "/web/../v1/limits", "/healthz/live/", "/v1%2Flimits"):
        for method in ("GET", "POST", "HEAD", "DELETE"):
            assert ask(app, method, path).status_code == 401, path
    for path in OPEN:
        assert ask(app, "GET", path).status_code == (503 if path == "/healthz/ready" else 200), path


def test_metrics_are_open_where_they_are_said_to_be() -> None:
    assert ask(app_with(**KEYS, metrics_open=True), "GET", "/metrics").status_code == 200
    assert ask(app_with(**KEYS), "GET", "/metrics", headers=bearer(ALICE)).status_code == 200
    assert ask(app_with(), "GET", "/metrics").status_code == 200


def test_without_keys_whatever_is_sent_is_taken() -> None:
    assert ask(app_with(), "GET", "/v1/limits", headers=bearer("x")).status_code == 200


def test_every_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    class Watched:
        compare_digest = staticmethod(compare)

    app = app_with(**KEYS)
    ask(app, "GET", "/v1/limits", headers=bearer(ALICE))
    monkeypatch.setattr(access, "hmac", Watched)
    for key in (ALICE, BOB, "x"):
        ask(app, "GET", "/v1/limits", headers=bearer(key))
    assert compared == [(32, 32)] * 6


def test_a_page_elsewhere_can_send_its_key_and_read_the_refusal() -> None:
    app = app_with(**KEYS, cors_origins="https://page.example")
    origin = {"Origin": "https://page.example"}
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, x-api-key"}
    assert ask(app, "OPTIONS", "/v1/conv", headers=origin | wanted).status_code == 200
    response = refused(ask(app, "GET", "/v1/limits", headers=origin), 401)
    assert response.headers["access-control-allow-origin"] == "https://page.example"


def test_refusals_are_told_in_the_readers_language() -> None:
    app = app_with(**KEYS, rate_limits="1/hour", allowed_hosts="test")
    chinese = {"Accept-Language": "zh"}
    told = [
        ask(app, "GET", "/v1/limits", headers=chinese),
        ask(app, "GET", "/v1/limits", headers=chinese),
        ask(app, "GET", "/v1/limits", headers=chinese | {"Host": "evil.example"}),
    ]
    assert [response.status_code for response in told] == [401, 429, 400]
    assert all(any(letter >= "\u4e00" for letter in response.json()["detail"]) for response in told)


# Settings


@pytest.mark.parametrize(
    "value",
    [
        "",
        " , ",
        "0123456789abcdef",
        "a:short",
        f":{ALICE}",
        f"a b:{ALICE}",
        "a:with a space 0123456789",
        f"a:{'x' * 257}",
        f"a:{ALICE},a:{BOB}",
        f"a:{ALICE},b:{ALICE}",
    ],
)
def test_keys_that_cannot_be_are_refused_without_being_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVARITH_API_KEYS", value)
    with pytest.raises(ValueError, match="api_keys") as caught:
        Settings()
    for part in (ALICE, BOB, "short", "with a space", "xxx", "0123456789abcdef"):
        assert part not in str(caught.value)


def test_settings_do_not_show_their_keys() -> None:
    settings = Settings.model_validate(KEYS)
    assert [name for name, _ in settings.api_keys] == ["alice", "bob"]
    assert ALICE not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize("value", ["https://a.example", "a.example:80", "a/b", "*", "*.", "a..b", "a b", "::1"])
def test_hosts_that_cannot_be_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="a host is like"):
        Settings.model_validate({"allowed_hosts": value})


@pytest.mark.parametrize("value", ["10", "0/second", "-1/second", "1/week", "1.5/second", "x", "1/second;2/hour"])
def test_rates_that_cannot_be_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="a rate is like"):
        Settings.model_validate({"rate_limits": value})


# Hosts


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("a.example", "a.example"),
        ("A.Example.:8000", "a.example"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
        ("", ""),
    ],
)
def test_the_name_of_a_host(host: str, name: str) -> None:
    assert host_of(host) == name


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("a.example", True),
        ("A.EXAMPLE:8000", True),
        ("a.example.", True),
        ("one.b.example", True),
        ("[::1]:9", True),
        ("b.example", False),
        ("two.one.b.example", True),
        ("three.Two.one.b.example.:80", True),
        ("xb.example", False),
        (".b.example", False),
        ("one..b.example", False),
        ("evil.example, one.b.example", False),
        ("evil.example/.b.example", False),
        ("evil.example#.b.example", False),
        ("evil@one.b.example", False),
        ("one.b.example.evil.example", False),
        ("evil.example", False),
        ("a.example.evil.example", False),
        ("xa.example", False),
        ("a.example, evil.example", False),
        ("evil.example#a.example", False),
        ("a.example@evil.example", False),
        ("", False),
    ],
)
def test_other_hosts_are_refused(host: str, *, ours: bool) -> None:
    app = app_with(allowed_hosts="a.example, *.B.example, [::1]")
    for path in ("/v1/limits", "/", "/metrics", "/nope"):
        response = ask(app, "GET", path, headers={"Host": host})
        if ours:
            assert response.status_code == (404 if path == "/nope" else 200)
        else:
            refused(response, 400)
            assert "evil" not in response.text
    assert ask(app, "GET", "/healthz/live", headers={"Host": host}).status_code == 200


def test_two_hosts_are_none() -> None:
    app = app_with(allowed_hosts="a.example")
    refused(ask(app, "GET", "/v1/limits", headers=[("Host", "a.example"), ("Host", "a.example")]), 400)


# Rates


def test_a_caller_over_the_rate_is_told_when_to_come_back() -> None:
    app = app_with(rate_limits="3/hour")
    assert [ask(app, "GET", "/v1/limits").status_code for _ in range(3)] == [200] * 3
    response = refused(ask(app, "GET", "/v1/limits"), 429)
    seconds = int(response.headers["retry-after"])
    assert 3500 < seconds <= 3600
    assert str(seconds) in response.json()["detail"]
    assert "3/hour" in response.json()["detail"]
    for path in OPEN:
        assert ask(app, "GET", path).status_code != 429


def test_coming_back_when_told_is_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of the test's own."""
    now = 1_000_000.25
    monkeypatch.setattr(time, "time", lambda: now)
    monkeypatch.setattr(rates, "time", lambda: now)
    counted = Rates(["2/second", "5/minute"])
    passed = []
    for _ in range(4):
        passed.append(0)
        while (refusal := counted.refusal("a")) is None:
            passed[-1] += 1
        now += refusal[1]
    assert passed == [2, 2, 1, 2]
    assert now == 1_000_000.25 + 1 + 1 + 58 + 1


def test_the_longer_rate_counts_only_what_the_shorter_lets_pass() -> None:
    counted = Rates(["1/second", "1000/day"])
    for _ in range(50):
        counted.refusal("a")
    (_, (_, day)) = counted._limits
    assert counted._windows.get_window_stats(day, "a").remaining > 990


def test_keys_are_counted_apart_and_guesses_by_their_address() -> None:
    app = app_with(**KEYS, rate_limits="2/hour")

    def asked(headers: dict[str, str]) -> int:
        return ask(app, "GET", "/v1/limits", headers=headers).status_code

    assert [asked(bearer(ALICE)) for _ in range(3)] == [200, 200, 429]
    assert [asked({"X-API-Key": BOB}) for _ in range(3)] == [200, 200, 429]
    assert [asked(bearer(f"guess-{count:016}")) for count in range(4)] == [401, 401, 429, 429]
    assert asked({}) == 429


@pytest.mark.parametrize(
    ("client", "network"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:0db8:0001:0002"),
        (("2001:db8:1:2::9", 1), "2001:0db8:0001:0002"),
        (("", 1), "unknown"),
        (None, "unknown"),
    ],
)
def test_what_an_address_is_counted_as(client: tuple[str, int] | None, network: str) -> None:
    assert network_of({"client": client}) == network


def test_the_count_of_callers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_CALLERS", 100)
    counted = Rates(["5/hour", "9/day"])
    most = 0
    for caller in range(1000):
        assert counted.refusal(f"caller {caller}") is None
        most = max(most, len(counted._storage.storage))
    assert most <= 202


# As a whole


def test_over_the_wire_a_refused_body_leaves_the_connection_open() -> None:
    with serving(**KEYS) as server, httpx.Client(base_url=server.url) as http:
        for _ in range(2):
            response = http.post("/v1/conv", content=b"x" * 2_000_000)
            assert (response.status_code, response.headers.get("connection")) == (401, None)
        assert http.post("/v1/output-size", json=SIZES, headers=bearer(ALICE)).json()["output_size"] == [3]


def test_a_key_behind_the_body_opens_nothing() -> None:
    """Such fields are no headers (RFC 9110, 6.5): what stands before this service may not have looked at them."""
    head = b"POST /v1/output-size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    with serving(**KEYS) as server, server.connect() as connection:
        connection.sendall(head + f"2\r\n{{}}\r\n0\r\nX-API-Key: {ALICE}\r\n\r\n".encode())
        assert read_all(connection).startswith(b"HTTP/1.1 401")


def test_the_document_says_what_is_set() -> None:
    plain = ask(create_app(Settings()), "GET", "/openapi.json").json()
    guarded = ask(app_with(**KEYS, allowed_hosts="test"), "GET", "/openapi.json").json()
    for document in (plain, guarded):
        validate(document)
        assert {scheme["type"] for scheme in document["components"]["securitySchemes"].values()} == {"http", "apiKey"}
    for path, methods in guarded["paths"].items():
        for method, described in methods.items():
            closed = path not in HEALTH
            assert [list(way) for way in described.get("security", [])] == ([["bearer"], ["key"]] if closed else [])
            assert {"400", "401", "429"} <= set(described["responses"]) or not closed
            assert "security" not in plain["paths"][path][method]
            assert ("401" in plain["paths"][path][method]["responses"]) == closed


def test_refusals_are_as_documented() -> None:
    app = app_with(**KEYS, allowed_hosts="test", rate_limits="1/hour")
    document = ask(app, "GET", "/openapi.json").json()
    responses = document["paths"]["/v1/limits"]["get"]["responses"]
    for status, headers in ((401, {}), (429, {}), (400, {"Host": "x"})):
        response = refused(ask(app, "GET", "/v1/limits", headers=headers), status)
        content = responses[str(status)]["content"][PROBLEM]
        Draft202012Validator(content["schema"] | {"components": document["components"]}).validate(response.json())
        assert any(example["value"]["title"] == response.json()["title"] for example in content["examples"].values())
        for name in responses[str(status)].get("headers", {}):
            assert name in response.headers
