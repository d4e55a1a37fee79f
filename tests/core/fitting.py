"""Random settings that an algorithm is for, where few of `strategies.cases` are: larger than `tests.naive` can sum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from tests.core.strategies import Axis, Case, Op, cases, output_choice

Range = tuple[int, int]


@dataclass(frozen=True)
class Kind:
    """From how many to how many of each there are: of groups, and of channels in each.

    `more` is how far an input goes beyond the smallest, by the number of dimensions, of which there are at least
    `least_dims`. Outputs may have the `same` size as inputs; windows may move `alike` along all axes, without dilation.
    """

    groups: Range = (1, 3)
    inside: Range = (1, 3)
    outside: Range = (1, 3)
    kernel: tuple[int, ...] = (1, 2, 3, 4)
    more: tuple[int, int, int] = (40, 9, 4)
    same: bool = False
    alike: bool = False
    least_dims: int = 1


#: The others fit many of any settings.
KINDS: dict[tuple[Op, str], Kind] = {
    ("conv", "masked"): Kind(outside=(4, 20), kernel=(1, 2, 3, 5), more=(90, 14, 6), same=True),
    ("conv", "rows"): Kind(groups=(1, 6), outside=(1, 2), kernel=(3, 5, 7), more=(0, 30, 4), alike=True, least_dims=2),
    ("conv", "dots"): Kind(groups=(1, 1), inside=(64, 90), outside=(1, 20), kernel=(1, 2, 3), more=(9, 3, 1)),
    ("conv", "channels_last"): Kind(groups=(16, 35), inside=(1, 2), outside=(1, 3)),
    ("conv", "blocked"): Kind(groups=(1, 2), outside=(16, 40)),
    ("conv_transpose", "channels_last"): Kind(groups=(16, 35), inside=(1, 2), outside=(1, 3), more=(9, 5, 2)),
    ("conv_transpose", "blocked"): Kind(groups=(1, 2), outside=(16, 40), more=(9, 5, 2)),
}


def cases_for(op: Op, name: str) -> st.SearchStrategy[Case]:
    """Settings of which the algorithm fits many."""
    kind = KINDS.get((op, name))
    return cases(op, 1) | cases(op, 2) | cases(op, 3) if kind is None else _cases_of(op, kind)


@st.composite
def _cases_of(draw: st.DrawFn, op: Op, kind: Kind) -> Case:
    n = draw(st.integers(kind.least_dims, 3))
    axes = [_axis(draw, kind) for _ in range(n)]
    if kind.alike:
        axes = [replace(axis, s=axes[0].s) for axis in axes]
    size = tuple(_least(op, axis) + draw(st.integers(0, kind.more[n - 1])) for axis in axes)
    if kind.same:  # as many as a vector holds
        size = tuple(draw(st.integers((16, 4, 3)[n - 1], kind.more[n - 1])) for _ in axes)
    options: dict[str, Any] = {
        "stride": tuple(axis.s for axis in axes),
        "dilation": tuple(axis.d for axis in axes),
        "padding": tuple(axis.padding for axis in axes),
        "groups": (groups := draw(st.integers(*kind.groups))),
        "flip_kernel": draw(st.booleans()),
    }
    if op == "conv_transpose":
        options |= draw(output_choice(axes, size))
    inside, outside = draw(st.integers(*kind.inside)), draw(st.integers(*kind.outside))
    channels = (outside * groups, inside) if op == "conv" else (inside * groups, outside)
    return Case(
        op,
        (draw(st.integers(1, 2)), inside * groups, *size),
        (*channels, *(axis.k for axis in axes)),
        outside * groups,
        draw(st.booleans()),
        options,
        draw(st.integers(0, 2**32 - 1)),
    )


def _axis(draw: st.DrawFn, kind: Kind) -> Axis:
    """A kernel along an axis, with any padding; or with one that leaves the size as it is."""
    k, d = draw(st.sampled_from(kind.kernel)), 1 if kind.alike else draw(st.integers(1, 3))
    reach = (k - 1) * d + 1
    before = draw(st.integers(0, reach - 1 if kind.same else reach))
    if kind.same:
        return Axis(k, 1, d, (before, reach - 1 - before))
    return Axis(k, draw(st.integers(1, 2 if kind.alike else 3)), d, (before, draw(st.integers(0, reach))))


def _least(op: Op, axis: Axis) -> int:
    """The smallest input that leaves an output."""
    assert not isinstance(axis.padding, str)
    missing = (axis.k - 1) * axis.d + 1 - sum(axis.padding)
    return max(1, missing) if op == "conv" else max(1, 1 - (missing - 1) // axis.s)
