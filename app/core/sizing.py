"""From the numbers and words that were asked to one resolved `Dimension` each."""

from __future__ import annotations

from app.core import geometry
from app.core.asked import AskedAxis, within
from app.core.errors import Path, Suggestion, field_name
from app.core.findings import Findings
from app.core.geometry import Dimension, Pair, largest_padding
from app.core.problem import Ints, Padding, Setting
from app.core.text import Text, say

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
    if not findings.sound(*_sized_by(setting)):
        return ()
    resolve = _conv_dimension if setting.op == "conv" else _transpose_dimension
    return tuple(resolve(AskedAxis(setting, j), findings) for j in range(n))


def _sized_by(setting: Setting) -> tuple[str, ...]:
    """The fields that the checks of a size look at; a fault in another one hides nothing of it."""
    if setting.op == "conv" and setting.padding not in ("same", "same_lower"):
        return tuple(field for field in _SIZED_BY if field not in ("stride", "output_padding", "output_size"))
    return _SIZED_BY


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
    """A number, a list of n numbers, or for padding alone a word or a list of n pairs."""
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


# Convolution


def _conv_dimension(axis: AskedAxis, findings: Findings) -> Dimension:
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


def _kernel_too_large(axis: AskedAxis, padded: int, findings: Findings) -> None:
    setting = axis.setting
    suggestion = axis.lengthen_padding(_missing)
    if suggestion is not None and not _allowed(axis, suggestion):
        suggestion = None
    remedy = say("use a smaller kernel or dilation")
    if suggestion is not None:
        remedy = say("{change} or use a smaller kernel", change=_raise_by(suggestion, axis))
    message = say(
        "the kernel reaches over {reach} {axis} and the padded input has {padded}: {remedy}",
        reach=axis.reach,
        axis=axis.name,
        padded=padded,
        remedy=remedy,
    )
    path: Path = ("kernel",) if setting.kernel_channels is not None else axis.path("kernel_size")
    findings.add(path, "kernel_too_large", message, given=axis.reach, suggestion=suggestion)


def _missing(axis: AskedAxis) -> int:
    return axis.reach - axis.i - sum(axis.pair)


def _allowed(axis: AskedAxis, suggestion: Suggestion) -> bool:
    """Whether the padding mode reaches as far as the suggested padding, on every axis that shares it."""
    longest = max(suggestion.value) if isinstance(suggestion.value, list) else suggestion.value
    return all(longest <= largest_padding(other.setting.padding_mode, other.i) for other in axis.sharing_padding())


def _raise_by(suggestion: Suggestion, axis: AskedAxis) -> Text:
    field = field_name(suggestion.field)
    if isinstance(suggestion.value, list):
        return say("set {field} to {value}", field=field, value=suggestion.value)
    before, after = axis.pair
    missing = suggestion.value - (after if len(suggestion.field) == 3 else before)
    return say("raise {field} by {missing}", field=field, missing=missing)


def _padding_too_large(axis: AskedAxis, pair: Pair, findings: Findings) -> None:
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


def _within_limit(axis: AskedAxis, limit: int) -> Suggestion:
    """The nearest pair within a limit that the kernel still fits."""
    before, after = (min(side, limit) for side in axis.pair)
    after = min(limit, after + max(0, axis.reach - axis.i - before - after))
    before = min(limit, before + max(0, axis.reach - axis.i - before - after))
    changed = [side for side in (0, 1) if (before, after)[side] != axis.pair[side]]
    if len(changed) == 1:
        return Suggestion(("padding", axis.j, changed[0]), (before, after)[changed[0]])
    return Suggestion(("padding", axis.j), [before, after])


# Transposed convolution


def _transpose_dimension(axis: AskedAxis, findings: Findings) -> Dimension:
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


def _unreachable(axis: AskedAxis, asked: int, low: int, findings: Findings) -> None:
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
        suggestion=within(path, nearest),
    )


def _output_padding_too_large(axis: AskedAxis, given: int, findings: Findings) -> None:
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


def _empty_output(axis: AskedAxis, findings: Findings) -> None:
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


def _excess(axis: AskedAxis) -> int:
    """How much less padding there must be for an output of one element, or of the size asked for."""
    total = geometry.full_map(axis.i, axis.reach, axis.s) - sum(axis.pair)
    if axis.setting.output_size is None:
        return 1 - (total + axis.one(axis.setting.output_padding))
    return axis.setting.output_size[axis.j] - (total + max(axis.s, axis.d) - 1)
