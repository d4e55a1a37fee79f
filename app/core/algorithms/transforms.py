"""The linear maps of Winograd's minimal filtering, on vectors of tiles; written by hand for LLVM.

F(m, r) gives m outputs of a filter with r weights from m + r − 1 products:
y = Aᵀ[(G·g) ⊙ (Bᵀ·d)]. The matrices of F(4, 3) are those of A. Lavin and S. Gray, "Fast
Algorithms for Convolutional Neural Networks" (2016); F(2, 5) evaluates longer kernels and
shorter outputs at the same points, 0, ±1, ±2 and ∞, so it maps inputs alike. In two
dimensions each map is applied to the rows and then to the columns.
"""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any

from llvmlite import ir
from numba import types

from app.core.algorithms.simd import I64, Vectors, choose, piece, pointers

Matrix = tuple[tuple[Fraction, ...], ...]


def _matrix(text: str) -> Matrix:
    return tuple(tuple(map(Fraction, row.split())) for row in text.split(","))


#: Outputs of a tile along one dimension, by the weights along it.
OUTPUTS = {3: 4, 5: 2}

#: Inputs and products of a tile along one dimension.
PRODUCTS = 6

_INPUT = _matrix("4 0 -5 0 1 0, 0 -4 -4 1 1 0, 0 4 -4 -1 1 0, 0 -2 -1 2 1 0, 0 2 -1 -2 1 0, 0 4 0 -5 0 1")
_KERNELS = {
    3: _matrix("1/4 0 0, -1/6 -1/6 -1/6, -1/6 1/6 -1/6, 1/24 1/12 1/6, 1/24 -1/12 1/6, 0 0 1"),
    5: _matrix(
        "1/4 0 0 0 0, -1/6 -1/6 -1/6 -1/6 -1/6, -1/6 1/6 -1/6 1/6 -1/6,"
        "1/24 1/12 1/6 1/3 2/3, 1/24 -1/12 1/6 -1/3 2/3, 0 0 0 0 1"
    ),
}
_OUTPUTS = {
    3: _matrix("1 1 1 1 1 0, 0 1 -1 2 -2 0, 0 1 1 4 4 0, 0 1 -1 8 -8 1"),
    5: _matrix("1 1 1 1 1 0, 0 1 -1 2 -2 1"),
}

#: What `transform` does, by its first argument: twice the place here, and one more in two dimensions.
_MATRICES = (_INPUT, *_KERNELS.values(), *_OUTPUTS.values())
OF_INPUT = 0
OF_KERNEL, OF_OUTPUT = ({length: first + n for n, length in enumerate(OUTPUTS)} for first in (1, 1 + len(OUTPUTS)))


def amplification(length: int) -> list[list[float]]:
    """How much roundings of a filter's products show, as squares: for each output of a tile, and each of its weights.

    For output i and weight k: Σ over p of (Aᵀ[i,p]·G[p,k])²·Σ over j of Bᵀ[p,j]².
    """
    inputs, kernel = [sum(factor**2 for factor in row) for row in _INPUT], _KERNELS[length]
    return [
        [
            float(sum((a * weights[k]) ** 2 * each for a, weights, each in zip(row, kernel, inputs, strict=True)))
            for k in range(length)
        ]
        for row in _OUTPUTS[length]
    ]


@piece
def transform(_context, which, source, at, places, places_at, added, target, target_at, apart):
    """One of the maps for a vector of tiles side by side, in flat arrays.

    `which` is 2·OF_INPUT, or 2·OF_KERNEL or 2·OF_OUTPUT of a length, and one more in two dimensions.
    Value number j is read from source[at + places[places_at + j]] on; result number f is
    written from target[target_at + f·apart] on; `added` is added to the results of
    outputs. Whole vectors are read and written.
    """
    i = types.int64
    signature = types.void(i, source, i, places, i, target.dtype, target, i, i)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        which, *rest = pointers(context, builder, signature.args, arguments)
        vec = Vectors(context, builder, signature.args[1].dtype)

        def write(number: int) -> None:
            _write_transform(vec, _MATRICES[number // 2], number % 2 == 1, number // 2 > len(OUTPUTS), *rest)

        choose(builder, which, {number: partial(write, number) for number in range(2 * len(_MATRICES))})
        return context.get_dummy_value()

    return signature, generate


def _write_transform(
    vec: Vectors, matrix: Matrix, squared: bool, with_added: bool,
    source: Any, at: Any, places: Any, places_at: Any, added: Any, target: Any, target_at: Any, apart: Any,
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
    constant = vec.spread(added) if with_added else None
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
