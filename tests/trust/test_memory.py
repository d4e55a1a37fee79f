"""The short forms of what is measured about memory."""

from __future__ import annotations

import pytest

from tests.trust import ceiling, memory, soak

pytestmark = pytest.mark.xdist_group("trust-memory")


def test_requests_take_no_more_than_is_predicted() -> None:
    for figure in memory.measure(memory.SHORT):
        assert figure.is_met, figure


def test_workers_stay_under_what_is_set() -> None:
    for figure in ceiling.measure(ceiling.SHORT):
        assert figure.is_met, figure


def test_nothing_grows() -> None:
    for figure in soak.measure(soak.SHORT):
        assert figure.is_met, figure
