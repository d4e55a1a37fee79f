"""What /v1/output-size refuses, the computing endpoints refuse with the same codes, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.client import OUTPUT_SIZE, Entry, client, entries_of
from tests.api.requests_at_random import PATHS, Body
from tests.api.test_errors import with_suggestion
from tests.core.strategies import OPS, Op, examples

#: Numbers that are right, too small and too large, and what is no number at all.
NUMBERS = st.sampled_from([1, 1, 1, 2, 2, 3, 4, 0, -1, 2**53])
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, "same", "full", "1", 1.0, [], [1, 1, 1, 1], {}, [[1, 0], 1], "x", [None], [[1, 0, 0]]]
)
PADS = st.integers(0, 6)


def each(n: int, numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One number, or one for each dimension, or something odd once in a while."""
    lists = st.lists(numbers, min_size=n, max_size=n)
    return st.one_of(numbers, lists, lists, numbers, st.one_of(lists, ODD))


@st.composite
def settings_at_random(draw: st.DrawFn, op: Op) -> tuple[Body, Body]:
    """A setting for /v1/output-size, and its tensors' shapes for the computing endpoint."""
    n = draw(st.integers(1, 3))
    input_size = draw(st.lists(st.integers(1, 5), min_size=n, max_size=n))
    kernel_size = draw(st.lists(st.integers(1, 5), min_size=n, max_size=n))
    batch, inside, outside = draw(st.integers(1, 2)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    pads = st.one_of(each(n, PADS), st.lists(st.lists(PADS, min_size=2, max_size=2), min_size=n, max_size=n))
    words = st.sampled_from(["valid", "same", "same_lower", "full", "SAME"])
    fields = {
        "stride": each(n, NUMBERS),
        "dilation": each(n, NUMBERS),
        "padding": st.one_of(pads, words),
        "padding_mode": st.sampled_from(["zeros", "reflect", "replicate", "circular", "none", 1]),
        "output_padding": each(n, st.integers(-1, 3)),
        "output_size": st.one_of(st.none(), st.lists(st.integers(0, 20), min_size=n, max_size=n), ODD),
        "groups": st.one_of(st.integers(0, 4), ODD),
    }
    names = draw(st.sets(st.sampled_from(sorted(fields)), max_size=4))
    asked = {name: draw(fields[name]) for name in sorted(names)}
    groups = asked.get("groups", 1)
    groups = groups if type(groups) is int and groups > 0 else 1
    if op == "conv":
        kernel_shape = [outside, max(1, inside // groups)]
    else:
        outside *= groups
        kernel_shape = [inside, outside // groups]
    sizes = {"op": op, "input_size": input_size, "kernel_size": kernel_size, "batch": batch}
    sizes |= {"in_channels": inside, "out_channels": outside}
    tensors = {"input": zeros([batch, inside, *input_size]), "kernel": zeros([*kernel_shape, *kernel_size])}
    return sizes | asked, tensors | asked


def zeros(shape: list[int]) -> Any:
    """Nested lists of zeros."""
    return [zeros(shape[1:]) for _ in range(shape[0])] if shape else 0


def refusals(response: httpx.Response) -> list[Entry]:
    return [] if response.status_code == 200 else entries_of(response)


def without_tensors(entry: Entry) -> str:
    """An entry with `kernel_size` called `kernel`, whichever dimension's it is.

    Of groups that do not divide, only where and which: no kernel has the channels of such a setting.
    """
    shown = dict(entry)
    if entry["code"] == "groups_do_not_divide":
        return f"{entry['pointer']} {entry['code']}"
    if shown["pointer"].startswith("/kernel_size"):
        shown["pointer"] = "/kernel"
    return json.dumps(shown, sort_keys=True)


@pytest.mark.parametrize("op", OPS)
def test_the_same_refusals(op: Op) -> None:
    """The whole entries: messages and suggestions too."""

    @given(settings_at_random(op))
    @examples(600)
    def check(bodies: tuple[Body, Body]) -> None:
        sized, computed = client().post(OUTPUT_SIZE, bodies[0]), client().post(PATHS[op], bodies[1])
        if computed.status_code == 422 and computed.json()["type"] == "urn:convarith:too-costly":
            assert sized.status_code == 200
            return
        assert set(map(without_tensors, refusals(sized))) == set(map(without_tensors, refusals(computed)))
        if sized.status_code == 200:
            assert computed.json()["geometry"] == sized.json()

    check()


@pytest.mark.parametrize("op", OPS)
def test_a_suggestion_makes_its_fault_go_away(op: Op) -> None:
    @given(settings_at_random(op))
    @examples(400)
    def check(bodies: tuple[Body, Body]) -> None:
        faults = refusals(client().post(PATHS[op], bodies[1]))
        for fault in faults:
            if "suggestion" in fault:
                again = refusals(client().post(PATHS[op], with_suggestion(bodies[1], fault["suggestion"])))
                same = [
                    entry for entry in again if (entry["pointer"], entry["code"]) == (fault["pointer"], fault["code"])
                ]
                before = [
                    entry for entry in faults if (entry["pointer"], entry["code"]) == (fault["pointer"], fault["code"])
                ]
                assert len(same) < len(before)

    check()
