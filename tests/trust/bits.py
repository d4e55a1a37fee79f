"""The same request gives the same bits: with any number of threads and workers, whatever runs beside it, in every form.

Each number of threads has a process of its own, in which nothing is planned yet; and servers of several
workers are asked by several clients at once.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any, NamedTuple

import httpx
import numpy as np
import orjson
from safetensors.numpy import load

from app.core import conv, conv_transpose
from app.core.problem import Problem
from tests.api.calls import serving
from tests.api.client import JSON, Client
from tests.core import tap_sums
from tests.core.alone import problem_of
from tests.trust.figures import Figure
from tests.trust.forks import forks
from tests.trust.kinds import Array, Request, plain_request_of


class Scale(NamedTuple):
    """How many requests, and the servers that they are sent to: their workers, and the threads of each."""

    requests: int
    servers: tuple[tuple[int, int], ...]


SHORT, FULL = Scale(10, ((2, 1),)), Scale(120, ((1, 2), (2, 1), (2, 2), (3, 1)))

#: Threads of a process, and whether others compute beside it meanwhile.
SETTINGS = ((1, False), (2, False), (3, False), (2, True), (3, True))

#: Clients of a server.
CLIENTS = 6

#: Elements of tensors that are sent as text too, and of those whose steps are asked for.
WRITTEN, SHOWN = 50_000, 500

#: Multiply-adds of what is summed once more, tap by tap.
SUMMED = 10**8


class Answers(NamedTuple):
    """A request's outputs in its forms: their digests, `""` where a form was refused."""

    what: str
    by_form: dict[str, str]


def measure(scale: Scale) -> list[Figure]:
    """Outputs that differ, and samples that are another number alone than in a batch."""
    count = scale.requests
    with forks() as pool:
        runs = pool.starmap(answers, [(threads, beside, count) for threads, beside in SETTINGS], chunksize=1)
    runs += [served(workers, threads, count) for workers, threads in scale.servers]
    servers = ", ".join(f"{workers} × {threads}" for workers, threads in scale.servers)
    outputs = sum(len([digest for digest in each.by_form.values() if digest]) for run in runs for each in run)
    differing = [each[0].what for each in zip(*runs, strict=True) if len(_digests(each)) != 1]
    alone = [error for seed in range(count) for error in errors_alone(seed)]
    most = max(alone, default=0.0)
    return [
        Figure(
            f"outputs of {count} requests with 1, 2 and 3 threads, alone and beside others, and by servers of so many "
            f"workers × threads: {servers}; as JSON, as safetensors and with steps, whose bits differ",
            f"{len(differing)} of {outputs}" + "".join(f"; {what}" for what in differing[:3]),
            "0",
            not differing and all(_digests([each]) for run in runs for each in run),
        ),
        Figure(
            f"{len(alone)} samples alone and in a batch: the largest difference, of twice the promised bound",
            f"{most:.2g}",
            "at most 1",
            bool(alone) and most <= 1,
        ),
    ]


def _digests(each: Any) -> set[str]:
    return {digest for answer in each for digest in answer.by_form.values() if digest}


def answers(threads: int, beside: bool, count: int) -> list[Answers]:
    """The outputs of so many requests in this very process."""
    from app.settings import Settings  # noqa: PLC0415

    client = Client(Settings(access_log=False, log_level="error", threads=threads))
    with others() if beside else _nobody():
        found = [_answers(client, plain_request_of(seed)) for seed in range(count)]
    client.close()
    return found


def served(workers: int, threads: int, count: int) -> list[Answers]:
    """The outputs of so many requests, by whichever worker of a server takes them."""
    settings = {"threads": str(threads), "access_log": "false", "queue_length": "1000"}
    with (
        serving("--workers", str(workers), **settings) as server,
        httpx.Client(base_url=server.url, timeout=300) as client,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        return list(pool.map(lambda seed: _answers(client, plain_request_of(seed)), range(count)))


@contextmanager
def _nobody() -> Iterator[None]:
    yield


@contextmanager
def others() -> Iterator[None]:
    """Two threads that compute other things all the time, with the same helpers."""
    done = threading.Event()

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        x, w = rng.standard_normal((1, 32, 40, 40), np.float32), rng.standard_normal((32, 32, 3, 3), np.float32)
        while not done.is_set():
            conv(x, w, padding=1)
            conv_transpose(x[:, :, :20, :20], w, stride=2)

    working = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
    for thread in working:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in working:
            thread.join()


def _answers(client: Client | httpx.Client, request: Request) -> Answers:
    """In the forms that its size allows."""
    elements = sum(values.size for values in request.tensors.values())
    dtype = request.tensors["input"].dtype.name
    as_text = replace(request, fields=request.fields | {"dtype": dtype}, sent=JSON)
    if dtype == "float32":  # as exact doubles: the shortest text of a float32 is not that of the double next to it
        as_text = replace(as_text, tensors={name: each.astype(np.float64) for name, each in request.tensors.items()})
    forms = {"safetensors": request}
    if elements <= WRITTEN:
        forms |= {
            "JSON": replace(as_text, answer=JSON),
            "from JSON": as_text,
            "to JSON": replace(request, answer=JSON),
        }
    if elements <= SHOWN:
        views = ["sliding_window"] if request.op == "conv" else ["sliding_window", "scatter"]
        forms["steps"] = replace(as_text, fields=as_text.fields | {"steps": views}, answer=JSON)
    return Answers(request.what, {name: _digest(client, each, dtype) for name, each in forms.items()})


def _digest(client: Client | httpx.Client, request: Request, dtype: str) -> str:
    response = client.request("POST", request.path, content=request.body, headers=request.headers)
    if response.status_code != 200:
        assert response.status_code == 422, response.text
        return ""
    if request.answer == JSON:
        output = np.array(orjson.loads(response.content)["output"], dtype)
    else:
        output = load(response.content)["output"]
    return sha256(output.tobytes()).hexdigest()


def errors_alone(seed: int) -> Iterator[float]:
    """For each sample of a request with several: its difference alone, as a part of twice the bound."""
    request = plain_request_of(seed)
    x, w = request.tensors["input"], request.tensors["kernel"]
    if x.dtype.kind != "f" or x.ndim != w.ndim or x.ndim < 3 or len(x) == 1:
        return
    run: Any = conv if request.op == "conv" else conv_transpose
    options = {name: value for name, value in request.fields.items() if name != "spatial_dims"}
    bias = request.tensors.get("bias")
    problem = problem_of(request.op, x[:1].shape, w.shape, bias is not None, options)
    if problem.macs > SUMMED:
        return
    together = run(x, w, bias=bias, **options)
    for number, sample in enumerate(x):
        own = run(sample[None], w, bias=bias, **options)[0]
        yield float((np.abs(own - together[number]) / (2 * _bound(problem, sample, w, bias))).max())


def _bound(problem: Problem, sample: Array, w: Array, bias: Array | None) -> Array:
    """(K + 2)·u·S with the largest S of each output channel, where an algorithm may transform."""
    sums = tap_sums.sums(problem, sample[None], w, bias)
    magnitude = sums.magnitude[0].astype(np.float64)
    loudest = magnitude.max(axis=tuple(range(1, magnitude.ndim)), keepdims=True)
    scale = magnitude if problem.method == "direct" else loudest
    bound: Array = (sums.terms[0] + 2) * (float(np.finfo(sample.dtype).eps) / 2) * scale + math.ulp(0.0)
    return bound
