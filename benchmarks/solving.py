"""Coefficients of prices out of counts and times, and the file that they are written as."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.core.parallel import team

Prices = dict[str, dict[str, dict[str, float]]]

#: Errors above this (as a share of the time) pull no harder than it: a disturbed time must not move a coefficient far.
ROBUST = 1.0


#: How firmly a coefficient is held to its guess: as by one time that is known to a tenth as well as the others.
GUESSING = 0.1

#: The same at first, where a guess that is far too small would hold its own coefficient down.
FIRST_GUESSING = 1e-4


#: How often the rows are scaled anew.
TURNS = 20


def solve(matrix: Any, times: Any, weights: Any, guess: Any) -> Any:
    """Coefficients ≥ 0 (features,) with matrix (samples, features) @ coefficients ≈ times (samples,).

    `weights` (samples,) say how much each time matters. `guess` (features,) decides what
    the times do not: a feature that none of them has, or two that always come together.

    Errors count by their share of the time. Dividing by the time alone would let too small a
    price count less than too large a one; dividing by the root of price and time counts both
    alike, so the last solution's prices scale the rows of the next.
    """
    from scipy.optimize import nnls

    # Columns of one size: multiply-adds are millions where calls are a few.
    sizes = (matrix / times[:, None]).max(axis=0)
    sizes[sizes == 0] = 1.0
    scaled, guessed = matrix / sizes, guess * sizes
    rows, larger = weights / times, guessed
    for turn in range(TURNS):
        # By its share of the larger of both, so that no guess that is far too small pulls hard.
        firmness = FIRST_GUESSING if turn < TURNS // 2 else GUESSING
        pulls = np.divide(firmness, larger, out=np.zeros_like(larger), where=guess > 0)
        equations = np.concatenate([scaled * rows[:, None], np.diag(pulls)])
        solution, _ = nnls(equations, np.concatenate([times * rows, guessed * pulls]))
        larger = np.maximum(guessed, solution)
        prices = np.maximum(scaled @ solution, 0.01 * times)
        scale = np.sqrt(prices * times)
        errors = np.abs(prices - times) / scale
        rows = weights / scale
        if turn >= TURNS // 2:  # only prices that are near tell which times are odd
            rows *= np.sqrt(np.minimum(1.0, ROBUST / np.maximum(errors, 1e-12)))
    return solution / sizes


def source(prices: Prices) -> str:
    """The Python file of the prices, as ruff formats it."""
    lines = [
        '"""What each unit of work takes, in nanoseconds: of each algorithm, in each dtype, of each feature.',
        "",
        f"Fitted to measurements by `python -m benchmarks fit`, on {team.size} threads. A few were moved by hand where",
        "the choice between two algorithms was better so.",
        '"""',
        "",
        "PRICES: dict[str, dict[str, dict[str, float]]] = {",
    ]
    for name, by_dtype in prices.items():
        lines.append(f'    "{name}": {{')
        for dtype, by_feature in by_dtype.items():
            lines.append(f'        "{dtype}": {{')
            lines += [f'            "{feature}": {value!r},' for feature, value in by_feature.items()]
            lines.append("        },")
        lines.append("    },")
    return "\n".join([*lines, "}", ""])
