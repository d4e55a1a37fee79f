"""The algorithms, in one table: a new one is a module or a package, a line here, and a line in `prices`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

import numpy as np

from app.core.algorithms import (
    blocked,
    channels_last,
    channelwise,
    col2im,
    direct,
    dots,
    fourier,
    masked,
    rows,
    separable,
    tiles,
    tiny,
    winograd,
)
from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.one_call import OneCall
from app.core.algorithms.prices import PRICES
from app.core.algorithms.taps import Axis
from app.core.layout import Array
from app.core.problem import Problem

Axes = tuple[Axis, ...]

#: Makes the call that does a small operation; nothing of others.
InOneCall = Callable[[Problem, Axes, np.dtype[np.generic]], OneCall | None]

#: Outputs of more bytes are memory that the system gives anew at each call, page by page.
FRESH_BYTES = 2**22


def _none(*_: object) -> None:
    return None


@dataclass(frozen=True)
class Algorithm:
    """One way to compute an operation.

    `fits` says whether it can run a problem in a dtype, `effort` how much it does of
    what takes time, `workspace` how many bytes beside input, kernel and output it needs, and
    `run` writes the output, and may tell that all of it is finite. `sums_products` is false
    for those that transform instead.
    One that takes its arrays `as_asked` gets the input without the padding of a padding
    mode and the kernel in the operation's own layout; the others get them padded and with
    the output channels first. `prices` names its line in the table of prices. Where one
    `looks`, its `run` says whether it has seen by the way that the output fits the dtype. Small operations that it
    can do so it does `in_one_call`.
    """

    name: str
    fits: Callable[[Problem, Axes, np.dtype[np.generic]], bool]
    effort: Callable[[Problem, Axes, np.dtype[np.generic]], Effort]
    workspace: Callable[[Problem, Axes, np.dtype[np.generic]], int]
    run: Callable[[Problem, Axes, Array, Array, Array, Array], bool | None]
    prices: str
    sums_products: bool = True
    as_asked: bool = False
    looks: bool = False
    in_one_call: InOneCall = _none

    def least_price(self, dtype: np.dtype[np.generic]) -> float:
        """What even the smallest operation takes, in nanoseconds; infinite in dtypes that it cannot run."""
        return PRICES[self.prices].get(_name(dtype), {}).get("call", math.inf)

    def price(self, problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> float:
        """The guess of its time, in nanoseconds."""
        each = PRICES[self.prices][_name(dtype)]
        return sum(each[name] * count for name, count in self.counts(problem, axes, dtype).items())

    def counts(self, problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> Features:
        """What its prices are multiplied with: its effort, and an output that is in no cache yet."""
        counts, size = self.effort(problem, axes, dtype).counts(), problem.output_elements * dtype.itemsize
        return counts | {"fresh": size} if size > FRESH_BYTES else counts


@cache
def _name(dtype: np.dtype[np.generic]) -> str:
    """NumPy makes it anew at each look, in Python."""
    return dtype.name


def _always(*_: object) -> bool:
    return True


def _direct_effort(problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> Effort:
    """That of a tiny operation, which the plan runs in one compiled call, is its own."""
    if tiny.is_tiny(problem, axes) and not problem.pads_by_copying:
        return tiny.effort(problem, axes)
    return direct.effort(problem, axes, dtype)


def _nothing(*_: object) -> int:
    return 0


class _Own(Protocol):
    """What the module of an algorithm defines, or its package hands on."""

    def fits(self, problem: Problem, axes: Axes, dtype: np.dtype[np.generic], /) -> bool: ...

    def effort(self, problem: Problem, axes: Axes, dtype: np.dtype[np.generic], /) -> Effort: ...

    def workspace(self, problem: Problem, axes: Axes, dtype: np.dtype[np.generic], /) -> int: ...

    def run(self, problem: Problem, axes: Axes, x: Array, w: Array, bias: Array, out: Array, /) -> bool | None: ...


def _of(own: _Own, name: str, *, prices: str = "", in_one_call: InOneCall = _none, **traits: bool) -> Algorithm:
    return Algorithm(
        name, own.fits, own.effort, own.workspace, own.run, prices or name, in_one_call=in_one_call, **traits
    )


#: For kernels of rank one alone, which no shape tells: a plan has it beside its own algorithm.
SEPARABLE = _of(separable, "separable", sums_products=False)

WINOGRAD = _of(winograd, "winograd", sums_products=False, as_asked=True)

_DIRECT = Algorithm(
    "direct", _always, _direct_effort, _nothing, direct.run, "direct", in_one_call=tiny.in_one_call
)  # fmt: skip

#: For both operations.
_SHARED = (
    _of(channelwise, "channelwise", as_asked=True),
    _of(channels_last, "channels_last", as_asked=True),
    _of(blocked, "blocked", as_asked=True),
    WINOGRAD,
    _of(fourier, "fourier", sums_products=False),
)

ALGORITHMS: dict[str, tuple[Algorithm, ...]] = {
    "conv": (
        _DIRECT,
        _of(tiles, "tiles", as_asked=True),
        _of(masked, "masked", as_asked=True),
        _of(rows, "rows", looks=True),
        _of(dots, "dots", as_asked=True, in_one_call=dots.in_one_call),
        *_SHARED,
    ),
    "conv_transpose": (
        replace(_DIRECT, name="polyphase"),
        _of(tiles, "polyphase_tiles", prices="tiles", as_asked=True),
        _of(col2im, "col2im", as_asked=True),
        *_SHARED,
    ),
}
