"""Bodies: limits, encodings, pace."""

from __future__ import annotations

import asyncio
import gzip
import sys
import zlib
from collections.abc import Callable

import httpx
import pytest
from starlette.types import Message

from app.api.body import Kind, read_body
from app.api.budget import Budget
from app.api.unpacking import MOST_MEMBERS, PIECE
from app.settings import Settings
from tests.api.calls import PROBLEM, ask, chunked, outcome, probed_app, send_messages

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LIMIT = 100_000
SETTINGS = Settings(json_body_bytes=LIMIT, body_grace=0.3, body_rate=1_000_000)
APP = probed_app(SETTINGS)
LARGE = probed_app(Settings())

PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "x-gzip": gzip.compress, "zstd": zstd.compress}


def post(body: bytes, encoding: str = "") -> httpx.Response:
    return ask(APP, "POST", "/test/echo", content=body, headers={"Content-Encoding": encoding} if encoding else {})


@pytest.mark.parametrize("size", [0, 1, LIMIT])
@pytest.mark.parametrize("encoding", ["", "identity", *PACK])
def test_bodies_within_the_limit(size: int, encoding: str) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    response = post(PACK[encoding](body) if encoding in PACK else body, encoding)
    assert (response.status_code, response.json()["length"]) == (200, size)


@pytest.mark.parametrize("encoding", ["", *PACK])
def test_bodies_over_the_limit(encoding: str) -> None:
    body = bytes(LIMIT + 1)
    response = post(PACK[encoding](body) if encoding else body, encoding)
    assert response.status_code == 413
    assert response.headers["content-type"] == PROBLEM
    assert response.headers["connection"] == "close"
    assert str(LIMIT) in response.json()["detail"]


@pytest.mark.parametrize(
    ("path", "media_type", "advised"),
    [
        ("/v1/conv", "application/json", True),
        ("/v1/conv", "application/vnd.safetensors", False),
        ("/v1/output-size", "application/json", False),
        ("/v1/code", "application/json", False),
    ],
)
def test_safetensors_are_advised_where_they_help(path: str, media_type: str, *, advised: bool) -> None:
    app = probed_app(Settings(json_body_bytes=9, binary_body_bytes=9))
    response = ask(app, "POST", path, content=bytes(10), headers={"Content-Type": media_type})
    assert response.status_code == 413
    assert ("as safetensors" in response.json()["detail"]) == advised


def test_a_small_body_is_not_copied() -> None:
    sent = send_messages(APP, [{"type": "http.request", "body": b"{}", "more_body": False}], {})
    assert outcome(sent) == (200, {"length": 2, "type": "bytes"})


def test_chunks_are_joined() -> None:
    status, shown = outcome(send_messages(APP, chunked(*[b"x" * 100] * 1000), {}))
    assert (status, shown["length"]) == (200, LIMIT)


@pytest.mark.parametrize("announced", [True, False])
def test_parts_make_up_the_body(announced: bool) -> None:
    parts = [bytes([number]) * size for number, size in enumerate((1, 0, 70_000, 7, 20_000))]
    whole = b"".join(parts)
    messages = chunked(*parts)

    async def receive() -> Message:
        return messages.pop(0)

    async def read() -> bytes:
        headers = [(b"content-length", b"%d" % len(whole))] if announced else []
        return bytes(await read_body({"headers": headers}, receive, Kind(LIMIT), SETTINGS, Budget(1).hold()))

    assert asyncio.run(read()) == whole


@pytest.mark.parametrize(("announced", "status"), [(9, 413), (10, 200), (11, 200)])
def test_a_length_that_is_not_kept_to(announced: int, status: int) -> None:
    sent = send_messages(APP, chunked(b"12345", b"67890"), {"content-length": str(announced)})
    assert outcome(sent)[0] == status
    assert status != 200 or outcome(sent)[1]["length"] == 10


def test_chunks_over_the_limit_are_refused_while_they_come() -> None:
    endless = chunked(*[b"x" * 1000] * 100_000)
    status, shown = outcome(send_messages(APP, endless, {}))
    assert (status, shown["status"]) == (413, 413)


@pytest.mark.parametrize("length", [str(LIMIT + 1), "9" * 19, str(2**64 - 1), "1" + "0" * 5000])
def test_content_length_is_checked_before_anything_is_read(length: str) -> None:
    sent = send_messages(APP, [], {"content-length": length})
    assert outcome(sent)[0] == 413


@pytest.mark.parametrize("length", ["-1", "x", "0" * 5000, "0" * 5000 + "1", "١٢"])
def test_nonsense_lengths_do_not_matter(length: str) -> None:
    assert outcome(send_messages(APP, chunked(b"x"), {"content-length": length}))[0] == 200


@pytest.mark.parametrize("encoding", list(PACK))
def test_a_bomb_is_refused(encoding: str) -> None:
    response = post(PACK[encoding](bytes(50_000_000)), encoding)
    assert response.status_code == 413


def test_a_bomb_of_empty_members_is_refused() -> None:
    sent = send_messages(LARGE, chunked(*[gzip.compress(b"") * 1000] * 8), {"content-encoding": "gzip"})
    assert outcome(sent)[0] == 400
    assert MOST_MEMBERS < 8000


def test_packed_bytes_count_too() -> None:
    skipped = b"\x50\x2a\x4d\x18" + (1000).to_bytes(4, "little") + bytes(1000)
    sent = send_messages(APP, chunked(*[skipped * 50] * 8), {"content-encoding": "zstd"})
    assert outcome(sent)[0] == 413


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("members", [2, 100])
def test_several_members_are_one_body(encoding: str, members: int) -> None:
    assert post(PACK[encoding](b"12345") * members, encoding).json()["length"] == 5 * members


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_large_packed_bodies(encoding: str) -> None:
    body = bytes(3 * PIECE) + bytes(range(256)) * 4096
    packed = PACK[encoding](body)
    for size in (1, 1000, len(packed)):
        parts = [packed[at : at + size] for at in range(0, len(packed), size)]
        sent = send_messages(LARGE, chunked(*parts), {"content-encoding": encoding})
        assert outcome(sent) == (200, {"length": len(body), "type": "bytearray"})


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: b"{}",
        lambda packed: b"",
        lambda packed: packed[:-1],
        lambda packed: packed[:10] + b"\xff" * 9 + packed[19:],
        lambda packed: packed + b"junk that is no member",
    ],
)
def test_damaged_bodies(encoding: str, damage: Callable[[bytes], bytes]) -> None:
    response = post(damage(PACK[encoding](bytes(range(256)) * 9)), encoding)
    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "malformed_json"


def test_a_zstd_window_that_http_does_not_allow() -> None:
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 27}
    response = post(zstd.compress(bytes(2000), options=options), "zstd")
    assert response.status_code in (200, 400)
    packer = zstd.ZstdCompressor(options=options)
    assert post(packer.compress(bytes(2000)) + packer.flush(), "zstd").status_code == 400


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "gzip,zstd", "x" * 1000])
def test_other_encodings(encoding: str) -> None:
    response = post(zlib.compress(b"{}"), encoding)
    assert (response.status_code, response.headers["accept-encoding"]) == (415, "gzip, zstd")
    assert len(response.content) < 400


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_stalling_body(encoding: str) -> None:
    messages = chunked(gzip.compress(b"x")[:5])[:-1]
    sent = send_messages(APP, messages, {"content-encoding": encoding} if encoding else {})
    status, shown = outcome(sent)
    assert status == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    assert "bytes a second" in str(shown["detail"])
