"""Real answers in Chinese: no English in them, and nothing but the texts is another."""

from __future__ import annotations

import json
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.answers import ComputedAnswer
from tests.api.client import CODE, CONV, OUTPUT_SIZE, SAFETENSORS, client, entries_of, packed
from tests.api.faults import ONE_FAULT, Row
from tests.api.files import raw
from tests.api.requests_at_random import PATHS, Body, request_of
from tests.api.test_safetensors_lies import MALFORMED
from tests.api.test_same_refusals import settings_at_random
from tests.api.test_steps import VIEWS
from tests.core.strategies import OPS, Case, Numbers, Op, cases, examples
from tests.languages.words import english_in

TEXTS = {"title", "detail", "message"}


def both(path: str, body: Any, **headers: str) -> tuple[httpx.Response, httpx.Response]:
    """The answers in English and in Chinese, which differ in their texts alone."""
    english = client().post(path, body, Accept_Language="en", **headers)
    chinese = client().post(path, body, Accept_Language="zh-CN, en;q=0.5", **headers)
    assert english.status_code == chinese.status_code
    assert english.headers["content-language"] == "en"
    assert chinese.headers["content-language"] == "zh"
    assert chinese.headers["content-type"] == english.headers["content-type"]
    return english, chinese


def texts_in(value: Any) -> list[str]:
    """All texts of an answer."""
    if isinstance(value, list):
        return [text for entry in value for text in texts_in(entry)]
    if not isinstance(value, dict):
        return []
    own = [text for name, text in value.items() if name in TEXTS]
    return own + [text for name, entry in value.items() if name not in TEXTS for text in texts_in(entry)]


def without_texts(value: Any) -> Any:
    """An answer without its texts."""
    if isinstance(value, list):
        return [without_texts(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {name: without_texts(entry) for name, entry in value.items() if name not in TEXTS}


def check_chinese(value: Any) -> None:
    """The texts are Chinese but for names, and whole."""
    found = texts_in(value)
    assert found
    for text in found:
        assert english_in(text) == [], text
        assert not set(text.replace("'}'", "")) & {"{", "}"}
        assert "  " not in text


def check_refusals(english: httpx.Response, chinese: httpx.Response) -> None:
    entries_of(chinese, chinese.status_code)
    check_chinese(chinese.json())
    shared = [without_texts(response.json()["errors"]) for response in (english, chinese)]
    count = min(map(len, shared))  # which of them go into one answer depends on their length
    assert shared[0][:count] == shared[1][:count]


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_steps(op: Op, n: int) -> None:
    @given(cases(op, n), st.sampled_from(["int64", "float64"]))
    @examples(10)
    def check(case: Case, dtype: Any) -> None:
        request = request_of(case, Numbers(dtype))
        english, chinese = both(request.path, request.body | {"steps": VIEWS[op]})
        if chinese.status_code != 200:  # more steps than the limit allows
            check_refusals(english, chinese)
            return
        ComputedAnswer.model_validate(chinese.json())
        assert without_texts(english.json()) == without_texts(chinese.json())
        for step in chinese.json()["steps"]:
            check_chinese(step)
            assert not step["title"].endswith("。")
            assert step["detail"].endswith("。")

    check()


def test_steps_in_bulk() -> None:
    body = packed({"input": np.ones((3, 3)), "kernel": np.ones((2, 2))}, {"steps": ["sliding_window", "matrix"]})
    english, chinese = both(CONV, body, Content_Type=SAFETENSORS, Accept=SAFETENSORS)
    for response in (english, chinese):
        assert response.status_code == 200
        assert response.headers["vary"] == "Accept, Accept-Language"
    results = [_result(response.content) for response in (english, chinese)]
    assert without_texts(results[0]) == without_texts(results[1])
    check_chinese(results[1])
    assert texts_in(results[0]) != texts_in(results[1])


def _result(content: bytes) -> Any:
    length = int.from_bytes(content[:8], "little")
    return json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["result"])


@pytest.mark.parametrize("row", ONE_FAULT, ids=lambda row: f"{row[3]} {row[2]}")
def test_each_fault(row: Row) -> None:
    check_refusals(*both(row[0], row[1]))


@pytest.mark.parametrize("op", OPS)
def test_faults_at_random(op: Op) -> None:
    @given(settings_at_random(op))
    @examples(120)
    def check(bodies: tuple[Body, Body]) -> None:
        for path, body in ((OUTPUT_SIZE, bodies[0]), (PATHS[op], bodies[1])):
            english, chinese = both(path, body)
            if chinese.status_code == 200:
                assert english.content == chinese.content
            else:
                check_refusals(english, chinese)

    check()


JSON_LIES = [
    *(b"", b"{", b"[1,]", b'{"a":1,}', b"{a:1}", b'{"a" 1}', b"{} x", b'{"\\q":1}', b'{"\\ud800"', b"nope", b"[1e999]"),
    *(b"[1 2]", b'{"a":1 "b"}', b"-", b'"\x01"', b'"\\uzzzz"', b'"\\ud83d\\u0041"', b"9" * 5000, b'"\xff"', b"[]"),
    *(b"[" * 100_000, b'{"a":1,2}'),
]


@pytest.mark.parametrize("body", JSON_LIES, ids=lambda body: repr(body[:12]))
def test_what_is_not_json(body: bytes) -> None:
    check_refusals(*both(CONV, body))


@pytest.mark.parametrize("lie", MALFORMED)
def test_what_is_not_safetensors(lie: str) -> None:
    check_refusals(*both(CONV, MALFORMED[lie], Content_Type=SAFETENSORS))


@pytest.mark.parametrize(
    "header",
    [b'{"a":NaN}', b'{"a":%s}' % (b"9" * 5000), b"{input}", b"\xff\xff", b'{"a":1,"a":1}', b"[" * 50_000, b"[]"],
    ids=lambda header: repr(header[:12]),
)
def test_headers_that_are_not_json(header: bytes) -> None:
    check_refusals(*both(CONV, raw(header), Content_Type=SAFETENSORS))


@pytest.mark.parametrize(
    ("parameters", "tensors"),
    [
        ({"input": 1}, {"input": np.ones(2), "kernel": np.ones(1)}),
        ({}, {"input": np.ones(2)}),
        ({}, {"input": np.ones(2), "kernel": np.ones(1), "stride": np.ones(1)}),
        ({}, {"input": np.ones(2, bool), "kernel": np.ones(1)}),
        ({}, {"input": np.ones((1,) * 6), "kernel": np.ones(1)}),
        ({}, {"input": np.ones(0), "kernel": np.ones(1)}),
    ],
)
def test_tensors_that_are_not_taken(parameters: Body, tensors: Any) -> None:
    check_refusals(*both(CONV, packed(tensors, parameters), Content_Type=SAFETENSORS))


@pytest.mark.parametrize(
    "body",
    [
        {"input": [1.0], "kernel": [1], "padding": 10**12},
        {"input": [0.5] * 4000, "kernel": [1], "steps": ["matrix"]},
        {"input": [[1.0]], "kernel": [[1]], "padding": 10**7, "dtype": "float32"},
    ],
)
def test_costs(body: Body) -> None:
    english, chinese = both(CONV, body)
    check_refusals(english, chinese)
    assert chinese.json()["title"] == "超出限额"


def test_costs_of_a_script() -> None:
    body: Body = {"op": "conv", "framework": "numpy", "input": [0] * (2**16 + 1), "kernel": [1]}
    check_refusals(*both(CODE, body))


def test_a_page_of_faults_is_counted_too() -> None:
    body = {f"中文{number}": 1 for number in range(100)} | {"stride": [0, -1, 2**60], "padding": "满"}
    _, chinese = both(CONV, body)
    entries_of(chinese)
    assert chinese.json()["more"] > 80
    assert chinese.json()["detail"].startswith("请求中有 10")
