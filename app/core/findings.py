"""Gathers what is wrong with one setting, and checks single numbers and words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from app.core.errors import Fault, Path, ProblemError, Suggestion, field_name
from app.core.text import Text, say

#: The largest integer parameter: beyond it JSON's readers disagree about a number.
LARGEST_PARAMETER = 2**53 - 1

#: How much of a client's own value a message repeats, in characters.
SHOWN_LENGTH = 40

#: Of whole numbers from here on Python writes no digits, unless it is told to.
UNWRITTEN = 10**4300

#: So many unknown names are told one by one; the rest of a million is counted.
NAMED_UNKNOWN = 32


def shown(value: object) -> str:
    """A value as a message repeats it, cut where it is long."""
    if isinstance(value, int) and abs(value) >= UNWRITTEN:
        return f"{'-' if value < 0 else ''}1e{int(math.log10(abs(value)))}…"
    text = str(value)
    return text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 1] + "…"


def given_number(value: int) -> int | str:
    """A number as an error repeats it: as a string, cut, where it is very long."""
    return value if abs(value) < 10**SHOWN_LENGTH else shown(value)


class Findings:
    """The faults so far, and the fields in which there are any (`broken`).

    A check whose own inputs are broken is left out, so that one mistake is told once.
    """

    def __init__(self, broken: Iterable[str] = ()) -> None:
        self.faults: list[Fault] = []
        self.broken = set(broken)
        self.uncounted = 0  # further ones that were not looked at one by one

    def raise_if_any(self) -> None:
        """End here where anything was found.

        Raises:
            ProblemError: with all that was found.
        """
        if self.faults:
            raise ProblemError(self.faults, self.uncounted)

    def add(self, path: Path, code: str, message: Text, **extra: Any) -> None:
        """Record one fault, once."""
        self.take([Fault(path, code, message, **extra)])

    def take(self, faults: Iterable[Fault]) -> None:
        """Record faults that were found elsewhere, each once."""
        for fault in faults:
            if fault not in self.faults:
                self.faults.append(fault)
            self.broken.add(str(fault.field[0]) if fault.field else "")

    def sound(self, *fields: str) -> bool:
        """Whether nothing is known to be wrong with any of these fields."""
        return self.broken.isdisjoint(fields)

    def number(self, path: Path, value: int, least: int) -> None:
        """A whole number from `least` to `LARGEST_PARAMETER`."""
        if least <= value <= LARGEST_PARAMETER:
            return
        low = value < least
        nearest = least if low else LARGEST_PARAMETER
        template = (
            "{field} is {value}; it must be at least {nearest}"
            if low
            else "{field} is {value}; it must be at most {nearest}"
        )
        self.add(
            path,
            "out_of_range",
            say(template, field=field_name(path), value=shown(value), nearest=nearest),
            given=given_number(value),
            allowed={"min": least, "max": LARGEST_PARAMETER},
            suggestion=Suggestion(path, nearest),
        )

    def length(self, path: Path, given: int, low: int, high: int) -> bool:
        """A list of `low` to `high` values; says whether it is."""
        if low <= given <= high:
            return True
        message = say(
            "{field} has length {given}; it must be {wanted}",
            field=field_name(path),
            given=given,
            wanted=low if low == high else say("{low} to {high}", low=low, high=high),
        )
        code = "empty" if given == 0 else "wrong_length"
        self.add(path, code, message, given=given, allowed={"min": low, "max": high})
        return False

    def word(self, field: str, word: str, allowed: Sequence[str], known: Sequence[str]) -> None:
        """A word among the allowed; the merely `known` ones belong to the other operation."""
        if word in allowed or not self.sound(field):
            return
        if word in known:
            code, template = "not_for_this_operation", "{field} {word} is not for this operation; it takes {allowed}"
        else:
            code, template = "out_of_range", "{field} is {word}; it must be one of {allowed}"
        message = say(template, field=field, word=f"'{shown(word)}'", allowed=", ".join(allowed))
        self.add((field,), code, message, given=shown(word), allowed=list(allowed))
