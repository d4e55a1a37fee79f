"""Pieces of kernels: compiled with the kernels that take them up, once for each type, and never alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba.core import event

from app.core.jit import Kernel, brief, compiled, inlined, shared

DECORATORS = pytest.mark.parametrize("decorate", [inlined, shared])


@pytest.fixture
def plus() -> Kernel:
    def plus(x, by):  # type: ignore[no-untyped-def]
        return x + by

    return plus


def kernel_of(piece: Kernel, make: Callable[[Kernel], Kernel] = compiled) -> Any:
    """A kernel that calls a piece with a constant, with a variable, and by way of another piece."""

    @shared
    def twice(x, by):  # type: ignore[no-untyped-def]
        return piece(piece(x, by), by)

    def kernel(values, by):  # type: ignore[no-untyped-def]
        for m in range(len(values)):
            values[m] = piece(twice(values[m], by), 1)

    return make(kernel)


@DECORATORS
@pytest.mark.parametrize("make", [compiled, brief])
@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
def test_a_kernel_takes_up_its_pieces(
    plus: Kernel, decorate: Callable[[Kernel], Kernel], make: Callable[[Kernel], Kernel], dtype: str
) -> None:
    values = np.arange(5).astype(dtype)
    kernel_of(decorate(plus), make)(values, 10)
    assert values.tolist() == [21, 22, 23, 24, 25]


@DECORATORS
def test_a_piece_is_compiled_once_for_its_types(plus: Kernel, decorate: Callable[[Kernel], Kernel]) -> None:
    piece = decorate(plus)

    def kernel(x, by):  # type: ignore[no-untyped-def]
        return piece(piece(x, by), 1) + piece(x, 2)

    made: Any = compiled(kernel)
    made._cache.disable()
    with event.install_recorder("numba:compile") as recorder:
        assert made(5, 3) == 16
    names = [told.data["dispatcher"].py_func.__name__ for _, told in recorder.buffer if told.is_start]
    assert names == ["kernel", "plus"]


@DECORATORS
def test_called_from_python_it_is_as_it_was(plus: Kernel, decorate: Callable[[Kernel], Kernel]) -> None:
    assert decorate(plus)("a", "b") == "ab"
