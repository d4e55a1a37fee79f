"""What a run of the tests says at its end."""

from __future__ import annotations

import pytest

from tests.web.browser import chromium


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what a machine without a browser leaves out."""
    if chromium() is None:
        line = "NO BROWSER: the explorer was NOT tested. Install chromium, or name one in $CHROMIUM."
        terminalreporter.write_line(line, red=True, bold=True)
