"""JSON's nested lists to arrays, in one pass over each, and the dtype that they share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from app.core.errors import Fault, Path, ProblemError, Suggestion, field_name
from app.core.findings import given_number, shown
from app.core.finite import all_finite
from app.core.layout import Array
from app.core.text import Text, say

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

#: (batch, channels) and three spatial dimensions; deeper lists are not followed.
DEEPEST = 5


@dataclass(frozen=True)
class Tensor:
    """One tensor as it was sent, before the dtype that all share is known.

    `dtype` is int64 where all numbers are whole by the way they are written; otherwise
    float64, or from safetensors float32 too. `load` gives the values, whole numbers in any
    integer type; they may take memory: so not before the shapes are known to be affordable.
    """

    field: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    load: Callable[[], Array]
    sent: Any = None

    @property
    def whole(self) -> bool:
        """Whether all numbers are whole."""
        return self.dtype.kind == "i"


# Nested lists


def read_json_tensor(value: Any, field: str) -> Tensor:
    """A tensor from nested lists of numbers.

    Raises:
        ProblemError: the first place at which the lists are empty, uneven or too deep, or
            hold something that is not a number, or a whole number outside int64.
    """
    shape, rows = _shape_and_rows(value, field)
    kinds: set[type] = set()
    for row in rows:
        kinds.update(map(type, row))
    if not kinds <= {int, float}:
        raise ProblemError([_not_a_number(value, field, len(shape))])
    numbers = chain.from_iterable(rows)
    count = math.prod(shape)
    try:
        flat = np.fromiter(numbers, np.float64 if float in kinds else np.int64, count)
    except OverflowError:
        raise ProblemError([_outside_int64(value, field, len(shape))]) from None
    if kinds == {int, float} and max(flat.max(), -flat.min()) >= INT64_MAX:
        _check_whole_numbers(value, field, len(shape))
    return Tensor(field, shape, flat.dtype, lambda: flat.reshape(shape), value)


def _shape_and_rows(value: Any, field: str) -> tuple[tuple[int, ...], Iterable[Sequence[Any]]]:
    """The shape, and the innermost lists one after the other."""
    if not isinstance(value, list):
        return (), [[value]]
    shape = [len(value)]
    rows = [value]
    while len(shape) <= DEEPEST and rows[0] and isinstance(rows[0][0], list):
        below = list(chain.from_iterable(rows))
        if set(map(type, below)) != {list} or len(set(map(len, below))) > 1:
            raise ProblemError([_uneven(value, field, len(shape))])
        rows = below
        shape.append(len(rows[0]))
    if not rows[0]:
        raise ProblemError([_empty((field, *[0] * (len(shape) - 1)))])
    if len(shape) > DEEPEST:
        message = say(
            "{field} is nested more than {deepest} lists deep; {deepest} is a batch of volumes with channels",
            field=field,
            deepest=DEEPEST,
        )
        raise ProblemError([Fault((field,), "wrong_rank", message, allowed={"min": 1, "max": DEEPEST})])
    return tuple(shape), rows


def _first(value: Any, depth: int, wrong: Callable[[Any], bool], path: Path) -> tuple[Path, Any] | None:
    """The first entry at a depth (in row-major order) that is wrong, and its path."""
    if depth == 0:
        return (path, value) if wrong(value) else None
    if depth == 1:  # the long level: no call and no path for each entry
        return next((((*path, j), entry) for j, entry in enumerate(value) if wrong(entry)), None)
    found = (_first(entry, depth - 1, wrong, (*path, j)) for j, entry in enumerate(value))
    return next(filter(None, found), None)


def _empty(path: Path) -> Fault:
    return Fault(path, "empty", say("{name} is empty; it must hold at least 1 value", name=field_name(path)))


def _uneven(value: Any, field: str, depth: int) -> Fault:
    """The first list at a depth that is none, or is as long as no other before it."""
    wanted = value
    for _ in range(depth):
        wanted = wanted[0]
    length = len(wanted)
    if length == 0:
        return _empty((field, *[0] * depth))
    found = _first(value, depth, lambda entry: not isinstance(entry, list) or len(entry) != length, (field,))
    path, entry = found if found is not None else ((field,), value)
    reference = field_name((field, *[0] * depth))
    if isinstance(entry, list):
        message = say(
            "{name} has length {length} where {reference} has {wanted}; all must be as long",
            name=field_name(path),
            length=len(entry),
            reference=reference,
            wanted=length,
        )
        return Fault(path, "uneven", message, given=len(entry), allowed={"min": length, "max": length})
    message = say(
        "{name} is not a list where {reference} is one of {wanted} values",
        name=field_name(path),
        reference=reference,
        wanted=length,
    )
    return Fault(path, "uneven", message, given=given_value(entry))


def given_value(value: Any) -> int | float | str | None:
    """A client's value as an error repeats it: a number or a short string, never a list."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return given_number(value)
    return shown(value) if isinstance(value, str) else value if isinstance(value, float) else None


def _not_a_number(value: Any, field: str, depth: int) -> Fault:
    found = _first(value, depth, lambda entry: type(entry) not in (int, float), (field,))
    path, entry = found if found is not None else ((field,), value)
    if isinstance(entry, list):
        message = say("{name} is a list where its neighbours are numbers", name=field_name(path))
        return Fault(path, "uneven", message)
    template = (
        "{name} is {kind}; it must be a number"
        if depth
        else "{name} is {kind}; it must be a number, or lists of numbers"
    )
    message = say(template, name=field_name(path), kind=kind_of(entry))
    return Fault(path, "wrong_type", message, given=given_value(entry))


def kind_of(value: Any) -> Text:
    """What a JSON value is, in words."""
    if isinstance(value, bool):
        return say("true" if value else "false")
    return _KINDS.get(type(value), say("null"))


_KINDS = {
    dict: say("an object"),
    list: say("a list"),
    str: say("a string"),
    int: say("a number"),
    float: say("a number"),
}


def _check_whole_numbers(value: Any, field: str, depth: int) -> None:
    """Whole numbers among fractions must fit int64 too, though a double could hold them."""
    if _first(value, depth, _is_outside_int64, (field,)) is not None:
        raise ProblemError([_outside_int64(value, field, depth)])


def _is_outside_int64(entry: Any) -> bool:
    return isinstance(entry, int) and not INT64_MIN <= entry <= INT64_MAX


def _outside_int64(value: Any, field: str, depth: int) -> Fault:
    found = _first(value, depth, _is_outside_int64, (field,))
    path, entry = found if found is not None else ((field,), value)
    message = say(
        "{name} is {value}, outside int64 (-2^63 to 2^63 - 1); write it as a fraction, like 1e19, to compute in floats",
        name=field_name(path),
        value=shown(entry),
    )
    allowed = {"min": INT64_MIN, "max": INT64_MAX}
    return Fault(path, "integer_too_large", message, given=given_number(entry), allowed=allowed)


# The dtype that all share


def shared_dtype(tensors: Iterable[Tensor], asked: str) -> np.dtype[Any]:
    """The one dtype to compute in: the one asked, or by "auto" the one that the tensors call for.

    All whole is int64; one float dtype beside whole numbers is that; two are float64.

    Raises:
        ProblemError: `dtype_mismatch`, int64 with a fraction.
    """
    if asked == "auto":
        floats = {tensor.dtype for tensor in tensors if not tensor.whole}
        return np.result_type(*floats) if floats else np.dtype(np.int64)
    target = np.dtype(asked)
    faults = [_fraction_fault(tensor) for tensor in tensors if target.kind == "i" and not tensor.whole]
    if faults:
        raise ProblemError(faults)
    return target


def cast(tensor: Tensor, target: np.dtype[Any]) -> Array:
    """A tensor's values in the shared dtype, in memory that kernels are compiled for: aligned, and writable.

    Raises:
        ProblemError: `not_finite`, a number that the dtype cannot hold.
    """
    values = tensor.load()
    if values.dtype == target and not (values.flags.aligned and values.flags.writeable):
        values = values.copy()  # which costs less than a compilation
    if tensor.whole and target.kind == "i":
        return values.astype(target, copy=False)
    if values.dtype == np.int64 and target == np.float32:
        return _by_doubles(values)
    with np.errstate(over="ignore", invalid="ignore"):
        result: Array = values.astype(target, copy=False)
    if all_finite(result):
        return result
    raise ProblemError([_not_finite(tensor.field, values, result)])


#: Whole numbers that become floats at once.
_STRETCH = 2**16


def _by_doubles(values: Array) -> Array:
    """int64 as float32 by way of the nearest double, as the contract reads numbers: all of them are finite."""
    flat, result = values.reshape(-1), np.empty(values.shape, np.float32)
    floats = result.reshape(-1)
    for begin in range(0, len(flat), _STRETCH):
        floats[begin : begin + _STRETCH] = flat[begin : begin + _STRETCH].astype(np.float64)
    return result


def _not_finite(field: str, values: Array, result: Array) -> Fault:
    index = np.unravel_index(int(np.argmin(np.isfinite(result))), result.shape)
    path: Path = (field, *(int(i) for i in index))
    given = float(values[index])
    message = say(
        "{name} is {value}, which {dtype} cannot hold as a finite number",
        name=field_name(path),
        value=repr(given),
        dtype=result.dtype.name,
    )
    wider = Suggestion(("dtype",), "float64") if math.isfinite(given) else None
    return Fault(path, "not_finite", message, given=given if math.isfinite(given) else repr(given), suggestion=wider)


def _fraction_fault(tensor: Tensor) -> Fault:
    path: Path = (tensor.field,)
    given = None
    if tensor.sent is not None:
        found = _first(tensor.sent, len(tensor.shape), lambda entry: isinstance(entry, float), path)
        path, given = found if found is not None else (path, None)
    message = say(
        "{name} is a fraction by the way it is written, and dtype is int64: write whole numbers without a point or "
        "an exponent, or set dtype to float64",
        name=field_name(path),
    )
    return Fault(path, "dtype_mismatch", message, given=given, suggestion=Suggestion(("dtype",), "float64"))
