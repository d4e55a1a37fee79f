"""One budget of memory for all requests: what is counted, when it is refused, and that it all comes back."""

from __future__ import annotations

import gzip
import json
import tracemalloc

import httpx
import msgspec
import numpy as np
import pytest
from safetensors.numpy import save

from app.api import convolution
from app.api.budget import UNCOUNTED, Budget
from app.api.problems import StatusError
from app.api.reading import value_bytes
from app.api.service import Service
from app.settings import Settings
from tests.api.calls import PROBLEM, ask, chunked, outcome, probed_app, send_messages

MIB = 2**20
BULK = {"Content-Type": "application/vnd.safetensors", "Accept": "application/vnd.safetensors"}


def test_all_together_hold_no_more_than_there_is() -> None:
    budget = Budget(MIB)
    with budget.hold() as first, budget.hold() as second:
        first.take(MIB // 2)
        second.take(MIB // 2)
        with pytest.raises(StatusError) as refused:
            first.take(MIB // 2 + 1)
        assert (refused.value.status, refused.value.headers, refused.value.linger) == (503, {"Retry-After": "1"}, False)
        assert budget.held == MIB
        second.keep(MIB // 4)
        first.take(MIB * 3 // 4)
        assert budget.held == MIB
    assert budget.held == 0


def test_one_alone_is_let_in() -> None:
    budget = Budget(MIB)
    with budget.hold() as first, budget.hold() as second:
        first.expect(5 * MIB)
        first.take(4 * MIB)
        first.take(5 * MIB)
        with pytest.raises(StatusError):
            second.expect(UNCOUNTED + 1)
        with pytest.raises(StatusError):
            second.take(UNCOUNTED + 1)
        second.expect(UNCOUNTED)
        second.take(UNCOUNTED)
        assert budget.held == 5 * MIB


def test_work_holds_its_bytes_until_it_ends() -> None:
    """Whether its request waits for it or not."""
    budget = Budget(MIB)
    for work_ends_first in (True, False):
        with budget.hold() as held:
            held.take(MIB // 2)
            held.join()
            if work_ends_first:
                held.leave()
                assert budget.held == MIB // 2
        if not work_ends_first:
            assert budget.held == MIB // 2
            held.take(MIB)
            assert budget.held == MIB
            held.leave()
        assert budget.held == 0


#: What values may be written as, and how much memory that many of them may need.
VALUES = (
    "[],",
    '{"":0},',
    "[1],",
    "[[1.5]],",
    "0.5,",
    "1,",
    "999,",
    '"ab",',
    '{"a":[]},',
    "[1,2,3,4,5],",
    '"\\u6f22",',
)


@pytest.mark.parametrize("value", VALUES)
def test_what_a_text_is_told_to_take_is_what_it_takes(value: str) -> None:
    """As Python itself counts it, whose own memory is the larger part of it."""
    text = f"[{value * 20_000}1]".encode()
    tracemalloc.start()
    values = msgspec.json.decode(text)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(values) == 20_001
    assert taken <= value_bytes(text) <= 6 * taken


def test_values_that_take_too_much_are_refused_unread() -> None:
    app = probed_app(Settings(total_memory_bytes=8 * MIB))
    for path in ("/v1/conv", "/v1/conv-transpose", "/v1/code", "/v1/output-size"):
        refused = ask(app, "POST", path, content=b"[%b0]" % (b"[]," * 100_000))
        assert refused.status_code == 422
        assert [error["code"] for error in refused.json()["errors"]] == ["too_much_memory"]
        names = b",".join(b'"%d":{}' % number for number in range(50_000))
        head = b"{%b}" % names
        told = ask(app, "POST", "/v1/conv", content=len(head).to_bytes(8, "little") + head, headers=BULK)
        assert [error["code"] for error in told.json()["errors"]] == ["too_much_memory"]
    assert app.state.thread.budget.held == 0


def test_a_long_kernels_tables_are_counted_before_they_are_made() -> None:
    """They take more than its weights, and so may be too much where the rest would not be."""
    body = {"input": np.ones(100_001, np.float32), "kernel": np.ones(100_000, np.float32)}
    app = probed_app(Settings(total_memory_bytes=16 * MIB))
    for held, status in ((0, 200), (10 * MIB, 503)):
        with app.state.thread.budget.hold() as other:
            other.take(held)
            assert ask(app, "POST", "/v1/conv", content=save(body), headers=BULK).status_code == status


def test_announced_bytes_are_not_held() -> None:
    budget = Budget(MIB)
    with budget.hold() as first, budget.hold() as second:
        first.expect(MIB)
        second.take(MIB)
    assert budget.held == 0


def app_with(held: int) -> Service:
    """A service of a mebibyte, some of which another request holds."""
    app = probed_app(Settings(total_memory_bytes=MIB))
    if held:
        app.state.thread.budget.hold().take(held)
    return app


@pytest.mark.parametrize("headers", [{"content-length": "300000"}, {}, {"content-encoding": "gzip"}])
@pytest.mark.parametrize(("held", "status"), [(0, 200), (MIB // 2, 200), (MIB * 3 // 4, 503)])
def test_bodies_are_counted_while_they_come(headers: dict[str, str], held: int, status: int) -> None:
    app, body = app_with(held), b"x" * 300_000
    if "content-encoding" in headers:
        body = gzip.compress(body)
    parts = [body[at : at + 50_000] for at in range(0, len(body), 50_000)]
    sent = send_messages(app, chunked(*parts, b""), headers)
    got, shown = outcome(sent)
    assert got == status
    told = dict(sent[0]["headers"])
    assert status == 200 or (told[b"retry-after"], told[b"content-type"]) == (b"1", PROBLEM.encode())
    assert status == 200 or "ask again" in str(shown["detail"])
    assert app.state.thread.budget.held == held


def convolve(app: Service, side: int, path: str = "/v1/conv") -> httpx.Response:
    body = {"input": np.ones((side, side), np.float32), "kernel": np.ones((3, 3), np.float32)}
    return ask(app, "POST", path, content=save(body), headers=BULK)


def test_a_computation_is_counted_before_it_is_begun() -> None:
    """Its body would have had room."""
    app = app_with(MIB // 4)
    assert convolve(app, 200).status_code == 200
    refused = convolve(app, 280)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.headers["content-type"] == PROBLEM
    assert app.state.thread.budget.held == MIB // 4


def assert_full(status: int, headers: httpx.Headers, detail: str) -> None:
    assert (status, headers["retry-after"], headers["content-type"]) == (503, "1", PROBLEM)
    assert "memory" in detail


def test_a_body_that_the_system_has_no_memory_for() -> None:
    app = probed_app(Settings(json_body_bytes=2**62, total_memory_bytes=2**62))
    sent = send_messages(app, chunked(b"x"), {"content-length": str(2**62)})
    status, shown = outcome(sent)
    assert_full(status, httpx.Headers(sent[0]["headers"]), str(shown["detail"]))
    assert app.state.thread.budget.held == 0


@pytest.mark.parametrize("side", [8, 200])
def test_an_output_that_the_system_has_no_memory_for(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(*_: object) -> None:
        np.empty(2**62, np.uint8)

    monkeypatch.setattr(convolution, "execute", execute)
    app = app_with(0)
    refused = convolve(app, side)
    assert_full(refused.status_code, refused.headers, refused.json()["detail"])
    assert app.state.thread.budget.held == 0


def test_a_small_body_may_ask_for_much() -> None:
    body = {"input": [[1]], "kernel": [[1]], "stride": 150, "output_padding": 149, "dtype": "float32"}
    for held, status in ((0, 200), (MIB - UNCOUNTED, 503)):
        app = app_with(held)
        assert ask(app, "POST", "/v1/conv-transpose", content=json.dumps(body)).status_code == status
        code = {"op": "conv_transpose", "framework": "numpy", **body}
        assert ask(app, "POST", "/v1/code", content=json.dumps(code)).status_code == status
        assert app.state.thread.budget.held == held


def test_small_requests_are_never_refused_for_memory() -> None:
    assert convolve(app_with(MIB), 8).status_code == 200
    assert ask(app_with(MIB), "POST", "/v1/output-size", content=b'{"op":"conv"}').status_code == 422


def test_faults_give_everything_back() -> None:
    app = app_with(0)
    for content in (b"{" * 200_000, b'{"input":[' + b"1," * 100_000 + b'"a"]}', b"[]" + b" " * 200_000):
        for path in ("/v1/conv", "/v1/conv-transpose", "/v1/output-size", "/v1/code"):
            assert ask(app, "POST", path, content=content).status_code in (400, 422)
    assert app.state.thread.budget.held == 0
