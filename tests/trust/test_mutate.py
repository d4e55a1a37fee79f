"""Mutated bodies, in short."""

from __future__ import annotations

from tests.trust.mutate import SHORT, run


def test_mutated_bodies_are_answered_as_documented() -> None:
    tally = run(SHORT)
    assert tally.wrong == []
    assert sum(tally.statuses.values()) == SHORT.bodies
    assert {200, 400, 415, 422} <= set(tally.statuses)
