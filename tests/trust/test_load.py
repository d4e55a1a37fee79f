"""The short forms of what load, dying workers, stops and slow clients come to. Times are looked at in full alone."""

from __future__ import annotations

from importlib import import_module

import pytest


@pytest.mark.parametrize("name", ["overload", "workers", "stopping", "slow"])
def test_nothing_is_lost(name: str) -> None:
    """Each asserts by itself that every reply is right, or a refusal as documented."""
    check = import_module(f"tests.trust.{name}")
    assert check.measure(check.SHORT)
