"""Requests as they go over the wire, with the one answer that each may have."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import orjson
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from safetensors.numpy import load, save

JSON = "application/json"
BULK = "application/vnd.safetensors"

Numbers = NDArray[Any]


@dataclass(frozen=True)
class Question:
    """A whole request, and the body of its answer: the same bytes each time."""

    kind: str
    wire: bytes
    answer: bytes


@dataclass(frozen=True)
class _Draft:
    """A convolution and its output, by NumPy alone."""

    kind: str
    media_type: str
    body: bytes
    output: Numbers

    def settle(self, url: str) -> Question:
        """Ask once, and hold what came against the output; from then on its bytes are known."""
        headers = {"Content-Type": self.media_type, "Accept": self.media_type}
        answered = httpx.post(url + "/v1/conv", content=self.body, headers=headers, timeout=60)
        assert answered.status_code == 200, answered.text
        got = load(answered.content)["output"] if self.media_type == BULK else orjson.loads(answered.content)["output"]
        np.testing.assert_array_equal(got, self.output)
        return Question(self.kind, wire_of(self.body, self.media_type), answered.content)


def wire_of(body: bytes, media_type: str = JSON, path: str = "/v1/conv", more: str = "") -> bytes:
    """A POST, head and body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media_type}\r\nAccept: {media_type}\r\n"
        f"Content-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body


def get(path: str, answer: bytes) -> Question:
    """A GET whose answer is known."""
    return Question(path, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), answer)


LIVE = get("/healthz/live", b'{"status":"live"}')


def questions(url: str, kinds: Sequence[str], count: int = 8) -> list[Question]:
    """So many of each kind, each with numbers of its own."""
    return [_KINDS[kind](np.random.default_rng(number)).settle(url) for kind in kinds for number in range(count)]


def _convolved(x: Numbers, w: Numbers, stride: int = 1) -> Numbers:
    """(C_in, *size) under (C_out, C_in, *K); float64 holds whole numbers of this size exactly."""
    windows = sliding_window_view(x.astype(np.float64), w.shape[2:], axis=(1, 2))[:, ::stride, ::stride]
    return np.tensordot(w.astype(np.float64), windows, ((1, 2, 3), (0, 3, 4))).astype(np.int64)


def _in_json(kind: str, size: int, kernel: int) -> Callable[[np.random.Generator], _Draft]:
    def draft(rng: np.random.Generator) -> _Draft:
        x, w = rng.integers(-99, 100, (size, size)), rng.integers(-9, 10, (kernel, kernel))
        body = orjson.dumps({"input": x, "kernel": w}, option=orjson.OPT_SERIALIZE_NUMPY)
        return _Draft(kind, JSON, body, _convolved(x[None], w[None, None])[0])

    return draft


def _in_bulk(kind: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...], stride: int) -> Callable[..., _Draft]:
    def draft(rng: np.random.Generator) -> _Draft:
        x, w = rng.integers(0, 256, x_shape, np.uint8), rng.integers(-128, 128, w_shape, np.int8)
        body = save({"input": x, "kernel": w}, {"parameters": json.dumps({"stride": stride})})
        return _Draft(kind, BULK, body, _convolved(x, w, stride))

    return draft


def _of_ones(
    kind: str, dtype: type, x_shape: tuple[int, ...], w_shape: tuple[int, ...], parameters: dict[str, Any]
) -> Callable[..., _Draft]:
    """All outputs are the number of products: the answer is known however long the work is."""

    def draft(rng: np.random.Generator) -> _Draft:
        x: Numbers = np.ones(x_shape, dtype)
        w: Numbers = np.ones(w_shape, dtype)
        size = [i - k + 1 for i, k in zip(x_shape[1:], w_shape[2:], strict=True)]
        body = save({"input": x, "kernel": w}, {"parameters": json.dumps(parameters)})
        return _Draft(kind, BULK, body, np.full((w_shape[0], *size), math.prod(w_shape[1:])))

    return draft


#: The setting that lets all kinds in.
SETTINGS = {"int_macs": str(10**11)}

#: Small is computed on the event loop, the others on the compute thread; long takes seconds, and more work in int64
#: than the usual limit allows.
_KINDS: dict[str, Callable[[np.random.Generator], _Draft]] = {
    "small": _in_json("small", 4, 3),
    "medium": _in_json("medium", 120, 5),
    "long int64": _of_ones("long int64", np.uint8, (32, 192, 192), (24, 32, 65, 65), {}),
    "long float32": _of_ones("long float32", np.float32, (64, 304, 304), (64, 64, 17, 17), {"method": "direct"}),
    "large": _in_bulk("large", (16, 64, 64), (32, 16, 9, 9), 2),
}
