"""Every error code of the contract: where it points, what it says, what it suggests."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from tests.api.client import (
    CONV,
    SAFETENSORS,
    client,
    entries_of,
    one,
    packed,
    places,
    refused,
)
from tests.api.faults import ONE_FAULT, OVER, ROW, Row
from tests.api.requests_at_random import Body

CODES = {
    *(
        "malformed_json",
        "malformed_safetensors",
        "missing",
        "unknown_field",
        "wrong_type",
        "out_of_range",
        "not_finite",
    ),
    *("integer_too_large", "wrong_length", "empty", "uneven", "wrong_rank", "channel_mismatch", "groups_do_not_divide"),
    *("bias_length", "dtype_mismatch", "kernel_too_large", "padding_too_large", "empty_output"),
    *("output_padding_too_large", "output_size_unreachable", "conflict", "not_for_this_operation", "int64_overflow"),
    *("float_overflow", "too_many_elements", "too_much_work", "too_much_memory", "too_many_step_elements"),
}
#: Held in test_limits and test_safetensors_lies.
ELSEWHERE = {"malformed_safetensors", *(code for code in CODES if code.startswith("too_m"))}


def name(row: Row) -> str:
    return f"{row[3]} {row[2]} {row[0].removeprefix('/v1/')}"


@pytest.mark.parametrize("row", ONE_FAULT, ids=name)
def test_one_fault(row: Row) -> None:
    path, body, pointer, code, extra = row
    entry = one(path, body, 400 if code.startswith("malformed") else 422)
    assert (entry["pointer"], entry["code"]) == (pointer, code)
    assert {key: entry.get(key) for key in extra} == extra
    assert set(entry) <= {"pointer", "code", "message", "given", "allowed", "limit", "would_be", "suggestion"}


def test_every_code_is_held() -> None:
    assert {row[3] for row in ONE_FAULT} | ELSEWHERE == CODES


def test_every_code_is_documented() -> None:
    document = client().app.openapi()
    assert set(document["components"]["schemas"]["ProblemEntry"]["properties"]["code"]["enum"]) == CODES


@pytest.mark.parametrize("row", [row for row in ONE_FAULT if "suggestion" in row[4]], ids=name)
def test_the_suggestion_works(row: Row) -> None:
    path, body, pointer, code, _ = row
    suggestion = one(path, body)["suggestion"]
    response = client().post(path, with_suggestion(body, suggestion))
    if response.status_code != 200:
        assert (pointer, code) not in places(entries_of(response))


def with_suggestion(body: Body, suggestion: Body) -> Body:
    """The request with the suggested value in its place."""
    found: Body = json.loads(json.dumps(body))
    *parents, last = suggestion["pointer"].split("/")[1:]
    place: Any = found
    for part in parents:
        place = place[int(part) if isinstance(place, list) else part]
    place[int(last) if isinstance(place, list) else last] = suggestion["value"]
    return found


@pytest.mark.parametrize("row", ONE_FAULT, ids=name)
def test_messages_are_sentences_of_their_own(row: Row) -> None:
    entry = one(row[0], row[1], 400 if row[3].startswith("malformed") else 422)
    assert len(entry["message"]) <= 240
    assert not re.search(
        r"[{}]|None|True|False|nan|\bint_|pydantic|msgspec|Traceback", entry["message"].replace("{}", "")
    )
    field = entry["pointer"].partition("/")[2].split("/")[0].replace("~1", "/").replace("~0", "~")
    assert {"steps": "view"}.get(field, field.partition("_")[0]) in entry["message"] or field in entry["message"]


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        (CONV, "{", "malformed-body"),
        (CONV, ROW | {"stride": 0}, "invalid-request"),
        (CONV, OVER, "overflow"),
        (CONV, {"input": [1.0], "kernel": [1], "padding": 10**12}, "too-costly"),
    ],
)
def test_types(path: str, body: Any, kind: str) -> None:
    problem = client().post(path, body).json()
    assert problem["type"] == f"urn:convarith:{kind}"
    assert problem["title"]
    assert problem["detail"] == problem["errors"][0]["message"] or len(problem["errors"]) > 1


def test_binary_faults_point_where_json_ones_do() -> None:
    body = packed(
        {"input": np.ones((2, 3)), "kernel": np.ones((2, 2, 1))}, {"stride": [0, 1.5], "padding": [[1, True]]}
    )
    found = places(refused(CONV, body, Content_Type=SAFETENSORS))
    written = {"input": np.ones((2, 3)).tolist(), "kernel": np.ones((2, 2, 1)).tolist()}
    assert found == places(refused(CONV, written | {"stride": [0, 1.5], "padding": [[1, True]]}))
    assert {("/stride/1", "wrong_type"), ("/padding/0/1", "wrong_type")} <= found
