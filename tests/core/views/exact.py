"""The rank by elimination in fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from numpy.typing import NDArray


def rank_of(matrix: NDArray[Any]) -> int:
    """How many rows elimination leaves."""
    rows = [[Fraction(int(entry)) for entry in row] for row in matrix.tolist()]
    rank = 0
    for column in range(matrix.shape[1]):
        pivot = next((row for row in rows[rank:] if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        rows.insert(rank, pivot)
        rank += 1
        for j, row in enumerate(rows[rank:], rank):
            factor = row[column] / pivot[column]
            rows[j] = [a - factor * b for a, b in zip(row, pivot, strict=True)] if factor else row
    return rank
