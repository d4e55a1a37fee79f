"""Tells for one problem what each algorithm would cost and which is taken.

    python -m app.core conv 1,64,56,56 64,64,3,3 --padding 1 --dtype float32 --measure

Shapes are the input's and the kernel's, channels and batch included, as `conv` and
`conv_transpose` take them. A list has commas; padding may be a word, or pairs like 1:2,0:1.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from app.core.algorithms import ALGORITHMS, SEPARABLE, Algorithm
from app.core.checks import describe
from app.core.errors import ProblemError
from app.core.execute import execute
from app.core.plan import Plan, plan_of
from app.core.problem import DTYPES, METHODS, OPS, PADDING_MODES, Problem, Setting

#: Seconds that each algorithm is measured for, and runs that there are at least.
SECONDS, LEAST_RUNS = 0.3, 3

#: What an algorithm is told as: the mark of the one that is taken, its name, and the rest.
Row = tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a problem, and the table of its algorithms."""
    options = parser().parse_args(arguments)
    try:
        problem = describe(read_setting(options))
    except ProblemError as error:
        sys.exit("\n".join(str(fault.message) for fault in error.faults))
    plan = plan_of(problem, np.dtype(options.dtype))
    print("\n".join(told(problem, options.dtype)))
    print()
    print("\n".join(aligned([heading(options.measure), *rows(plan, np.dtype(options.dtype), options.measure)])))
    if plan.rank_one is not None:
        print("\n+ is taken instead of * where every kernel is of rank one.")


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    form = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser("python -m app.core", description=__doc__, formatter_class=form)
    made.add_argument("op", choices=OPS)
    made.add_argument("input", type=shape, help="the input's shape: batch,C_in,*size")
    made.add_argument("kernel", type=shape, help="the kernel's shape, in the operation's layout")
    for name in ("stride", "dilation"):
        made.add_argument(f"--{name}", type=numbers, default=1)
    made.add_argument("--padding", type=padding, default=0)
    made.add_argument("--padding-mode", choices=PADDING_MODES, default="zeros")
    made.add_argument("--output-padding", type=numbers, default=0)
    made.add_argument("--output-size", type=lengths)
    made.add_argument("--groups", type=int, default=1)
    made.add_argument("--dtype", choices=DTYPES, default="float32")
    made.add_argument("--method", choices=METHODS, default="auto")
    made.add_argument("--measure", action="store_true", help="run each that fits, and print its time beside its price")
    return made


def lengths(text: str) -> tuple[int, ...]:
    """(1, 64, 56) from "1,64,56"."""
    return tuple(map(int, text.split(",")))


def shape(text: str) -> tuple[int, ...]:
    """The shape of a batch: at least one spatial dimension, none of them empty.

    Raises:
        ValueError: it is none.
    """
    made = lengths(text)
    if not 3 <= len(made) <= 5 or min(made) < 1:
        raise ValueError
    return made


def numbers(text: str) -> int | tuple[int, ...]:
    """One number for all dimensions, or one for each."""
    return lengths(text) if "," in text else int(text)


def padding(text: str) -> Any:
    """A word, or numbers, or pairs."""
    if text.isidentifier():
        return text
    if ":" in text:
        return tuple(tuple(map(int, pair.split(":"))) for pair in text.split(","))
    return numbers(text)


def read_setting(options: argparse.Namespace) -> Setting:
    """The problem as it was asked."""
    return Setting(
        options.op,
        options.input[2:],
        options.kernel[2:],
        batch=options.input[0],
        in_channels=options.input[1],
        kernel_channels=options.kernel[:2],
        stride=options.stride,
        padding=options.padding,
        padding_mode=options.padding_mode,
        dilation=options.dilation,
        output_padding=options.output_padding,
        output_size=options.output_size,
        groups=options.groups,
        method=options.method,
    )


def told(problem: Problem, dtype: str) -> Iterator[str]:
    """The problem in a few lines."""
    shapes = problem.input_shape, problem.kernel_shape, problem.output_shape
    given, kernel, output = ("×".join(map(str, lengths)) for lengths in shapes)
    yield f"{problem.op} of {given} with {kernel}, groups {problem.groups}, in {dtype}: {output}"
    for number, dimension in enumerate(problem.dimensions):
        yield f"size[{number}] = {dimension.formula} = {dimension.substituted}"
    elements = problem.input_elements + problem.kernel_elements + problem.output_elements
    yield f"{problem.macs:,} multiply-adds, {elements * np.dtype(dtype).itemsize:,} bytes of input, kernel and output"


def heading(measured: bool) -> Row:
    """The names of the columns."""
    return ("", "algorithm", "fits", "price, ms", "workspace, bytes", *(("measured, ms",) if measured else ()))


def rows(plan: Plan, dtype: np.dtype[Any], measured: bool) -> Iterator[Row]:
    """A row for each algorithm of the operation; the one that the plan takes is marked.

    So is that for kernels of rank one, where the plan has it beside.
    """
    separable = (SEPARABLE,) if fits(SEPARABLE, plan, dtype) else ()
    for algorithm in (*ALGORITHMS[plan.problem.op], *separable):
        mark = "*" if algorithm is plan.algorithm else "+" if algorithm in separable and plan.rank_one else ""
        if not fits(algorithm, plan, dtype):
            yield mark, algorithm.name, "no", "", "", *(("",) if measured else ())
            continue
        fitting = "rank-one" if algorithm in separable else "yes"
        price = f"{algorithm.price(plan.problem, plan.axes, dtype) * 1e-6:.4f}"
        workspace = f"{algorithm.workspace(plan.problem, plan.axes, dtype):,}"
        time = (f"{seconds(replace(plan, algorithm=algorithm), dtype) * 1e3:.4f}",) if measured else ()
        yield mark, algorithm.name, fitting, price, workspace, *time


def fits(algorithm: Algorithm, plan: Plan, dtype: np.dtype[Any]) -> bool:
    """Whether the plan might have taken it."""
    allowed = algorithm.sums_products or plan.problem.method == "auto"
    return allowed and algorithm.fits(plan.problem, plan.axes, dtype)


def seconds(plan: Plan, dtype: np.dtype[Any]) -> float:
    """The median time of a plan on random numbers, once its kernels are there; a kernel of rank one is all ones."""
    random = np.random.default_rng(0)
    x, w = (
        random.integers(-9, 10, shape).astype(dtype) for shape in (plan.problem.input_shape, plan.problem.kernel_shape)
    )
    if plan.algorithm is SEPARABLE:
        w[:] = 1
    execute(plan, x, w)
    return median(lambda: execute(plan, x, w))


def median(call: Callable[[], object]) -> float:
    """The median time of a call."""
    times: list[float] = []
    end = perf_counter() + SECONDS
    while perf_counter() < end or len(times) < LEAST_RUNS:
        begun = perf_counter()
        call()
        times.append(perf_counter() - begun)
    return statistics.median(times)


def aligned(table: Sequence[Row]) -> Iterator[str]:
    """Lines with their columns under each other: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (
            text.ljust(width) if place < 3 else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


if __name__ == "__main__":
    main()
