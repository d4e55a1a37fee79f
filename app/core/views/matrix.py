"""The view `matrix`: the operation as one matrix product, O = I·C or P = O·Cᵀ."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from app.core.layout import Array, Shape
from app.core.problem import Problem
from app.core.views import lines, matrix_texts, wording
from app.core.views.lines import Indices
from app.core.views.rank import exact_rank, exact_rank_work, float_rank, float_rank_work
from app.core.views.step import LARGEST_INT64, Operands, Step, View, finite, int64_fault, largest_magnitude

NAME = "matrix"

#: Weights laid down at a time: what bounds the memory for their indices.
_CHUNK = 2**18

#: What an element of the matrix takes while its rank is proved: it and its square as Python's own numbers.
_PROOF_BYTES = 96

#: What laying one weight down costs, in multiply-adds of the fast path (about 30 ns). Only
#: a padding mode with a kernel far larger than the input has so many that it matters.
_LAYING = 256


def steps(operands: Operands) -> list[Step]:
    """`flatten_input`, the matrix with what it is made of, `multiply`, `reshape`, `add_bias`."""
    problem, layout = operands.problem, operands.layout
    row = operands.input.reshape(problem.batch, -1)
    flatten = Step(NAME, "flatten_input", ("input",), *matrix_texts.flatten(problem), row)
    laid = finite(laid_kernel(problem, operands.kernel))
    matrix, found = _of_conv(operands, laid) if problem.op == "conv" else _of_transpose(operands, row, laid)
    result = row @ matrix
    sums = operands.output if operands.bias is None else result.reshape(problem.output_shape)
    text = matrix_texts.reshape(problem, layout.form_shape(problem.output_shape))
    found = [
        flatten,
        *found,
        Step(NAME, "multiply", ("flatten_input", "matrix"), *matrix_texts.multiply(problem, matrix.shape), result),
        Step(NAME, "reshape", ("multiply",), *text, layout.form(sums)),
    ]
    if operands.bias is not None:
        tensor = layout.form(operands.output)
        found.append(Step(NAME, "add_bias", ("reshape", "bias"), *wording.bias(operands.bias), tensor))
    return found


def elements(problem: Problem) -> int:
    """Elements of tensors, products and sums."""
    inside, outside = _ends(problem)
    count = problem.batch * (inside + outside * (2 + problem.bias)) + 2 * inside * outside
    if problem.op == "conv":
        return count
    return count + problem.batch * outside * (inside + 1)


def listed(problem: Problem) -> int:
    """Elements of products and sums."""
    if problem.op == "conv":
        return 0
    inside, outside = _ends(problem)
    return problem.batch * outside * (inside + 1)


def bytes_(problem: Problem) -> int:
    """The tensors, what laying a chunk of weights down takes, and Python's own numbers in the proof of a rank."""
    inside, outside = _ends(problem)
    laid = min(problem.macs // problem.batch, _CHUNK + problem.kernel_elements)
    return 16 * elements(problem) + 64 * laid + _PROOF_BYTES * inside * outside


def work(problem: Problem, kernel: Array | None = None) -> int:
    """Laying the kernel down, the products, and the rank; without a kernel that of the largest int64."""
    inside, outside = _ends(problem)
    products = problem.batch * inside * outside * (1 if problem.op == "conv" else 2)
    return problem.macs // problem.batch * _LAYING + products + _rank_work(problem, kernel)


def check_fits(problem: Problem, _: Array, kernel: Array) -> None:
    """Refuse Σ|w| of an element of C beyond int64.

    Raises:
        OverflowingError: with `would_be`, the largest of these sums.
    """
    meetings = 1 if problem.padding_mode == "zeros" else math.prod(problem.kernel_size)
    if largest_magnitude(kernel) * meetings <= LARGEST_INT64:
        return
    # The two halves of each number are summed apart, so that neither sum can wrap.
    magnitude = np.abs(kernel).view(np.uint64)
    high = laid_kernel(problem, (magnitude >> np.uint64(32)).astype(np.int64))
    low = laid_kernel(problem, (magnitude & np.uint64(2**32 - 1)).astype(np.int64))
    high += low >> 32
    top = high.max()
    would_be = (int(top) << 32) + int((low & (2**32 - 1))[high == top].max())
    if would_be > LARGEST_INT64:
        raise int64_fault(NAME, would_be)


def laid_kernel(problem: Problem, kernel: Array) -> Array:
    """The kernel laid into zeros, a row for each place where it is laid down.

    For conv (out, in), the transpose of C: an output's row has the weights at the inputs
    that it sees. For conv_transpose (in, out), which is Cᵀ: an input's row has them at
    the outputs that it reaches.
    """
    kernel = lines.flipped(kernel) if problem.flip_kernel else kernel
    moving, met = problem.output_size, problem.input_size
    if problem.op == "conv_transpose":
        moving, met = met, moving
    places, targets = math.prod(moving), math.prod(met)
    groups, own, other = problem.groups, kernel.shape[0] // problem.groups, kernel.shape[1]
    weights = kernel.reshape(groups, own, other, -1)
    result = np.zeros(kernel.shape[0] * places * groups * other * targets, kernel.dtype)
    channel = np.arange(kernel.shape[0]).reshape(groups, own, 1, 1)
    partner = np.arange(groups * other).reshape(groups, 1, other, 1)
    step = max(1, _CHUNK // kernel.size)
    for start in range(0, places, step):
        mover, tap, target = _meetings(problem, np.arange(start, min(start + step, places)), moving, met)
        at = ((channel * places + mover) * (groups * other) + partner) * targets + target
        np.add.at(result, at.ravel(), weights[..., tap].ravel())
    return result.reshape(kernel.shape[0] * places, groups * other * targets)


def _meetings(problem: Problem, movers: Indices, moving: Shape, met: Shape) -> tuple[Indices, Indices, Indices]:
    """Who meets whom through which tap: three lists of flat spatial indices."""
    n = problem.spatial_dims
    target = np.zeros((len(movers), *(1,) * n), np.int64)
    inside = np.ones_like(target, np.bool_)
    for j, (dim, place) in enumerate(zip(problem.dimensions, np.unravel_index(movers, moving), strict=True)):
        found = lines.met(dim, place)
        found = found.reshape(len(movers), *(dim.kernel if axis == j else 1 for axis in range(n)))
        target = target * met[j] + found
        inside = inside & (found >= 0)
    mover, tap = np.nonzero(inside.reshape(len(movers), -1))
    return movers[mover], tap, target.reshape(len(movers), -1)[mover, tap]


def _of_conv(operands: Operands, laid: Array) -> tuple[Array, list[Step]]:
    """C, and the steps `placements` and `matrix`."""
    problem, sample = operands.problem, _sample(operands)
    matrix = np.ascontiguousarray(laid.T)
    text, facts = _rank_facts(problem, laid, matrix.shape)
    return matrix, [
        Step(NAME, "placements", ("kernel",), *matrix_texts.placements(problem, sample), laid.reshape(-1, *sample)),
        Step(NAME, "matrix", ("placements",), *text, matrix, facts),
    ]


def _of_transpose(operands: Operands, row: Array, laid: Array) -> tuple[Array, list[Step]]:
    """Cᵀ, and the steps `matrix` and `column_kernels`."""
    problem, sample = operands.problem, _sample(operands)
    text, facts = _rank_facts(problem, laid, laid.shape)
    columns = np.ascontiguousarray(laid.T)
    products = row[:, None] * columns
    sums = products.sum(axis=-1)
    batch = (problem.batch,) if operands.layout.batched else ()
    shown = {
        "products": products.reshape(*batch, len(columns), *sample),
        "sums": sums.reshape(*batch, len(columns)),
    }
    column_text = matrix_texts.column_kernels(sums, sample)
    return laid, [
        Step(NAME, "matrix", ("kernel",), *text, laid, facts),
        Step(NAME, "column_kernels", ("flatten_input", "matrix"), *column_text, columns.reshape(-1, *sample), shown),
    ]


def _sample(operands: Operands) -> Shape:
    """The form of one sample of the input."""
    return operands.problem.input_size if operands.layout.bare else operands.problem.input_shape[1:]


def _ends(problem: Problem) -> tuple[int, int]:
    """How many numbers go into the matrix and how many come out, for one sample."""
    return problem.input_elements // problem.batch, problem.output_elements // problem.batch


# The rank


def _rank_facts(problem: Problem, laid: Array, shape: Shape) -> tuple[matrix_texts.Words, dict[str, Any]]:
    inside, outside = shape
    exact = laid.dtype.kind == "i"
    # Groups leave zero blocks: the rank is the sum of theirs.
    rank = sum(map(exact_rank, _blocks(laid, problem.groups))) if exact else float_rank(laid)
    square = inside == outside
    facts = {
        "rank": rank,
        "square": square,
        "invertible": square and rank == inside,
        "recoverable": rank == inside,
    }
    return matrix_texts.matrix(problem, inside, outside, rank, exact=exact), facts


def _blocks(laid: Array, groups: int) -> list[Array]:
    rows, columns = (length // groups for length in laid.shape)
    return [laid[g * rows : (g + 1) * rows, g * columns : (g + 1) * columns] for g in range(groups)]


def _rank_work(problem: Problem, kernel: Array | None) -> int:
    inside, outside = _ends(problem)
    if kernel is not None and kernel.dtype.kind == "f":
        return float_rank_work(inside, outside)
    groups = problem.groups
    return groups * exact_rank_work(inside // groups, outside // groups, _largest_norm(problem, kernel))


def _largest_norm(problem: Problem, kernel: Array | None) -> float:
    """A bound of the norm of what is laid down at one place; a padding mode may add several taps into one."""
    taps = problem.kernel_shape[1] * math.prod(problem.kernel_size)
    if kernel is None:
        return 2.0**63 * (math.sqrt(taps) if problem.padding_mode == "zeros" else taps)
    magnitudes = np.abs(kernel.reshape(problem.kernel_shape[0], -1).astype(np.float64))
    if problem.padding_mode == "zeros":
        return float(np.sqrt((magnitudes**2).sum(axis=1).max()))
    return float(magnitudes.sum(axis=1).max())


VIEW = View(("conv", "conv_transpose"), steps, elements, listed, bytes_, work, check_fits)
