"""`python -m app` with the probes of the tests beside the service's own endpoints."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from app import __main__ as command

if TYPE_CHECKING:
    from app.api.service import Service

command.APPLICATION = "tests.api.served:create_app"


def create_app() -> Service:
    """The application that the server makes; what it is made of is imported when the folder of metrics is named."""
    return cast("Service", import_module("tests.api.calls").probed_app())


if __name__ == "__main__":
    command.main()
