"""What the OpenAPI document says beside FastAPI's own: the errors, with an example for each."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from app.api.access import HEALTH, too_often, unknown_key, without_key, wrong_host
from app.api.body import Kind, too_large, too_slow
from app.api.budget import full
from app.api.negotiation import answer_type, body_type
from app.api.problems import CODES, MEDIA_TYPE, StatusError, problem_of, status_response, unavailable
from app.api.reading import read_object
from app.api.safetensors import read_safetensors
from app.core.checks import describe
from app.core.cost import Limits, affordable
from app.core.errors import Fault, OverflowingError, ProblemError, Suggestion
from app.core.findings import Findings
from app.core.problem import Setting
from app.core.text import say
from app.languages import LANGUAGES
from app.settings import Settings

REFERENCE = "#/components/schemas/{model}"

Documented = dict[int | str, dict[str, Any]]


class SuggestedValue(BaseModel):
    """The nearest setting that works."""

    pointer: str
    value: Any


class ProblemEntry(BaseModel):
    """One thing that is wrong, and where it can be said, what would be right."""

    model_config = ConfigDict(extra="forbid")

    pointer: str = Field(description="A JSON Pointer into the request; empty where no single field is at fault.")
    code: str = Field(description="What is wrong, the same in every language.", json_schema_extra={"enum": list(CODES)})
    message: str
    given: float | int | str = Field(default="", description="What was given, cut where it is long.")
    allowed: dict[str, int] | list[Any] = Field(default=[], description="The least and the most, or the words.")
    limit: int = Field(default=0, description="The limit in force.")
    would_be: int = Field(default=0, description="What the request would have come to.")
    suggestion: SuggestedValue = Field(default=SuggestedValue(pointer="", value=0))


class Problem(BaseModel):
    """An error as RFC 9457 describes it."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="urn:convarith:…, or about:blank where the status says it all.")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str = ""
    errors: list[ProblemEntry] = Field(default=[], description="With 400 and 422: the faults, at most 16.")
    more: int = Field(default=0, description="How many faults there are beside them.")


def _refusal(ask: Callable[[], object]) -> Response:
    """What is answered to something that is refused."""
    try:
        ask()
    except ProblemError as error:
        return problem_of(error)
    except StatusError as error:
        return status_response(error.status, error.detail)
    message = "an example of a refusal is not refused"
    raise RuntimeError(message)


def _ask_too_much() -> None:
    problem = describe(Setting("conv", (500, 500), 3, padding="same", in_channels=320, out_channels=320))
    affordable(problem, np.dtype(np.float64), Limits())


def _overflow_error() -> ProblemError:
    message = say(
        "the sum of the products' magnitudes can exceed int64's largest number, {limit}: use smaller numbers, "
        "or a float dtype",
        limit=2**63 - 1,
    )
    suggestion = Suggestion(("dtype",), "float64")
    return OverflowingError([Fault((), "int64_overflow", message, limit=2**63 - 1, suggestion=suggestion)])


def _plain(error: StatusError) -> Response:
    return status_response(error.status, error.detail)


#: Each error status, and examples of its answers as the service really makes them.
EXAMPLES: dict[int, dict[str, Response]] = {
    400: {
        "json": _refusal(lambda: read_object(b'{"input": [1, 2')),
        "safetensors": _refusal(lambda: read_safetensors(b"\x78" + bytes(7) + b"{}", Findings())),
    },
    401: {"missing": _plain(without_key()), "unknown": _plain(unknown_key())},
    406: {"accept": _refusal(lambda: answer_type({"headers": [(b"accept", b"text/html")]}))},
    408: {"slow": _plain(too_slow(grace=10, rate=1024))},
    413: {"large": _plain(too_large(Kind(16 * 2**20)))},
    415: {"form": _refusal(lambda: body_type({"headers": [(b"content-type", b"application/x-www-form-urlencoded")]}))},
    422: {
        "invalid": _refusal(lambda: describe(Setting("conv", (3, 3), 2, stride=(1, 0)))),
        "costly": _refusal(_ask_too_much),
        "overflow": problem_of(_overflow_error()),
    },
    429: {"often": _plain(too_often("10/second", 1))},
    503: {
        "busy": _plain(unavailable(say("{count} requests wait already; ask again in a moment", count=64))),
        "full": _plain(full()),
    },
}

DESCRIPTIONS = {
    400: "The body is not JSON, or not safetensors, at all.",
    401: "Only where keys are set: the request holds none of them.",
    406: "`Accept` takes none of the media types that are served here.",
    408: "The body came too slowly.",
    413: "The body, unpacked, is over the limit.",
    415: "The media type or the content encoding of the body is not taken.",
    422: "A field, a shape or a combination is wrong; the answer overflows; or it would cost over the limits.",
    429: "Only where rates are set: the caller asks too often; `Retry-After` says when to come back.",
    503: "Too busy, or not ready; `Retry-After` says when to come back.",
}


RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
CHALLENGE = {"WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}}}

#: What answers of a status carry.
HEADERS: dict[int, dict[str, Any]] = {401: CHALLENGE, 429: RETRY_AFTER, 503: RETRY_AFTER}


def errors(*statuses: int) -> Documented:
    """The `responses` of an operation that can answer these error statuses."""
    return {status: _documented(status) for status in statuses}


def _documented(status: int) -> dict[str, Any]:
    examples = {name: {"value": orjson.loads(response.body)} for name, response in EXAMPLES[status].items()}
    schema = {"$ref": REFERENCE.format(model=Problem.__name__)}
    documented: dict[str, Any] = {
        "description": DESCRIPTIONS[status],
        "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}},
    }
    if status in HEADERS:
        documented["headers"] = HEADERS[status]
    return documented


#: The header that chooses a language, and the one that tells which it was.
LANGUAGE_ASKED = {
    "name": "Accept-Language",
    "in": "header",
    "description": "The language of `title`, `detail` and `message`: English, or any kind of Chinese, with `q`.",
    "schema": {"type": "string"},
    "examples": {"chinese": {"value": "zh-CN, en;q=0.5"}},
}
LANGUAGE_TOLD = {"description": "The language of the texts.", "schema": {"type": "string", "enum": list(LANGUAGES)}}


#: Either way to send a key.
SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key, where keys are set."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same."},
}


def add_components(document: dict[str, Any], settings: Settings, open_paths: Collection[str]) -> dict[str, Any]:
    """The document, with the schemas that `errors` refers to, and the language and the guard of every operation."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    if Problem.__name__ not in schemas:
        schema = Problem.model_json_schema(ref_template=REFERENCE)
        schemas.update(schema.pop("$defs"))
        schemas[Problem.__name__] = schema
        components["parameters"] = {"AcceptLanguage": LANGUAGE_ASKED}
        components["headers"] = {"ContentLanguage": LANGUAGE_TOLD}
        components["securitySchemes"] = SCHEMES
        for path, methods in document["paths"].items():
            for operation in methods.values():
                _add_guard(operation, path, settings, is_open=path in open_paths)
                _add_languages(operation)
    return document


def _add_guard(operation: dict[str, Any], path: str, settings: Settings, *, is_open: bool) -> None:
    """What may become of a request before it is read. A key is asked for where keys are set alone."""
    responses = operation["responses"]
    if settings.allowed_hosts and path not in HEALTH:
        responses.setdefault("400", _documented(400))["content"][MEDIA_TYPE]["examples"]["host"] = {
            "value": orjson.loads(_plain(wrong_host()).body)
        }
    if is_open:
        return
    responses |= {"401": _documented(401), "429": _documented(429)}
    operation["responses"] = dict(sorted(responses.items()))
    if settings.api_keys:
        operation["security"] = [{scheme: []} for scheme in SCHEMES]


def _add_languages(operation: dict[str, Any]) -> None:
    operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/AcceptLanguage"})
    for response in operation["responses"].values():
        response.setdefault("headers", {})["Content-Language"] = {"$ref": "#/components/headers/ContentLanguage"}
