"""What a caller of the library passes, as a setting holds it: hashable, in Python's own numbers, each in its form."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from app.core.errors import Path, field_name
from app.core.findings import Findings, shown
from app.core.layout import Array
from app.core.text import Text, say


class Misfit:
    """A value that is no argument, equal to nothing else: True and 1.0 equal 1, and would be found kept as that."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


def frozen(value: Any) -> Any:
    """Lists as tuples, pairs too, and whole numbers of any kind as ints; a `Misfit` in place of what is neither."""
    if type(value) is int or isinstance(value, str):
        return value
    if type(value) is tuple and {*map(type, value)} == {int}:
        return value
    if isinstance(value, bool | bytes):
        return Misfit(value)
    if isinstance(value, Sequence) or (isinstance(value, np.ndarray) and value.ndim):
        return tuple(map(frozen, value))
    try:
        return operator.index(value)
    except TypeError:
        return Misfit(value)


def flag(value: Any) -> Any:
    """NumPy's booleans as Python's; a `Misfit` in place of what is none."""
    return bool(value) if isinstance(value, bool | np.bool_) else Misfit(value)


@dataclass(frozen=True)
class Form:
    """What a field takes: lists in at least and at most so many others, and of no list a value of these `kinds`."""

    wanted: Text
    least_depth: int = 0
    most_depth: int = 0
    kinds: tuple[type, ...] = (int,)


_EACH = Form(say("a whole number, or a list of one for each dimension"), most_depth=1)
_LIST = Form(say("a list of whole numbers"), least_depth=1, most_depth=1)
_PADDING = Form(
    say("a whole number, or a list of one for each dimension or of [before, after] pairs, or a word"),
    most_depth=2,
    kinds=(int, str),
)
_NUMBER, _WORD = Form(say("a whole number")), Form(say("a word"), kinds=(str,))
_FLAG = Form(say("true or false"), kinds=(bool,))

_FORMS = {
    **dict.fromkeys(("kernel_size", "stride", "dilation", "output_padding"), _EACH),
    **dict.fromkeys(("input_size", "output_size"), _LIST),
    **dict.fromkeys(("groups", "batch", "in_channels", "out_channels"), _NUMBER),
    **dict.fromkeys(("op", "padding_mode", "method"), _WORD),
    **dict.fromkeys(("flip_kernel", "bias"), _FLAG),
    "padding": _PADDING,
}


def fitting(asked: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """The frozen arguments that have the form of their field; what is wrong with the others goes to the findings."""
    for field, value in asked.items():
        form = _FORMS[field]
        if value is None and field == "output_size":  # it need not be given
            continue
        for path, wrong in _misfits((field,), value, form):
            _add(path, wrong, form.wanted if len(path) == 1 else _NUMBER.wanted, findings)
    return {field: value for field, value in asked.items() if findings.sound(field)}


def _misfits(path: Path, value: Any, form: Form) -> Iterator[tuple[Path, Any]]:
    """What in a value has not the form, and where."""
    depth = len(path) - 1
    if isinstance(value, tuple) and depth < form.most_depth:
        for j, entry in enumerate(value):
            yield from _misfits((*path, j), entry, form)
    elif depth < form.least_depth or not isinstance(value, int if depth else form.kinds):
        yield path, value.value if isinstance(value, Misfit) else value


def _add(path: Path, wrong: Any, wanted: Text, findings: Findings) -> None:
    message = say(
        "{name} has type {type}; it must be {wanted}", name=field_name(path), type=type(wrong).__name__, wanted=wanted
    )
    given = wrong if type(wrong) is float else shown(wrong) if isinstance(wrong, str) else None
    findings.add(path, "wrong_type", message, given=given)


def arrays_of(x: ArrayLike, w: ArrayLike, bias: ArrayLike | None) -> tuple[Array, Array, Array | None]:
    """The arrays, as NumPy reads lists and numbers.

    Raises:
        ProblemError: one is no array of numbers.
    """
    findings = Findings()
    arrays = _array("input", x, findings), _array("kernel", w, findings)
    of_bias = None if bias is None else _array("bias", bias, findings)
    findings.raise_if_any()
    return *arrays, of_bias


def _array(field: str, values: ArrayLike, findings: Findings) -> Array:
    """The array of these values; where they are none, what they are goes to the findings."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        array = np.empty(0, object)
    if array.dtype.kind not in "biufc":
        _add((field,), values, say("an array of numbers, or lists of them that are as long as each other"), findings)
    return array
