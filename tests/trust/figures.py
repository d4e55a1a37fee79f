"""A figure with its goal, and the table of all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "trust.md"


@dataclass(frozen=True)
class Figure:
    """One thing that was measured."""

    what: str
    measured: str
    goal: str
    is_met: bool


def section(title: str, figures: Iterable[Figure]) -> str:
    """A title and a Markdown table."""
    rows = [
        f"| {each.what} | {each.measured} | {each.goal} | {'yes' if each.is_met else '**no**'} |" for each in figures
    ]
    return "\n".join([f"## {title}", "", "| | measured | goal | met |", "| --- | --- | --- | --- |", *rows, ""])


def keep(title: str, text: str, path: Path = RESULTS) -> None:
    """Put a section into the file of results, in place of the one of the same title."""
    before = path.read_text(encoding="utf-8") if path.exists() else "# Reliability, as measured\n"
    parts = re.split(r"(?m)^(?=## )", before)
    kept = [part.rstrip() for part in parts if not part.startswith(f"## {title}\n")]
    path.write_text("\n\n".join([*kept, text.rstrip()]) + "\n", encoding="utf-8")
