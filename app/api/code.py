"""POST /v1/code: an operation as a script for a framework."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import perf_counter

import orjson
from starlette.types import Receive, Scope, Send

from app.api.admission import ComputeThread
from app.api.body import Body, Kind, read_body
from app.api.budget import Counting, nothing
from app.api.convolution import limits_of
from app.api.envelope import Exchange, exchange_of
from app.api.negotiation import JSON, answer_type, body_type
from app.api.reading import read_object
from app.api.requests import Admitted, Job, check, job_of, take_tensors, weigh
from app.api.routing import answer
from app.api.schemas import ConvCodeParameters, ConvTransposeCodeParameters, read_fields
from app.core.code import FRAMEWORKS, Layer, largest_tensor, numbers, script_of
from app.core.cost import Extra, Limits, affordable
from app.core.execute import execute
from app.core.findings import Findings
from app.core.parallel import check_wanted
from app.core.problem import OPS
from app.languages import ENGLISH
from app.settings import Settings

#: Guesses: the nanoseconds that a number of a script takes to write, and the bytes that it takes meanwhile.
_WRITE_PRICE = 800
_WRITE_BYTES = 512


@dataclass(frozen=True)
class CodeJob:
    """One request, checked and within the limits."""

    job: Job
    framework: str

    @property
    def price(self) -> float:
        """A guess of all of its time, in nanoseconds."""
        return self.job.price + _WRITE_PRICE * numbers(self.job.plan.problem)

    @property
    def bytes(self) -> int:
        """The memory that it is predicted to take, beside its body."""
        return self.job.bytes


class Code:
    """The endpoint."""

    def __init__(self, settings: Settings, thread: ComputeThread) -> None:
        self.settings = settings
        self.limits = limits_of(settings)
        self.thread = thread

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            ProblemError: the request contradicts itself, costs too much or overflows.
            StatusError: a media type, a body that is too large or too slow, a full queue, or no memory.
        """
        exchange = exchange_of(scope)
        answer_type(scope)
        body_type(scope)
        with self.thread.budget.hold() as held:
            body = await read_body(scope, receive, Kind(self.settings.json_body_bytes), self.settings, held)
            read = partial(self._read, exchange)
            text = await self.thread.carry_out(body, read, partial(do, exchange), receive, held)
        exchange.language = ENGLISH  # that of the comments; what is refused is told as it was asked
        await answer(send, text)

    def _read(self, exchange: Exchange, body: Body, hold: Counting) -> CodeJob:
        begun = perf_counter()
        job = read_code_job(body, self.limits, hold)
        exchange.parse = perf_counter() - begun
        return job


def read_code_job(body: Body, limits: Limits, hold: Counting = nothing) -> CodeJob:
    """The job that a body asks for; `hold` is told of the memory that reading takes, before it is taken.

    Raises:
        MalformedBodyError: the body is not JSON.
        ProblemError: with every independent fault.
        TooCostlyError: it is over the limits.
    """
    findings = Findings()
    weigh(body, JSON, limits, hold)
    given = read_object(body)
    tensors = take_tensors(given, findings)
    op = next((name for name in OPS if name == given.get("op")), None)
    model: type[ConvCodeParameters | ConvTransposeCodeParameters]
    model = ConvCodeParameters if op == "conv" else ConvTransposeCodeParameters
    fields = read_fields(model, given, findings, op or "conv_transpose")
    if findings.sound("framework"):
        findings.word("framework", fields.framework, FRAMEWORKS, FRAMEWORKS)
    if op is None:
        if findings.sound("op"):
            findings.word("op", fields.op, OPS, OPS)
        findings.raise_if_any()
    problem, layout, dtype = check(op or "conv", tensors, fields, JSON, findings)
    written = numbers(problem)
    extra = Extra(code_elements=written, script_tensor=largest_tensor(problem), bytes=written * _WRITE_BYTES)
    admitted = Admitted(affordable(problem, dtype, limits, extra, hold), layout, dtype, (), extra)
    return CodeJob(job_of(admitted, tensors, JSON, limits), fields.framework)


def do(exchange: Exchange, asked: CodeJob) -> bytes:
    """The answer's JSON.

    The operation is carried out as well: what overflows is refused, as by the endpoint that
    computes it, and no script prints a number that has wrapped around.

    Raises:
        OverflowingError: the output does not fit the dtype.
    """
    job, problem = asked.job, asked.job.plan.problem
    begun = perf_counter()
    execute(job.plan, job.input, job.kernel, job.bias)
    check_wanted()
    computed = perf_counter()
    layer = Layer(problem, job.layout, job.layout.form(job.input), job.layout.kernel_form(job.kernel), job.bias)
    code = script_of(layer, asked.framework)
    text = orjson.dumps({"op": problem.op, "framework": asked.framework, "code": code})
    exchange.compute, exchange.serialise = computed - begun, perf_counter() - computed
    return text
