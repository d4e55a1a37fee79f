"""Coefficients of prices out of counts and times, and the file that they are written as."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.core.parallel import team

Prices = dict[str, dict[str, dict[str, float]]]

#: Errors above this share pull no harder than it: a disturbed time must not move a coefficient far.
ROBUST = 0.3


def solve(matrix: Any, times: Any, weights: Any) -> Any:
    """Coefficients ≥ 0 (features,) with matrix (samples, features) @ coefficients ≈ times (samples,).

    Errors count by their share of the time. Dividing by the time alone would let too small a
    price count less than too large a one; dividing by the root of price and time counts both
    alike, so the last solution's prices scale the rows of the next.
    """
    from scipy.optimize import nnls

    # Columns of one size: multiply-adds are millions where calls are a few.
    sizes = np.maximum((matrix / times[:, None]).max(axis=0), 1e-300)
    scaled = matrix / sizes
    rows = weights / times
    for _ in range(20):
        solution, _ = nnls(scaled * rows[:, None], times * rows)
        prices = np.maximum(scaled @ solution, 0.01 * times)
        scale = np.sqrt(prices * times)
        errors = np.abs(prices - times) / scale
        rows = weights / scale * np.sqrt(np.minimum(1.0, ROBUST / np.maximum(errors, 1e-12)))
    return solution / sizes


def source(prices: Prices) -> str:
    """The Python file of the prices, as ruff formats it."""
    lines = [
        f'"""What the algorithms\' work costs, in nanoseconds on {team.size} threads: by algorithm, dtype and feature.',
        "",
        "Written by `python -m benchmarks fit`; only the order of the prices that they make matters.",
        '"""',
        "",
        "from __future__ import annotations",
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
