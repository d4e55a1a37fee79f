"""A client of the whole service in this process, and what every answer of it must hold."""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import threading
from collections.abc import Coroutine, Mapping
from functools import cache
from typing import Any, TypeVar

import httpx
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from app.api.openapi import Problem
from app.main import create_app
from app.settings import Settings

JSON, SAFETENSORS, PROBLEM = "application/json", "application/vnd.safetensors", "application/problem+json"
CONV, CONV_TRANSPOSE, OUTPUT_SIZE, CODE = "/v1/conv", "/v1/conv-transpose", "/v1/output-size", "/v1/code"

#: It tells each request, which would bury what a failed test has to say.
logging.getLogger("httpx").setLevel(logging.WARNING)

Result = TypeVar("Result")
Entry = dict[str, Any]

#: Seconds after which a request has failed by never ending: no bound on its time.
HANGS = 120


class Client:
    """The service on an event loop of its own, with its lifespan, asked from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.app = create_app(settings)
        self._loop = asyncio.new_event_loop()
        self._lifespan = self.app.router.lifespan_context(self.app)
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://test")
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._lifespan.__aenter__())
        while self.request("GET", "/healthz/ready").status_code != 200:
            threading.Event().wait(0.02)

    def request(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request; the service never answers 500 or worse but 503."""
        response = self._run(self._http.request(method, path, **request))
        assert response.status_code < 500 or response.status_code == 503, response.text
        return response

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """A body as bytes or text as they are, or anything else as JSON; headers with `_` for `-`."""
        content = body if isinstance(body, bytes | str) else json.dumps(body)
        named = {"Content-Type": JSON} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", path, content=content, headers=named)

    def close(self) -> None:
        """Stop the service."""
        self._run(self._http.aclose())
        self._run(self._lifespan.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, asked: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result(HANGS)


@cache
def client(**settings: int) -> Client:
    """The service with these limits, started once in this process."""
    started = Client(Settings.model_validate({"access_log": False} | settings))
    atexit.register(started.close)
    return started


def answered(path: str, body: Any) -> dict[str, Any]:
    """A JSON answer."""
    response = client().post(path, body)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == JSON
    found: dict[str, Any] = response.json()
    return found


def refused(path: str, body: Any, status: int = 422, **headers: str) -> list[Entry]:
    """The errors of a refusal."""
    return entries_of(client().post(path, body, **headers), status)


def entries_of(response: httpx.Response, status: int = 422) -> list[Entry]:
    """The errors of a problem, after what holds for every problem."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    assert len(response.content) <= 4096
    problem = response.json()
    Problem.model_validate(problem)
    errors: list[Entry] = problem["errors"]
    assert problem["status"] == status
    assert problem["detail"]
    assert 1 <= len(errors) <= 16
    assert problem.get("more", 1) >= 1
    assert all(entry["message"] and not isinstance(entry.get("given"), list | dict) for entry in errors)
    assert all(len(entry["given"]) <= 40 for entry in errors if isinstance(entry.get("given"), str))
    return errors


def one(path: str, body: Any, status: int = 422, **headers: str) -> Entry:
    """The one error of a refusal."""
    errors = refused(path, body, status, **headers)
    assert len(errors) == 1, errors
    return errors[0]


def places(errors: list[Entry]) -> set[tuple[str, str]]:
    """Where the errors are, and which."""
    found = {(entry["pointer"], entry["code"]) for entry in errors}
    assert len(found) == len(errors), errors
    return found


def packed(tensors: Mapping[str, NDArray[Any]], parameters: Any = None) -> bytes:
    """A safetensors body by the independent package."""
    metadata = None if parameters is None else {"parameters": json.dumps(parameters)}
    return save({name: np.ascontiguousarray(values) for name, values in tensors.items()}, metadata)
