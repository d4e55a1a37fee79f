"""How far the plan's choice is from the best algorithm, on random shapes."""

from __future__ import annotations

import argparse
import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.core.algorithms import ALGORITHMS, Algorithm
from app.core.execute import execute
from app.core.layout import Array
from app.core.plan import Plan, plan_of
from app.core.warm import warm_up
from benchmarks.cases import Case
from benchmarks.report import markdown, milliseconds, progress, write
from benchmarks.shapes import shapes
from benchmarks.timing import Call, block, take_turns

#: An algorithm whose first calls take so many times the fastest's is not timed any further.
HOPELESS = 3.0

#: What counts as the best: within a tenth of it.
NEAR = 1.1


@dataclass(frozen=True)
class Choice:
    """A case with the algorithm that the plan took, and each one's seconds and price (in seconds)."""

    case: Case
    planned: str
    seconds: dict[str, float]
    prices: dict[str, float]

    @property
    def regret(self) -> float:
        """The planned algorithm's time beside the fastest's: 1 at best."""
        return self.seconds[self.planned] / min(self.seconds.values())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--count", type=int, default=200, help="how many shapes")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--seconds", type=float, default=0.1, help="for each algorithm on each shape")


def able(case: Case) -> tuple[Plan, tuple[Algorithm, ...]]:
    """The plan of a case, and every algorithm that could run it."""
    problem, dtype = case.problem(), case.numpy_dtype
    plan = plan_of(problem, dtype)
    return plan, tuple(one for one in ALGORITHMS[problem.op] if one.fits(problem, plan.axes, dtype))


def timed(plan: Plan, algorithms: Sequence[Algorithm], arrays: tuple[Array, Array], seconds: float) -> dict[str, float]:
    """The median seconds of each algorithm; of hopeless ones, that of the first calls.

    Kernels must be loaded: `warm_up` has run.
    """
    # The plan as it is for its own algorithm: of a tiny operation it has more than the algorithm.
    plans = {one.name: plan if one is plan.algorithm else replace(plan, algorithm=one) for one in algorithms}
    calls = {name: _call(each, arrays) for name, each in plans.items()}
    # Twice: what one pause of the machine made slow would never be timed again.
    times = {name: min(block(call, seconds / 10) for _ in range(2)) for name, call in calls.items()}
    close = {name: call for name, call in calls.items() if times[name] <= HOPELESS * min(times.values())}
    if len(close) > 1:
        turns = take_turns(close, seconds, turns=5, alone=True)
        times |= {name: statistics.median(each) for name, each in turns.items()}
    return times


def _call(plan: Plan, arrays: tuple[Array, Array]) -> Call:
    return lambda: execute(plan, *arrays)


def main(arguments: argparse.Namespace) -> None:
    """Measure, print how far off the plan is, and the shapes where it is most."""
    warm_up(print)
    cases = itertools.islice(shapes(arguments.seed), arguments.count)
    choices = [_choice(case, arguments.seconds) for case in progress(cases, "shape", arguments.count)]
    regrets = [choice.regret for choice in choices]
    near = sum(regret <= NEAR for regret in regrets) / len(regrets)
    text = (
        f"Of {len(choices)} random shapes (seed {arguments.seed}) the plan takes an algorithm within 10 % of the best "
        f"on {near:.1%} (goal: 90%); its time beside the best's: median {statistics.median(regrets):.3f}, "
        f"mean {statistics.geometric_mean(regrets):.3f}, worst {max(regrets):.2f}.\n\n{_worst(choices)}\n\n"
        f"{_by_algorithm(choices)}\n"
    )
    print(text)
    write("regret.md", text)


def _choice(case: Case, seconds: float) -> Choice:
    plan, algorithms = able(case)
    prices = {one.name: one.price(plan.problem, plan.axes, case.numpy_dtype) * 1e-9 for one in algorithms}
    return Choice(case, plan.algorithm.name, timed(plan, algorithms, case.arrays(), seconds), prices)


def _worst(choices: Sequence[Choice]) -> str:
    """The ten shapes with the most regret: each algorithm's milliseconds and, in brackets, price."""
    rows = []
    for choice in sorted(choices, key=lambda choice: -choice.regret)[:10]:
        times = sorted(choice.seconds, key=lambda name: choice.seconds[name])
        told = [f"{name} {milliseconds(choice.seconds[name])} ({milliseconds(choice.prices[name])})" for name in times]
        rows.append((choice.case.label(), choice.planned, "; ".join(told), f"{choice.regret:.2f}"))
    return markdown(("worst shapes", "planned", "measured ms (priced ms)", "regret"), rows, words=3)


def _by_algorithm(choices: Sequence[Choice]) -> str:
    """How often each algorithm was able, the fastest and planned, and how far its price is from its time."""
    rows = []
    for name in dict.fromkeys(name for choice in choices for name in choice.seconds):
        mine = [choice for choice in choices if name in choice.seconds]
        best = sum(min(choice.seconds, key=lambda each: choice.seconds[each]) == name for choice in mine)
        planned = sum(choice.planned == name for choice in mine)
        bias = statistics.geometric_mean(choice.prices[name] / choice.seconds[name] for choice in mine)
        rows.append((name, str(len(mine)), str(best), str(planned), f"{bias:.2f}"))
    return markdown(("algorithm", "able", "fastest", "planned", "price/time"), rows, words=1)
