"""Products of Fourier transforms, block by block, for large kernels (overlap-save).

An input is cut into blocks that overlap by the kernel's span. Two blocks of a channel are
the real and the imaginary part of one complex block: its transform times the kernel's,
transformed back, is both answers. Input channels are summed before that. What wraps
around lies in the overlap and is dropped.

A transform mixes loud and quiet, so its error is even over a block; but roundings that are no
noise, such as those of an impulse, gather in a place or a frequency. It keeps within the promise
for a channel's loudest output; where even that is in doubt (a loud value that meets no weight),
the operation is done by direct sums after all. So are always those few outputs that take only a
handful of products, and more of them, where that puts the others out of doubt. Inputs and
kernels are brought to about 1 by powers of two, so nothing overflows on the way to an answer;
where the answer itself does, or nearly, direct sums decide too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from app.core.algorithms import direct
from app.core.algorithms.borders import few_products, fewest_products, has_few_unlike, products
from app.core.algorithms.effort import Effort, Features
from app.core.algorithms.fourier import fft
from app.core.algorithms.fourier.blocks import SPECTRA_BYTES, THREAD_BYTES, Blocks, Work, blocks_of
from app.core.algorithms.fourier.guard import Scaling, scaling_of, sum_few
from app.core.algorithms.fourier.kernels import Cut, convolve_blocks, transform_kernels
from app.core.algorithms.fourier.phases import Phase, fill_with_bias, phases_of
from app.core.algorithms.promise import exceeds, loudest
from app.core.algorithms.taps import Axis, Int64Array
from app.core.geometry import ceil_div
from app.core.layout import Array
from app.core.parallel import run_parted, team
from app.core.problem import Problem

Axes = tuple[Axis, ...]

#: Outputs of fewer products than this are summed directly; all are, where there are no more.
FEW_PRODUCTS = 64

#: Where the promise of outputs of few products is in doubt, more are summed directly: up to this part of all products,
#: as each takes many times as long as where all are summed.
MOST_SUMMED = 1 / 64

#: More phases than this are too many small transforms.
MOST_PHASES = 16

#: What a value takes through all its transforms, in multiply-adds of the direct algorithm.
_WORK_OF_A_VALUE = 60

#: What it takes to tell how many inputs an output meets along an axis.
MET_BYTES = 64


def fits(problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> bool:
    """Whether it can run: floats, enough products in every phase, and blocks that fit the memory."""
    if dtype.kind != "f" or math.prod(len(axis.residues) for axis in axes) > MOST_PHASES:
        return False
    in_group = problem.in_group
    fewest = in_group * math.prod(min(len(axis.taps(q)) for q in range(len(axis.residues))) for axis in axes)
    return fewest >= FEW_PRODUCTS and has_few_unlike(axes) and blocks_of(_work(problem, axes, dtype)) is not None


def effort(problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> Effort:
    """What the time is proportional to; for a problem that fits.

    `levels`: values times stages of the transforms, `moved`: values copied, scaled and
    turned round, `products`: complex products, `calls`: compiled calls; `few`: outputs of few
    products and those products, which are summed directly.
    """
    blocks = _blocks(problem, axes, dtype)
    phases = math.prod(len(axis.residues) for axis in axes)
    sets = ceil_div(problem.out_channels, blocks.held)
    in_group = problem.in_group
    few, sums = few_products(axes, in_group, FEW_PRODUCTS)
    channels = problem.batch * problem.out_channels
    alone: Features = {
        "call": 1.0,
        "scanned": problem.input_elements,
        "calls": phases * sets,
        "few": channels * few,
        "few_sums": channels * sums,
        "gaps": problem.output_elements if any(axis.out_step > 1 for axis in axes) else 0,
    }
    shared: Features = {
        "levels": phases * blocks.levels,
        "moved": phases * blocks.moved,
        "products": phases * blocks.products,
    }
    tasks = problem.batch * blocks.pairs * ceil_div(problem.out_channels, blocks.together)
    return Effort(alone, shared, tasks, round(blocks.moved) * _WORK_OF_A_VALUE)


def workspace(problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> int:
    """Bytes beside input, kernel, bias and output; for a problem that fits."""
    blocks = _blocks(problem, axes, dtype)
    block = 2 * blocks.points * dtype.itemsize
    threads = team.size * min(THREAD_BYTES, (2 + blocks.together) * block)
    spectra = min(SPECTRA_BYTES, blocks.held * problem.in_group * block)
    errors = 8 * blocks.held * problem.batch * blocks.pairs
    met = MET_BYTES * sum(axis.output for axis in axes)
    return threads + spectra + errors + met + 2 * block + problem.kernel_elements * dtype.itemsize


def _blocks(problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> Blocks:
    blocks = blocks_of(_work(problem, axes, dtype))
    if blocks is None:
        raise ValueError("the problem does not fit")
    return blocks


def _work(problem: Problem, axes: Axes, dtype: np.dtype[np.generic]) -> Work:
    """The largest phase's, so that one cut serves all."""
    groups = problem.groups
    in_group, out_group = problem.in_channels // groups, problem.out_channels // groups
    positions = tuple((axis.positions(0) - 1) * axis.in_step + 1 for axis in axes)
    spans = tuple(max(int(np.ptp(axis.shifts(q))) for q in range(len(axis.residues))) for axis in axes)
    return Work(positions, spans, problem.batch, groups, in_group, out_group, dtype.itemsize)


def run(problem: Problem, axes: Axes, x: Array, w: Array, bias: Array, out: Array) -> None:
    """Write the operation's output into `out`; shapes as for the direct algorithm."""
    blocks = _blocks(problem, axes, x.dtype)
    scaling, fewest = scaling_of(problem, x, w), w.shape[1] * math.prod(map(fewest_products, axes))
    few = max(fewest, FEW_PRODUCTS)
    limits = _more_than(few, problem, axes)
    fill_with_bias(axes, bias, out)
    for phase in phases_of(axes, w, problem.groups):
        few = _run_phase(problem, axes, phase, blocks, scaling, few, limits, x, bias, out)
        if few == 0:
            direct.run(problem, axes, x, w, bias, out)
            return
    if fewest < few:
        sum_few(x, w, bias, out, *(axis.table for axis in axes), tuple(_met(axis, few) for axis in axes), few)


def _more_than(few: int, problem: Problem, axes: Axes) -> Iterator[int]:
    """Of how many products outputs must be that are not summed directly, if not `few`: each time half as many more."""
    all_products = problem.in_group * math.prod(axis.kernel for axis in axes)
    while few < all_products:
        few = min(few + few // 2, all_products)
        if few_products(axes, problem.in_group, few)[1] * problem.batch * problem.out_channels > (
            MOST_SUMMED * problem.macs
        ):
            return
        yield few


def _met(axis: Axis, enough: int) -> Array:
    """How many inputs each output meets along an axis; enough for those of no phase, which have their bias already."""
    met = products(axis)
    if axis.out_step > 1:
        met[~np.isin(np.arange(axis.output) % axis.out_step, axis.residues)] = enough
    return met


def _run_phase(
    problem: Problem,
    axes: Axes,
    phase: Phase,
    blocks: Blocks,
    scaling: Scaling,
    few: int,
    limits: Iterator[int],
    x: Array,
    bias: Array,
    out: Array,
) -> int:
    """Write a phase's outputs; of how many products they must be at least to be within the promise.

    That is `few`, or one of the `limits` that follow; 0 where none of them will do.
    """
    shifts = tuple(np.ascontiguousarray(axis.shifts(q)) for axis, q in zip(axes, phase.index, strict=True))
    weights = phase.weights.reshape(problem.out_channels, -1, *map(len, shifts))
    in_group, out_group = weights.shape[1], problem.out_group
    _, loud_taps = loudest(weights.reshape(problem.out_channels, -1))
    places = tuple((own.min() - own) % length for own, length in zip(shifts, blocks.size, strict=True))
    cut = _cut(axes, phase, shifts, blocks)
    tables = (cut, tuple(fft.roots_of(n, x.dtype) for n in blocks.shape), blocks.twist(x.dtype))
    spectra = np.empty((2, min(blocks.held, problem.out_channels) * in_group * blocks.points), x.dtype)
    tasks, work = problem.batch * blocks.pairs, blocks.points * _WORK_OF_A_VALUE

    for first in range(0, problem.out_channels, blocks.held):
        count = min(blocks.held, problem.out_channels - first)
        chunks = _chunks(first, count, out_group, blocks.together)
        norms, errors = np.empty((count, in_group)), np.empty((count, problem.batch, blocks.pairs))
        own = (*tables, *spectra, norms, first)
        run_parted(
            transform_kernels, count * in_group, work * count * in_group, weights, scaling.weight_factors, places, *own
        )
        run_parted(
            convolve_blocks, tasks * len(chunks), work * tasks * (len(chunks) * in_group + count), x, *own, chunks,
            errors, scaling.factors, scaling.halves, bias, out,
        )  # fmt: skip
        needed = _needed(errors.max(axis=2), scaling, first, out_group, math.prod(weights.shape[1:]))
        looked_at = (x, weights, shifts, cut.in_steps, phase.positions, scaling.places, loud_taps)
        while exceeds(needed / (few + 2), first, *looked_at, scaling.factors, scaling.weight_factors):
            if (few := next(limits, 0)) == 0:
                return 0
    return few


def _needed(errors: Array, scaling: Scaling, first: int, out_group: int, taps: int) -> Array:
    """The Σ|x·w| (channels, batch) that some output must have, so that errors are within the promise for one product.

    For more products, and two, it is as much less.
    """
    # Squares of less than this vanish from the norms, and values may beside much louder ones.
    lost = taps * math.sqrt(float(np.finfo(scaling.factors.dtype).tiny))
    needed: Array = errors + lost
    channels = np.arange(first, first + len(errors))
    needed[scaling.silent(channels, out_group)] = 0
    return needed


def _chunks(first: int, count: int, out_group: int, together: int) -> Int64Array:
    """The output channels of each task, (begin, count) from `first` on; none reaches over two groups."""
    chunks, channel = [], first
    while channel < first + count:
        size = min(together, first + count - channel, out_group - channel % out_group)
        chunks.append((channel - first, size))
        channel += size
    return np.array(chunks, np.int64)


def _cut(axes: Axes, phase: Phase, shifts: tuple[Array, ...], blocks: Blocks) -> Cut:
    positions = ((n - 1) * axis.in_step + 1 for n, axis in zip(phase.positions, axes, strict=True))
    return Cut(
        begin=_three(own.min() for own in shifts),
        size=_three(blocks.size),
        shape=_three(blocks.shape),
        step=_three(blocks.step),
        blocks=_three(blocks.counts),
        positions=_three(positions),
        in_steps=_three(axis.in_step for axis in axes),
        out_steps=_three(axis.out_step for axis in axes),
        residues=_three(axis.residues[q] for axis, q in zip(axes, phase.index, strict=True)),
    )


def _three(numbers: Iterable[int]) -> tuple[int, int, int]:
    a, b, c = map(int, numbers)
    return a, b, c
