"""Media types, encodings and languages: in which the request is, in which the answer is wanted."""

from __future__ import annotations

import pytest

from app.api import negotiation
from app.api.negotiation import (
    JSON,
    READ_LENGTH,
    SAFETENSORS,
    _quality,
    answer_encoding,
    answer_type,
    body_type,
    language_of,
)
from app.api.problems import StatusError
from app.languages import CHINESE, ENGLISH

BOTH = (JSON, SAFETENSORS)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (SAFETENSORS, SAFETENSORS),
        ("Application/VND.Safetensors", SAFETENSORS),
        (f"{SAFETENSORS}, application/json;q=0.9", SAFETENSORS),
        (f"{SAFETENSORS};q=0.2, application/json;q=0.9", JSON),
        (f"{JSON}, {SAFETENSORS}", JSON),
        (f"*/*;q=0.1, {SAFETENSORS}", SAFETENSORS),
        (f"*/*, {JSON};q=0", SAFETENSORS),
        ("text/html,application/xhtml+xml,*/*;q=0.8", JSON),
        (f"{SAFETENSORS};version=1;q=1.0", SAFETENSORS),
        (f"{SAFETENSORS};q=oops, */*;q=0.5", JSON),
        (f"junk, ;;, {SAFETENSORS}", SAFETENSORS),
        (", ".join(["text/plain;q=0.1"] * 100 + [SAFETENSORS]), SAFETENSORS),
        (", ".join([SAFETENSORS] + ["text/plain;q=0.1"] * 4000), SAFETENSORS),
    ],
)
def test_answer_type(accept: str | None, expected: str) -> None:
    headers = [] if accept is None else [(b"accept", accept.encode())]
    assert answer_type({"headers": headers}, BOTH) == expected


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "*/*;q=0", "junk", "image/*", "text/*;q=1e5"])
def test_nothing_acceptable(accept: str) -> None:
    with pytest.raises(StatusError, match=r"application/json, application/vnd\.safetensors") as caught:
        answer_type({"headers": [(b"accept", accept.encode())]}, BOTH)
    assert caught.value.status == 406


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate", "gzip"),
        ("GZIP;q=1.0", "gzip"),
        ("br", "identity"),
        ("gzip;q=0.5", "gzip"),
        ("gzip;q=0.5, zstd;q=0.1", "gzip"),
        ("gzip;q=0, zstd;q=0.0", "identity"),
        ("*", "zstd"),
        ("zstd;q=0, *;q=0.5", "gzip"),
        ("gzip;q=0.5, identity", "identity"),
        ("*;q=0", "identity"),
        ("gzip;q=oops", "identity"),
    ],
)
def test_answer_encoding(accept: str | None, expected: str) -> None:
    headers = [] if accept is None else [(b"accept-encoding", accept.encode())]
    assert answer_encoding({"headers": headers}, ("zstd", "gzip", "identity")) == expected


@pytest.mark.parametrize("filling", [",", "x,", "x;q=0.1,", ";,"])
def test_of_a_header_without_end_the_beginning_counts(filling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To read all of it would hold up everybody."""
    read = 0

    def counted(part: str) -> tuple[str, float]:
        nonlocal read
        read += len(part) + 1
        return _quality(part)

    monkeypatch.setattr(negotiation, "_quality", counted)
    asked = f"zh;q=0.9,gzip,{SAFETENSORS}," + filling * (60_000 // len(filling)) + "en,zstd"
    scope = {"headers": [(name, asked.encode()) for name in (b"accept", b"accept-encoding", b"accept-language")]}
    assert language_of(scope["headers"]) == CHINESE
    assert answer_encoding(scope, ("zstd", "gzip", "identity")) == "gzip"
    assert answer_type(scope, BOTH) == SAFETENSORS
    assert read <= 3 * READ_LENGTH + 3


def test_a_range_that_is_cut_does_not_count() -> None:
    asked = "x," * (READ_LENGTH // 2 - 1) + "zh;q=0.5"
    assert language_of([(b"accept-language", asked.encode())]) == ENGLISH


def test_several_accept_headers_are_one() -> None:
    headers = [(b"accept", b"text/html"), (b"accept", SAFETENSORS.encode())]
    assert answer_type({"headers": headers}, BOTH) == SAFETENSORS


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, JSON),
        (JSON, JSON),
        ("application/json; charset=utf-8", JSON),
        ('APPLICATION/JSON;charset="UTF-8"', JSON),
        (SAFETENSORS, SAFETENSORS),
    ],
)
def test_body_type(given: str | None, expected: str) -> None:
    headers = [] if given is None else [(b"content-type", given.encode())]
    assert body_type({"headers": headers}, BOTH) == expected


@pytest.mark.parametrize(
    "given", ["application/x-www-form-urlencoded", "text/plain", "application/json; charset=utf-16", "x" * 5000, "\xff"]
)
def test_other_body_types(given: str) -> None:
    with pytest.raises(StatusError, match="send application/json or") as caught:
        body_type({"headers": [(b"content-type", given.encode("latin-1"))]}, BOTH)
    assert caught.value.status == 415
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "accept",
    [
        "zh",
        "ZH",
        "zh-CN",
        "zh-Hans",
        "zh-Hans-CN",
        "zh-TW",
        "zh-CN,zh;q=0.9,en;q=0.8",
        "zh, en",
        "zh-TW;q=0.5, zh;q=0.1, en;q=0.4",
        "zh;q=0, zh-CN",
        "en;q=0.5, zh;q=0.501",
        "fr, de;q=0.9, zh;q=0.1",
        "*;q=0.5, zh",
        "zh;q=0.5, *;q=0.5",
        "en;q=0, *",
        "en;q=0, zh;q=0.001",
        "\tzh ; Q = 1.0 ",
        "en;q=oops, zh;q=0.5",
        ";;, q=1, ,zh",
        ",".join(["fr;q=0.1"] * 100 + ["zh"]),
    ],
)
def test_chinese_is_wanted(accept: str) -> None:
    assert language_of([(b"accept-language", accept.encode())]) == CHINESE


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*",
        "en",
        "en-GB",
        "en, zh",
        "en-US,en;q=0.9,zh;q=0.8",
        "fr",
        "fr, *;q=0.5",
        "*, zh",
        "zh;q=0",
        "zh;q=0, *",
        "zh;q=0.5, *",
        "zh;q=oops",
        "zh;q=-1",
        "zh;q=nan",
        "zh;q=1e9, en",
        "zho",
        "zhx-CN",
        "zh_CN",
        "x-zh",
        ";q=1",
        ",,;;==",
        "\xff\x00",
        "中文",
        ",".join(["zh;q=0.1"] * 100 + ["en"]),
    ],
)
def test_chinese_is_not_wanted(accept: str) -> None:
    assert language_of([(b"accept-language", accept.encode())]) == ENGLISH


def test_several_language_headers_are_one() -> None:
    headers = [(b"accept-language", b"en;q=0.5"), (b"accept", b"*/*"), (b"accept-language", b"zh-CN;q=0.6")]
    assert language_of(headers) == CHINESE
    assert language_of([(b"accept", b"zh")]) == ENGLISH
