"""The server as a process: heads, bodies, signals and workers, over real connections."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import httpx
import orjson
import pytest

from app.listening import Loop
from app.server import LARGEST_HEAD
from tests.api.calls import PROBLEM, Server, read_all, serving

LIMIT = 100_000
LIVE = b"GET /healthz/live HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /test/echo HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module")
def impatient() -> Iterator[Server]:
    with serving(header_timeout="0.5", body_grace="0.5", json_body_bytes=str(LIMIT)) as server:
        yield server


@pytest.fixture(scope="module")
def patient() -> Iterator[Server]:
    """What it does not refuse by itself hangs longer than a test waits."""
    with serving(header_timeout="90", body_grace="90") as server:
        yield server


def one_problem(answer: bytes, status: int) -> dict[str, Any]:
    """The answer is this problem, and nothing else."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer[:500]
    headers = head.lower()
    assert b"connection: close" in headers
    assert b"x-request-id: " in headers
    assert PROBLEM.encode() in headers
    problem: dict[str, Any] = orjson.loads(body)
    assert problem["status"] == status
    return problem


def read_answer(connection: socket.socket) -> bytes:
    """One answer, as long as it says that it is."""
    answer = b""
    while not (found := re.search(rb"content-length: (\d+)\r\n(?:.+\r\n)*\r\n", answer)):
        answer += connection.recv(1)
    for _ in range(int(found[1])):
        answer += connection.recv(1)
    return answer


def send_often(connection: socket.socket, data: bytes, times: int) -> None:
    """Send the same again and again."""
    for _ in range(times):
        connection.sendall(data)


def drip(connection: socket.socket, data: bytes) -> bytes:
    """Send a byte at a time until the server closes; what it answered."""
    connection.settimeout(0.05)
    for at in range(len(data)):
        try:
            connection.sendall(data[at : at + 1])
            answer = connection.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            return b""
        connection.settimeout(15)
        return answer + read_all(connection) if answer else b""
    raise AssertionError("the server took it all")


def test_a_head_that_stops(impatient: Server) -> None:
    with impatient.connect() as connection:
        connection.sendall(b"GET /healthz/live HTTP/1.1\r\nHost:")
        one_problem(read_all(connection), 408)


def test_a_head_that_drips(impatient: Server) -> None:
    with impatient.connect() as connection:
        one_problem(drip(connection, b"GET / HTTP/1.1\r\nX: " + b"x" * 400), 408)


def test_a_later_head_on_the_same_connection(impatient: Server) -> None:
    with impatient.connect() as connection:
        connection.sendall(LIVE)
        assert read_answer(connection).startswith(b"HTTP/1.1 200")
        one_problem(drip(connection, b"GET / HTTP/1.1\r\nX: " + b"x" * 400), 408)


@pytest.mark.parametrize("first", [b"", LIVE])
def test_a_connection_that_sends_nothing_to_read(impatient: Server, first: bytes) -> None:
    with impatient.connect() as connection:
        connection.sendall(first)
        answered = read_answer(connection) if first else b""
        assert answered.startswith(b"HTTP/1.1 200" if first else b"")
        assert drip(connection, b"\r\n" * 200) == b""


def test_a_connection_that_says_nothing(impatient: Server) -> None:
    with impatient.connect() as connection:
        assert read_all(connection) == b""


def test_a_head_that_is_too_large(impatient: Server) -> None:
    with impatient.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 70_000)
        one_problem(read_all(connection), 431)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * LARGEST_HEAD,
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * (LARGEST_HEAD // 6),
        b"GET /" + b"x" * LARGEST_HEAD + b" HTTP/1.1\r\nHost: x\r\n",
    ],
)
def test_a_whole_head_that_is_too_large(patient: Server, head: bytes) -> None:
    with patient.connect() as connection:
        connection.sendall(head + b"\r\n\r\n")
        one_problem(read_all(connection), 431)


def test_a_head_that_is_just_not_too_large(patient: Server) -> None:
    head = b"GET /healthz/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: "
    with patient.connect() as connection:
        connection.sendall(head.ljust(LARGEST_HEAD - 100, b"x") + b"\r\n\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("head", "status", "detail"),
    [
        (b"X: " + b"x" * 70_000, 431, "请求头超过 65536 字节"),
        (b"junk\r\n\r\n", 400, "这不是可以读取的 HTTP 请求"),
        (b"X: slow", 408, "请求头的传输超过"),
    ],
)
def test_a_head_is_refused_in_the_language_that_it_asked_for(
    impatient: Server, head: bytes, status: int, detail: str
) -> None:
    with impatient.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nAccept-Language: zh-CN\r\nHost: x\r\n" + head)
        answered = read_all(connection)
    assert detail in one_problem(answered, status)["detail"]
    assert re.search(rb"(?i)\r\ncontent-language: zh\r\n", answered)
    assert re.search(rb"(?i)\r\nvary: accept-language\r\n", answered)


@pytest.mark.parametrize(
    "junk",
    [b"junk\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n"],
)
def test_what_is_not_http(impatient: Server, junk: bytes) -> None:
    with impatient.connect() as connection:
        connection.sendall(junk)
        one_problem(read_all(connection), 400)


@pytest.mark.parametrize(
    ("first", "hosts", "status"),
    [
        (b"GET /healthz/live HTTP/1.1", b"", 400),
        (b"GET /healthz/live HTTP/1.1", b"Host: x\r\nHost: x\r\n", 400),
        (b"GET /healthz/live HTTP/1.0", b"Host: x\r\nHost: y\r\n", 400),
        (b"GET /healthz/live HTTP/1.1", b"Host:\r\n", 200),
        (b"GET /healthz/live HTTP/1.0", b"", 200),
    ],
)
def test_a_request_has_one_host(patient: Server, first: bytes, hosts: bytes, status: int) -> None:
    """RFC 9112, 3.2."""
    with patient.connect() as connection:
        connection.sendall(first + b"\r\n" + hosts + b"Connection: close\r\n\r\n")
        answered = read_all(connection)
    assert answered.startswith(b"HTTP/1.1 %d " % status)
    if status == 400:
        assert "Host" in one_problem(answered, 400)["detail"]


@pytest.mark.parametrize(
    "encoding",
    [
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
    ],
)
def test_a_transfer_encoding_that_is_not_known(patient: Server, encoding: bytes) -> None:
    """RFC 9112, 6.1. Read as if it were chunked alone, the body would be another than was sent."""
    with patient.connect() as connection:
        connection.sendall(POST + encoding + b"\r\n5\r\nhello\r\n0\r\n\r\n")
        one_problem(read_all(connection), 501)


def test_chunked_is_known_however_it_is_written(patient: Server) -> None:
    with patient.connect() as connection:
        connection.sendall(POST + b"transfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        assert b'{"length":5' in read_answer(connection)


@pytest.mark.parametrize("target", [b"*", b"http://x/healthz/live", b"//", b"/%00%ff%2e%2e", b"/?%ff"])
def test_odd_targets(impatient: Server, target: bytes) -> None:
    with impatient.connect() as connection:
        connection.sendall(b"OPTIONS " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert re.match(rb"HTTP/1.1 4\d\d ", read_all(connection))


def test_pipelined_requests(impatient: Server) -> None:
    with impatient.connect() as connection:
        connection.sendall(LIVE * 50)
        time.sleep(0.2)
        connection.sendall(LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert read_all(connection).count(b"HTTP/1.1 200") == 51


@pytest.mark.parametrize("framing", [b"Content-Length: 8000000", b"Transfer-Encoding: chunked"])
def test_a_large_body_is_answered_while_it_is_sent(impatient: Server, framing: bytes) -> None:
    """The client writes all of it before it reads, as many do."""
    with impatient.connect() as connection:
        connection.sendall(POST + framing + b"\r\n\r\n")
        piece = bytes(80_000)
        if b"chunked" in framing:
            piece = b"%x\r\n" % len(piece) + piece + b"\r\n"
        for _ in range(100):
            connection.sendall(piece)
        one_problem(read_all(connection), 413)


@pytest.mark.parametrize("length", [8_000_000, 2**64 - 1])
def test_a_large_body_is_not_asked_for(impatient: Server, length: int) -> None:
    with impatient.connect() as connection:
        connection.sendall(POST + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % length)
        one_problem(read_answer(connection), 413)


def test_a_body_within_the_limit_is_asked_for(impatient: Server) -> None:
    with impatient.connect() as connection:
        connection.sendall(POST + b"Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert b'{"length":2' in read_all(connection)


def test_a_body_that_stalls(impatient: Server) -> None:
    with impatient.connect() as connection:
        connection.sendall(POST + b"Content-Length: 1000\r\n\r\n{")
        one_problem(read_all(connection), 408)


def test_a_body_that_drips(impatient: Server) -> None:
    with impatient.connect() as connection:
        connection.sendall(POST + b"Content-Length: 1000\r\n\r\n")
        one_problem(drip(connection, bytes(1000)), 408)


def test_the_rest_of_a_body_that_nobody_reads(impatient: Server) -> None:
    with impatient.connect() as connection:
        connection.sendall(b"POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        assert read_answer(connection).startswith(b"HTTP/1.1 404")
        assert drip(connection, bytes(1000)) == b""


def test_a_connection_serves_on_after_an_unread_body(impatient: Server) -> None:
    with httpx.Client(base_url=impatient.url) as client:
        for _ in range(3):
            assert client.post("/nope", content=bytes(50_000)).status_code == 404
            assert client.post("/test/echo", content=bytes(50_000)).json()["length"] == 50_000


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_in_chunks_of_any_size(impatient: Server, size: int, at_once: bool) -> None:
    numbers = list(range(800))
    text = orjson.dumps({"input": numbers, "kernel": [1]})
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"]
    with impatient.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"POST /v1/conv HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for sent in [b"".join(chunks)] if at_once else chunks:
            connection.sendall(sent)
        assert orjson.loads(read_answer(connection).partition(b"\r\n\r\n")[2])["output"] == numbers


def test_fields_behind_a_body_are_none_of_its_head(patient: Server) -> None:
    trailers = b"Accept: text/html\r\nContent-Type: text/html\r\nX-Request-ID: mine\r\n"
    body = b'{"op": "conv", "input_size": [5], "kernel_size": 3}'
    head = b"POST /v1/output-size HTTP/1.1\r\nHost: x\r\n" + CHUNKED + b"\r\n"
    with patient.connect() as connection:
        connection.sendall(head + b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(body), body, trailers))
        answered = read_answer(connection)
    assert answered.startswith(b"HTTP/1.1 200")
    assert b"mine" not in answered


#: What a body in chunks may hold that is no part of it.
FRAMING = {"extension": b"5;x=", "length": b"0", "field": b"0\r\na: ", "name": b"0\r\nx", "fields": b"0\r\na: b\r\n"}


def endless(framing: str) -> bytes:
    """More of it."""
    return b"a: b\r\n" if framing == "fields" else b"0" if framing == "length" else b"x"


@pytest.mark.parametrize("framing", FRAMING)
def test_what_frames_a_body_is_bounded(patient: Server, framing: str) -> None:
    """Not a byte too much is sent: a connection that is closed on it would be reset, and the answer lost."""
    with patient.connect() as connection:
        connection.sendall(POST + CHUNKED + b"Expect: 100-continue\r\nAccept-Language: zh\r\n\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall((FRAMING[framing] + endless(framing) * LARGEST_HEAD)[: LARGEST_HEAD + 1])
        problem = one_problem(read_all(connection), 431)
    assert "65536 字节" in problem["detail"]


@pytest.mark.parametrize("framing", FRAMING)
def test_what_frames_a_body_is_bounded_when_it_has_been_answered(patient: Server, framing: str) -> None:
    with patient.connect() as connection:
        connection.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: x\r\n" + CHUNKED + b"\r\n")
        assert read_answer(connection).startswith(b"HTTP/1.1 200")
        connection.sendall((FRAMING[framing] + endless(framing) * LARGEST_HEAD)[: LARGEST_HEAD + 1])
        assert read_all(connection) == b""


@pytest.mark.parametrize("framing", FRAMING)
def test_nobody_frames_a_body_for_ever(patient: Server, framing: str) -> None:
    more = endless(framing) * 50_000
    with patient.connect() as connection:
        connection.sendall(POST + CHUNKED + b"\r\n5\r\nhello\r\n" + FRAMING[framing])
        with pytest.raises(ConnectionError):
            send_often(connection, more, 2**28 // len(more))


def test_many_trailers_may_follow_a_body_within_the_limit(patient: Server) -> None:
    with patient.connect() as connection:
        connection.sendall(POST + CHUNKED + b"Connection: close\r\n\r\n5;x=y\r\nhello\r\n0;x\r\n")
        connection.sendall(b"a: b\r\n" * 5000 + b"\r\n")
        assert b'{"length":5' in read_all(connection)


def test_an_answered_request_gets_no_second_answer(patient: Server) -> None:
    """The client would take it for that to its next one."""
    with patient.connect() as connection:
        connection.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: x\r\n" + CHUNKED + b"\r\n")
        assert read_answer(connection).startswith(b"HTTP/1.1 200")
        connection.sendall(b"no length\r\n")
        assert read_all(connection) == b""


UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"


@pytest.mark.parametrize(
    ("framing", "body"), [(b"Content-Length: 5\r\n", b"hello"), (CHUNKED, b"5\r\nhello\r\n0\r\nx: y\r\n\r\n")]
)
@pytest.mark.parametrize("at_once", [True, False])
def test_who_asks_for_another_protocol_is_served_in_this_one(
    patient: Server, framing: bytes, body: bytes, at_once: bool
) -> None:
    """As curl --http2 and Java's client ask (RFC 9110, 7.8); and so is the request behind."""
    head = POST + framing + UPGRADE + b"\r\n"
    pieces = [head, body, LIVE]
    with patient.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for sent in [b"".join(pieces)] if at_once else [bytes([byte]) for byte in b"".join(pieces)]:
            connection.sendall(sent)
        assert b'{"length":5' in read_answer(connection)
        assert b'"live"' in read_answer(connection)


def test_many_ask_for_another_protocol_at_once(patient: Server) -> None:
    asking = LIVE.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    with patient.connect() as connection:
        connection.sendall(asking * 2000 + LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert read_all(connection).count(b"HTTP/1.1 200") == 2001


def test_who_asks_for_another_protocol_is_refused_as_others_are(patient: Server) -> None:
    with patient.connect() as connection:
        connection.sendall(LIVE[:-2] + UPGRADE + b"X: " + b"x" * LARGEST_HEAD + b"\r\n\r\n")
        one_problem(read_all(connection), 431)
    with patient.connect() as connection:
        connection.sendall(POST + UPGRADE + CHUNKED + b"\r\nno length\r\n")
        one_problem(read_all(connection), 400)


@pytest.mark.parametrize("target", [b"x:80", b"/v1/conv"])
def test_there_are_no_tunnels(patient: Server, target: bytes) -> None:
    with patient.connect() as connection:
        connection.sendall(b"CONNECT " + target + b" HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: close\r\n\r\n")
        assert re.match(rb"HTTP/1.1 4\d\d ", read_all(connection))


@pytest.mark.parametrize("behind", [b"", b"GET /healthz/live HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_nothing_is_read_behind_a_tunnel(patient: Server, behind: bytes) -> None:
    for parts in (
        [b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n" + behind],
        [b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", behind],
    ):
        with patient.connect() as connection:
            for part in parts:
                connection.sendall(part)
            assert read_all(connection).count(b"HTTP/1.1 ") == 1


#: Heads that are refused, and what is no head.
REFUSED = {
    "no host": b"GET /healthz/live HTTP/1.1\r\n\r\n",
    "a coding": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "no HTTP": b"\0\r\n\r\n",
    "a body": POST + CHUNKED + b"\r\nnone\r\n",
    "a body, and too much around it": POST + CHUNKED + b"\r\n1;" + b"x" * LARGEST_HEAD + b"\0",
}


@pytest.mark.parametrize("refused", REFUSED)
@pytest.mark.parametrize("before", [1, 2, 5])
def test_a_refusal_takes_no_answer_from_those_before(patient: Server, refused: str, before: int) -> None:
    """Each whole request is answered; behind the last one the connection ends."""
    body = b'{"input": [%s 1], "kernel": [1]}' % (b"1," * 5000)
    request = b"POST /v1/conv HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with patient.connect() as connection:
        connection.sendall(request * before + REFUSED[refused])
        answers = read_all(connection)
    assert answers.count(b'{"output":[1,1,1,') == before
    assert answers.count(b"HTTP/1.1 200") == before


@pytest.mark.parametrize("field", [b"Connection: close", b"Proxy-Connection: close"])
def test_a_connection_that_a_trailer_ends_does_not_hang(patient: Server, field: bytes) -> None:
    head = b"POST /v1/output-size HTTP/1.1\r\nHost: x\r\n" + CHUNKED + b"\r\n"
    body = b'{"op": "conv", "input_size": [5], "kernel_size": 3}'
    begun = time.monotonic()
    with patient.connect() as connection:
        connection.sendall((head + b"%x\r\n%s\r\n0\r\n%s\r\n\r\n" % (len(body), body, field)) * 2)
        assert read_all(connection).count(b"HTTP/1.1 200") >= 1
    assert time.monotonic() - begun < 5


def test_blanks_behind_the_name_of_a_coding_are_none_of_it(patient: Server) -> None:
    body = b'{"op": "conv", "input_size": [5], "kernel_size": 3}'
    head = b"POST /v1/output-size HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding:  Chunked  \r\n\r\n"
    with patient.connect() as connection:
        connection.sendall(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        assert read_all(connection).startswith(b"HTTP/1.1 200")


def test_a_client_that_goes_away(impatient: Server) -> None:
    for _ in range(20):
        with impatient.connect() as connection:
            connection.sendall(POST + b"Content-Length: 1000\r\n\r\n{")
    assert httpx.get(impatient.url + "/healthz/live").status_code == 200
    assert 'status="499"} 20' in httpx.get(impatient.url + "/metrics").text


@pytest.mark.parametrize(("workers", "signals"), [("1", 1), ("1", 2), ("2", 2)])
def test_a_signal_ends_it_cleanly(workers: str, signals: int) -> None:
    with serving("--workers", workers) as server, server.connect() as connection:
        connection.sendall(POST + b"Content-Length: 2\r\n\r\n{")
        time.sleep(0.1)
        for _ in range(signals):
            server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        connection.sendall(b"}")
        assert b'{"length":2' in read_all(connection)
        assert server.process.wait(timeout=20) == 0


def test_a_request_on_its_way_when_the_service_stops_is_answered() -> None:
    with serving() as server, server.connect() as kept:
        kept.sendall(LIVE)
        assert read_answer(kept).startswith(b"HTTP/1.1 200")
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        kept.sendall(LIVE.replace(b"live", b"ready"))
        problem = one_problem(read_all(kept), 503)
        assert "stopping" in problem["detail"]
        assert server.process.wait(timeout=20) == 0


def test_a_request_that_lies_unread_when_the_last_call_ends_is_answered() -> None:
    """A process that has not had the processor for a while finds both at once: the time over, and the request."""
    with serving() as server, server.connect() as connection:
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        server.process.send_signal(signal.SIGSTOP)
        connection.sendall(LIVE.replace(b"live", b"ready"))
        time.sleep(1)
        server.process.send_signal(signal.SIGCONT)
        one_problem(read_all(connection), 503)
        assert server.process.wait(timeout=20) == 0


def test_who_has_connected_is_served_though_the_listener_closes() -> None:
    """They wait in the system's queue: the event loop has had no turn to take them."""

    class Greeting(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            greeting = cast("asyncio.Transport", transport)
            greeting.write(b"hello")
            greeting.close()

    async def greeted() -> list[bytes]:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = listener.getsockname()
            server = await loop.create_server(Greeting, sock=listener)
            connected = [socket.create_connection(address) for _ in range(20)]
            server.close()
            if sys.platform == "linux":
                with pytest.raises(TimeoutError):
                    socket.create_connection(address, timeout=0.02)
        await server.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        heard = [await asyncio.to_thread(read_all, each) for each in connected]
        for each in connected:
            each.close()
        return heard

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(greeted()) == [b"hello"] * 20


def test_metrics_are_summed_over_workers() -> None:
    with serving("--workers", "2") as server:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: httpx.post(server.url + "/test/echo", content=b"{}"), range(40)))
        assert {answer.status_code for answer in answers} == {200}
        for _ in range(6):
            text = httpx.get(server.url + "/metrics").text
            assert 'convarith_requests_total{method="POST",route="/test/echo",status="200"} 40.0' in text


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "app", "--port", str(taken.getsockname()[1])]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "in use" in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr
