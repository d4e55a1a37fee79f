"""The algorithms, in one table: a new one is a file and a line here, and a line in `prices`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.core.algorithms import boxes, col2im, direct, dots, fourier, rows, separable, tiles, winograd
from app.core.algorithms.prices import PRICES
from app.core.algorithms.taps import Axis
from app.core.algorithms.tiny import is_tiny
from app.core.layout import Array
from app.core.parallel import WORTH_A_THREAD, team
from app.core.problem import Problem

Axes = tuple[Axis, ...]

#: The feature that threads do not share: what a call takes however little there is to do.
CALL = "call"
Features = dict[str, float]


@dataclass(frozen=True)
class Algorithm:
    """One way to compute an operation.

    `fits` says whether it can run a problem in a dtype, `features` how much it does of
    what takes time, `workspace` how many bytes beside input, kernel and output it needs, and
    `run` writes the output, and may tell that all of it is finite. `sums_products` is false
    for those that transform instead.
    One that takes its arrays `as_asked` gets the input without the padding of a padding
    mode and the kernel in the operation's own layout; the others get them padded and with
    the output channels first. `prices` names its line in the table of prices.
    """

    name: str
    fits: Callable[[Problem, Axes, np.dtype[np.generic]], bool]
    features: Callable[[Problem, Axes, np.dtype[np.generic]], Features]
    workspace: Callable[[Problem, Axes, np.dtype[np.generic]], int]
    run: Callable[[Problem, Axes, Array, Array, Array, Array], bool | None]
    prices: str
    sums_products: bool = True
    as_asked: bool = False

    def price(self, problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> float:
        """The guess of its time, in nanoseconds."""
        each, features = PRICES[self.prices][dtype.name], self.features(problem, axes, dtype)
        work = sum(each[name] * count for name, count in features.items() if name != CALL)
        threads = team.size if problem.macs >= WORTH_A_THREAD else 1
        return work / threads + each[CALL] * features.get(CALL, 0.0)


def _always(*_: object) -> bool:
    return True


def _direct_features(problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> Features:
    """Those of a tiny operation, which the plan runs in one compiled call, are its own."""
    if is_tiny(problem, axes) and not problem.pads_by_copying:
        return {"tiny": 1.0, "tiny_visits": float(problem.macs)}
    return direct.features(problem, axes, dtype)


def _nothing(*_: object) -> int:
    return 0


#: For kernels of rank one alone, which no shape tells: a plan has it beside its own algorithm.
SEPARABLE = Algorithm(
    "separable", separable.fits, separable.features, separable.workspace, separable.run, "separable",
    sums_products=False,
)  # fmt: skip

_WINOGRAD = Algorithm(
    "winograd", winograd.fits, winograd.features, winograd.workspace, winograd.run,
    "winograd", sums_products=False, as_asked=True,
)  # fmt: skip

_FOURIER = Algorithm(
    "fourier", fourier.fits, fourier.features, fourier.workspace, fourier.run, "fourier", sums_products=False
)

ALGORITHMS: dict[str, tuple[Algorithm, ...]] = {
    "conv": (
        Algorithm("direct", _always, _direct_features, _nothing, direct.run, "direct"),
        Algorithm("tiles", boxes.fits, tiles.features, tiles.workspace, tiles.run, "tiles", as_asked=True),
        Algorithm("rows", rows.fits, rows.features, rows.workspace, rows.run, "rows"),
        Algorithm("dots", dots.fits, dots.features, dots.workspace, dots.run, "dots", as_asked=True),
        _WINOGRAD,
        _FOURIER,
    ),
    "conv_transpose": (
        Algorithm("polyphase", _always, _direct_features, _nothing, direct.run, "direct"),
        Algorithm("polyphase_tiles", boxes.fits, tiles.features, tiles.workspace, tiles.run, "tiles", as_asked=True),
        Algorithm("col2im", col2im.fits, col2im.features, col2im.workspace, col2im.run, "col2im", as_asked=True),
        _WINOGRAD,
        _FOURIER,
    ),
}
