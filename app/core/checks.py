"""The one place where shapes and parameters are checked: `Setting` in, `Problem` out.

Every fault names the field it came from, and independent faults are found in one go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from app.core.errors import Fault, ProblemError, Suggestion
from app.core.findings import Findings
from app.core.geometry import Dimension
from app.core.problem import METHODS, PADDING_MODES, PADDING_WORDS, Problem, Setting
from app.core.sizing import dimensions_of
from app.core.text import say

#: Up to here the divisor nearest to a wrong `groups` is searched for one by one.
_SEARCHED_DIVISORS = 4096


@lru_cache(maxsize=4096)
def describe(setting: Setting, broken: frozenset[str] = frozenset()) -> Problem:
    """Check a setting and resolve it.

    `broken` names fields in which the caller has found faults already (their values
    here are stand-ins): nothing that depends on them is checked.

    Raises:
        ProblemError: with every independent fault.
    """
    findings, dimensions = _check(setting, broken)
    if findings.faults:
        raise ProblemError([_proved(fault, setting, broken, findings) for fault in findings.faults])
    in_channels, out_channels = _channels(setting)
    return Problem(
        setting.op,
        dimensions,
        batch=setting.batch,
        in_channels=in_channels,
        out_channels=out_channels,
        groups=setting.groups,
        padding_mode=setting.padding_mode,
        flip_kernel=setting.flip_kernel,
        bias=setting.bias is not False,
        method=setting.method,
    )


def _check(setting: Setting, broken: frozenset[str]) -> tuple[Findings, tuple[Dimension, ...]]:
    findings = Findings(broken)
    _check_words(setting, findings)
    for field in ("groups", "batch", "in_channels", "out_channels"):
        if findings.sound(field):
            findings.number((field,), getattr(setting, field), 1)
    # Sizes and channels are independent: what is wrong with the one hides nothing of the other.
    channels = Findings(findings.broken)
    out_channels = _channels(setting)[1]
    _check_channels(setting, out_channels, channels)
    _check_bias(setting, out_channels, channels)
    dimensions = dimensions_of(setting, findings)
    findings.take(channels.faults)
    return findings, dimensions


def _proved(fault: Fault, setting: Setting, broken: frozenset[str], findings: Findings) -> Fault:
    """The fault, without its suggestion where that would not mend it, or would break something else."""
    suggestion = fault.suggestion
    if suggestion is None or fault.code == "out_of_range" or not hasattr(setting, str(suggestion.field[0])):
        return fault  # nothing to prove, or the first number in range: what it leads to was not checked yet
    name, *places = suggestion.field
    value = _put(getattr(setting, str(name)), places, suggestion.value)
    after, _ = _check(replace(setting, **{str(name): value}), broken)
    before = [(other.field, other.code) for other in findings.faults if other is not fault]
    works = all((other.field, other.code) in before for other in after.faults)
    return fault if works else replace(fault, suggestion=None)


def _put(old: Any, places: Sequence[str | int], new: Any) -> Any:
    """A parameter with one number in it changed."""
    if not places:
        return tuple(new) if isinstance(new, list) else new
    return tuple(_put(entry, places[1:], new) if j == places[0] else entry for j, entry in enumerate(old))


def check_despite(setting: Setting, findings: Findings) -> Problem:
    """Check what of a setting is not known to be broken; the problem, if nothing is.

    Raises:
        ProblemError: where the findings, old or new, hold any fault.
    """
    if not findings.faults:
        return describe(setting)
    try:
        describe(setting, frozenset(findings.broken))
    except ProblemError as error:
        findings.take(error.faults)
    raise ProblemError(findings.faults, findings.uncounted)


def _check_words(setting: Setting, findings: Findings) -> None:
    findings.word("op", setting.op, tuple(PADDING_WORDS), ())
    if not findings.sound("op"):
        raise ProblemError(findings.faults)
    if isinstance(setting.padding, str):
        findings.word("padding", setting.padding, PADDING_WORDS[setting.op], PADDING_WORDS["conv"])
    modes = PADDING_MODES if setting.op == "conv" else PADDING_MODES[:1]
    findings.word("padding_mode", setting.padding_mode, modes, PADDING_MODES)
    findings.word("method", setting.method, METHODS, METHODS)


def _channels(setting: Setting) -> tuple[int, int]:
    """(in_channels, out_channels), the latter from the kernel where there is one."""
    if setting.kernel_channels is None:
        return setting.in_channels, setting.out_channels
    first, second = setting.kernel_channels
    return setting.in_channels, first if setting.op == "conv" else second * setting.groups


def _check_channels(setting: Setting, outside: int, findings: Findings) -> None:
    if not findings.sound("groups", "in_channels", "out_channels", "input", "kernel", "spatial_dims"):
        return
    inside, groups = setting.in_channels, setting.groups
    if inside % groups or outside % groups:
        _groups_do_not_divide(setting, outside, findings)
    elif setting.kernel_channels is not None:
        expected = inside // groups if setting.op == "conv" else inside
        found = setting.kernel_channels[1 if setting.op == "conv" else 0]
        if found != expected:
            _channel_mismatch(setting, found, expected, findings)


def _groups_do_not_divide(setting: Setting, outside: int, findings: Findings) -> None:
    inside, groups = setting.in_channels, setting.groups
    nearest: int | None
    template = "groups is {groups}; it must divide the input channels ({inside}) and the output channels ({outside})"
    if setting.kernel_channels is None:
        nearest = _nearest_divisor(math.gcd(inside, outside), groups)
    elif setting.op == "conv":
        nearest = _groups_for(setting, setting.kernel_channels[1])
    else:
        template = "groups is {groups}; it must divide the input channels ({inside})"
        nearest = _nearest_divisor(inside, groups)
    findings.add(
        ("groups",),
        "groups_do_not_divide",
        say(template, groups=groups, inside=inside, outside=outside),
        given=groups,
        suggestion=None if nearest is None else Suggestion(("groups",), nearest),
    )


def _nearest_divisor(n: int, to: int) -> int:
    """The divisor of n nearest to a number; among large ones the nearest of the first that are tried."""
    return min((d for d in range(1, min(n, _SEARCHED_DIVISORS) + 1) if n % d == 0), key=lambda d: abs(d - to))


def _channel_mismatch(setting: Setting, found: int, expected: int, findings: Findings) -> None:
    suggestion, remedy = None, None
    better = _groups_for(setting, found)
    if setting.op == "conv":
        template = (
            "the kernel takes {found} channels per group (its second axis); the input has {inside} in "
            "{groups} group(s), so it must be {expected}"
        )
    else:
        template = "the kernel takes {found} channels (its first axis); the input has {inside}, so it must be {inside}"
    message = say(template, found=found, expected=expected, inside=setting.in_channels, groups=setting.groups)
    if setting.ambiguous_volume:
        remedy = say("for a bare 3-D volume and kernel set spatial_dims to 3")
        suggestion = Suggestion(("spatial_dims",), 3)
    elif better is not None:
        remedy = say("with groups {better} the kernel fits as it is", better=better)
        suggestion = Suggestion(("groups",), better)
    if remedy is not None:
        message = say("{mismatch}; {remedy}", mismatch=message, remedy=remedy)
    findings.add(("kernel",), "channel_mismatch", message, given=found, suggestion=suggestion)


def _groups_for(setting: Setting, kernel_in: int) -> int | None:
    """The groups with which a convolution's kernel fits the input as it is, if there are any."""
    if setting.op != "conv" or setting.kernel_channels is None:
        return None
    groups, rest = divmod(setting.in_channels, kernel_in)
    return groups if rest == 0 and setting.kernel_channels[0] % groups == 0 else None


def _check_bias(setting: Setting, outside: int, findings: Findings) -> None:
    shape = setting.bias
    if isinstance(shape, bool) or not findings.sound("bias"):
        return
    if len(shape) > 1:
        message = say(
            "the bias has rank {rank}; it must have shape ({n},), a number for each output channel",
            rank=len(shape),
            n=outside,
        )
        findings.add(("bias",), "wrong_rank", message, given=len(shape), allowed={"min": 0, "max": 1})
        return
    length = math.prod(shape)
    if length != outside and findings.sound("kernel", "groups", "spatial_dims"):
        message = say(
            "the bias has length {length}; it must be {n}, one for each output channel", length=length, n=outside
        )
        findings.add(("bias",), "bias_length", message, given=length, allowed={"min": outside, "max": outside})
