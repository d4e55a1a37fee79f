"""Pieces of kernels: compiled with the kernels that take them up, once for each type, and never alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from llvmlite import binding
from numba.core import event

from app.core.jit import Kernel, _uncounted, apart, brief, compiled, inlined, shared

DECORATORS = pytest.mark.parametrize("decorate", [inlined, shared, apart])


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


@pytest.mark.parametrize(("decorate", "stays"), [(inlined, False), (apart, True)])
def test_a_piece_apart_stays_a_function_of_its_own(
    plus: Kernel, decorate: Callable[[Kernel], Kernel], stays: bool
) -> None:
    piece = decorate(plus)

    @inlined
    def twice(x, by):  # type: ignore[no-untyped-def]
        return piece(piece(x, by), by)

    def kernel(x, by):  # type: ignore[no-untyped-def]
        return twice(x, by) + twice(by, x)

    made: Any = compiled(kernel)
    made._cache.disable()
    assert made(5, 3) == 24
    (text,) = made.inspect_llvm().values()
    assert any("4plus" in line for line in text.splitlines() if line.startswith("define")) == stays


@inlined
def add_some(values, to, by):  # type: ignore[no-untyped-def]
    for m in range(len(values)):
        of = values if m > by else to
        if of[m] > by:
            for n in range(m, len(to)):
                to[n] += values[m]


def looking_kernel(values, to, by):  # type: ignore[no-untyped-def]
    for turn in range(by):
        add_some(values, to, turn)
        add_some(values, to, turn)


def making_kernel(values, to, by):  # type: ignore[no-untyped-def]
    for turn in range(by):
        own = np.empty(len(values), np.int64)
        own[:] = turn
        add_some(own, to, turn - 1)


@pytest.mark.parametrize("function", [looking_kernel, making_kernel])
def test_a_kernel_holds_no_array_when_it_has_ended(function: Kernel) -> None:
    kernel: Any = compiled(function)
    kernel._cache.disable()
    values, to, right = np.arange(9), np.zeros(9, np.int64), np.zeros(9, np.int64)
    kernel(values, to, 3)
    function(values, right, 3)
    assert to.tolist() == right.tolist()
    held = sys.getrefcount(values), sys.getrefcount(to)
    for _ in range(50):
        kernel(values, to, 3)
    assert (sys.getrefcount(values), sys.getrefcount(to)) == held


#: A kernel that counts a reference, and what Python calls, which lets one go.
COUNTING = """
declare void @NRT_incref(ptr)
declare void @NRT_decref(ptr)
{more}
define i32 @_ZN6kernel(ptr %x) {{
  call void @NRT_incref(ptr %x)
  {call}
  tail call void @NRT_decref(ptr %x)
  ret i32 0
}}
define i32 @_ZN7cpython6kernel(ptr %x) {{
  %done = call i32 @_ZN6kernel(ptr %x)
  call void @NRT_decref(ptr %x)
  ret i32 %done
}}
"""


def test_references_are_counted_only_where_a_kernel_makes_arrays() -> None:
    """Threads would fight over the counts of those that it is handed, which its caller holds."""
    handed = str(_uncounted(binding.parse_assembly(COUNTING.format(more="", call=""))))
    assert "call void @NRT_incref" not in handed
    assert handed.count("call void @NRT_decref") == 1
    assert "call void @NRT_decref" in handed.split("@_ZN7cpython6kernel")[1]
    for name in ("NRT_MemInfo_alloc_aligned", "NRT_MemInfo_new_varsize", "NRT_Allocate"):
        makes = {"more": f"declare ptr @{name}(i64)", "call": f"call ptr @{name}(i64 8)"}
        making = binding.parse_assembly(COUNTING.format(**makes))
        assert str(_uncounted(making)) == str(making)
