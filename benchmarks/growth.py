"""Time against work: each family of operations from 10^4 to 10^10 multiply-adds, drawn and fitted."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from app.core.warm import warm_up
from benchmarks.cases import Case
from benchmarks.peers import ours
from benchmarks.report import markdown, milliseconds, progress, write
from benchmarks.timing import take_turns

#: Each grows by the length of its sides alone.
FAMILIES: dict[str, Case] = {
    "single channel, k7": Case("", "conv", (1, 1), (1, 1), 7, padding=3),
    "single channel, k31": Case("", "conv", (1, 1), (1, 1), 31, padding=15),
    "depthwise, 64 channels, k7": Case("", "conv", (64, 64), (1, 1), 7, padding=3, groups=64),
    "dense, 32→32, k3": Case("", "conv", (32, 32), (1, 1), 3, padding=1),
    "pointwise, 64→64": Case("", "conv", (64, 64), (1, 1), 1),
    "transposed, 16→16, k4 s2": Case("", "conv_transpose", (16, 16), (1, 1), 4, stride=2, padding=1),
    "sound, k1025": Case("", "conv", (1, 1), (1,), 1025, padding=512),
    "volume, 8→8, k3": Case("", "conv", (8, 8), (1, 1, 1), 3, padding=1),
    "int64, single channel, k7": Case("", "conv", (1, 1), (1, 1), 7, padding=3, dtype="int64"),
}

#: The line is fitted from here on: below it a call's own time is most of all.
FITTED_FROM = 10**6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--only", default="", help="families whose name holds this; nothing is written then")
    parser.add_argument("--seconds", type=float, default=0.3, help="for each size")
    parser.add_argument("--most", type=float, default=1e10, help="multiply-adds of the largest")


def sized(family: Case, macs: float) -> Case:
    """The member of a family whose work is nearest to so many multiply-adds."""
    each, rank = family.problem().macs, len(family.size)
    side = max(1, round((macs / each) ** (1 / rank)))
    return replace(family, size=(side,) * rank)


def fitted(macs: Sequence[float], seconds: Sequence[float]) -> tuple[float, float]:
    """(slope, factor): seconds = c·macs^slope in logarithms, and the most that a size is off that line.

    A slope of 1 means time in proportion to work. Sizes below `FITTED_FROM` are left out.
    """
    kept = [(m, s) for m, s in zip(macs, seconds, strict=True) if m >= FITTED_FROM]
    logs = np.log(np.array(kept))
    slope, offset = np.polyfit(logs[:, 0], logs[:, 1], 1)
    off = np.abs(logs[:, 1] - slope * logs[:, 0] - offset)
    return float(slope), float(np.exp(off.max()))


def main(arguments: argparse.Namespace) -> None:
    """Measure, print the fits, and keep table and picture."""
    warm_up(print)
    targets = np.geomspace(1e4, arguments.most, 1 + round(2 * np.log10(arguments.most / 1e4)))
    names = [name for name in FAMILIES if arguments.only in name]
    lines: dict[str, tuple[list[int], list[float], float]] = {}
    rows = []
    for name in progress(names, "family"):
        cases = {case.problem().macs: case for case in (sized(FAMILIES[name], macs) for macs in targets)}
        seconds = [_seconds(case, arguments.seconds) for case in cases.values()]
        slope, off = fitted(list(cases), seconds)
        lines[name] = (list(cases), seconds, slope)
        rate = max(macs / each for macs, each in zip(cases, seconds, strict=True))
        ends = (milliseconds(seconds[0]), milliseconds(seconds[-1]))
        rows.append((name, f"{slope:.2f}", f"{off:.2f}", *ends, f"{rate / 1e9:.1f}"))
    head = ("family", "slope", "most off the line", "least work, ms", "most work, ms", "10^9 multiply-adds/s, best")
    text = markdown(head, rows, words=1)
    print(text)
    if not arguments.only:
        from benchmarks import pictures

        write("growth.md", text + "\n")
        pictures.growth(lines)


def _seconds(case: Case, seconds: float) -> float:
    (times,) = take_turns({"ours": ours(case, *case.arrays())}, seconds, turns=3, alone=True).values()
    return statistics.median(times)
