"""Whole requests, in short."""

from __future__ import annotations

import pytest

from tests.api.client import client
from tests.api.documented import Documented
from tests.core.strategies import OPS, Op
from tests.trust.whole import SHORT, Tally, run


@pytest.mark.parametrize("op", OPS)
def test_both_forms_are_answered_alike(op: Op) -> None:
    tally = Tally()
    run(op, SHORT.examples, SHORT.seeds[0], Documented(client().app.openapi()), tally)
    assert {200, 422} <= set(tally.statuses)
