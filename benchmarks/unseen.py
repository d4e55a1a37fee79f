"""Layers of known networks that the panel does not hold, beside PyTorch."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from app.core.warm import warm_up
from benchmarks.cases import Case
from benchmarks.layers import layers
from benchmarks.panel_cases import PANEL
from benchmarks.report import Row, disturbance, markdown, mean_ratio, measure, milliseconds, progress, told, write

BATCHES = (1, 1, 1, 2, 4, 8)
SCALES = (0.75, 1.0, 1.0, 1.25)

#: Multiply-adds of the largest case.
MOST_WORK = 2e9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--count", type=int, default=60, help="how many layers")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--seconds", type=float, default=0.3, help="for each layer and library")
    parser.add_argument("--only", default="", help="those whose label holds this; nothing is written then")


def draw(count: int, seed: int) -> list[Case]:
    """So many different layers, in batches and at sizes of their own, none of them in the panel."""
    random = np.random.default_rng(seed)
    pool, seen = layers(), {case.problem() for case in PANEL}
    drawn: list[Case] = []
    while len(drawn) < count:
        layer = pool[random.integers(len(pool))]
        scale, batch = random.choice(SCALES), int(random.choice(BATCHES))
        case = replace(layer, size=_scaled(layer, scale), batch=batch)
        problem = case.problem()
        if problem.macs <= MOST_WORK and problem not in seen:
            seen.add(problem)
            drawn.append(replace(case, name=f"{layer.name}: {case.label()}"))
    return drawn


def _scaled(layer: Case, scale: float) -> tuple[int, ...]:
    """The layer's size, larger or smaller; not where the kernel looks at all of it, or there is little."""
    kernel = np.broadcast_to(layer.kernel, len(layer.size)).tolist()
    return tuple(
        length if length < 4 or length <= taps else max(4, round(length * scale))
        for length, taps in zip(layer.size, kernel, strict=True)
    )


def main(arguments: argparse.Namespace) -> None:
    """Measure them, print all and the means, and keep the table."""
    warm_up(print)
    cases = [case for case in draw(arguments.count, arguments.seed) if arguments.only in case.name]
    rows = [measure(case, arguments.seconds, ("torch",)) for case in progress(cases, "layer")]
    rows.sort(key=lambda row: -row.ratio)
    head = ("layer", "algorithm", "ours, ms", "torch, ms", "ours/torch")
    text = f"{markdown(head, map(_cells, rows))}\n\n{disturbance(rows)}{means(rows)}\n"
    print(text)
    if not arguments.only:
        write("unseen.md", text)


def means(rows: list[Row]) -> str:
    """The geometric mean over all, and over each kind of layer."""
    kinds: dict[str, Callable[[Case], bool]] = {
        "depthwise": lambda case: case.groups == case.channels[0] > 1,
        "grouped": lambda case: 1 < case.groups < case.channels[0],
        "transposed": lambda case: case.op == "conv_transpose",
        "pointwise": lambda case: case.kernel == 1,
        "1-D": lambda case: len(case.size) == 1,
        "2-D": lambda case: len(case.size) == 2,
        "3-D": lambda case: len(case.size) == 3,
    }
    over = sum(row.ratio > 1.2 for row in rows)
    lines = [
        f"Geometric mean of ours/torch: {told(mean_ratio(rows))} (goal: 0.6); {over} of {len(rows)} layers over 1.2."
    ]
    parts = [f"{kind} {told(mean_ratio(rows, condition), '.2f')}" for kind, condition in kinds.items()]
    return "\n\n".join([*lines, f"By kind: {', '.join(parts)}."])


def _cells(row: Row) -> tuple[str, ...]:
    times = (milliseconds(row.ours), milliseconds(row.seconds.get("torch")))
    return (row.name, row.algorithm, *times, told(row.ratio, ".2f"))
