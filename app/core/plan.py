"""Which algorithm runs a problem: the cheapest of those that can."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from app.core.algorithms import ALGORITHMS, SEPARABLE, Algorithm
from app.core.algorithms.one_call import OneCall
from app.core.algorithms.taps import BY_KERNEL, CACHED_KERNEL, Axis, axes_of
from app.core.errors import Fault, TooCostlyError
from app.core.findings import given_number
from app.core.kept import kept_by_size
from app.core.parallel import team
from app.core.problem import Problem
from app.core.text import say


@dataclass(frozen=True)
class Plan:
    """A problem with the algorithm that runs it and the tables that it runs by.

    `bytes` is what the computation holds at once: input, kernel, output, the padded
    input where there is one, and the algorithm's own workspace. `price` is the guess of
    its time in nanoseconds. The shapes are those of three axes, as the algorithms have them.
    """

    problem: Problem
    algorithm: Algorithm
    axes: tuple[Axis, ...]
    pads: bool
    bytes: int
    price: float
    input_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    #: For kernels of rank one, where that would be cheaper.
    rank_one: Plan | None = field(default=None, init=False, compare=False)
    #: Does a small operation at once, where the arrays allow. Belongs to the planned algorithm: `replace` does not
    #: carry it over to another.
    one_call: OneCall | None = field(default=None, init=False, compare=False)

    @property
    def is_small(self) -> bool:
        """Whether it may be kept: its tables do not grow with what a client chose to be large."""
        return max(self.problem.kernel_size) <= CACHED_KERNEL


def plan_of(problem: Problem, dtype: np.dtype[np.generic]) -> Plan:
    """The plan of a problem in a dtype; small ones are worked out once and kept."""
    return _kept_plan(problem, dtype, team.size)


#: Places that an axis may reach over at most: an eighth of what int64 holds, for what is added to them on the way.
MOST_PLACES = 2**60


#: Nanoseconds for an element of a padded input, and in lines of fewer elements.
COPIED, COPIED_SHORT, SHORT_LINE = 5.0, 40.0, 16


def _check_places(problem: Problem) -> None:
    """Refuse strides, dilations and paddings beyond what tables can hold: only without any tensor they may be so large.

    Raises:
        TooCostlyError: `too_many_elements`.
    """
    for dim in problem.dimensions:
        around = dim.input + sum(dim.padding) if dim.op == "conv" else dim.full + dim.output_padding
        if (places := around + dim.stride) > MOST_PLACES:
            message = say(
                "stride, dilation and padding make an axis of {would_be} places; the limit is {limit}",
                would_be=given_number(places),
                limit=MOST_PLACES,
            )
            raise TooCostlyError([Fault((), "too_many_elements", message, limit=MOST_PLACES, would_be=places)])


def _plan(problem: Problem, dtype: np.dtype[np.generic], _threads: int) -> Plan:
    _check_places(problem)
    pads = problem.pads_by_copying
    axes = axes_of(problem, padded=pads)
    best, price = _cheapest(ALGORITHMS[problem.op], problem, axes, dtype)
    input_shape = (problem.batch, problem.in_channels, *(axis.input for axis in axes))
    kernel_shape = (problem.out_channels, problem.in_group, *(axis.kernel for axis in axes))
    output_shape = (problem.batch, problem.out_channels, *(axis.output for axis in axes))
    elements = sum(map(math.prod, (input_shape, kernel_shape, output_shape))) + problem.out_channels  # the bias
    if pads:
        elements += problem.input_elements + math.prod(input_shape)  # np.pad may hold a part of the padded input twice
    if problem.op == "conv_transpose":
        elements += problem.kernel_elements  # with its output channels first
    tables = sum(axis.table.nbytes for axis in axes)
    copying = _price_of_copies(input_shape) if pads and (dtype.kind == "i" or not best.as_asked) else 0.0
    separates = problem.method == "auto" and SEPARABLE.fits(problem, axes, dtype)
    workspace = max(one.workspace(problem, axes, dtype) for one in ((best, SEPARABLE) if separates else (best,)))
    plan = Plan(
        problem,
        best,
        axes,
        pads,
        bytes=elements * dtype.itemsize + tables + workspace,
        price=price + copying,
        input_shape=input_shape,
        kernel_shape=kernel_shape,
        output_shape=output_shape,
    )
    if not pads and (one_call := best.in_one_call(problem, axes, dtype)):
        object.__setattr__(plan, "one_call", one_call)
    elif separates and (passes := SEPARABLE.price(problem, axes, dtype)) < price:
        object.__setattr__(plan, "rank_one", replace(plan, algorithm=SEPARABLE, price=passes + copying))
    return plan


def _price_of_copies(padded: tuple[int, ...]) -> float:
    """What it takes to make the padded input of a padding mode, in nanoseconds."""
    return math.prod(padded) * (COPIED if padded[-1] >= SHORT_LINE else COPIED_SHORT)


def _cheapest(
    algorithms: tuple[Algorithm, ...], problem: Problem, axes: tuple[Axis, ...], dtype: np.dtype[np.generic]
) -> tuple[Algorithm, float]:
    """The algorithm with the lowest price, and that; the first of the table fits anything."""
    best, lowest = algorithms[0], algorithms[0].price(problem, axes, dtype)
    for algorithm in algorithms[1:]:
        if not algorithm.sums_products and problem.method != "auto":
            continue
        # Whether a transform fits takes longer to tell than that nothing could make it cheaper.
        if algorithm.least_price(dtype) < lowest and algorithm.fits(problem, axes, dtype):
            price = algorithm.price(problem, axes, dtype)
            if price < lowest:
                best, lowest = algorithm, price
    return best, lowest


#: By the number of threads as well, whose working memory counts.
_kept_plan = kept_by_size(_plan, lambda problem, *_: max(problem.kernel_size), *BY_KERNEL)
