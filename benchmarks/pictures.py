"""The pictures of the results, as SVG that is the same whenever the numbers are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.report import RESULTS, Row

mpl.use("svg")
# Text stays text and names are drawn from a fixed seed: small files, and the same again.
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "convarith", "font.size": 8, "axes.axisbelow": True})

TICKS = [base * 10.0**power for power in range(-4, 3) for base in (1, 2, 5)]

FAST, SLOW = "#2a7f62", "#b3541e"


def ratios(rows: Sequence[Row]) -> None:
    """Bars of ours/torch by case, with a line where both take as long."""
    compared = [row for row in rows if row.is_compared][::-1]
    figure = Figure(figsize=(8, 0.16 * len(compared) + 0.8), layout="constrained")
    axes = figure.subplots()
    colours = [FAST if row.ratio <= 1 else SLOW for row in compared]
    # From the line at 1 to the left where ours is faster: on a logarithmic axis no bar has a natural beginning.
    axes.barh(range(len(compared)), [row.ratio - 1 for row in compared], left=1, color=colours, height=0.7)
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_xscale("log")
    ends = min(row.ratio for row in compared) * 0.9, max(1.5, max(row.ratio for row in compared) * 1.1)
    ticks = [tick for tick in TICKS if ends[0] <= tick <= ends[1]]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xlim(*ends)
    axes.set_yticks(range(len(compared)), [row.case.name for row in compared])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.6, len(compared) - 0.4)
    axes.set_xlabel("time of ours / time of PyTorch (left of the line: ours is faster)")
    axes.minorticks_off()
    axes.grid(axis="x", alpha=0.3)
    _save(figure, "panel.svg")


def growth(families: Mapping[str, tuple[Sequence[int], Sequence[float], float]]) -> None:
    """Time against multiply-adds for each family: (multiply-adds, seconds, fitted slope)."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name, (macs, seconds, slope) in families.items():
        axes.loglog(macs, seconds, marker="o", markersize=3, linewidth=1, label=f"{name} (slope {slope:.2f})")
    axes.set_xlabel("multiply-adds")
    axes.set_ylabel("seconds")
    axes.grid(alpha=0.3)
    axes.minorticks_off()
    axes.legend()
    _save(figure, "growth.svg")


def _save(figure: Any, name: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    figure.savefig(RESULTS / name, metadata={"Date": None})
