"""The fuzzers' targets, in short."""

from __future__ import annotations

import pytest

from tests.trust.fuzz import SHORT, run_blind
from tests.trust.guided import GUIDED, SKIPPED, run_guided
from tests.trust.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_blind_changes(name: str) -> None:
    run_blind(name, SHORT)


@pytest.mark.skipif(not GUIDED, reason=SKIPPED)
@pytest.mark.parametrize("name", TARGETS)
def test_guided_by_coverage(name: str) -> None:
    guided = run_guided(name, SHORT.guided, SHORT.seed)
    assert guided.failure == ""
    assert guided.runs >= SHORT.guided
