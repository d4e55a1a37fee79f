"""Whole requests by Hypothesis, right and spoiled: JSON and safetensors are answered alike, and as documented."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import numpy as np
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from safetensors.numpy import load

from tests.api.client import JSON, SAFETENSORS, client, packed
from tests.api.documented import Documented
from tests.api.requests_at_random import PATHS, request_of, sums_of
from tests.core.strategies import OPS, Array, Case, Numbers, Op, cases
from tests.trust.figures import Figure

Body = dict[str, Any]


@dataclass(frozen=True)
class Scale:
    """Requests of each operation under each seed."""

    examples: int
    seeds: tuple[int, ...]


SHORT, FULL = Scale(40, (1,)), Scale(1000, (1, 2, 3))


@dataclass(frozen=True)
class Whole:
    """One request in both forms; `case` where nothing of it was spoiled."""

    op: Op
    tensors: dict[str, Array]
    fields: Body
    headers: dict[str, str]
    case: Case | None


@dataclass
class Tally:
    """What was answered."""

    statuses: Counter[int] = field(default_factory=Counter)


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        2,
        7,
        10**9,
        2**53,
        10**30,
        0.5,
        1.0,
        "",
        "same",
        "full",
        "x",
        [],
        [0],
        [1, 1],
        [[1, 0]],
        [[2]],
        {},
    ]
) | st.text(max_size=5)
NAMES = (
    *("stride", "dilation", "padding", "padding_mode", "output_padding", "output_size", "groups", "flip_kernel"),
    *("dtype", "method", "spatial_dims", "steps", "stirde", "", "a/b~c", "op"),
)
VIEWS = ("sliding_window", "matrix", "scatter")
HEADERS: st.SearchStrategy[dict[str, str]] = st.fixed_dictionaries(
    {}, optional={"Accept-Language": st.sampled_from(["zh-CN", "en;q=0.1, zh", "*", ""])}
)


def spoiled_shape(draw: st.DrawFn, values: Array) -> Array:
    """An axis more, one fewer, an element fewer, or every number the same."""
    how = draw(st.sampled_from(("deeper", "flatter", "shorter", "zero")))
    if how == "deeper":
        return values[None]
    if how == "flatter" and values.ndim > 1:
        return np.asarray(values[0])
    if how == "shorter" and values.ndim and values.shape[-1] > 1:
        return values[..., 1:]
    return np.zeros_like(values)


def spoiled_numbers(draw: st.DrawFn, values: Array) -> Array:
    """A number at the edge of the dtype in one place."""
    changed = values.copy()
    edges = [2**63 - 1, -(2**63), 2**62, 2**31] if values.dtype == np.int64 else [1e308, -1e308, 1e39, 5e-324]
    changed.flat[draw(st.integers(0, changed.size - 1))] = draw(st.sampled_from(edges))
    return changed


@st.composite
def wholes(draw: st.DrawFn, op: Op) -> Whole:
    """A request that is right, or has up to three things spoiled."""
    case = draw(cases(op, draw(st.integers(1, 3))))
    request = request_of(case, draw(st.sampled_from([Numbers("int64"), Numbers("float64", "loud_and_quiet")])))
    tensors, fields = dict(request.tensors), json.loads(json.dumps(request.fields))
    if draw(st.booleans()):
        fields["steps"] = draw(st.lists(st.sampled_from(VIEWS), max_size=2, unique=True))
    spoils = draw(st.lists(st.sampled_from(("field", "field", "shape", "numbers", "tensor")), max_size=3))
    for spoil in spoils:
        name = draw(st.sampled_from(sorted(tensors)))
        if spoil == "field":
            fields[draw(st.sampled_from(NAMES))] = draw(ODD)
        elif spoil == "shape":
            tensors[name] = spoiled_shape(draw, tensors[name])
        elif spoil == "numbers":
            tensors[name] = spoiled_numbers(draw, tensors[name])
        elif len(tensors) > 1:
            del tensors[name]
    untouched = not spoils and tensors["input"].dtype == np.int64
    return Whole(op, tensors, fields, draw(HEADERS), case if untouched else None)


def places(problem: Body) -> set[tuple[str, str]]:
    """Where the faults are, and which. A file does not tell which of its numbers is a fraction."""
    found = set()
    for entry in problem["errors"]:
        of_tensor = entry["code"] == "dtype_mismatch"
        found.add(("/".join(entry["pointer"].split("/")[:2]) if of_tensor else entry["pointer"], entry["code"]))
    return found


def check(whole: Whole, documented: Documented) -> int:
    """Ask in both forms, and for both forms of the answer; the status."""
    path = PATHS[whole.op]
    lists = {name: values.tolist() for name, values in whole.tensors.items()}
    in_json = json.dumps(lists | whole.fields)
    in_bulk = packed(whole.tensors, whole.fields)
    answers = []
    for body, sent in ((in_json, JSON), (in_bulk, SAFETENSORS)):
        for accepted in (JSON, SAFETENSORS):
            headers = {"Content-Type": sent, "Accept": accepted, **whole.headers}
            response = client().request("POST", path, content=body, headers=headers)
            media_type = response.headers["content-type"]
            assert response.status_code in (200, 400, 422)
            documented.check(path, "post", response.status_code, media_type, response.content)
            answers.append(response)
    assert len({answer.status_code for answer in answers}) == 1, [answer.content[:500] for answer in answers]
    status = answers[0].status_code
    if status != 200:
        told = [places(answer.json()) for answer in answers if "more" not in answer.json()]
        assert all(one == told[0] for one in told), told
        return status
    assert answers[0].json() == answers[2].json()
    outputs = [load(answer.content)["output"] for answer in answers[1::2]]
    outputs.append(np.array(answers[0].json()["output"], outputs[0].dtype))
    assert len({output.tobytes() for output in outputs}) == 1
    if whole.case is not None:
        right = sums_of(request_of(whole.case)).value
        assert np.array_equal(outputs[0].reshape(right.shape), right.astype(np.int64))
    return status


def run(op: Op, examples: int, seed: int, documented: Documented, tally: Tally) -> None:
    """So many requests to one operation."""
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=examples, deadline=None, database=None, suppress_health_check=quiet)
    @given(wholes(op))
    def asked(whole: Whole) -> None:
        tally.statuses[check(whole, documented)] += 1

    asked()


def measure(scale: Scale) -> list[Figure]:
    """Figures of whole requests."""
    tally, documented = Tally(), Documented(client().app.openapi())
    for seed in scale.seeds:
        for op in OPS:
            begun = time.perf_counter()
            run(op, scale.examples, seed, documented, tally)
            print(f"{op}, seed {seed}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    asked = scale.examples * len(scale.seeds) * len(OPS)
    told = ", ".join(f"{count:,} × {status}" for status, count in sorted(tally.statuses.items()))
    what = "whole requests by Hypothesis, each in both forms for both forms of answer: alike, and as documented"
    return [Figure(what, told, f"{asked:,} requests", sum(tally.statuses.values()) >= asked)]
