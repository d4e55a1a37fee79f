"""The view `scatter`: every input element stamps the kernel onto the whole map."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from app.core.layout import Array, Shape
from app.core.problem import Problem
from app.core.views import lines, scatter_texts, wording
from app.core.views.lines import Indices
from app.core.views.step import LARGEST_INT64, Operands, Step, View, int64_fault, largest_magnitude

NAME = "scatter"


def steps(operands: Operands) -> list[Step]:
    """`stamps`, `overlap`, `accumulate`, `crop`, `add_bias`."""
    problem, layout = operands.problem, operands.layout
    pieces = stamps(problem, operands.input, operands.kernel)
    form = problem.kernel_size if layout.bare else problem.kernel_shape[1:]
    stamped = pieces.reshape(*layout.form_shape(problem.input_shape), *form)
    counts: Indices = reduce(np.multiply.outer, map(lines.coverage_of, problem.dimensions))
    extra = {"origins": _origins(problem)}
    found = [
        Step(NAME, "stamps", ("input", "kernel"), *scatter_texts.stamps(problem, operands.input), stamped, extra),
        Step(NAME, "overlap", ("stamps",), *scatter_texts.overlap(problem, counts), counts),
    ]
    rest = ["accumulate", *["crop"] * _crops(problem), *["add_bias"] * problem.bias]
    whole = operands.output if rest == ["accumulate"] else accumulate(problem, pieces)
    found.append(Step(NAME, "accumulate", ("stamps",), *scatter_texts.accumulate(problem), layout.form(whole)))
    if "crop" in rest:
        cropped = _cropped(problem, whole) if operands.bias is not None else operands.output
        found.append(Step(NAME, "crop", ("accumulate",), *scatter_texts.crop(problem), layout.form(cropped)))
    if operands.bias is not None:
        tensor = layout.form(operands.output)
        found.append(Step(NAME, "add_bias", (rest[-2], "bias"), *wording.bias(operands.bias), tensor))
    return found


def elements(problem: Problem) -> int:
    """Elements of the stamps, the whole map twice and what is cut out of it."""
    places = math.prod(map_size(problem))
    output = problem.output_elements * (_crops(problem) + problem.bias)
    return problem.macs + places + problem.batch * problem.out_channels * places + output


def bytes_(problem: Problem) -> int:
    """The tensors, the stamps as Python's own numbers or with their places on the map, and the origins."""
    return 8 * elements(problem) + 64 * problem.macs + 32 * problem.spatial_dims * problem.input_elements


def work(problem: Problem, _kernel: Array | None = None) -> int:
    """One multiply-add for each stamped weight."""
    return problem.macs


def check_fits(problem: Problem, x: Array, kernel: Array) -> None:
    """Refuse Σ|x·w| of a place of the whole map beyond int64.

    Raises:
        OverflowingError: with `would_be`, the largest of these sums.
    """
    most = problem.in_group * math.prod(problem.kernel_size)
    if largest_magnitude(x) * largest_magnitude(kernel) * most <= LARGEST_INT64:
        return
    # Python ints do not wrap.
    pieces = stamps(problem, abs(x.astype(np.object_)), abs(kernel.astype(np.object_)))
    would_be = int(accumulate(problem, pieces).max())
    if would_be > LARGEST_INT64:
        raise int64_fault(NAME, would_be)


def map_size(problem: Problem) -> Shape:
    """The whole map's size, (i − 1)s + kₑ + output_padding."""
    return tuple(dim.full + dim.output_padding for dim in problem.dimensions)


def stamps(problem: Problem, x: Array, kernel: Array) -> Array:
    """Each input element times the kernel: (batch, C_in, *size, C_out/groups, *K)."""
    kernel = lines.flipped(kernel) if problem.flip_kernel else kernel
    ones = (1,) * problem.spatial_dims
    return x.reshape(*x.shape, 1, *ones) * kernel.reshape(kernel.shape[0], *ones, *kernel.shape[1:])


def accumulate(problem: Problem, pieces: Array) -> Array:
    """The stamps added up on the whole map: (batch, C_out, *map)."""
    batch, groups, own, sizes = problem.batch, problem.groups, problem.out_group, map_size(problem)
    n = problem.spatial_dims
    place = np.zeros((1,) * (2 * n), np.int64)
    for j, dim in enumerate(problem.dimensions):
        reached = np.arange(dim.input)[:, None] * dim.stride + np.arange(dim.kernel) * dim.dilation
        place = place * sizes[j] + reached.reshape(
            [reached.shape[axis // n] if axis % n == j else 1 for axis in range(2 * n)]
        )
    place = place.reshape(math.prod(problem.input_size), 1, -1)
    channel = np.arange(batch * groups * own).reshape(batch, groups, 1, 1, own, 1)
    at = channel * math.prod(sizes) + place
    pieces = pieces.reshape(batch, groups, -1, *at.shape[-3:])
    result = np.zeros(batch * problem.out_channels * math.prod(sizes), pieces.dtype)
    np.add.at(result, np.broadcast_to(at, pieces.shape).ravel(), pieces.ravel())
    return result.reshape(batch, problem.out_channels, *sizes)


def _crops(problem: Problem) -> bool:
    return any(map(any, problem.padding))


def _cropped(problem: Problem, whole: Array) -> Array:
    return lines.window(whole, [(-before, -after) for before, after in problem.padding])


def _origins(problem: Problem) -> Indices:
    """Where the stamp of each input element begins on the map: (elements, N)."""
    index = np.indices(problem.input_size).reshape(problem.spatial_dims, -1).T
    return np.tile(index * np.array(problem.stride), (problem.batch * problem.in_channels, 1))


VIEW = View(("conv_transpose",), steps, elements, lambda _: 0, bytes_, work, check_fits)
