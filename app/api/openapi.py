"""What the OpenAPI document says beside FastAPI's own: the errors, with an example for each."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from app.api.body import too_large
from app.api.problems import MEDIA_TYPE, MalformedBodyError, problem_of, status_response, unavailable
from app.core.errors import Fault, OverflowingError, ProblemError, Suggestion, TooCostlyError
from app.core.text import Text, say

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
    code: str
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


def _shape_error() -> ProblemError:
    message = say("stride[1] is 0; it must be at least 1")
    allowed = {"min": 1, "max": 2**53 - 1}
    path = ("stride", 1)
    return ProblemError(
        [Fault(path, "out_of_range", message, given=0, allowed=allowed, suggestion=Suggestion(path, 1))]
    )


def _cost_error() -> ProblemError:
    message = say("the operation takes 230400000000 multiply-adds; the limit is 100000000000")
    return TooCostlyError([Fault((), "too_much_work", message, limit=10**11, would_be=230_400_000_000)])


def _overflow_error() -> ProblemError:
    message = say("a sum reaches 9223372036854775808 in size; int64 holds 9223372036854775807; ask for dtype float64")
    suggestion = Suggestion(("dtype",), "float64")
    fault = Fault((), "int64_overflow", message, limit=2**63 - 1, would_be=2**63, suggestion=suggestion)
    return OverflowingError([fault])


def _malformed(code: str, message: str) -> Response:
    return problem_of(MalformedBodyError(code, say(message)))


def _plain(status: int, detail: Text) -> Response:
    return status_response(status, detail)


#: Each error status, and examples of its answers as the service really makes them.
EXAMPLES: dict[int, dict[str, Response]] = {
    400: {
        "json": _malformed("malformed_json", "the body is not JSON: unexpected end of data at byte 17"),
        "safetensors": _malformed("malformed_safetensors", "the header ends after 8 bytes; it says that it has 120"),
    },
    406: {"accept": _plain(406, say("Accept takes none of what is served here: application/json"))},
    408: {"slow": _plain(408, say("The body must keep 1024 bytes a second after its first 10 s"))},
    413: {"large": _plain(413, too_large(16 * 2**20).detail)},
    415: {"form": _plain(415, say("The Content-Type is application/x-www-form-urlencoded; send application/json"))},
    422: {
        "invalid": problem_of(_shape_error()),
        "costly": problem_of(_cost_error()),
        "overflow": problem_of(_overflow_error()),
    },
    503: {"busy": _plain(503, unavailable(say("The queue is full; ask again in a second")).detail)},
}

DESCRIPTIONS = {
    400: "The body is not JSON, or not safetensors, at all.",
    406: "`Accept` takes none of the media types that are served here.",
    408: "The body came too slowly.",
    413: "The body, unpacked, is over the limit.",
    415: "The media type or the content encoding of the body is not taken.",
    422: "A field, a shape or a combination is wrong; the answer overflows; or it would cost over the limits.",
    503: "Too busy, or not ready; `Retry-After` says when to come back.",
}


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
    if status == 503:
        documented["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return documented


def add_schemas(document: dict[str, Any]) -> dict[str, Any]:
    """The document, with the schemas that `errors` refers to."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    if Problem.__name__ not in schemas:
        schema = Problem.model_json_schema(ref_template=REFERENCE)
        schemas.update(schema.pop("$defs"))
        schemas[Problem.__name__] = schema
    return document
