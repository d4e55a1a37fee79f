"""The padded input of a convolution, for padding modes other than zeros."""

from __future__ import annotations

from typing import Literal

import numpy as np

from app.core.layout import Array
from app.core.problem import Problem

_NUMPY_MODES: dict[str, Literal["constant", "reflect", "edge", "wrap"]] = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}


def pad_input(x: Array, problem: Problem) -> Array:
    """x (batch, channels, *size) with the problem's padding around it, in its padding mode."""
    mode = _NUMPY_MODES[problem.padding_mode]
    padded: Array = np.pad(x, ((0, 0), (0, 0), *problem.padding), mode=mode)
    return padded
