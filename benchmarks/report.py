"""What was measured, as rows, means and a Markdown table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from app.core.plan import plan_of
from benchmarks.cases import Case
from benchmarks.peers import PEERS, callers
from benchmarks.timing import Waiting, median_ratio, take_turns

T = TypeVar("T")

RESULTS = Path(__file__).parent / "results"

#: From this share of waiting for a processor on, a measurement is marked.
DISTURBING = 0.1


@dataclass(frozen=True)
class Row:
    """A case as measured: median seconds of ours and of those peers that can do it."""

    case: Case
    algorithm: str
    seconds: dict[str, float]
    ratio: float
    """Median over the turns of ours/torch; NaN without PyTorch."""

    peak_share: float = math.nan
    extra_bytes: float = math.nan
    waited: float = 0.0
    """The share of the time that threads waited for a processor that other programs had."""

    @property
    def name(self) -> str:
        """The case's name, marked where its threads had to wait."""
        return self.case.name + (" *" if self.waited > DISTURBING else "")

    @property
    def is_compared(self) -> bool:
        """Whether PyTorch did it too."""
        return not math.isnan(self.ratio)

    @property
    def ours(self) -> float:
        """Our own median seconds."""
        return self.seconds["ours"]


def measure(case: Case, seconds: float, peers: tuple[str, ...] = PEERS, peak: float = math.nan) -> Row:
    """Time a case beside its peers; `peak` is the multiply-adds a second that its share is told of."""
    problem = case.problem()
    calls = callers(case, *case.arrays(), peers)
    waiting = Waiting()
    times = take_turns(calls, seconds)
    medians = {name: statistics.median(each) for name, each in times.items()}
    ratio = median_ratio(times["ours"], times["torch"]) if "torch" in times else math.nan
    algorithm = plan_of(problem, case.numpy_dtype).algorithm.name
    share = problem.macs / medians["ours"] / peak
    return Row(case, algorithm, medians, ratio, share, waited=waiting.share())


def mean_ratio(rows: Iterable[Row], condition: Callable[[Case], bool] = lambda _: True) -> float:
    """The geometric mean of ours/torch over the rows whose case meets the condition; NaN over none."""
    ratios = [row.ratio for row in rows if row.is_compared and condition(row.case)]
    return statistics.geometric_mean(ratios) if ratios else math.nan


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 2) -> str:
    """A Markdown table; the first `words` columns are text, the others numbers."""
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def disturbance(rows: Sequence[Row]) -> str:
    """What to know of a run that was not alone on the machine; nothing where it was."""
    disturbed = [row for row in rows if row.waited > DISTURBING]
    if not disturbed:
        return ""
    most = max(row.waited for row in disturbed)
    return (
        f"{len(disturbed)} of {len(rows)} cases, marked *, waited for a processor, up to {most:.0%} of "
        "the time, that other programs had: run again on a quiet machine.\n\n"
    )


def progress(items: Iterable[T], unit: str, total: int | None = None) -> Iterable[T]:
    """The items, with a bar of how many are done where somebody is looking."""
    from tqdm import tqdm  # here, so that the arithmetic can be used without it

    return cast("Iterable[T]", tqdm(items, total=total, unit=unit, disable=None))


def told(value: float, form: str = ".3f") -> str:
    """A number, or a dash where there is none."""
    return "–" if math.isnan(value) else format(value, form)


def milliseconds(seconds: float | None) -> str:
    """Three digits that count, or a dash."""
    if seconds is None:
        return "–"
    places = max(0, min(4, 2 - math.floor(math.log10(seconds * 1e3))))
    return f"{seconds * 1e3:.{places}f}"


def write(name: str, text: str) -> None:
    """Keep a text among the results."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / name).write_text(text)
