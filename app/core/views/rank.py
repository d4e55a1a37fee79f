"""The rank of a matrix: of whole numbers with proof, of floats at NumPy's tolerance.

Modulo a prime the rank can only fall, so the full rank modulo one prime is the full rank.
Where the rank r falls short, the proof is that every minor of r + 1 rows is 0: each prime
that finds rank r divides all of these, and once the primes' product exceeds what
Hadamard's inequality allows such a minor, none but 0 is left.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from itertools import count

import numpy as np
from numpy.typing import NDArray

from app.core.jit import compiled, shared
from app.core.layout import Array
from app.core.parallel import check_wanted

#: The primes lie below it, and down to half of it there are fifty million.
_PRIMES_BELOW = 2**31
_SEGMENT = 2**16

#: Bits that a prime adds to the product, at least.
_BITS_OF_A_PRIME = 30

_HALF = np.uint64(32)


def exact_rank(matrix: Array) -> int:
    """The rank of a matrix of int64, exactly."""
    rank, product = 0, 1
    squares: list[list[int]] = []
    for prime in _primes():
        check_wanted()
        residues = np.ascontiguousarray(matrix % prime, np.uint32)
        rank = max(rank, int(_rank_modulo(residues, np.uint64(prime))))
        product *= prime
        if rank == min(matrix.shape):
            break
        squares = squares or [_squared_norms(matrix), _squared_norms(matrix.T)]
        # Hadamard: a squared minor is at most the product of its rows' squared norms.
        if product**2 > min(math.prod(norms[: rank + 1]) for norms in squares):
            break
    return rank


def exact_rank_work(rows: int, columns: int, norm: float) -> int:
    """Multiply-adds that `exact_rank` takes at most, where all rows' or all columns' norms are up to a bound."""
    most = min(rows, columns)
    primes = 1 + math.ceil(most * math.log2(max(norm, 1.0))) // _BITS_OF_A_PRIME
    # Σ (rows − j)(columns − j) over the pivots j.
    one_prime = most * rows * columns - (rows + columns) * most * (most + 1) // 2
    one_prime += most * (most + 1) * (2 * most + 1) // 6
    return one_prime * primes


def float_rank(matrix: Array) -> int:
    """`numpy.linalg.matrix_rank` with its default tolerance, at a scale where no square overflows."""
    largest = np.abs(matrix).max()
    if largest == 0:
        return 0
    _, exponent = np.frexp(largest)
    return int(np.linalg.matrix_rank(np.ldexp(matrix, -exponent)))


def float_rank_work(rows: int, columns: int) -> int:
    """About what the singular values take."""
    return 4 * rows * columns * min(rows, columns)


def _squared_norms(matrix: Array) -> list[int]:
    """Each row's squared norm in Python ints, the largest first."""
    squares = np.square(matrix.astype(np.object_)).sum(axis=1)
    return sorted(squares.tolist(), reverse=True)


def _primes() -> Iterator[int]:
    """The primes from 2^31 downwards."""
    for segment in count(1):
        yield from _segment(_PRIMES_BELOW - segment * _SEGMENT)


@cache
def _segment(start: int) -> list[int]:
    """The primes of one segment, the largest first: what no small number divides."""
    sieve = np.ones(_SEGMENT, np.bool_)
    for divisor in range(2, math.isqrt(start + _SEGMENT) + 1):
        sieve[-start % divisor :: divisor] = False
    return [start + int(place) for place in np.flatnonzero(sieve)[::-1]]


@compiled
def _rank_modulo(a: NDArray[np.uint32], p: np.uint64) -> int:
    """Gaussian elimination modulo p, in place; zeros are stepped over, so a band stays cheap."""
    rows, columns = a.shape
    rank = 0
    for column in range(columns):
        pivot = rank
        while pivot < rows and a[pivot, column] == 0:
            pivot += 1
        if pivot == rows:
            continue
        for j in range(column, columns):
            a[rank, j], a[pivot, j] = a[pivot, j], a[rank, j]
        end = columns
        while a[rank, end - 1] == 0:
            end -= 1
        inverse = _inverse(np.uint64(a[rank, column]), p)
        for row in range(pivot + 1, rows):
            if a[row, column] != 0:
                factor = p - np.uint64(a[row, column]) * inverse % p
                _add_multiple(a[row, column:end], a[rank, column:end], factor, p)
        rank += 1
        if rank == rows:
            break
    return rank


@shared
def _inverse(value: np.uint64, p: np.uint64) -> np.uint64:
    """value^(p − 2), by Fermat the inverse modulo p."""
    result, power, exponent = np.uint64(1), value, p - np.uint64(2)
    while exponent > np.uint64(0):
        if exponent & np.uint64(1):
            result = result * power % p
        power = power * power % p
        exponent >>= np.uint64(1)
    return result


@shared
def _add_multiple(row: NDArray[np.uint32], pivot: NDArray[np.uint32], factor: np.uint64, p: np.uint64) -> None:
    """row += factor·pivot modulo p, without a division for each element.

    With ratio = ⌊2^32·factor/p⌋ the number ⌊ratio·x / 2^32⌋ is ⌊factor·x / p⌋ or one less
    for x < 2^32 (V. Shoup's modular multiplication).
    """
    ratio = (factor << _HALF) // p
    for j in range(len(row)):
        x = np.uint64(pivot[j])
        total = np.uint64(row[j]) + factor * x - ((ratio * x) >> _HALF) * p
        total -= p if total >= p else np.uint64(0)
        row[j] = total - p if total >= p else total
