"""POST /v1/output-size, and the geometry that computing answers carry."""

from __future__ import annotations

from functools import lru_cache
from time import perf_counter
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from app.api.admission import INLINE_BODY, ComputeThread
from app.api.body import Body, Kind, read_body
from app.api.budget import Hold
from app.api.envelope import Exchange, exchange_of
from app.api.negotiation import answer_type, body_type
from app.api.problems import plain
from app.api.reading import frozen, read_object, value_bytes
from app.api.routing import answer
from app.api.schemas import SizeRequest, read_fields
from app.core.checks import check_despite, describe
from app.core.cost import Limits, check_memory
from app.core.findings import Findings
from app.core.geometry import Dimension
from app.core.problem import OPS, Problem, Setting
from app.settings import Settings


class OutputSize:
    """The endpoint: sizes, formulas and counts of an operation, without any tensor."""

    def __init__(self, settings: Settings, thread: ComputeThread) -> None:
        self.settings = settings
        self.thread = thread

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            ProblemError: the settings do not fit.
            StatusError: a media type, a body that is too large or too slow, a full queue, or no memory.
        """
        exchange = exchange_of(scope)
        answer_type(scope)
        body_type(scope)
        with self.thread.budget.hold() as held:
            body = await read_body(scope, receive, Kind(self.settings.json_body_bytes), self.settings, held)
            if len(body) > INLINE_BODY:  # no honest request, yet it must not hold up the others
                text = await self.thread.run(lambda: self._read_and_answer(body, exchange, held), receive, held)
            else:
                text = size_answer(body, exchange)
        await answer(send, text)

    def _read_and_answer(self, body: Body, exchange: Exchange, held: Hold) -> bytes:
        bytes_ = value_bytes(body)
        check_memory(bytes_, Limits(memory_bytes=self.settings.memory_bytes))
        held.take(len(body) + bytes_)
        return size_answer(body, exchange)


def size_answer(body: Body, exchange: Exchange) -> bytes:
    """The answer's JSON.

    Raises:
        MalformedBodyError: the body is not JSON.
        ProblemError: the settings do not fit.
    """
    begun = perf_counter()
    setting = read_size_request(read_object(body))
    parsed = perf_counter()
    problem = describe(setting)
    computed = perf_counter()
    text = geometry_json(problem)
    exchange.parse, exchange.compute = parsed - begun, computed - parsed
    exchange.serialise = perf_counter() - computed
    return text


def read_size_request(given: dict[str, Any]) -> Setting:
    """The setting that a request without tensors asks for, checked.

    Raises:
        ProblemError: with every independent fault.
    """
    findings = Findings()
    op = given.get("op")
    known = next((name for name in OPS if name == op), None)
    fields = read_fields(SizeRequest, given, findings, known or "conv_transpose")
    if known is None:
        if findings.sound("op"):
            findings.word("op", str(op), OPS, OPS)
        findings.raise_if_any()
    setting = Setting(
        known or "conv",
        tuple(fields.input_size) if findings.sound("input_size") else (1,),
        frozen(fields.kernel_size) if findings.sound("kernel_size") else 1,
        stride=frozen(fields.stride),
        padding=frozen(fields.padding),
        dilation=frozen(fields.dilation),
        output_padding=frozen(fields.output_padding),
        output_size=frozen(fields.output_size),
        groups=fields.groups,
        batch=fields.batch,
        in_channels=fields.in_channels,
        out_channels=fields.out_channels,
        bias=bool(fields.bias),
        padding_mode=fields.padding_mode,
    )
    check_despite(setting, findings)
    return setting


@lru_cache(maxsize=2048)
def geometry_json(problem: Problem) -> bytes:
    """A problem's geometry as JSON text, written once for each problem."""
    return orjson.dumps(plain(geometry_of(problem)))


def geometry_of(problem: Problem) -> dict[str, Any]:
    """Everything resolved, as `/v1/output-size` answers it."""
    transposed = problem.op == "conv_transpose"
    answer: dict[str, Any] = {
        "op": problem.op,
        "input_size": problem.input_size,
        "output_size": problem.output_size,
        "kernel_size": problem.kernel_size,
        "stride": problem.stride,
        "dilation": problem.dilation,
        "padding": problem.padding,
    }
    if transposed:
        answer |= {
            "output_padding": problem.output_padding,
            "full_size": problem.full_size,
            "crop": problem.crop,
        }
    else:
        answer["padding_mode"] = problem.padding_mode
    answer |= {
        "batch": problem.batch,
        "in_channels": problem.in_channels,
        "out_channels": problem.out_channels,
        "groups": problem.groups,
        "dimensions": [_dimension(dim) for dim in problem.dimensions],
    }
    if transposed:
        coverage = problem.coverage
        answer |= {"coverage": {"min": coverage.min, "max": coverage.max}, "checkerboard": problem.checkerboard}
    return answer | {
        "macs": problem.macs,
        "parameters": problem.parameters,
        "output_elements": problem.output_elements,
    }


def _dimension(dim: Dimension) -> dict[str, Any]:
    inverse = dim.inverse_range
    answer: dict[str, Any] = {
        "formula": dim.formula,
        "substituted": dim.substituted,
        "effective_kernel": dim.reach,
        "inverse_sizes": inverse.listed(),
        "inverse_range": {"min": inverse.min, "max": inverse.max},
    }
    if dim.op == "conv":
        return answer | {"unused_input": dim.unused_input}
    coverage = dim.coverage
    return answer | {"coverage": {"min": coverage.min, "max": coverage.max}}
