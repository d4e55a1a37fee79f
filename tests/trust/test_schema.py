"""Schemathesis over a real connection, in short; tests/api/test_schemathesis.py has more, in this process."""

from __future__ import annotations

from tests.api.calls import serving
from tests.trust.mutate import LIMITS
from tests.trust.schema import KEY, SHORT, run


def test_every_check_of_schemathesis() -> None:
    with serving(access_log="false", api_keys=f"schemathesis:{KEY}", **LIMITS) as server:
        report = run(server, SHORT, SHORT.seeds[0])
    assert report.is_clean, report.printed
    assert report.operations == 8
