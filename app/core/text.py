"""Sentences with numbers in them, for errors and for the titles of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Text:
    """A sentence in English and the values that belong in its braces.

    They stay apart until the sentence is shown, so that a reader's own language can
    be chosen last: the English template is the key to its translations. A value that is
    a `Text` itself is a phrase with a template of its own, to be translated like it.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.template.format_map(self.values)


def say(template: str, /, **values: Any) -> Text:
    """`say("{field} is {given}", field="stride", given=0)`."""
    return Text(template, values)
