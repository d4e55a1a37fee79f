"""What an error suggests: it works, nothing nearer does, and it is missing only where nothing would do."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given

from app.core.errors import Fault, Suggestion
from tests.core.strategies import OPS, Op, examples
from tests.core.wrong_settings import Asked, asked

#: Larger than every padding that mends one of the small settings here.
MOST_PADDING = 16


def alike(fault: Fault, others: tuple[Fault, ...]) -> int:
    """How many of the others have this fault's code and field."""
    return sum((other.code, other.field) == (fault.code, fault.field) for other in others)


@pytest.mark.parametrize("op", OPS)
def test_a_suggestion_mends_its_fault(op: Op) -> None:
    """Where it is about the field at fault, no such fault is left there; else there is one fewer."""

    @given(asked(op))
    @examples(600)
    def check(case: Asked) -> None:
        faults = case.faults()
        for fault in faults:
            if fault.suggestion is not None:
                left = alike(fault, case.with_suggestion(fault.suggestion).faults())
                assert left <= (0 if fault.suggestion.field == fault.field else alike(fault, faults) - 1)

    check()


@pytest.mark.parametrize("op", OPS)
def test_the_suggestion_for_a_lone_fault_works(op: Op) -> None:
    """`conflict` aside: which of two fields is meant nobody knows."""

    @given(asked(op))
    @examples(600)
    def check(case: Asked) -> None:
        faults = case.faults()
        if len(faults) == 1 and faults[0].suggestion is not None and faults[0].code != "conflict":
            assert case.with_suggestion(faults[0].suggestion).faults() == ()

    check()


@pytest.mark.parametrize("op", OPS)
def test_no_nearer_number_would_do(op: Op) -> None:
    @given(asked(op))
    @examples(600)
    def check(case: Asked) -> None:
        faults = case.faults()
        if len(faults) != 1 or faults[0].suggestion is None or faults[0].code == "conflict":
            return
        suggestion = faults[0].suggestion
        old, new = case.value_at(suggestion.field), suggestion.value
        if isinstance(old, int) and isinstance(new, int):
            for nearer in range(max(0, old - abs(new - old) + 1), old + abs(new - old)):
                assert case.with_suggestion(Suggestion(suggestion.field, nearer)).faults() != ()

    check()


@pytest.mark.parametrize("op", OPS)
def test_a_suggestion_is_missing_only_where_no_padding_would_do(op: Op) -> None:
    @given(asked(op))
    @examples(2000)
    def check(case: Asked) -> None:
        faults = case.faults()
        if len(faults) == 1 and faults[0].suggestion is None:
            for value in other_paddings(case):
                padding = Suggestion(("padding",), value)
                assert case.with_suggestion(padding).faults() != (), value

    check()


def other_paddings(case: Asked) -> list[Any]:
    """Every padding of the form that was asked, with one axis changed."""
    padding = case.fields["padding"]
    numbers = range(MOST_PADDING)
    if not isinstance(padding, tuple):
        return list(numbers) if isinstance(padding, int) or padding == "valid" else []
    others: list[Any] = []
    for axis, old in enumerate(padding):
        choices = list(product(numbers, numbers)) if isinstance(old, tuple) else list(numbers)
        others += [(*padding[:axis], choice, *padding[axis + 1 :]) for choice in choices]
    return others
