"""The parsers and the check of a problem under a fuzzer: Atheris where it is installed, else blind changes alone."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from random import Random

from tqdm import tqdm

from tests.trust.figures import Figure
from tests.trust.guided import GUIDED, SKIPPED, run_guided
from tests.trust.mutations import mutated
from tests.trust.targets import TARGETS


@dataclass(frozen=True)
class Scale:
    """Runs of each target, by coverage and blindly."""

    guided: int
    blind: int
    seed: int = 11


SHORT, FULL = Scale(guided=1000, blind=400), Scale(guided=50_000, blind=20_000)


def run_blind(name: str, scale: Scale) -> None:
    """A target with its seeds, and with changes to them, the same for the same seed."""
    target, seeds = TARGETS[name]
    rng = Random(scale.seed)  # noqa: S311 - nothing is kept secret with it
    known = list(seeds())
    for seed in known:
        target(seed)
    for _ in tqdm(range(scale.blind), name, file=sys.stderr, mininterval=5):
        body = rng.choice(known)
        changed = mutated(rng, body[1:], rng.choice(known), binary=False)
        target(body[:1] + changed if rng.random() < 0.9 else changed)


def measure(scale: Scale) -> list[Figure]:
    """Figures of each target."""
    figures = []
    for name in TARGETS:
        run_blind(name, scale)
        figures.append(Figure(f"{name}: blindly changed inputs, none wrong", f"{scale.blind:,}", "all", is_met=True))
        what = f"{name}: inputs by coverage, none wrong"
        if not GUIDED:
            print(SKIPPED, file=sys.stderr)
            figures.append(Figure(what, "skipped: no Atheris", f"{scale.guided:,}", is_met=False))
            continue
        guided = run_guided(name, scale.guided, scale.seed)
        print(guided.failure, file=sys.stderr)
        measured = f"{guided.runs:,}, which reached {guided.places:,} places"
        figures.append(Figure(what, measured, f"{scale.guided:,}", not guided.failure))
    return figures
