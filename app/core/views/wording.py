"""Phrases that the views share. Numbers and whole phrases are values of a template.

A value that is itself a `Text` is a phrase with a template of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from app.core.geometry import Pair
from app.core.layout import Array
from app.core.text import Text, say

#: Where things are added or taken off, by the number of dimensions.
_SIDES = {
    1: "elements: {b0} before and {a0} after",
    2: "rows: {b0} above and {a0} below; columns: {b1} on the left and {a1} on the right",
    3: "planes: {b0} in front and {a0} behind; rows: {b1} above and {a1} below; "
    "columns: {b2} on the left and {a2} on the right",
}


def times(sizes: Iterable[int]) -> str:
    """A size as one writes it: 3×3."""
    return "×".join(map(str, sizes))


def each(values: Sequence[object]) -> str:
    """A setting of all dimensions: one number where they agree, else all of them."""
    return ", ".join(map(str, values[:1] if len(set(values)) == 1 else values))


def size(sizes: Sequence[int]) -> Text:
    """A size that can stand in a sentence: "length 5" or "3×3"."""
    return say("length {size}" if len(sizes) == 1 else "{size}", size=times(sizes))


def becomes(before: Sequence[int], after: Sequence[int]) -> Text:
    """How a step changes a size: "2×2 becomes 3×3"."""
    return say("{before} becomes {after}", before=size(before), after=times(after))


def sides(pairs: Sequence[Pair]) -> Text:
    """How many elements, rows and columns at each side."""
    values = {f"b{j}": before for j, (before, _) in enumerate(pairs)}
    values |= {f"a{j}": after for j, (_, after) in enumerate(pairs)}
    return say(_SIDES[len(pairs)], **values)


def number(value: Any) -> str:
    """One element of a tensor: whole numbers as they are, fractions to six digits."""
    return str(int(value)) if value.dtype.kind == "i" else f"{float(value):.6g}"


def first(array: Array) -> str:
    """The first element of a tensor."""
    return number(array.flat[0])


def sentences(first: Text, second: Text) -> Text:
    """One sentence after the other."""
    return say("{first} {second}", first=first, second=second)


def bias(bias: Array) -> tuple[Text, Text]:
    """Title and detail of `add_bias`."""
    if not bias.any():
        return say("Add the bias"), say("The bias is 0: nothing changes.")
    if bias.size == 1:
        return say("Add the bias {bias}", bias=first(bias)), say(
            "The bias {bias} is added to every element of the output.", bias=first(bias)
        )
    return say("Add the bias"), say(
        "Each of the {channels} output channels has one number added to all its elements; the first is {bias}.",
        channels=bias.size,
        bias=first(bias),
    )
