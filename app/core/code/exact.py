"""Whole numbers in frameworks that convolve floats alone: in float64 where that is exact, else in pieces."""

from __future__ import annotations

import math

from app.core.code.layer import Layer
from app.core.layout import Array

#: Whole numbers up to here are exact in float64, and so are their sums.
EXACT_BITS = 53


def products(layer: Layer) -> int:
    """How many products each output sums at most."""
    p = layer.problem
    inside = p.in_group
    return inside * math.prod(p.kernel_size)


def fits_float64(layer: Layer) -> bool:
    """Whether no sum of an int64 layer can leave what float64 holds exactly: K·max|x|·max|w| + max|bias|."""
    most = products(layer) * _largest(layer.input) * _largest(layer.kernel)
    return most + (0 if layer.bias is None else _largest(layer.bias)) <= 1 << EXACT_BITS


def _largest(values: Array) -> int:
    """The largest magnitude, in Python ints: abs(−2^63) wraps in int64."""
    return max(int(values.max()), -int(values.min()))


def in_pieces(layer: Layer, framework: str) -> list[str]:
    """Lines that call `layer(x, kernel)`, of exact floats, on pieces of both and put the sums together.

    A piece of b bits has magnitudes up to 2^b, and K of their products stay below 2^53. What is
    shifted by 64 or more leaves int64, whose sums wrap around to the right answer.
    """
    bits = max(1, (EXACT_BITS - products(layer).bit_length()) // 2)
    count = -(-64 // bits)
    return [
        f"# {framework} convolves floats alone, exact up to 2**53; these sums can be larger. So numbers are cut",
        f"# into pieces of {bits} bits, each pair of pieces is convolved exactly, and int64 adds the results.",
        "def pieces(values):",
        f"    low = [values >> {bits} * k & 2**{bits} - 1 for k in range({count - 1})]",
        f"    return list(enumerate([*low, values >> {bits * (count - 1)}]))",
        "",
        "",
        f"pairs = [(j + k, a, b) for j, a in pieces(x) for k, b in pieces(kernel) if {bits} * (j + k) < 64]",
        f"output = sum(layer(a, b) << {bits} * place for place, a, b in pairs){layer.bias_term}",
    ]
