"""Accept-Language, Content-Language and Vary, on answers of every kind."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from app.api import envelope
from app.main import create_app
from app.settings import Settings
from tests.api.calls import PROBLEM, ask, probed_app
from tests.api.client import CODE, CONV, SAFETENSORS, client
from tests.api.test_openapi import DOCUMENT, operations

APP = probed_app()
CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}


def vary(response: httpx.Response) -> set[str]:
    return {name.strip() for line in response.headers.get_list("vary") for name in line.split(",")}


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("GET", "/nope", 404, "未找到"),
        ("POST", "/healthz/live", 405, "方法不被允许"),
        ("GET", "/test/fail", 500, "服务器内部错误"),
        ("GET", "/healthz/ready", 503, "服务暂不可用"),
    ],
)
def test_plain_statuses(method: str, path: str, status: int, title: str) -> None:
    response = ask(APP, method, path, headers=CHINESE)
    assert (response.status_code, response.json()["title"]) == (status, title)
    assert response.headers["content-type"] == PROBLEM
    assert response.headers["content-language"] == "zh"
    assert vary(response) == {"Accept-Language"}
    english = ask(APP, method, path)
    assert english.headers["content-language"] == "en"
    assert vary(english) == {"Accept-Language"}
    assert english.json()["title"].isascii()
    assert english.json()["detail"].isascii()


@pytest.mark.parametrize(
    ("headers", "status", "part"),
    [
        ({"Accept": "text/html"}, 406, "application/json, application/vnd.safetensors"),
        ({"Content-Type": "text/plain"}, 415, "请发送 application/json 或 application/vnd.safetensors"),
        ({"Content-Encoding": "br"}, 415, "Content-Encoding 为 br"),
        ({"Content-Length": str(10**12)}, 413, "最多 16777216 字节"),
    ],
)
def test_refused_before_the_body(headers: dict[str, str], status: int, part: str) -> None:
    response = ask(APP, "POST", CONV, content=b"{}", headers=CHINESE | headers)
    assert response.status_code == status
    assert part in response.json()["detail"]
    assert response.headers["content-language"] == "zh"
    assert vary(response) == {"Accept", "Accept-Language"}


@pytest.mark.parametrize("accept", ["application/json", SAFETENSORS])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_answers(accept: str, language: str) -> None:
    response = client().post(CONV, {"input": [1], "kernel": [1]}, Accept=accept, Accept_Language=language)
    assert (response.status_code, response.headers["content-type"]) == (200, accept)
    assert response.headers["content-language"] == language
    assert vary(response) == {"Accept", "Accept-Language"}


def test_a_script_is_english_and_its_refusal_is_not() -> None:
    body = {"op": "conv", "framework": "numpy", "input": [1], "kernel": [1]}
    script = client().post(CODE, body, Accept_Language="zh")
    assert (script.status_code, script.headers["content-language"]) == (200, "en")
    refusal = client().post(CODE, body | {"framework": "caffe"}, Accept_Language="zh")
    assert (refusal.status_code, refusal.headers["content-language"]) == (422, "zh")
    assert refusal.json()["errors"][0]["message"].startswith("framework 为 'caffe'；必须是下列之一：numpy")


@pytest.mark.parametrize("path", ["/", "/docs", "/web/style.css", "/openapi.json"])
def test_pages_in_one_language_say_so(path: str) -> None:
    response = ask(APP, "GET", path, headers=CHINESE)
    assert (response.status_code, response.headers["content-language"]) == (200, "en")


def test_with_cors_all_reasons_to_vary_are_told() -> None:
    app = probed_app(Settings(cors_origins=("https://page.example",)))
    response = ask(app, "POST", CONV, content=b"{", headers=CHINESE | {"Origin": "https://page.example"})
    assert response.status_code == 400
    assert vary(response) == {"Origin", "Accept", "Accept-Language"}
    assert response.json()["title"] == "请求体格式有误"


def test_a_full_queue() -> None:
    app = create_app(Settings(queue_length=1))
    app.state.thread._taken = 2
    response = ask(app, "POST", CONV, content=b'{"input": [1], "kernel": [1]}', headers=CHINESE)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["detail"] == "已有 1 个请求在等待；请稍后再试"
    assert response.headers["content-language"] == "zh"


def test_a_service_that_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    async def cancelled(*_: Any) -> None:
        raise asyncio.CancelledError

    app = probed_app()
    ask(app, "GET", "/healthz/live")
    inner = app._envelope
    assert isinstance(inner, envelope.Envelope)
    monkeypatch.setitem(inner.table, ("GET", "/healthz/live"), cancelled)
    response = ask(app, "GET", "/healthz/live", headers=CHINESE)
    assert (response.status_code, response.json()["detail"]) == (503, "服务正在停止；请重试")
    assert response.headers["content-language"] == "zh"


@pytest.mark.parametrize("odd", [b"\xff\xfe", b"zh;q=", b";" * 5000, b"zh;q=1;q=0;" * 50, b"-", b"*;q=2"])
def test_an_odd_header_is_no_error(odd: bytes) -> None:
    response = ask(APP, "GET", "/nope", headers=[(b"Accept-Language", odd)])
    assert response.status_code == 404
    assert response.headers["content-language"] in ("en", "zh")


def test_the_document_tells_of_it() -> None:
    parameter = {"$ref": "#/components/parameters/AcceptLanguage"}
    for _, _, described in operations():
        assert parameter in described["parameters"]
        assert all("Content-Language" in answer["headers"] for answer in described["responses"].values())
    assert DOCUMENT["components"]["parameters"]["AcceptLanguage"]["name"] == "Accept-Language"
    assert DOCUMENT["components"]["headers"]["ContentLanguage"]["schema"]["enum"] == ["en", "zh"]
