"""In which runs `blocked` sums its outputs, and what each of them takes: from shapes alone."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.algorithms.classes import Class, all_sums, classes_of, most_classes
from app.core.algorithms.taps import Axis, Int64Array, axes_of
from app.core.algorithms.vectors.simd import VECTOR
from app.core.algorithms.vectors.spread_sums import AT_ONCE
from app.core.geometry import ceil_div, even_pieces
from app.core.kept import kept_by_size
from app.core.parallel import PLANNED_THREADS
from app.core.problem import Problem

#: Outputs of a channel in a strip where a step along the axis that is cut has fewer: their sums stay in a near cache.
STRIP = 256

#: Runs along lines that are shorter go across them where these are more.
SHORT = 4

#: Bytes of the weights of a chunk of more vectors of channels than the fewest.
WIDE_BYTES = 2**21

#: Cycles until a sum can take its next product; how many products, or loads, of vectors a cycle has room for; and as
#: how many of these a step counts beside its own.
LATENCY, EACH_CYCLE, STEP = 4, 2, 2

#: The usual way is left for one that takes no more than this part of its time.
GAIN = 0.95

#: Tables that tell of no more taps than this, and of no more outputs, are small.
SMALL = 2**14

#: Some input channels are summed after the others, with about so many bytes of weights and of inputs that these meet:
#: both stay in the second cache from output to output.
AT_HAND = 3 * 2**17

Ints = tuple[int, ...]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Blocked:
    """The tables of `blocked`.

    `strips` (strips, 4): the first output of a strip, its outputs, those of all samples of a task, and from
    which to which of the `runs` it has. `runs` (runs, 7): where the first output of a run finds its inputs and how far
    from these the next one does; how many outputs it has; the first one's number in the strip, and how far the next one
    is; where its taps begin in `offsets` (from that place to a tap's input) and `steps` (to its weights among those of
    an input channel), and how many there are. `weights` tells where each tap of all input channels is laid.

    Each thread has the `pieces` of memory: weights and sums, those of each vector so far `apart`, constants and what is
    seen. There are so many `tasks`, with `together` turns of samples, and `depth` input channels are summed at a time.
    """

    way: Way
    strips: Int64Array
    runs: Int64Array
    offsets: Int64Array
    steps: Int64Array
    weights: Int64Array
    weights_apart: int
    sums_apart: int
    pieces: tuple[int, ...]
    tasks: int
    together: int
    depth: int
    kernel: int


def strips_of(axes: tuple[Axis, ...]) -> tuple[int, list[tuple[int, int]]]:
    """Along which axis planes are cut into strips, the first with several outputs; and (begin, count) of each strip."""
    lengths = [axis.output for axis in axes]
    number = next((n for n, length in enumerate(lengths) if length > 1), 2)
    return number, even_pieces(lengths[number], max(1, STRIP // each_of(axes, number)))


def each_of(axes: tuple[Axis, ...], number: int) -> int:
    """The outputs of a step along this axis."""
    return math.prod(axis.output for axis in axes[number + 1 :])


def sums_of(outputs: int, lanes: int) -> int:
    """Elements of the sums of so many outputs of a vector of channels; from any one on, a whole vector is read."""
    return ceil_div(outputs + lanes - 1, lanes) * lanes * lanes


class Way(NamedTuple):
    """How outputs are shared: `abreast` vectors of channels are a chunk, and so many `samples` a task.

    For the samples of a task and an input channel, a chunk has so many `runs` of outputs, and their innermost loops so
    many `steps`; so many outputs are `bare` of inputs. All chunks of a group have `slots`, the products of vectors that
    there would be time for.
    """

    abreast: int
    samples: int
    runs: int
    steps: int
    bare: int
    slots: float


@lru_cache(maxsize=1024)
def way_of(problem: Problem, lanes: int) -> Way:
    """The way that takes the fewest cycles, for vectors of so many elements.

    Where lines are short, a run has few sums, and each waits for the one before: more channels, or the samples, fill
    the time. Samples are together where their outputs are a strip, and all tasks have as many.
    """
    axes, vectors = axes_of(problem), ceil_div(problem.out_group, lanes)
    plane, strips = math.prod(axis.output for axis in axes), len(strips_of(axes)[1])
    most = max(n for n in range(1, max(1, STRIP // plane) + 1) if problem.batch % n == 0)
    classes, times = _sizes_of_classes(axes), dict[Way, float]()
    bare = plane - int(classes[0].prod(axis=0).sum())
    for abreast, samples in itertools.product(AT_ONCE, sorted({1, most})):
        if times and abreast * weights_of(problem, lanes) * VECTOR > WIDE_BYTES:
            continue
        lengths, runs, taps = _runs_of_classes(classes, samples, AT_ONCE[abreast])
        whole, rest = divmod(vectors, abreast)
        shared = [(abreast, whole), (rest, 1)] if rest else [(abreast, whole)]
        slots = sum(count * float(runs * taps @ _slots(lengths, own)) for own, count in shared)
        tasks = problem.groups * ceil_div(vectors, abreast) * (problem.batch // samples) * strips
        uneven = ceil_div(tasks, PLANNED_THREADS) * PLANNED_THREADS / tasks
        way = Way(abreast, samples, int(runs.sum()), int(runs @ taps), bare * samples, slots)
        times[way] = (slots + STEP * ceil_div(vectors, abreast) * way.steps) / samples * uneven
    usual, best = next(iter(times)), min(times, key=times.__getitem__)
    return best if times[best] <= GAIN * times[usual] else usual


def _slots(lengths: Floats, abreast: int) -> Floats:
    """The products of vectors that a step has time for, of runs so long in the mean."""
    loads = lengths + abreast + 2
    return np.maximum(np.maximum(lengths * abreast, loads), LATENCY * EACH_CYCLE)


def _sizes_of_classes(axes: tuple[Axis, ...]) -> tuple[Int64Array, Int64Array]:
    """(3, classes): the outputs along each axis of the classes of outputs; and the taps that they meet, in all."""
    along = []
    for axis in axes:
        bounds = [axis.meets(q) for q in range(axis.counts.phases)]
        edges = [np.unique(each) for each in bounds]
        taps = [
            np.sort(begins).searchsorted(edge[:-1], side="right") - np.sort(ends).searchsorted(edge[:-1], side="right")
            for (begins, ends), edge in zip(bounds, edges, strict=True)
        ]
        along.append((np.concatenate(list(map(np.diff, edges))), np.concatenate(taps)))
    outputs = np.stack([part.reshape(-1) for part in np.meshgrid(*(own for own, _ in along), indexing="ij")])
    z, y, x = np.meshgrid(*(own for _, own in along), indexing="ij")
    met = (z * y * x).reshape(-1)
    return outputs[:, met > 0], met[met > 0]


def _runs_of_classes(
    classes: tuple[Int64Array, Int64Array], samples: int, at_once: int
) -> tuple[Floats, Int64Array, Int64Array]:
    """Of each class: the outputs of a run in the mean, its runs, and its taps."""
    (z, y, x), taps = classes
    line = np.where((x < SHORT) & (y > x), y, x)
    line = np.where(samples > line, samples, line)
    pieces = -(-line // at_once)
    return line / pieces, z * y * x * samples // line * pieces, taps


def tables_of(problem: Problem, itemsize: int) -> Blocked:
    """The tables of a problem for elements of so many bytes, kept: of large ones a few."""
    return _kept_tables(problem, itemsize)


@lru_cache(maxsize=1024)
def _size(problem: Problem, _itemsize: int) -> int:
    return max(taps_of(axes_of(problem)), math.prod(problem.output_size))


def chunks_of(problem: Problem, lanes: int) -> int:
    """The chunks of a group's channels."""
    return ceil_div(problem.out_group, way_of(problem, lanes).abreast * lanes)


def tasks_of(problem: Problem, lanes: int) -> int:
    """A strip of a chunk of channels is a task, of some samples together."""
    together = problem.batch // way_of(problem, lanes).samples
    return problem.groups * chunks_of(problem, lanes) * together * len(strips_of(axes_of(problem))[1])


def taps_of(axes: tuple[Axis, ...]) -> int:
    """Those of all classes of outputs, at most."""
    return math.prod(most_classes(axis) * axis.kernel for axis in axes)


def _tables(problem: Problem, itemsize: int) -> Blocked:
    axes, lanes = axes_of(problem), VECTOR // itemsize
    way = way_of(problem, lanes)
    cut, strips = strips_of(axes)
    begins, counts = np.array(strips).T * each_of(axes, cut) * [[1], [way.samples]]
    apart = (problem.input_elements // problem.batch, math.prod(axis.output for axis in axes))
    runs, offsets, steps = _runs_of_samples(
        axes, AT_ONCE[way.abreast], (way.samples, *apart), cut, np.array([begin for begin, _ in strips])
    )
    strip = begins.searchsorted(runs[:, 3], side="right") - 1
    runs[:, 3] -= begins[strip]
    order = np.argsort(strip, kind="stable")
    bounds = strip[order].searchsorted(np.arange(len(strips) + 1))
    together, kernel = problem.batch // way.samples, math.prod(problem.kernel_size)
    memory = weights_of(problem, lanes) * lanes, sums_of(int(counts.max()), lanes)
    return Blocked(
        way, np.stack([begins, counts, bounds[:-1], bounds[1:]], axis=1), runs[order], offsets, steps * lanes,
        np.arange(weights_of(problem, lanes)) * lanes, *memory,
        (*(way.abreast * each for each in (*memory, lanes)), lanes),
        tasks_of(problem, lanes), together,
        _depth(problem, axes, way, itemsize), kernel,
    )  # fmt: skip


def _depth(problem: Problem, axes: tuple[Axis, ...], way: Way, itemsize: int) -> int:
    """Input channels that are summed after the others, in parts about even."""
    in_group, outputs = problem.in_group, math.prod(axis.output for axis in axes)
    of_strip = min(1, STRIP / outputs) * in_group * math.prod(axis.input for axis in axes)
    weights = weights_of(problem, VECTOR // itemsize) * VECTOR * way.abreast
    parts = max(1, round((weights + way.samples * of_strip * itemsize) / AT_HAND))
    return ceil_div(in_group, parts)


_kept_tables = kept_by_size(_tables, _size, (SMALL, 128), (math.inf, 8))


def weights_of(problem: Problem, lanes: int) -> int:
    """Vectors of the weights of as many output channels as a vector has elements, with what is laid behind them."""
    return problem.kernel_elements // problem.out_channels + lanes


def _strides(lengths: list[int]) -> tuple[int, int, int]:
    """How far apart neighbours along each axis lie in planes of these lengths."""
    return lengths[1] * lengths[2], lengths[2], 1


def _runs_of_samples(
    axes: tuple[Axis, ...], at_once: int, samples: tuple[int, int, int], cut: int, cuts: Int64Array
) -> tuple[Int64Array, Int64Array, Int64Array]:  # fmt: skip
    """`runs` with the numbers of outputs in their planes, `offsets` and `steps`; none goes across a cut of that axis.

    There are so many `samples`, whose inputs and outputs lie so far apart: one more axis, along which no tap moves.
    """
    inputs, outputs, kernel = (
        _strides([getattr(axis, name) for axis in axes]) for name in ("input", "output", "kernel")
    )
    count, x_apart, out_apart = samples
    strides, moves = ((x_apart, *inputs), (out_apart, *outputs)), [(1, 1), *((a.in_step, a.out_step) for a in axes)]
    own, none = np.arange(count), np.zeros(0, np.int64)
    found, offsets, steps = list[Int64Array](), [none], [none]
    left, first = np.ones(math.prod(axis.output for axis in axes), np.bool_), 0
    for parts in itertools.product(*(classes_of(axis, 0, apart=True) for axis in axes)):
        weights = all_sums([part.taps for part in parts], kernel)
        order = np.argsort(weights)
        steps.append(weights[order])
        offsets.append(all_sums([part.offsets for part in parts], inputs)[order])
        in_all = (Class(own, own, none, none), *parts)
        found.append(_runs(in_all, at_once, strides, moves, (1 + cut, cuts), (first, len(order))))
        left[all_sums([part.outputs for part in parts], outputs)] = False
        first += len(order)
    bare = np.zeros((count * np.count_nonzero(left), 7), np.int64)
    bare[:, 2], bare[:, 3] = 1, all_sums([own, np.flatnonzero(left)], (out_apart, 1))
    return np.concatenate([*found, bare]), np.concatenate(offsets), np.concatenate(steps)


def _runs(
    parts: tuple[Class, ...], at_once: int, strides: tuple[Ints, Ints], moves: list[tuple[int, int]],
    strips: tuple[int, Int64Array], taps: tuple[int, int],
) -> Int64Array:  # fmt: skip
    """`Blocked.runs` of the outputs of a class along each axis, samples first, with their numbers in the planes.

    `strides` of inputs and outputs along the axes, by how many of each one output's place `moves` to the next, the
    axis that `strips` cut and where, and where the class has its `taps`, and how many.
    """
    inputs, outputs = strides
    samples, _, lines, row = (len(part.outputs) for part in parts)
    along = 2 if row < SHORT and lines > row else 3
    along = 0 if samples > len(parts[along].outputs) else along
    in_step, out_step = moves[along]
    others = [n for n in range(len(parts)) if n != along]
    low, length = _pieces(parts[along].outputs, out_step, at_once, strips[1] if strips[0] == along else strips[1][:0])
    place = all_sums([parts[n].places for n in others], [inputs[n] for n in others])
    out = all_sums([parts[n].outputs for n in others], [outputs[n] for n in others])
    found = np.empty((len(out), len(low), 7), np.int64)
    found[:, :, 0] = place[:, None] + parts[along].places[low] * inputs[along]
    found[:, :, 1], found[:, :, 2] = in_step * inputs[along], length
    found[:, :, 3] = out[:, None] + parts[along].outputs[low] * outputs[along]
    found[:, :, 4], found[:, :, 5:] = out_step * outputs[along], taps
    return found.reshape(-1, 7)


def _pieces(outputs: Int64Array, step: int, at_once: int, cuts: Int64Array) -> tuple[Int64Array, Int64Array]:
    """(first ones, counts) of outputs that are summed at once: each so far from the next, and no cut between them."""
    gaps = np.flatnonzero(np.diff(outputs) != step) + 1
    bounds = np.unique([0, *gaps, *outputs.searchsorted(cuts), len(outputs)])
    lengths = np.diff(bounds)
    pieces = -(-lengths // at_once)
    low, length, own = (np.repeat(each, pieces) for each in (bounds[:-1], lengths, pieces))
    number = np.arange(len(own)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begins, ends = number * length // own, (number + 1) * length // own  # as `even_pieces`
    return low + begins, ends - begins
