"""Puts the service together: routes, the layer around them, start and stop."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app import __version__
from app.api import endpoints, operations, pages
from app.api.admission import ComputeThread
from app.api.envelope import exchange_of, failed, response_to
from app.api.operations import Readiness
from app.api.problems import StatusError
from app.api.service import Service
from app.core.errors import ProblemError
from app.core.outputs import keep_at_most
from app.core.parallel import team
from app.core.warm import keep_for_good
from app.logs import configure_logging
from app.settings import KEPT_BYTES, Settings

log = structlog.get_logger("convarith")

SUMMARY = "Convolution arithmetic as a service: exact, and step by step."
DESCRIPTION = """\
Ordinary and transposed convolution in one, two and three dimensions; the sizes that they
lead to; and every step on the way, ready to show. Errors are `application/problem+json`
with an entry for each fault.

Every answer carries `X-Request-ID` and `Server-Timing`. What people read (errors, and the titles and
details of steps) is English or Chinese, as `Accept-Language` asks; codes and names never change.
"""
STOPPING_SIGNALS = (signal.SIGTERM, signal.SIGINT)

TAGS = [
    {"name": "Convolution", "description": "Compute, in JSON or in bulk as safetensors."},
    {"name": "Code", "description": "The same operation in the frameworks that people use."},
    {"name": "Sizes", "description": "Sizes and costs from shapes alone."},
    {"name": operations.TAG, "description": "For operators, and for pages that set their sliders."},
]


def create_app(settings: Settings | None = None) -> Service:
    """The service, with settings from the environment unless they are given."""
    settings = settings or Settings()
    app = Service(
        settings,
        title="Convarith",
        version=__version__,
        summary=SUMMARY,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.readiness = Readiness()
    app.state.thread = ComputeThread(settings.queue_length, settings.total_memory_bytes)
    app.router.routes += [
        *endpoints.routes(settings, app.state.thread),
        *operations.routes(settings, app.state.readiness),
        *pages.routes(app),
    ]
    for kind in (HTTPException, RequestValidationError, StatusError, ProblemError):
        app.add_exception_handler(kind, expected)
    app.add_exception_handler(Exception, failed)
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """From start to stop. What is yielded, the server's protocol finds as its state."""
    settings: Settings = app.state.settings
    readiness: Readiness = app.state.readiness
    configure_logging(settings.log_level)
    team.resize(settings.threads)
    keep_at_most(KEPT_BYTES)
    with told_of_stopping(readiness, settings.shutdown_delay):
        warming = asyncio.create_task(get_ready(app.state.thread, readiness))
        yield {"settings": settings, "readiness": readiness}
        readiness.stopping = True
        app.state.thread.close()
        await asyncio.gather(warming, return_exceptions=True)


async def get_ready(thread: ComputeThread, readiness: Readiness) -> None:
    """Load the kernels while the service already answers; a request waits for those that it needs."""
    await thread.warm_up(lambda step: log.info("compiling", step=step.number, of=step.count, kernels=step.what))
    keep_for_good()
    readiness.warmed_up = True
    log.info("ready")


@contextmanager
def told_of_stopping(readiness: Readiness, delay: float) -> Iterator[None]:
    """Be unready from the signal on; the server is told of the first SIGTERM after the delay, of others at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.getsignal(number) for number in STOPPING_SIGNALS}
    loop = asyncio.get_running_loop()

    def stop(number: int, frame: FrameType | None) -> None:
        handler = previous[signal.Signals(number)]
        waits = delay and number == signal.SIGTERM and not readiness.stopping
        readiness.stopping = True
        if callable(handler) and waits:
            loop.call_soon_threadsafe(loop.call_later, delay, handler, number, None)
        elif callable(handler):
            handler(number, frame)

    for number in STOPPING_SIGNALS:
        signal.signal(number, stop)
    yield
    for number, handler in previous.items():
        signal.signal(number, handler)


async def expected(request: Request, error: Exception) -> Response:
    """The errors that FastAPI meets on its own way to an endpoint, in the service's form.

    Raises:
        Exception: It is not one of them.
    """
    response = response_to(error, exchange_of(request.scope).language)
    if response is None:
        raise error
    return response
