"""The exact rank, up to the ends of int64 and where it falls modulo the primes that are tried."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.views.rank import _primes, exact_rank, exact_rank_work, float_rank
from tests.core.strategies import examples
from tests.core.views.exact import rank_of

LARGEST_PRIME = 2**31 - 1
ends = st.sampled_from([-(2**63), -(2**63) + 1, 2**63 - 1, 2**62, LARGEST_PRIME, 2 * LARGEST_PRIME, 0, 0, 1, -1])


@given(st.integers(1, 6), st.integers(1, 6), st.data())
@examples(300)
def test_any_numbers(rows: int, columns: int, data: st.DataObject) -> None:
    number = ends | st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1)
    row = st.lists(number, min_size=columns, max_size=columns)
    matrix = np.array(data.draw(st.lists(row, min_size=rows, max_size=rows)), np.int64)
    assert exact_rank(matrix) == rank_of(matrix)


@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 8), st.integers(0, 27), st.integers(0, 2**32))
@examples(200)
def test_products_of_thin_matrices_fall_short(rows: int, columns: int, inner: int, bits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = (rng.integers(-(2**bits), 2**bits + 1, shape) for shape in ((rows, inner), (inner, columns)))
    matrix = left @ right
    assert exact_rank(matrix) == rank_of(matrix)


@pytest.mark.parametrize(
    ("matrix", "rank"),
    [
        ([[10**9, 10**9 + 1], [10**9 - 1, 10**9]], 2),
        ([[LARGEST_PRIME, 0], [0, 1]], 2),
        ([[LARGEST_PRIME * 2147483629, 0], [0, LARGEST_PRIME]], 2),
        ([[-(2**63), -(2**63)], [-(2**63), -(2**63)]], 1),
        ([[-(2**63), 2**63 - 1], [2**63 - 1, -(2**63)]], 2),
        ([[0, 0], [0, 0]], 0),
        ([[0, 0, 5]], 1),
    ],
)
def test_named_matrices(matrix: list[list[int]], rank: int) -> None:
    assert exact_rank(np.array(matrix)) == rank


def test_a_large_matrix_that_falls_short_by_one() -> None:
    rng = np.random.default_rng(5)
    matrix = rng.integers(-99, 100, (60, 60))
    assert exact_rank(matrix) == 60
    matrix[31] = matrix[4] - 2 * matrix[17]
    assert exact_rank(matrix) == 59


def test_the_primes_are_primes_and_distinct() -> None:
    found = list(islice(_primes(), 3500))
    assert found[:3] == [LARGEST_PRIME, 2147483629, 2147483587]
    assert found == sorted(set(found), reverse=True)
    assert all(pow(base, number - 1, number) == 1 for number in found for base in (2, 3, 5, 7))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 5), (5, 3), (7, 7)])
def test_work_of_one_prime_counts_each_update(rows: int, columns: int) -> None:
    updates = sum((rows - j) * (columns - j) for j in range(1, min(rows, columns) + 1))
    assert exact_rank_work(rows, columns, 1.0) == updates
    assert exact_rank_work(rows, columns, 2.0**63) == updates * (1 + 63 * min(rows, columns) // 30)


def test_work_of_sizes_beyond_every_limit_is_a_number() -> None:
    assert exact_rank_work(10**30, 10**30, math.ldexp(1.0, 100)) > 10**90


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float_rank_is_numpys_at_any_scale(dtype: Any) -> None:
    rng = np.random.default_rng(3)
    matrix = (rng.standard_normal((6, 3)) @ rng.standard_normal((3, 5))).astype(dtype)
    largest = float(np.finfo(dtype).max) / 64
    for scale in (1.0, largest, 1 / largest):
        assert float_rank(matrix * np.array(scale, dtype)) == np.linalg.matrix_rank(matrix) == 3
