"""Fits the coefficients of the algorithms' prices to measurements, and writes them.

An algorithm says what its effort on a problem consists of, its features: multiply-adds, bytes,
calls. Its price is the sum of each feature's count times a coefficient in nanoseconds, which
depends on the dtype. Here each algorithm is timed on random shapes and layers of networks,
and the coefficients are those, none of them negative, that explain the times best.

    python -m benchmarks fit --seconds 600

With `--samples FILE` the times are kept, and those of earlier runs are used along.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from app.core.algorithms import ALGORITHMS, SEPARABLE, Algorithm
from app.core.algorithms import prices as prices_file
from app.core.algorithms.taps import axes_of
from app.core.layout import Array
from app.core.warm import warm_up
from benchmarks.cases import Case
from benchmarks.panel_cases import PANEL
from benchmarks.regret import HOPELESS, able, timed
from benchmarks.report import markdown
from benchmarks.shapes import DTYPES, shapes
from benchmarks.solving import Prices, solve, source
from benchmarks.unseen import draw

#: Fewer times than this say too little: the old prices are kept.
FEWEST = 20

#: For each algorithm on each case.
SECONDS = 0.06

#: Shapes for one network's layer.
SHAPES_PER_LAYER = 3


@dataclass(frozen=True)
class Sample:
    """One algorithm's seconds on a case, and how many times the fastest's they are."""

    case: Case
    algorithm: str
    seconds: float
    beside_best: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--seconds", type=float, default=600.0, help="for all measurements; 0 fits the kept ones alone")
    parser.add_argument("--seed", type=int, default=1000, help="which shapes")
    parser.add_argument("--samples", type=Path, help="a file that keeps the times from run to run")
    parser.add_argument("--output", type=Path, default=Path(prices_file.__file__), help="where the prices are written")


def main(arguments: argparse.Namespace) -> None:
    """Measure, fit, print how well the fit explains the times, and write the prices."""
    if arguments.seconds:
        warm_up(print)
    samples = list(kept(arguments.samples))
    for new in _measured(arguments.seconds, arguments.seed):
        samples += new
        keep(arguments.samples, new)
    fitted = fit(samples, prices_file.PRICES)
    print(quality(samples, fitted))
    arguments.output.write_text(source(fitted))


def _measured(seconds: float, seed: int) -> Iterator[list[Sample]]:
    """Each case's samples, until the time is over."""
    from tqdm import tqdm

    end = perf_counter() + seconds
    with tqdm(total=round(seconds), unit="s", disable=None) as progress:
        for case in _cases(seed):
            left = end - perf_counter()
            progress.update(max(0, round(seconds - left) - progress.n))
            if left <= 0:
                return
            plan, algorithms = able(case)
            x, w = case.arrays()
            times = timed(plan, algorithms, (x, w), SECONDS)
            if SEPARABLE.fits(plan.problem, plan.axes, case.numpy_dtype):
                times |= timed(plan, [SEPARABLE], (x, of_rank_one(w)), SECONDS)
            best = min(times.values())
            yield [Sample(case, name, each, each / best) for name, each in times.items()]


def _cases(seed: int) -> Iterator[Case]:
    """Random shapes, and between them the panel and layers of networks."""
    layers = itertools.cycle([*PANEL, *map(_in_dtype, draw(200, seed), itertools.cycle(DTYPES))])
    for number, case in enumerate(shapes(seed)):
        yield case
        if number % SHAPES_PER_LAYER == 0:
            yield next(layers)


def _in_dtype(case: Case, dtype: str) -> Case:
    return replace(case, dtype=dtype)


def of_rank_one(w: Array) -> Array:
    """A kernel of these shapes and dtype, each of its filters an outer product of small whole numbers."""
    random = np.random.default_rng(0)
    kernel = np.ones_like(w)
    for axis in range(2, w.ndim):
        kernel *= random.integers(1, 5, [w.shape[a] if a in (0, 1, axis) else 1 for a in range(w.ndim)]).astype(w.dtype)
    return kernel


def fit(samples: Iterable[Sample], old: Prices) -> Prices:
    """The prices by line of the table, dtype and feature.

    Lines and dtypes of which there are too few samples keep their old prices.
    """
    prices: Prices = {line: {dtype: dict(each) for dtype, each in by_dtype.items()} for line, by_dtype in old.items()}
    for (line, dtype), group in _by_line(samples).items():
        if len(group) < FEWEST:
            continue
        counted = [counts(sample) for sample in group]
        names = list(dict.fromkeys([*prices[line][dtype], *(name for each in counted for name in each)]))
        matrix = np.array([[each.get(name, 0.0) for name in names] for each in counted])
        nanoseconds = np.array([sample.seconds for sample in group]) * 1e9
        # What is far from the best is never chosen, and need not be known well.
        weights = np.minimum(1.0, HOPELESS / np.array([sample.beside_best for sample in group]))
        guess = np.array([prices[line][dtype].get(name, 0.0) for name in names])
        coefficients = solve(matrix, nanoseconds, weights, guess)
        prices[line][dtype] = {name: float(f"{each:.3g}") for name, each in zip(names, coefficients, strict=True)}
    return prices


def _by_line(samples: Iterable[Sample]) -> dict[tuple[str, str], list[Sample]]:
    groups: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[_algorithm(sample).prices, sample.case.dtype].append(sample)
    return groups


def quality(samples: Iterable[Sample], prices: Prices) -> str:
    """How well prices explain the times that are near the best: a row for each line and dtype.

    The last columns name the cases that are priced too low and too high by most: what they
    have in common is a feature that the algorithm does not tell of.
    """
    rows = []
    for (line, dtype), group in sorted(_by_line(samples).items()):
        found = []
        for sample in group:
            if sample.beside_best <= HOPELESS:
                price = sum(prices[line][dtype].get(name, 0.0) * count for name, count in counts(sample).items())
                found.append((price * 1e-9 / sample.seconds, sample.case.label()))
        if found:
            found.sort()
            errors = sorted(abs(ratio - 1) for ratio, _ in found)
            told = (str(len(found)), f"{statistics.median(errors):.0%}", f"{errors[int(0.9 * (len(errors) - 1))]:.0%}")
            ends = ("; ".join(f"{label} ({ratio:.2f})" for ratio, label in end) for end in (found[:2], found[:-3:-1]))
            rows.append((line, dtype, *told, *ends))
    head = ("prices", "dtype", "times", "error, median", "9 in 10 below", "too low (price/time)", "too high")
    return markdown(head, rows)


def _algorithm(sample: Sample) -> Algorithm:
    return next(one for one in (*ALGORITHMS[sample.case.op], SEPARABLE) if one.name == sample.algorithm)


def counts(sample: Sample) -> dict[str, float]:
    """What each price is multiplied with, by feature."""
    problem = sample.case.problem()
    return _algorithm(sample).counts(problem, axes_of(problem), sample.case.numpy_dtype)


def keep(path: Path | None, samples: Sequence[Sample]) -> None:
    """Append samples to a file, where there is one."""
    if path is not None:
        with path.open("a") as file:
            file.writelines(json.dumps(asdict(sample)) + "\n" for sample in samples)


def kept(path: Path | None) -> Iterator[Sample]:
    """The samples of a file; none where there is none."""
    if path is None or not path.exists():
        return
    for line in path.read_text().splitlines():
        fields: dict[str, Any] = json.loads(line)
        yield Sample(Case.read(fields.pop("case")), **fields)
