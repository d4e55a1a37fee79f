"""What can be wrong with a problem: which field, which code, in which words.

Nothing here knows HTTP. A `Fault` names the field by its path in the request
(`("stride", 1)`), which is also what a caller of the library passed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.core.text import Text

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Suggestion:
    """The nearest setting that works: put `value` at `field`."""

    field: Path
    value: Any


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, and where it can be said, what would be right.

    `given` is the offending number or word, never a list; `allowed` is
    `{"min": …, "max": …}` or a list of words; `limit` and `would_be` belong to
    refusals of cost and overflow.
    """

    field: Path
    code: str
    message: Text
    given: int | float | str | None = None
    allowed: dict[str, int] | list[Any] | None = None
    limit: int | None = None
    would_be: int | None = None
    suggestion: Suggestion | None = None


class ProblemError(ValueError):
    """The description of an operation contradicts itself; `faults` says where.

    `uncounted` further faults of the same kind were not looked at one by one.
    """

    def __init__(self, faults: Iterable[Fault], uncounted: int = 0) -> None:
        self.faults = tuple(faults)
        self.uncounted = uncounted
        super().__init__("; ".join(str(fault.message) for fault in self.faults))


class TooCostlyError(ProblemError):
    """The operation is well described and larger than the limits in force."""


class OverflowingError(ProblemError):
    """The answer does not fit the dtype: an int64 sum, or a float that became infinite."""


def field_name(path: Path) -> str:
    """The path as a reader writes it: `("padding", 1, 0)` is `padding[1][0]`."""
    head, *rest = path or ("the request",)
    return str(head) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)
