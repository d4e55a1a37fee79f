"""Thousands of requests at once whose numbers tell which one they belong to: no answer of one in another.

Every number of request n is n thousand and something, and kernels have a single one among zeros. So each
number of an answer tells of its request, and all of them are known.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx
import numpy as np
import orjson
from numpy.typing import NDArray
from safetensors.numpy import load

from tests.api.calls import serving
from tests.api.client import CODE, CONV, CONV_TRANSPOSE, JSON, OUTPUT_SIZE, SAFETENSORS, packed
from tests.trust.figures import Figure

Array = NDArray[Any]

#: Requests.
SHORT, FULL = 400, 10_000

#: Requests under way at once, and workers.
AT_ONCE, WORKERS = 64, 2

#: Numbers of one request: few enough for float32 to hold them all exactly.
ROOM = 1000


class Asked(NamedTuple):
    """A request, and what tells whether an answer is its own."""

    path: str
    headers: dict[str, str]
    body: bytes
    is_own: Callable[[httpx.Response], bool]


def measure(count: int) -> list[Figure]:
    """Answers that are another's, or wrong."""
    with serving("--workers", str(WORKERS), access_log="false", queue_length="1000") as server:
        wrong = asyncio.run(_ask_all(server.url, count))
        assert server.process.poll() is None
    shown = "".join(f"; {number} to {path}" for number, path in wrong[:5])
    what = f"answers of {count:,} requests, {AT_ONCE} at once, that are wrong or hold another's numbers"
    return [Figure(what, f"{len(wrong)}{shown}", "0", not wrong)]


async def _ask_all(url: str, count: int) -> list[tuple[int, str]]:
    """The requests whose answers were not their own."""
    numbers, wrong = iter(range(1, count + 1)), []
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:

        async def ask_on(numbers: Iterator[int]) -> None:
            for number in numbers:
                asked = KINDS[number % len(KINDS)](number)
                headers = asked.headers | {"X-Request-ID": f"request-{number}"}
                response = await client.post(asked.path, content=asked.body, headers=headers)
                if response.headers["x-request-id"] != f"request-{number}" or not asked.is_own(response):
                    wrong.append((number, asked.path))

        await asyncio.gather(*(ask_on(numbers) for _ in range(AT_ONCE)))
    return wrong


def _numbers(number: int, *shape: int) -> Array:
    """Those of a request: which are different from each other, and from those of all others."""
    return number * ROOM + np.arange(int(np.prod(shape))).reshape(shape) % ROOM


def _one_of(*shape: int, at: tuple[Any, ...]) -> Array:
    kernel = np.zeros(shape, np.int64)
    kernel[at] = 1
    return kernel


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def _written(path: str, body: Any, is_own: Callable[[Any], bool], status: int = 200) -> Asked:
    def check(response: httpx.Response) -> bool:
        return response.status_code == status and is_own(response.json())

    return Asked(path, {"Content-Type": JSON}, _json(body), check)


def _bulk(path: str, tensors: dict[str, Array], fields: Any, is_own: Callable[[Array], bool]) -> Asked:
    def check(response: httpx.Response) -> bool:
        return response.status_code == 200 and is_own(load(response.content)["output"])

    return Asked(path, {"Content-Type": SAFETENSORS, "Accept": SAFETENSORS}, packed(tensors, fields), check)


def _tiny(number: int) -> Asked:
    x = _numbers(number, 3, 4)
    return _written(CONV, {"input": x, "kernel": [[0, 1], [0, 0]]}, lambda told: told["output"] == x[:2, 1:].tolist())


def _floats(number: int) -> Asked:
    """Long enough for the compute thread."""
    x = _numbers(number, 90, 70) + 0.5
    body = {"input": x, "kernel": _one_of(3, 3, at=(2, 0)), "padding": "same"}
    return _written(CONV, body, lambda told: told["output"] == np.pad(x, 1)[2:, :-2].tolist())


def _channels(number: int) -> Asked:
    """The numbers of one channel come out of another."""
    x = _numbers(number, 1, 40, 16, 18).astype(np.float32)
    kernel = _one_of(40, 40, 3, 3, at=(slice(None), slice(None), 1, 1))
    kernel[:, :, 1, 1] = np.roll(np.eye(40, dtype=np.int64), number % 40, axis=1)
    right = np.roll(x, -(number % 40), axis=1)
    # Transformed they are rounded; by far less than the numbers of two requests lie apart.
    tensors = {"input": x, "kernel": kernel.astype(np.float32)}
    return _bulk(CONV, tensors, {"padding": 1}, lambda output: bool((abs(output - right) < ROOM / 4).all()))


def _spread(number: int) -> Asked:
    x = _numbers(number, 2, 8, 12, 10)
    kernel = np.zeros((8, 8, 2, 2), np.int64)
    kernel[:, :, 1, 0] = np.eye(8, dtype=np.int64)
    right = np.zeros((2, 8, 24, 20), np.int64)
    right[:, :, 1::2, ::2] = x
    tensors = {"input": x, "kernel": kernel}
    return _bulk(CONV_TRANSPOSE, tensors, {"stride": 2}, lambda output: output.tolist() == right.tolist())


def _large(number: int) -> Asked:
    x = _numbers(number, 300, 200).astype(np.float64)
    tensors = {"input": x, "kernel": _one_of(31, 31, at=(7, 30)).astype(np.float64)}
    right = x[7 : 7 + 270, 30:]
    return _bulk(CONV, tensors, {}, lambda output: bool((abs(output - right) < 1e-3).all()))


def _shown(number: int) -> Asked:
    """In its steps too: every one of the windows is a part of the input."""
    x = _numbers(number, 6, 5)
    body = {"input": x, "kernel": [[1, 0], [0, 0]], "steps": ["sliding_window", "matrix"]}

    def is_own(told: Any) -> bool:
        steps = {(step["view"], step["name"]): step for step in told["steps"]}
        pad, slide = steps["sliding_window", "pad"], steps["sliding_window", "slide"]
        seen = {value for entry in slide["windows"] for row in entry["window"] for value in row}
        row = steps["matrix", "flatten_input"]["tensor"]
        own = x[:5, :4].tolist()
        return bool(
            told["output"] == own == slide["tensor"] == steps["matrix", "reshape"]["tensor"]
            and pad["tensor"] == x.tolist()
            and seen == set(x.ravel().tolist())
            and row == x.reshape(1, -1).tolist()
        )

    return _written(CONV, body, is_own)


def _script(number: int) -> Asked:
    x = _numbers(number, 5, 7)
    body = {"input": x, "kernel": [[0, 1]], "op": "conv", "framework": "numpy"}
    own = {str(value) for value in x.ravel().tolist()}
    return _written(CODE, body, lambda told: set(re.findall(r"\b\d{4,}\b", told["code"])) == own)


def _size(number: int) -> Asked:
    body = {"op": "conv", "input_size": [number + 1, 5], "kernel_size": 2, "in_channels": number, "out_channels": 3}
    macs, size = 3 * number * 4 * number * 4, [number, 4]
    return _written(OUTPUT_SIZE, body, lambda told: told["output_size"] == size and told["macs"] == macs)


def _refused(number: int) -> Asked:
    body = {"input": [[number]], "kernel": [[1]], "stride": -number}
    return _written(CONV, body, lambda told: [each["given"] for each in told["errors"]] == [-number], status=422)


KINDS = (_tiny, _floats, _channels, _spread, _large, _shown, _script, _size, _refused, _tiny)
