"""The short forms of what is measured about memory, and about numbers where much is computed at once."""

from __future__ import annotations

from importlib import import_module

import pytest

#: What is measured, one after the other in each line.
APART = {"memory": ("memory", "ceiling", "soak"), "numbers": ("fingerprints", "bits", "barrier")}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xdist_group(f"trust-{line}"))
        for line, names in APART.items()
        for name in names
    ],
)
def test_every_goal_is_met_in_short(name: str) -> None:
    check = import_module(f"tests.trust.{name}")
    for figure in check.measure(check.SHORT):
        assert figure.is_met, figure
