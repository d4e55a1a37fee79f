"""What the service shows of itself, of its machine and of its clients: nothing that it need not."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from starlette.types import Receive, Scope, Send

from app.api import envelope
from app.api.pages import files
from app.api.routing import DirectRoute
from app.logs import configure_logging
from app.settings import Settings
from tests.api.calls import Server, ask, probed_app, read_all, serving

APP = probed_app()

#: What every answer tells browsers, word for word.
SAFE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}

#: A word that only a client can have brought.
MARK = "zebra7731"

#: What tells of the inside: files, frames, packages, and kinds of exceptions.
INSIDE = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|/(?:work|home|root|srv|usr|opt|tmp|etc)/|\w+Error\b|0x[0-9a-f]+"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def assert_safe(headers: httpx.Headers | dict[str, str]) -> None:
    assert {name: headers.get(name) for name in SAFE} == SAFE
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] in ("no-store", "no-cache")
    assert not {"server", "x-powered-by"} & set(headers)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/web/style.css"),
        ("GET", "/openapi.json"),
        ("GET", "/metrics"),
        ("GET", "/healthz/live"),
        ("GET", "/healthz/ready"),
        ("POST", "/v1/output-size"),
        ("GET", "/v1/conv"),
        ("GET", "/nope"),
        ("GET", "/test/fail"),
        ("OPTIONS", "/v1/conv"),
    ],
)
def test_every_answer_is_safe_in_a_browser(method: str, path: str) -> None:
    response = ask(APP, method, path)
    assert_safe(response.headers)
    assert (response.headers["cache-control"] == "no-cache") == (path in files())
    for name in (*SAFE, "content-security-policy", "cache-control"):
        assert len(response.headers.get_list(name)) == 1, name


def test_a_known_file_is_safe_too() -> None:
    known = ask(APP, "GET", "/").headers["etag"]
    again = ask(APP, "GET", "/", headers={"If-None-Match": known})
    assert again.status_code == 304
    assert_safe(again.headers)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\r\n\r\n",
        f"BREW /{MARK} HTTP/1.1\r\nHost: {MARK}\r\n\r\n".encode(),
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 66_000,
    ],
)
def test_what_is_refused_before_there_is_a_request_is_safe(server: Server, sent: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(sent)
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert re.fullmatch("HTTP/1.1 4[0-9]{2} .*", lines[0])
    assert_safe({name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])})
    assert not INSIDE.search(body.decode())
    assert MARK not in body.decode()


TARGETS = [
    "/web/../main.py",
    "/web/../../etc/passwd",
    "/../../../../etc/passwd",
    "/web/%2e%2e/%2e%2e/etc/passwd",
    "/web/..%2f..%2fetc%2fpasswd",
    "/web/%252e%252e/main.py",
    "/web/..%5c..%5cmain.py",
    "/web/..\\main.py",
    "/web/js/....//main.py",
    "//etc/passwd",
    "/web//etc/passwd",
    "/web/js/main.js%00.html",
    "/web/%c0%ae%c0%ae/main.py",
    "http://127.0.0.1/web/../main.py",
    "/web/.env",
    "/.git/config",
    "/docs/..;/main.py",
    "/web/js/",
    "/web/index.html/../../main.py",
]


@pytest.mark.parametrize("target", TARGETS)
def test_no_path_leads_out_of_the_pages(server: Server, target: str) -> None:
    """As it goes over the wire: no client has tidied it."""
    with server.connect() as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = read_all(connection).decode()
    assert answer.split(" ", 2)[1] in ("404", "400")
    assert not INSIDE.search(answer.partition("\r\n\r\n")[2])


def test_pages_are_files_of_their_two_folders_alone() -> None:
    folders = {"web", "resources"}
    for file in files().values():
        assert file.is_file()
        assert not file.is_symlink()
        assert folders & {parent.name for parent in file.resolve().parents}


#: Requests with the mark wherever a client can put one, beside what they should come to.
MARKED: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", f"/{MARK}", {}, 404),
    ("GET", f"/v1/limits?{MARK}={MARK}", {"headers": {"Cookie": MARK, "User-Agent": MARK, "Referer": MARK}}, 200),
    ("GET", "/v1/limits", {"headers": {"Accept": f"text/{MARK}"}}, 406),
    ("GET", "/v1/limits", {"headers": {"X-Request-ID": f"{MARK}!"}}, 200),
    ("GET", "/test/fail", {"headers": {"X-Secret": MARK}}, 500),
    (MARK.upper(), "/v1/limits", {}, 405),
    ("POST", "/v1/conv", {"content": MARK.encode()}, 400),
    ("POST", "/v1/conv", {"json": {"input": [MARK], "kernel": [1], MARK: MARK}}, 422),
    ("POST", "/v1/conv", {"json": {"input": [1], "kernel": [1], "dtype": MARK}}, 422),
    ("POST", "/v1/conv", {"content": b"{}", "headers": {"Content-Type": f"text/{MARK}"}}, 415),
    ("POST", "/v1/conv", {"content": b"{}", "headers": {"Content-Encoding": MARK}}, 415),
]


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Everything that would be written, by the service's own configuration at its most talkative."""
    written = io.StringIO()
    before = (logging.root.handlers[:], logging.root.level)
    monkeypatch.setattr("sys.stdout", written)
    configure_logging("debug")
    processors = structlog.get_config()["processors"]
    structlog.configure(
        processors=processors, logger_factory=lambda *_: _Lines(written), cache_logger_on_first_use=False
    )
    monkeypatch.setattr(envelope, "log", structlog.get_logger("convarith"))
    for name in ("httpx", "httpcore"):
        monkeypatch.setattr(logging.getLogger(name), "disabled", True)
    yield written
    structlog.reset_defaults()
    logging.root.handlers[:], logging.root.level = before


class _Lines:
    """Lines of bytes to a text."""

    def __init__(self, written: io.StringIO) -> None:
        self.written = written

    def msg(self, line: bytes) -> None:
        self.written.write(line.decode() + "\n")

    debug = info = warning = error = exception = critical = msg


def test_logs_and_metrics_hold_nothing_of_a_clients(logged: io.StringIO) -> None:
    for method, path, request, status in MARKED:
        assert ask(APP, method, path, **request).status_code == status, path
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [line["status"] for line in lines if line["event"] == "request"] == [status for *_, status in MARKED]
    assert MARK not in logged.getvalue().lower()
    shown = ask(APP, "GET", "/metrics").text
    assert MARK not in shown.lower()
    assert not INSIDE.search(shown)


def test_answers_hold_nothing_of_the_inside() -> None:
    for method, path, request, _ in MARKED:
        response = ask(APP, method, path, **request)
        assert not INSIDE.search(response.text), response.text
        for name, value in response.headers.items():
            assert not INSIDE.search(value), name
            assert MARK not in value


async def _fail_with_data(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        int(MARK)
    except ValueError as error:
        raise RuntimeError(MARK) from error


def test_a_fault_of_our_own_is_logged_by_its_place_alone(logged: io.StringIO) -> None:
    app = probed_app(Settings())
    app.router.routes.append(DirectRoute("GET", "/test/data", _fail_with_data, include_in_schema=False))
    response = ask(app, "GET", "/test/data")
    assert response.status_code == 500
    assert MARK not in response.text
    written = logged.getvalue()
    failed = next(line for line in map(json.loads, written.splitlines()) if line["event"] == "failed")
    assert failed["request_id"] == response.headers["x-request-id"]
    assert [cause["kind"] for cause in failed["error"]] == ["RuntimeError", "ValueError"]
    assert failed["error"][0]["at"][-1].startswith("tests.api.test_exposure:")
    assert MARK not in written
    assert str(Path(__file__).parent) not in written


def test_a_librarys_fault_is_logged_by_its_place_too(logged: io.StringIO) -> None:
    try:
        int(MARK)
    except ValueError:
        logging.getLogger("some.library").exception("it went wrong")
    (line,) = map(json.loads, logged.getvalue().splitlines())
    assert (line["event"], line["level"]) == ("it went wrong", "error")
    assert [cause["kind"] for cause in line["error"]] == ["ValueError"]
    assert not re.search(rf"{MARK}|Traceback|\.py", logged.getvalue())


def test_the_line_of_a_request_names_its_key_and_never_holds_it(logged: io.StringIO) -> None:
    key = "0123456789abcdef-" + MARK
    app = probed_app(Settings.model_validate({"api_keys": f"reader:{key}"}))
    ask(app, "GET", "/v1/limits", headers={"X-API-Key": key})
    ask(app, "GET", "/v1/limits", headers={"X-API-Key": key + "x"})
    lines = map(json.loads, logged.getvalue().splitlines())
    known, unknown = (line for line in lines if line["event"] == "request")
    assert (known["status"], known["key"]) == (200, "reader")
    assert (unknown["status"], "key" in unknown) == (401, False)
    assert MARK not in logged.getvalue()
