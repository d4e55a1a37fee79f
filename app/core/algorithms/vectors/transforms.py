"""The linear maps of Winograd's minimal filtering, on vectors of tiles; written by hand for LLVM.

F(m, r) gives m outputs of a filter with r weights from m + r − 1 products:
y = Aᵀ[(G·g) ⊙ (Bᵀ·d)]. The matrices of F(4, 3) and F(2, 3) are those of A. Lavin and S. Gray, "Fast
Algorithms for Convolutional Neural Networks" (2016); F(2, 5) evaluates longer kernels and
shorter outputs at the same points, 0, ±1, ±2 and ∞, so it maps inputs alike. F(4, 2) leaves out the
point −2, and F(4, 4) has ½ beside them; their matrices are made as those are, by Toom's and Cook's
interpolation, with rows of B and G scaled to small whole numbers in B. In two
dimensions each map is applied to the rows and then to the columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from app.core.algorithms.vectors.simd import I64, Vectors, choose, piece, pointers

Matrix = tuple[tuple[Fraction, ...], ...]


def _matrix(text: str) -> Matrix:
    return tuple(tuple(map(Fraction, row.split())) for row in text.split(","))


class Kind(NamedTuple):
    """So many outputs of a tile along one dimension, from filters of so many weights."""

    outputs: int
    weights: int

    @property
    def products(self) -> int:
        """Those of a tile, and its inputs."""
        return self.outputs + self.weights - 1


#: One product for each output: no filter.
PLAIN = Kind(1, 1)


class _Maps(NamedTuple):
    """Bᵀ, G and Aᵀ."""

    inputs: Matrix
    kernel: Matrix
    outputs: Matrix


_AT_SIX_POINTS = _matrix("4 0 -5 0 1 0, 0 -4 -4 1 1 0, 0 4 -4 -1 1 0, 0 -2 -1 2 1 0, 0 2 -1 -2 1 0, 0 4 0 -5 0 1")

_MAPS = {
    Kind(2, 3): _Maps(
        _matrix("1 0 -1 0, 0 1 1 0, 0 -1 1 0, 0 -1 0 1"),
        _matrix("1 0 0, 1/2 1/2 1/2, 1/2 -1/2 1/2, 0 0 1"),
        _matrix("1 1 1 0, 0 1 -1 1"),
    ),
    Kind(4, 2): _Maps(
        _matrix("2 -1 -2 1 0, 0 -2 -1 1 0, 0 2 -3 1 0, 0 -1 0 1 0, 0 2 -1 -2 1"),
        _matrix("1/2 0, -1/2 -1/2, -1/6 1/6, 1/6 1/3, 0 1"),
        _matrix("1 1 1 1 0, 0 1 -1 2 0, 0 1 1 4 0, 0 1 -1 8 1"),
    ),
    Kind(4, 3): _Maps(
        _AT_SIX_POINTS,
        _matrix("1/4 0 0, -1/6 -1/6 -1/6, -1/6 1/6 -1/6, 1/24 1/12 1/6, 1/24 -1/12 1/6, 0 0 1"),
        _matrix("1 1 1 1 1 0, 0 1 -1 2 -2 0, 0 1 1 4 4 0, 0 1 -1 8 -8 1"),
    ),
    Kind(4, 4): _Maps(
        _matrix(
            "-4 8 5 -10 -1 2 0, 0 4 -4 -9 1 2 0, 0 -4 12 -7 -3 2 0, 0 2 -3 -4 3 2 0, 0 -2 5 0 -5 2 0,"
            "0 4 0 -5 0 1 0, 0 -4 8 5 -10 -1 2"
        ),
        _matrix(
            "-1/4 0 0 0, -1/6 -1/6 -1/6 -1/6, 1/18 -1/18 1/18 -1/18, 1/72 1/36 1/18 1/9, -1/120 1/60 -1/30 1/15,"
            "32/45 16/45 8/45 4/45, 0 0 0 1/2"
        ),
        _matrix("1 1 1 1 1 1 0, 0 1 -1 2 -2 1/2 0, 0 1 1 4 4 1/4 0, 0 1 -1 8 -8 1/8 1"),
    ),
    Kind(2, 5): _Maps(
        _AT_SIX_POINTS,
        _matrix(
            "1/4 0 0 0 0, -1/6 -1/6 -1/6 -1/6 -1/6, -1/6 1/6 -1/6 1/6 -1/6,"
            "1/24 1/12 1/6 1/3 2/3, 1/24 -1/12 1/6 -1/3 2/3, 0 0 0 0 1"
        ),
        _matrix("1 1 1 1 1 0, 0 1 -1 2 -2 1"),
    ),
}

#: All kinds of filters, and those that are applied in two dimensions, too.
KINDS = tuple(_MAPS)
SQUARED = tuple(kind for kind in KINDS if kind.products <= 6)

#: What the pieces here take first: twice the place here, and one more in two dimensions.
_MATRICES = tuple({id(matrix): matrix for maps in _MAPS.values() for matrix in maps}.values())
OF_INPUT, OF_KERNEL, OF_OUTPUT = (
    {kind: next(n for n, matrix in enumerate(_MATRICES) if matrix is maps[part]) for kind, maps in _MAPS.items()}
    for part in range(3)
)


@cache
def amplification(kind: Kind) -> NDArray[np.float64]:
    """How much roundings of a filter's products show, as squares: for each output of a tile, and each of its weights.

    For output i and weight k: Σ over p of (Aᵀ[i,p]·G[p,k])²·Σ over j of Bᵀ[p,j]². It is 1 for `PLAIN`.
    """
    if kind == PLAIN:
        return np.ones((1, 1))
    inputs, kernel, outputs = (np.array(matrix, float) for matrix in _MAPS[kind])
    amplified: NDArray[np.float64] = outputs**2 @ (kernel**2 * (inputs**2).sum(axis=1)[:, None])
    return amplified


@piece
def map_inputs_of_tiles(_context, which, source, at, places, places_at, target, target_at, apart):
    """The inputs of a vector of tiles side by side, mapped to what is multiplied, in flat arrays.

    `which` is twice OF_INPUT of a kind, and one more in two dimensions. Value number j is read from
    source[at + places[places_at + j]] on; result number f is written from target[target_at + f·apart] on. Whole
    vectors are read and written.
    """
    i = types.int64
    return _choosing(types.void(i, source, i, places, i, target, i, i), OF_INPUT)


@piece
def map_weights_of_filters(_context, which, source, at, places, places_at, target, target_at, apart):
    """As `map_inputs_of_tiles`, the weights of a vector of filters: by OF_KERNEL."""
    i = types.int64
    return _choosing(types.void(i, source, i, places, i, target, i, i), OF_KERNEL)


@piece
def map_sums_of_tiles(_context, which, source, at, places, places_at, target, target_at, apart, added):
    """As `map_inputs_of_tiles`, the sums of products to the outputs of tiles, with what is `added`: by OF_OUTPUT."""
    i = types.int64
    return _choosing(types.void(i, source, i, places, i, target, i, i, target.dtype), OF_OUTPUT)


def _choosing(signature: Any, matrices: Mapping[Kind, int]) -> Any:
    """What writes a piece for each of these matrices, in one dimension and where it is applied so in two."""
    numbers = {2 * matrix + squared for kind, matrix in matrices.items() for squared in range(1 + (kind in SQUARED))}

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        which, *rest = pointers(context, builder, signature.args, arguments)
        vec = Vectors(context, builder, signature.args[1].dtype)

        def write(number: int) -> None:
            matrix, squared = divmod(number, 2)
            _write_transform(vec, _MATRICES[matrix], squared == 1, *rest)

        choose(builder, which, {number: partial(write, number) for number in sorted(numbers)})
        return context.get_dummy_value()

    return signature, generate


def _write_transform(
    vec: Vectors, matrix: Matrix, squared: bool,
    source: Any, at: Any, places: Any, places_at: Any, target: Any, target_at: Any, apart: Any, added: Any = None,
) -> None:  # fmt: skip
    builder, wide = vec.builder, len(matrix[0])
    source, target = builder.gep(source, [at]), builder.gep(target, [target_at])

    def value(j: int) -> Any:
        place = builder.load(builder.gep(places, [builder.add(places_at, I64(j))]))
        return vec.load(builder.gep(source, [place]))

    if squared:
        columns = [_mapped(vec, matrix, [value(i * wide + j) for i in range(wide)]) for j in range(wide)]
        rows = [_mapped(vec, matrix, [column[i] for column in columns]) for i in range(len(matrix))]
        results = [result for row in rows for result in row]
    else:
        results = _mapped(vec, matrix, [value(j) for j in range(wide)])
    constant = None if added is None else vec.spread(added)
    for f, result in enumerate(results):
        total = result if constant is None else vec.add(result, constant)
        vec.store(total, builder.gep(target, [builder.mul(apart, I64(f))]))


def _mapped(vec: Vectors, matrix: Matrix, values: list[Any]) -> list[Any]:
    """The matrix times the values."""
    return [_combined(vec, row, values) for row in matrix]


def _combined(vec: Vectors, row: tuple[Fraction, ...], values: list[Any]) -> Any:
    """Σ row[j]·values[j], without its zeros; from the smallest factor on."""
    terms = sorted((abs(factor), j) for j, factor in enumerate(row) if factor)
    total = None
    for _, j in terms:
        factor = ir.Constant(vec.kind, [vec.element(float(row[j]))] * vec.lanes)
        if total is None:
            total = values[j] if row[j] == 1 else vec.builder.fmul(factor, values[j])
        elif row[j] == 1:
            total = vec.add(total, values[j])
        elif row[j] == -1:
            total = vec.builder.fsub(total, values[j])
        else:
            total = vec.multiply_add(factor, values[j], total)
    return total
