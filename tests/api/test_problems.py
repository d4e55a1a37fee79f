"""Errors as the contract shows them."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from app.api.openapi import EXAMPLES, Problem
from app.api.problems import (
    MEDIA_TYPE,
    MOST_BYTES,
    MOST_ENTRIES,
    MalformedBodyError,
    plain,
    pointer,
    problem_of,
    status_response,
)
from app.core.errors import Fault, OverflowingError, Path, ProblemError, Suggestion, TooCostlyError
from app.core.text import say


def shown_problem(error: ProblemError) -> dict[str, Any]:
    answer = problem_of(error)
    assert len(answer.body) <= MOST_BYTES
    assert answer.headers["content-type"] == MEDIA_TYPE
    shown: dict[str, Any] = json.loads(bytes(answer.body))
    Problem.model_validate(shown)
    assert shown["status"] == answer.status_code
    return shown


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [
        (ProblemError, 422, "invalid-request"),
        (TooCostlyError, 422, "too-costly"),
        (OverflowingError, 422, "overflow"),
    ],
)
def test_each_error_has_its_type(kind: type[ProblemError], status: int, name: str) -> None:
    shown = shown_problem(kind([Fault(("a",), "out_of_range", say("a is wrong"))]))
    assert (shown["status"], shown["type"]) == (status, f"urn:convarith:{name}")
    assert shown["errors"] == [{"pointer": "/a", "code": "out_of_range", "message": "a is wrong"}]


def test_malformed_body() -> None:
    shown = shown_problem(MalformedBodyError("malformed_json", say("no JSON")))
    assert (shown["status"], shown["type"]) == (400, "urn:convarith:malformed-body")
    assert shown["errors"][0] == {"pointer": "", "code": "malformed_json", "message": "no JSON"}


def test_everything_that_a_fault_can_say() -> None:
    fault = Fault(
        ("padding", 1),
        "out_of_range",
        say("{field} is {given}", field="padding[1]", given=-1),
        given=-1,
        allowed={"min": 0, "max": 9},
        limit=10**30,
        would_be=2**200,
        suggestion=Suggestion(("padding", 1), 0),
    )
    (entry,) = shown_problem(ProblemError([fault]))["errors"]
    assert entry == {
        "pointer": "/padding/1",
        "code": "out_of_range",
        "message": "padding[1] is -1",
        "given": -1,
        "allowed": {"min": 0, "max": 9},
        "limit": 10**30,
        "would_be": 2**200,
        "suggestion": {"pointer": "/padding/1", "value": 0},
    }


def test_falsy_values_are_shown() -> None:
    fault = Fault(("stride",), "out_of_range", say("0"), given=0, limit=0, would_be=0)
    (entry,) = shown_problem(ProblemError([fault]))["errors"]
    assert (entry["given"], entry["limit"], entry["would_be"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), ""),
        (("stride", 1), "/stride/1"),
        (("a/b~c",), "/a~1b~0c"),
        (("\ud800",), "/\\ud800"),
        (("k" * 100,), "/" + "k" * 100),
        (("k" * 1000,), ""),
    ],
)
def test_pointer(path: Path, expected: str) -> None:
    assert pointer(path) == expected


@pytest.mark.parametrize("key", ["x" * 10_000, "\ud800" * 500, "\x00" * 500, "中" * 500, '"\\' * 500])
@pytest.mark.parametrize("count", [1, 5, 16, 17, 5000])
def test_many_faults_are_cut(key: str, count: int) -> None:
    faults = [
        Fault((key, i), "unknown_field", say("{key} is unknown", key=key), given=key[:40], allowed=[key[:40]] * 8)
        for i in range(count)
    ]
    shown = shown_problem(ProblemError(faults))
    assert 1 <= len(shown["errors"]) <= MOST_ENTRIES
    assert len(shown["errors"]) + shown.get("more", 0) == count


def test_sixteen_small_faults_fit() -> None:
    faults = [Fault(("input", i), "wrong_type", say("input[{i}] is a string", i=i), given="x") for i in range(20)]
    shown = shown_problem(ProblemError(faults))
    assert (len(shown["errors"]), shown["more"]) == (16, 4)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**64, b"18446744073709551616"),
        (-(2**63) - 1, b"-9223372036854775809"),
        (10**4000, b'"0x'),
        (float("inf"), b'"inf"'),
        ("\udfff", b'"\\\\udfff"'),
        ([2**70, (1, 2)], b"[1180591620717411303424,[1,2]]"),
        ({"max": 2**70}, b'{"max":1180591620717411303424}'),
        (True, b"true"),
    ],
)
def test_values_that_orjson_refuses(value: Any, expected: bytes) -> None:
    assert orjson.dumps(plain(value)).startswith(expected)


def test_plain_status() -> None:
    shown = orjson.loads(status_response(503, say("later"), {"Retry-After": "2"}).body)
    assert shown == {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": "later"}


@pytest.mark.parametrize("status", sorted(EXAMPLES))
def test_documented_examples_are_problems(status: int) -> None:
    for example in EXAMPLES[status].values():
        assert Problem.model_validate_json(bytes(example.body)).status == status
