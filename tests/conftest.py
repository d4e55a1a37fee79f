"""What a run of the tests says at its end."""

from __future__ import annotations

import pytest

from tests.trust.guided import GUIDED, SKIPPED
from tests.web.browser import chromium


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what a machine without a browser or a fuzzer leaves out."""
    if not GUIDED:
        terminalreporter.write_line(SKIPPED, yellow=True, bold=True)
    if chromium() is None:
        line = "NO BROWSER: the explorer was NOT tested. Install chromium, or name one in $CHROMIUM."
        terminalreporter.write_line(line, red=True, bold=True)
