"""The algorithms, in one table: a new one is a file and a line here, and a line in `prices`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.core.algorithms import boxes, direct, fourier, tiles, winograd
from app.core.algorithms.prices import PRICES
from app.core.algorithms.taps import Axis
from app.core.layout import Array
from app.core.parallel import WORTH_A_THREAD, team
from app.core.problem import Problem

Axes = tuple[Axis, ...]
Features = dict[str, float]


@dataclass(frozen=True)
class Algorithm:
    """One way to compute an operation.

    `fits` says whether it can run a problem in a dtype, `features` how much it does of
    what takes time, `workspace` how many bytes beside input, kernel and output it needs, and
    `run` writes the output. `sums_products` is false for those that transform instead.
    One that takes its arrays `as_asked` gets the input without the padding of a padding
    mode and the kernel in the operation's own layout; the others get them padded and with
    the output channels first. `prices` names its line in the table of prices.
    """

    name: str
    fits: Callable[[Problem, Axes, np.dtype[np.generic]], bool]
    features: Callable[[Problem, Axes, np.dtype[np.generic]], Features]
    workspace: Callable[[Problem, Axes, np.dtype[np.generic]], int]
    run: Callable[[Problem, Axes, Array, Array, Array, Array], None]
    prices: str
    sums_products: bool = True
    as_asked: bool = False

    def price(self, problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> float:
        """The guess of its time, in nanoseconds."""
        each = PRICES[self.prices][dtype.name]
        work = sum(each[name] * count for name, count in self.features(problem, axes, dtype).items())
        threads = team.size if problem.macs >= WORTH_A_THREAD else 1
        return work / threads + each["call"]


def _always(*_: object) -> bool:
    return True


def _nothing(*_: object) -> int:
    return 0


_WINOGRAD = Algorithm(
    "winograd", winograd.fits, winograd.features, winograd.workspace, winograd.run,
    "winograd", sums_products=False, as_asked=True,
)  # fmt: skip

_FOURIER = Algorithm(
    "fourier", fourier.fits, fourier.features, fourier.workspace, fourier.run, "fourier", sums_products=False
)

ALGORITHMS: dict[str, tuple[Algorithm, ...]] = {
    "conv": (
        Algorithm("direct", _always, direct.features, _nothing, direct.run, "direct"),
        Algorithm("tiles", boxes.fits, tiles.features, tiles.workspace, tiles.run, "tiles", as_asked=True),
        _WINOGRAD,
        _FOURIER,
    ),
    "conv_transpose": (
        Algorithm("polyphase", _always, direct.features, _nothing, direct.run, "direct"),
        Algorithm("polyphase_tiles", boxes.fits, tiles.features, tiles.workspace, tiles.run, "tiles", as_asked=True),
        _WINOGRAD,
        _FOURIER,
    ),
}
