"""The short forms of what is measured about numbers where much is computed at once."""

from __future__ import annotations

import pytest

from tests.trust import barrier, bits, fingerprints

pytestmark = pytest.mark.xdist_group("trust-numbers")


def test_no_answer_is_another_requests() -> None:
    for figure in fingerprints.measure(fingerprints.SHORT):
        assert figure.is_met, figure


def test_the_same_request_gives_the_same_bits() -> None:
    for figure in bits.measure(bits.SHORT):
        assert figure.is_met, figure


def test_threads_at_a_barrier() -> None:
    for figure in barrier.measure(barrier.SHORT):
        assert figure.is_met, figure
