"""Arrays that are hard to keep a rounding bound on: zeros beside values, quiet beside loud."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]


def plain(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.standard_normal(shape)


def positive(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.random(shape)


def constant(_rng: np.random.Generator, shape: Shape) -> Array:
    return np.full(shape, 1 / 3)


def sparse(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.standard_normal(shape) * (rng.random(shape) < 0.02)


def quiet_beside_loud(rng: np.random.Generator, shape: Shape) -> Array:
    values = rng.standard_normal(shape)
    values[..., : shape[-1] // 2] *= 2.0**-20
    return values


def loud_and_quiet(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-20, 21, shape)


def one_loud(rng: np.random.Generator, shape: Shape) -> Array:
    values = rng.standard_normal(shape)
    values.flat[rng.integers(values.size)] = 2.0**30
    return values


def loud_corner(rng: np.random.Generator, shape: Shape) -> Array:
    values = rng.standard_normal(shape)
    values.reshape(*shape[:2], -1)[:, :, 0] = 2.0**30
    return values


def silent_corner(rng: np.random.Generator, shape: Shape) -> Array:
    values = rng.standard_normal(shape)
    values.reshape(*shape[:2], -1)[:, :, 0] = 0
    return values


def loud_channels(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-30, 31, (*shape[:2], *[1] * (len(shape) - 2)))


def copies_amid_noise(rng: np.random.Generator, shape: Shape) -> Array:
    """All channels alike in the middle, and quiet beyond it, where no two are alike."""
    values, middle = rng.standard_normal(shape), tuple(slice(n // 4, n // 4 + max(1, n // 2)) for n in shape[2:])
    values *= 1e-3
    values[:, :, *middle] = rng.standard_normal((shape[0], 1, *values[0, 0][middle].shape))
    return values


def nothing(_rng: np.random.Generator, shape: Shape) -> Array:
    return np.zeros(shape)


INPUTS = [
    *(plain, constant, sparse, quiet_beside_loud, loud_and_quiet, one_loud, loud_corner, loud_channels),
    *(copies_amid_noise, nothing),
]
KERNELS = [plain, positive, sparse, loud_and_quiet, one_loud, silent_corner, loud_channels, nothing]
