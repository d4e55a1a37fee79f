"""How far the plan's choice is from the best algorithm, on random shapes.

    python -m benchmarks regret --seed 0 --choices FILE

With `--choices FILE` what was measured is kept, and told together with that of earlier runs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

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

#: A choice that seems to be no such is timed once more, for so many times as long: it may have been disturbed.
AGAIN = 3


@dataclass(frozen=True)
class Choice:
    """A case of a seed with the algorithm that the plan took, and each one's seconds and price (in seconds)."""

    seed: int
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
    parser.add_argument("--choices", type=Path, help="a file that keeps what was measured from run to run")


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
    choices = list(kept(arguments.choices))
    for case in progress(cases, "shape", arguments.count):
        choices.append(_choice(arguments.seed, case, arguments.seconds))
        keep(arguments.choices, choices[-1])
    text = told(choices)
    print(text)
    write("regret.md", text)


def told(choices: Sequence[Choice]) -> str:
    """How far off the plan is, the shapes where it is most, and each algorithm's part."""
    regrets = [choice.regret for choice in choices]
    near = sum(regret <= NEAR for regret in regrets) / len(regrets)
    seeds = ", ".join(map(str, sorted({choice.seed for choice in choices})))
    return (
        f"Of {len(choices)} random shapes (seeds {seeds}) the plan takes an algorithm within 10 % of the best "
        f"on {near:.1%} (goal: 90%); its time beside the best's: median {statistics.median(regrets):.3f}, "
        f"mean {statistics.geometric_mean(regrets):.3f}, worst {max(regrets):.2f}.\n\n{_worst(choices)}\n\n"
        f"{_by_algorithm(choices)}\n"
    )


def _choice(seed: int, case: Case, seconds: float) -> Choice:
    plan, algorithms = able(case)
    prices = {one.name: one.price(plan.problem, plan.axes, case.numpy_dtype) * 1e-9 for one in algorithms}
    arrays = case.arrays()
    choice = Choice(seed, case, plan.algorithm.name, timed(plan, algorithms, arrays, seconds), prices)
    if choice.regret <= NEAR:
        return choice
    return replace(choice, seconds=timed(plan, algorithms, arrays, AGAIN * seconds))


def keep(path: Path | None, choice: Choice) -> None:
    """Append a choice to a file, where there is one."""
    if path is not None:
        with path.open("a") as file:
            file.write(json.dumps(asdict(choice)) + "\n")


def kept(path: Path | None) -> Iterator[Choice]:
    """The choices of a file; none where there is none."""
    if path is None or not path.exists():
        return
    for line in path.read_text().splitlines():
        fields: dict[str, Any] = json.loads(line)
        yield Choice(case=Case.read(fields.pop("case")), **fields)


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
