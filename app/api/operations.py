"""What operators and pages ask for: health, metrics, the limits in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app import __version__
from app.api.metrics import exposition
from app.api.negotiation import answer_type
from app.api.openapi import errors
from app.api.problems import unavailable
from app.api.routing import DirectRoute, answer
from app.core.code import FRAMEWORKS
from app.core.findings import LARGEST_PARAMETER
from app.core.problem import DTYPES, METHODS, OPS, PADDING_MODES, PADDING_WORDS
from app.core.text import say
from app.core.views import VIEWS
from app.settings import Settings

TAG = "Operations"

#: The settings that a client may meet, so that a page can set its sliders.
LIMITS = (
    "json_body_bytes",
    "binary_body_bytes",
    "float_macs",
    "int_macs",
    "tensor_elements",
    "memory_bytes",
    "step_elements",
    "code_elements",
)

VIEWS_OF = {op: [name for name, view in VIEWS.items() if op in view.operations] for op in OPS}


@dataclass
class Readiness:
    """Whether requests should come here: from the first convolution on until the service stops."""

    warmed_up: bool = False
    stopping: bool = False


class PerOperation(BaseModel):
    """The words that each operation takes."""

    conv: list[str]
    conv_transpose: list[str]


class Limits(BaseModel):
    """What is taken here, and how much of it."""

    version: str
    limits: dict[str, int] = Field(description="The limits in force, by the names of their settings.")
    largest_parameter: int = Field(description="The largest integer that a parameter may be.")
    ops: list[str]
    dtypes: list[str]
    methods: list[str]
    frameworks: list[str] = Field(description="What /v1/code writes scripts for.")
    padding_words: PerOperation
    padding_modes: PerOperation
    views: PerOperation


def limits_of(settings: Settings) -> Limits:
    """The answer of /v1/limits."""
    return Limits(
        version=__version__,
        limits={name: getattr(settings, name) for name in LIMITS},
        largest_parameter=LARGEST_PARAMETER,
        ops=list(OPS),
        dtypes=list(DTYPES),
        methods=list(METHODS),
        frameworks=list(FRAMEWORKS),
        padding_words=PerOperation(**{op: list(words) for op, words in PADDING_WORDS.items()}),
        padding_modes=PerOperation(conv=list(PADDING_MODES), conv_transpose=["zeros"]),
        views=PerOperation(**VIEWS_OF),
    )


async def live(_scope: Scope, _receive: Receive, send: Send) -> None:
    """This worker answers."""
    await answer(send, b'{"status":"live"}')


def ready_endpoint(readiness: Readiness) -> ASGIApp:
    """Whether this worker should be sent requests."""

    async def ready(_scope: Scope, _receive: Receive, send: Send) -> None:
        if readiness.stopping:
            raise unavailable(say("The service is stopping; ask another"))
        if not readiness.warmed_up:
            raise unavailable(say("The service is starting; ask again in a second"))
        await answer(send, b'{"status":"ready"}')

    return ready


async def metrics(_scope: Scope, _receive: Receive, send: Send) -> None:
    """All series of all workers."""
    await answer(send, exposition(), CONTENT_TYPE_PLAIN_0_0_4.encode())


def limits_endpoint(settings: Settings) -> ASGIApp:
    """The limits in force, worked out once."""
    body = orjson.dumps(limits_of(settings).model_dump())

    async def limits(scope: Scope, _receive: Receive, send: Send) -> None:
        answer_type(scope)
        await answer(send, body)

    return limits


class Status(BaseModel):
    """One word on the worker's health."""

    status: str


def routes(settings: Settings, readiness: Readiness) -> list[DirectRoute]:
    """The operations' routes."""
    described: dict[str, Any] = {"tags": [TAG]}
    return [
        DirectRoute(
            "GET",
            "/v1/limits",
            limits_endpoint(settings),
            **described,
            summary="The limits in force",
            description="Limits, version, and every word that a field takes: what a page needs for its sliders.",
            response_model=Limits,
            responses={**_example(limits_of(settings).model_dump()), **errors(406)},
        ),
        DirectRoute(
            "GET",
            "/healthz/live",
            live,
            is_open=True,
            **described,
            summary="Whether the process answers",
            response_model=Status,
            responses=_example({"status": "live"}),
        ),
        DirectRoute(
            "GET",
            "/healthz/ready",
            ready_endpoint(readiness),
            is_open=True,
            **described,
            summary="Whether requests should come here",
            description="503 until the kernels are compiled and a first convolution is answered, and while stopping.",
            response_model=Status,
            responses={**_example({"status": "ready"}), **errors(503)},
        ),
        DirectRoute(
            "GET",
            "/metrics",
            metrics,
            is_open=settings.metrics_open,
            **described,
            summary="Metrics for Prometheus",
            description="Requests, durations, multiply-adds and the queue, summed over the workers.",
            response_class=PlainTextResponse,
        ),
    ]


def _example(value: Any) -> dict[int | str, dict[str, Any]]:
    """An example of the answer, for the document."""
    return {200: {"content": {"application/json": {"example": value}}}}
