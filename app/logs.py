"""One JSON object a line on standard output, from this service and from its libraries alike."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict


def configure_logging(level: str) -> None:
    """Send structlog's and the standard library's records to standard output from `level` on."""
    common = (structlog.processors.add_log_level, _stamp, structlog.processors.format_exc_info)
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


def _line(_logger: Any, _name: str, event: EventDict) -> str:
    """The record as a line of JSON."""
    return orjson.dumps(event, default=str).decode()
