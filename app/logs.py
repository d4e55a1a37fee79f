"""One JSON object a line on standard output, from this service and from its libraries alike."""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict

#: How much of an exception one line holds.
MOST_CAUSES, MOST_PLACES = 4, 32


def configure_logging(level: str) -> None:
    """Send structlog's and the standard library's records to standard output from `level` on."""
    common = (structlog.processors.add_log_level, _stamp, _failure)
    structlog.configure(
        processors=[*common, structlog.processors.JSONRenderer(orjson.dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=common,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _line],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


def _stamp(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """The record with its time, which orjson writes."""
    event["time"] = datetime.now(UTC)
    return event


def _failure(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """An exception as its kind and the places in the code that it came through, for each of its causes.

    Its message is left out, and so are the paths of files: what a client sent may stand in
    the one, and how a machine is laid out in the others.
    """
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["error"] = _told(error)
    return event


def _told(error: BaseException | None) -> list[dict[str, Any]]:
    """The exception, then what it came from, each with its places from the outermost on."""
    told: list[dict[str, Any]] = []
    while error is not None and len(told) < MOST_CAUSES:
        frames = [
            (frame.f_globals.get("__name__", "?"), line) for frame, line in traceback.walk_tb(error.__traceback__)
        ]
        told.append(
            {"kind": type(error).__qualname__, "at": [f"{name}:{line}" for name, line in frames[-MOST_PLACES:]]}
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return told


def _line(_logger: Any, _name: str, event: EventDict) -> str:
    """The record as a line of JSON."""
    return orjson.dumps(event, default=str).decode()
