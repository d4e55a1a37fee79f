"""The command line: `python -m app --host --port --workers`."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence

import structlog
from pydantic import ValidationError
from uvicorn import Config, Server

from app.logs import configure_logging
from app.settings import Settings, share_of_memory
from app.workers import Workers, load, shared_metrics

#: What makes the application, in every worker anew.
APPLICATION = "app.main:create_app"

#: A worker that compiles holds its lock for a while; it is not dead.
SECONDS_TO_ANSWER = 30

BACKLOG = 2048


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until a signal comes."""
    options = parser().parse_args(arguments)
    settings = read_settings()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    listener = listen(options.host, options.port)
    configure_logging(settings.log_level)
    host, port = listener.getsockname()[:2]
    structlog.get_logger("convarith").info("listening", host=host, port=port, workers=options.workers)
    if options.workers == 1:
        Server(server_config(settings, 1)).run(sockets=[listener])
        return
    settings = divide(settings, options.workers)
    with shared_metrics():
        load()
        Workers(server_config(settings, options.workers), listener).run()


def divide(settings: Settings, workers: int) -> Settings:
    """Give each worker its share of processors and memory, unless what one has is set; then its settings."""
    shares = {"threads": max(1, settings.threads // workers), "total_memory_bytes": share_of_memory(workers)}
    for name in shares.keys() - settings.model_fields_set:
        os.environ[f"CONVARITH_{name.upper()}"] = str(shares[name])
    return read_settings()


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    made = argparse.ArgumentParser("python -m app", description="Serve Convarith over HTTP.")
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    made.add_argument(
        "--port",
        type=port_number,
        default=os.environ.get("PORT") or "8000",
        help="port to listen on, 0 for any that is free (default: $PORT, or 8000)",
    )
    made.add_argument("--workers", type=worker_count, default=1, help="processes (default: %(default)s)")
    return made


def port_number(text: str) -> int:
    """A port from the command line or from $PORT.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    return _whole_number(text, 0, 65535, "the port (--port or $PORT)")


def worker_count(text: str) -> int:
    """How many processes.

    Raises:
        argparse.ArgumentTypeError: Not from 1 to 512.
    """
    return _whole_number(text, 1, 512, "the number of workers")


def _whole_number(text: str, least: int, most: int, what: str) -> int:
    if text.isascii() and text.isdigit() and least <= int(text[:9]) <= most:
        return int(text)
    message = f"{what} is a whole number from {least} to {most}, not {text!r}"
    raise argparse.ArgumentTypeError(message)


def read_settings() -> Settings:
    """The settings; ends the program with each fault named where there are any."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"CONVARITH_{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors()]
        sys.exit("These settings cannot be used:\n  " + "\n  ".join(lines))


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; ends the program with the reason where there can be none."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        sys.exit(f"Cannot listen on {host}, port {port}: {reason}. Try another --host or --port.")
    listener.set_inheritable(True)
    return listener


def server_config(settings: Settings, workers: int) -> Config:
    """How uvicorn runs the service."""
    return Config(
        APPLICATION,
        factory=True,
        workers=workers,
        loop="app.listening:Loop",
        http="app.server:PatientProtocol",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=settings.shutdown_grace - settings.shutdown_delay,
        timeout_worker_healthcheck=SECONDS_TO_ANSWER,
    )


if __name__ == "__main__":
    main()
