"""Random settings, most of them wrong, as they are asked of `output_size`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from app.core import output_size
from app.core.errors import Fault, Path, ProblemError, Suggestion
from tests.core.strategies import MODES, WORDS, Op
from tests.naive_sizes import per_axis

Fields = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """Fields of a request to `output_size`, right or wrong."""

    op: Op
    fields: Fields

    def faults(self) -> tuple[Fault, ...]:
        """What the core finds wrong."""
        try:
            output_size(self.op, **self.fields)
        except ProblemError as error:
            return error.faults
        return ()

    def with_suggestion(self, suggestion: Suggestion) -> Asked:
        """The same with the suggested value in its place."""
        head, *rest = suggestion.field
        old = self.fields.get(str(head))
        return replace(self, fields=self.fields | {str(head): put(old, rest, suggestion.value)})

    def value_at(self, path: Path) -> Any:
        """The value that stands at a path; "valid" is the number 0."""
        value = self.fields.get(str(path[0]), 0)
        for part in path[1:]:
            value = value[part]
        return 0 if value == "valid" else value

    @property
    def axes(self) -> list[tuple[int, int, int, int]]:
        """(i, k, s, d) of each axis."""
        size = self.fields["input_size"]
        others = [per_axis(self.fields[name], len(size)) for name in ("kernel_size", "stride", "dilation")]
        return list(zip(size, *others, strict=True))


def put(old: Any, path: list[str | int], value: Any) -> Any:
    """A tuple of tuples with a value at a path; a list from JSON becomes a tuple."""
    if not path:
        return tuple(value) if isinstance(value, list) else value
    at = path[0]
    assert isinstance(at, int)
    return (*old[:at], put(old[at], path[1:], value), *old[at + 1 :])


@st.composite
def asked(draw: st.DrawFn, op: Op) -> Asked:
    """Small numbers that need not fit one another."""
    n = draw(st.integers(1, 2))

    def numbers(low: int, high: int) -> Any:
        shared = draw(st.booleans())
        return draw(st.integers(low, high)) if shared else tuple(draw(st.integers(low, high)) for _ in range(n))

    fields: Fields = {"input_size": tuple(draw(st.integers(1, 6)) for _ in range(n))}
    fields |= {"kernel_size": numbers(1, 6), "stride": numbers(1, 4), "dilation": numbers(1, 3)}
    form = draw(st.sampled_from(("numbers", "pairs", "word")))
    if form == "numbers":
        fields["padding"] = numbers(0, 6)
    elif form == "pairs":
        fields["padding"] = tuple((draw(st.integers(0, 8)), draw(st.integers(0, 8))) for _ in range(n))
    else:
        fields["padding"] = draw(st.sampled_from(WORDS[op]))
    if op == "conv":
        fields["padding_mode"] = draw(st.sampled_from(MODES))
        return Asked(op, fields)
    choice = draw(st.sampled_from(("neither", "output_padding", "output_size", "output_size", "both")))
    if choice in ("output_padding", "both"):
        fields["output_padding"] = numbers(0, 4)
    if choice in ("output_size", "both"):
        fields["output_size"] = tuple(draw(st.integers(1, 20)) for _ in range(n))
    return Asked(op, fields)
