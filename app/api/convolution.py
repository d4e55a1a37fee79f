"""POST /v1/conv and /v1/conv-transpose."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import orjson
from starlette.types import Receive, Scope, Send

from app.api.admission import ComputeThread
from app.api.body import OR_BINARY, Body, Kind, read_body
from app.api.budget import Counting, Hold
from app.api.envelope import Exchange, exchange_of
from app.api.metrics import count_macs
from app.api.negotiation import JSON, SAFETENSORS, answer_type, body_type
from app.api.requests import Job, read_job
from app.api.routing import answer_in_pieces
from app.api.safetensors import write_safetensors
from app.api.sizes import geometry_json
from app.api.writing import Pieces, apart, json_pieces
from app.core.cost import Limits
from app.core.execute import chosen, execute
from app.core.geometry import Op
from app.core.layout import Array
from app.core.parallel import check_wanted
from app.core.problem import DTYPES
from app.core.views import Operands, Step, steps
from app.languages import tell
from app.settings import Settings

MEDIA_TYPES = (JSON, SAFETENSORS)

#: `dtype.name` is worked out anew at each call, and takes longer than a small convolution.
DTYPE_NAMES = {np.dtype(name): name for name in DTYPES}
VARY = b"Accept, Accept-Language"


def limits_of(settings: Settings) -> Limits:
    """The limits of one operation that are in force."""
    return Limits(**{field.name: getattr(settings, field.name) for field in fields(Limits)})


@dataclass(frozen=True)
class Result:
    """A computed job; `output` is in the request's own form."""

    output: Array
    steps: list[Step] | None


class Convolution:
    """The endpoint of one operation."""

    def __init__(self, op: Op, settings: Settings, thread: ComputeThread) -> None:
        self.op = op
        self.settings = settings
        self.thread = thread
        self.limits = limits_of(settings)
        self.kinds = {
            JSON: Kind(settings.json_body_bytes, OR_BINARY),
            SAFETENSORS: Kind(settings.binary_body_bytes, code="malformed_safetensors"),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            ProblemError: the request contradicts itself, costs too much or overflows.
            StatusError: a media type, a body that is too large or too slow, a full queue, or no memory.
        """
        exchange_of(scope).vary = VARY
        wanted = answer_type(scope, MEDIA_TYPES)
        with self.thread.budget.hold() as held:
            pieces = await self._answer(scope, receive, wanted, held)
            held.keep(sum(map(len, pieces)))
            await answer_in_pieces(send, pieces, wanted.encode())

    async def _answer(self, scope: Scope, receive: Receive, wanted: str, held: Hold) -> Pieces:
        """The answer's bytes; nothing else is left of the request."""
        exchange = exchange_of(scope)
        sent = body_type(scope, MEDIA_TYPES)
        body = await read_body(scope, receive, self.kinds[sent], self.settings, held)
        read = partial(self._read, sent, wanted, exchange)
        return await self.thread.carry_out(body, read, partial(do, exchange), receive, held)

    def _read(self, sent: str, wanted: str, exchange: Exchange, body: Body, hold: Counting) -> Job:
        begun = perf_counter()
        job = read_job(self.op, body, sent, wanted, self.limits, hold)
        exchange.parse = perf_counter() - begun
        return job


def do(exchange: Exchange, job: Job) -> Pieces:
    """Compute a job and write its answer."""
    begun = perf_counter()
    result = compute(job)
    check_wanted()
    computed = perf_counter()
    pieces = write(job, result, exchange.language)
    exchange.compute, exchange.serialise = computed - begun, perf_counter() - computed
    count_macs(job.plan.problem.op, job.plan.problem.macs)
    return pieces


def compute(job: Job) -> Result:
    """The output, and the steps where they were asked for.

    Raises:
        OverflowingError: the output or a step does not fit the dtype.
    """
    output = execute(job.plan, job.input, job.kernel, job.bias)
    shown = None
    if job.views:
        operands = Operands(job.plan.problem, job.layout, job.input, job.kernel, job.bias, output)
        shown = steps(operands, job.views)
    return Result(job.layout.form(output), shown)


def write(job: Job, result: Result, language: str) -> Pieces:
    """The answer's bytes, in pieces; what its steps say is in `language`."""
    answer: dict[str, Any] = {
        "output": apart(result.output),
        "dtype": DTYPE_NAMES[result.output.dtype],
        "algorithm": chosen(job.plan, job.kernel).algorithm.name,
        "shape": result.output.shape,
        "geometry": orjson.Fragment(geometry_json(job.plan.problem)),
    }
    if result.steps is not None:
        answer["steps"] = [step_json(step, language) for step in result.steps]
    if job.answer_type == JSON:
        return json_pieces(answer)
    tensors = {"output": result.output}
    del answer["output"]
    for number, step in enumerate(result.steps or ()):
        tensors[f"steps/{number}"] = step.tensor
        del answer["steps"][number]["tensor"]
    return write_safetensors(tensors, b"".join(json_pieces(answer)))


def step_json(step: Step, language: str) -> dict[str, Any]:
    """A step as the contract shows it."""
    return {
        "view": step.view,
        "name": step.name,
        "from": step.sources,
        "title": tell(step.title, language),
        "detail": tell(step.detail, language),
        "shape": step.tensor.shape,
        "tensor": apart(step.tensor),
        **{name: apart(value) for name, value in step.extra.items()},
    }
