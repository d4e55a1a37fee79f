"""Hostile bodies, in short: limits of a few mebibytes."""

from __future__ import annotations

from tests.trust.bodies import LEFT, MIB, SHORT, allowed, run


def test_hostile_bodies_are_refused_in_flat_memory() -> None:
    outcomes, left = run(SHORT)
    for outcome in outcomes:
        assert outcome.peak <= allowed(outcome, SHORT), f"{outcome.attack.name}: {outcome.peak / MIB:.0f} MiB"
    assert left <= LEFT
