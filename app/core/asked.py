"""One axis of a setting as it was asked: its numbers, where they stand, and what they could be instead."""

from __future__ import annotations

from collections.abc import Callable

from app.core.errors import Path, Suggestion
from app.core.findings import LARGEST_PARAMETER
from app.core.geometry import Pair, ceil_div, effective_kernel, largest_padding
from app.core.problem import Ints, Setting
from app.core.text import say

#: What the elements along each axis are called in messages, by the number of dimensions.
AXIS_NAMES = {
    1: (say("elements"),),
    2: (say("rows"), say("columns")),
    3: (say("planes"), say("rows"), say("columns")),
}


class AskedAxis:
    """One axis of a setting: its own numbers, and where in the request they stand."""

    def __init__(self, setting: Setting, j: int) -> None:
        self.setting, self.j, self.n = setting, j, len(setting.input_size)
        self.i = setting.input_size[j]
        self.k = self.one(setting.kernel_size)
        self.s = self.one(setting.stride)
        self.d = self.one(setting.dilation)
        self.reach = effective_kernel(self.k, self.d)
        self.name = AXIS_NAMES[self.n][j]

    def one(self, value: Ints) -> int:
        """This axis's own of a value that may be one for all."""
        if not isinstance(value, tuple):
            return value
        return value[self.j] if self.j < len(value) else 1  # of a wrong length, which is told elsewhere

    def path(self, field: str) -> Path:
        """Where this axis's number of a field stands: `("stride",)` or `("stride", 1)`."""
        return (field, self.j) if isinstance(getattr(self.setting, field), tuple) else (field,)

    @property
    def word(self) -> str | None:
        """The padding where it is a word with a rule of its own ("valid" is the number 0)."""
        padding = self.setting.padding
        return padding if isinstance(padding, str) and padding != "valid" else None

    @property
    def pair(self) -> Pair:
        """The padding where it is a number, as (before, after)."""
        padding = self.setting.padding
        own = 0 if isinstance(padding, str) else padding[self.j] if isinstance(padding, tuple) else padding
        return own if isinstance(own, tuple) else (own, own)

    def lengthen_padding(self, missing: Callable[[AskedAxis], int]) -> Suggestion | None:
        """The nearest padding that adds what is missing, on every axis that shares the number."""
        before, after = self.pair
        if self.has_pair:
            limit = largest_padding(self.setting.padding_mode, self.i)
            after_new = int(min(after + missing(self), limit))
            rest = missing(self) - (after_new - after)
            if rest <= 0:
                return within(("padding", self.j, 1), after_new)
            return Suggestion(("padding", self.j), [before + rest, after_new])
        each = max(ceil_div(missing(axis), 2) for axis in self.sharing_padding())
        return within(self.path("padding"), before + each)

    def shorten_padding(self, excess: Callable[[AskedAxis], int]) -> Suggestion | None:
        """The nearest padding that is shorter by the excess, on every axis that shares the number."""
        before, after = self.pair
        if self.has_pair:
            rest = after - excess(self)
            whole_pair = Suggestion(("padding", self.j), [before + rest, 0])
            return Suggestion(("padding", self.j, 1), rest) if rest >= 0 else whole_pair
        each = max(ceil_div(excess(axis), 2) for axis in self.sharing_padding())
        return within(self.path("padding"), before - each)

    @property
    def has_pair(self) -> bool:
        """Whether this axis's padding was asked as a pair."""
        padding = self.setting.padding
        return isinstance(padding, tuple) and isinstance(padding[self.j], tuple)

    def sharing_padding(self) -> list[AskedAxis]:
        """The axes for which the padding of this one counts."""
        return [self] if isinstance(self.setting.padding, tuple) else self.all()

    def all(self) -> list[AskedAxis]:
        """All axes of the setting."""
        return [AskedAxis(self.setting, j) for j in range(self.n)]


def within(path: Path, value: int) -> Suggestion | None:
    """A suggestion, where the value is one that a parameter may have."""
    return Suggestion(path, value) if 0 <= value <= LARGEST_PARAMETER else None
