"""From the numbers and words that were asked to one resolved `Dimension` each."""

from __future__ import annotations

from collections.abc import Callable

from app.core import geometry
from app.core.errors import Path, Suggestion, field_name
from app.core.findings import LARGEST_PARAMETER, Findings
from app.core.geometry import Dimension, Pair, ceil_div, effective_kernel, largest_padding
from app.core.problem import Ints, Padding, Setting
from app.core.text import say

#: What the elements along each axis are called in messages, by the number of dimensions.
AXIS_NAMES = {1: ("elements",), 2: ("rows", "columns"), 3: ("planes", "rows", "columns")}

_SIZED_BY = (
    *("input", "input_size", "kernel", "kernel_size", "stride", "padding", "dilation"),
    *("output_padding", "output_size", "padding_mode", "spatial_dims"),
)


def dimensions_of(setting: Setting, findings: Findings) -> tuple[Dimension, ...]:
    """The resolved dimensions; empty where the findings leave none to work out."""
    n = len(setting.input_size)
    if findings.sound("input_size"):
        findings.length(("input_size",), n, 1, 3)
    _check_numbers(setting, n, findings)
    _check_conflicts(setting, findings)
    if not findings.sound(*_SIZED_BY):
        return ()
    resolve = _conv_dimension if setting.op == "conv" else _transpose_dimension
    return tuple(resolve(_Axis(setting, j), findings) for j in range(n))


def _check_numbers(setting: Setting, n: int, findings: Findings) -> None:
    numbers: tuple[tuple[str, Ints | Padding | None, int], ...] = (
        ("input_size", setting.input_size, 1),
        ("kernel_size", setting.kernel_size, 1),
        ("stride", setting.stride, 1),
        ("dilation", setting.dilation, 1),
        ("output_padding", setting.output_padding, 0),
        ("output_size", setting.output_size, 1),
        ("padding", setting.padding, 0),
    )
    for field, value, least in numbers:
        if findings.sound(field):
            _check_each((field,), value, n, least, findings)


def _check_each(path: Path, value: Ints | Padding | None, n: int, least: int, findings: Findings) -> None:
    """A number, a list of n numbers, or for padding a word or a list of n pairs."""
    if isinstance(value, int):
        findings.number(path, value, least)
    elif isinstance(value, tuple) and findings.length(path, len(value), n, n):
        entries: tuple[Ints, ...] = value
        for j, entry in enumerate(entries):
            _check_each((*path, j), entry, 2, least, findings)


def _check_conflicts(setting: Setting, findings: Findings) -> None:
    """output_padding has no say where the output's size is given in another way, nor in a convolution."""
    if setting.op == "conv":
        _check_conv_takes(setting, findings)
        return
    if not findings.sound("output_padding") or not _any(setting.output_padding):
        return
    if setting.output_size is not None:
        other = say("output_padding and output_size both set the output's size: leave one of them out")
    elif setting.padding in ("same", "same_lower"):
        other = say(
            "padding {word} sets the output's size by itself: leave output_padding out", word=f"'{setting.padding}'"
        )
    else:
        return
    findings.add(("output_padding",), "conflict", other, suggestion=Suggestion(("output_padding",), 0))


def _check_conv_takes(setting: Setting, findings: Findings) -> None:
    given = {"output_padding": _any(setting.output_padding), "output_size": setting.output_size is not None}
    for field, there in given.items():
        if there and findings.sound(field):
            message = say("{field} is for conv_transpose; conv does not take it: leave it out", field=field)
            findings.add((field,), "not_for_this_operation", message)


def _any(value: Ints) -> bool:
    return any(value) if isinstance(value, tuple) else value != 0


class _Axis:
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
        return value[self.j] if isinstance(value, tuple) else value

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

    def lengthen_padding(self, missing: Callable[[_Axis], int]) -> Suggestion | None:
        """The nearest padding that adds what is missing, on every axis that shares the number."""
        before, after = self.pair
        if self.has_pair:
            limit = largest_padding(self.setting.padding_mode, self.i)
            after_new = int(min(after + missing(self), limit))
            rest = missing(self) - (after_new - after)
            if rest <= 0:
                return _within(("padding", self.j, 1), after_new)
            return Suggestion(("padding", self.j), [before + rest, after_new])
        each = max(ceil_div(missing(axis), 2) for axis in self.sharing_padding())
        return _within(self.path("padding"), before + each)

    def shorten_padding(self, excess: Callable[[_Axis], int]) -> Suggestion | None:
        """The nearest padding that is shorter by the excess, on every axis that shares the number."""
        before, after = self.pair
        if self.has_pair:
            rest = after - excess(self)
            whole_pair = Suggestion(("padding", self.j), [before + rest, 0])
            return Suggestion(("padding", self.j, 1), rest) if rest >= 0 else whole_pair
        each = max(ceil_div(excess(axis), 2) for axis in self.sharing_padding())
        return _within(self.path("padding"), before - each)

    @property
    def has_pair(self) -> bool:
        """Whether this axis's padding was asked as a pair."""
        padding = self.setting.padding
        return isinstance(padding, tuple) and isinstance(padding[self.j], tuple)

    def sharing_padding(self) -> list[_Axis]:
        """The axes for which the padding of this one counts."""
        return [self] if isinstance(self.setting.padding, tuple) else self.all()

    def all(self) -> list[_Axis]:
        """All axes of the setting."""
        return [_Axis(self.setting, j) for j in range(self.n)]


def _within(path: Path, value: int) -> Suggestion | None:
    return Suggestion(path, value) if 0 <= value <= LARGEST_PARAMETER else None


# Convolution


def _conv_dimension(axis: _Axis, findings: Findings) -> Dimension:
    setting = axis.setting
    if axis.word == "full":
        pair = (axis.reach - 1, axis.reach - 1)
    elif axis.word is not None:
        pair = geometry.same_conv_padding(axis.i, axis.reach, axis.s, lower=axis.word == "same_lower")
    else:
        pair = axis.pair
    if max(pair) > largest_padding(setting.padding_mode, axis.i):
        _padding_too_large(axis, pair, findings)
    elif axis.i + sum(pair) < axis.reach:
        _kernel_too_large(axis, axis.i + sum(pair), findings)
    return Dimension(
        "conv", axis.i, axis.k, axis.s, axis.d, pair, padding_word=axis.word, padding_mode=setting.padding_mode
    )


def _kernel_too_large(axis: _Axis, padded: int, findings: Findings) -> None:
    setting = axis.setting
    suggestion = axis.lengthen_padding(_missing)
    if suggestion is not None and not _allowed(axis, suggestion):
        suggestion = None
    values = {"reach": axis.reach, "axis": axis.name, "padded": padded}
    template = "the kernel reaches over {reach} {axis} and the padded input has {padded}: "
    if suggestion is None:
        template += "use a smaller kernel or dilation"
    else:
        values |= {"raise": _raise_by(suggestion, axis)}
        template += "{raise} or use a smaller kernel"
    path: Path = ("kernel",) if setting.kernel_channels is not None else axis.path("kernel_size")
    findings.add(path, "kernel_too_large", say(template, **values), given=axis.reach, suggestion=suggestion)


def _missing(axis: _Axis) -> int:
    return axis.reach - axis.i - sum(axis.pair)


def _allowed(axis: _Axis, suggestion: Suggestion) -> bool:
    """Whether the padding mode reaches as far as the suggested padding, on every axis that shares it."""
    longest = max(suggestion.value) if isinstance(suggestion.value, list) else suggestion.value
    return all(longest <= largest_padding(other.setting.padding_mode, other.i) for other in axis.sharing_padding())


def _raise_by(suggestion: Suggestion, axis: _Axis) -> str:
    field = field_name(suggestion.field)
    if isinstance(suggestion.value, list):
        return f"set {field} to {suggestion.value}"
    before, after = axis.pair
    return f"raise {field} by {suggestion.value - (after if len(suggestion.field) == 3 else before)}"


def _padding_too_large(axis: _Axis, pair: Pair, findings: Findings) -> None:
    mode = axis.setting.padding_mode
    limit = int(largest_padding(mode, axis.i))
    sides = [side for side in (0, 1) if pair[side] > limit]
    path: Path = ("padding",)
    suggestion: Suggestion | None = Suggestion(("padding_mode",), "replicate")
    if axis.has_pair:
        path = ("padding", axis.j, sides[0])
        suggestion = _within_limit(axis, limit)
    elif axis.word is None:
        path = axis.path("padding")
        shortest = min(largest_padding(mode, other.i) for other in axis.sharing_padding())
        suggestion = Suggestion(path, int(shortest))
    message = say(
        "padding {pad} is too large for padding_mode {mode} on {i} {axis}; it can be at most {limit}",
        pad=pair[sides[0]],
        mode=f"'{mode}'",
        i=axis.i,
        axis=axis.name,
        limit=limit,
    )
    findings.add(
        path,
        "padding_too_large",
        message,
        given=pair[sides[0]],
        allowed={"min": 0, "max": limit},
        suggestion=suggestion,
    )


def _within_limit(axis: _Axis, limit: int) -> Suggestion:
    """The nearest pair within a limit that the kernel still fits."""
    before, after = (min(side, limit) for side in axis.pair)
    after = min(limit, after + max(0, axis.reach - axis.i - before - after))
    before = min(limit, before + max(0, axis.reach - axis.i - before - after))
    changed = [side for side in (0, 1) if (before, after)[side] != axis.pair[side]]
    if len(changed) == 1:
        return Suggestion(("padding", axis.j, changed[0]), (before, after)[changed[0]])
    return Suggestion(("padding", axis.j), [before, after])


# Transposed convolution


def _transpose_dimension(axis: _Axis, findings: Findings) -> Dimension:
    setting, output_padding = axis.setting, axis.one(axis.setting.output_padding)
    pair = axis.pair
    asked = None if setting.output_size is None else setting.output_size[axis.j]
    if axis.word is not None:
        lower = axis.word == "same_lower"
        pair, output_padding = geometry.same_transpose_padding(
            axis.i, axis.reach, axis.s, lower=lower, output_size=asked
        )
        if asked is not None and output_padding >= max(axis.s, axis.d):
            _unreachable(axis, asked, 1, findings)
    elif asked is not None:
        base = geometry.full_map(axis.i, axis.reach, axis.s) - sum(pair)
        output_padding = asked - base
        if base + max(axis.s, axis.d) - 1 < 1:
            _empty_output(axis, findings)
        elif not 0 <= output_padding < max(axis.s, axis.d):
            _unreachable(axis, asked, max(1, base), findings)
    elif output_padding >= max(axis.s, axis.d):
        _output_padding_too_large(axis, output_padding, findings)
    dimension = Dimension(
        "conv_transpose", axis.i, axis.k, axis.s, axis.d, pair, output_padding, padding_word=axis.word
    )
    if asked is None and dimension.output < 1:
        _empty_output(axis, findings)
    return dimension


def _unreachable(axis: _Axis, asked: int, low: int, findings: Findings) -> None:
    base = geometry.full_map(axis.i, axis.reach, axis.s) - (0 if axis.word else sum(axis.pair))
    high = base + max(axis.s, axis.d) - 1
    message = say(
        "output_size[{j}] is {asked}; with these settings it can be {low} to {high}",
        j=axis.j,
        asked=asked,
        low=low,
        high=high,
    )
    path: Path = ("output_size", axis.j)
    nearest = min(max(asked, low), high)
    findings.add(
        path,
        "output_size_unreachable",
        message,
        given=asked,
        allowed={"min": low, "max": high},
        suggestion=_within(path, nearest),
    )


def _output_padding_too_large(axis: _Axis, given: int, findings: Findings) -> None:
    path = axis.path("output_padding")
    sharing = [axis] if len(path) == 2 else axis.all()
    strictest = min(sharing, key=lambda other: max(other.s, other.d))
    largest = max(strictest.s, strictest.d) - 1
    message = say(
        "{name} is {given}; it must be less than the larger of stride ({s}) and dilation ({d}), so at most {largest}",
        name=field_name(path),
        given=given,
        s=strictest.s,
        d=strictest.d,
        largest=largest,
    )
    findings.add(
        path,
        "output_padding_too_large",
        message,
        given=given,
        allowed={"min": 0, "max": largest},
        suggestion=Suggestion(path, largest),
    )


def _empty_output(axis: _Axis, findings: Findings) -> None:
    before, after = axis.pair
    message = say(
        "padding takes {crop} off a full map of {full} {axis} and leaves no output: lower it by {excess} in all",
        crop=before + after,
        full=geometry.full_map(axis.i, axis.reach, axis.s),
        axis=axis.name,
        excess=_excess(axis),
    )
    findings.add(
        axis.path("padding"),
        "empty_output",
        message,
        given=before + after,
        suggestion=axis.shorten_padding(_excess),
    )


def _excess(axis: _Axis) -> int:
    """How much less padding there must be for an output of one element, or of the size asked for."""
    total = geometry.full_map(axis.i, axis.reach, axis.s) - sum(axis.pair)
    if axis.setting.output_size is None:
        return 1 - (total + axis.one(axis.setting.output_padding))
    return axis.setting.output_size[axis.j] - (total + max(axis.s, axis.d) - 1)
