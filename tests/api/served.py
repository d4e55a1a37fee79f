"""`python -m app` with the probes of the tests beside the service's own endpoints."""

from __future__ import annotations

from app import __main__ as command
from app.api.service import Service
from tests.api.calls import probed_app

command.APPLICATION = "tests.api.served:create_app"


def create_app() -> Service:
    """The application that the server makes."""
    return probed_app()


if __name__ == "__main__":
    command.main()
