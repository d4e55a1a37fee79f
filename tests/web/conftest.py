"""A server and a browser for the tests of the page, and readers in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.api.calls import Server, serving
from tests.web.browser import Reader, browsing, chromium, is_required

Open = Callable[..., Reader]


@pytest.fixture(scope="package")
def site() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all; it ends with the last of these tests, because Playwright's event loop runs as long as it does."""
    if chromium() is None:
        if is_required():
            pytest.fail("CHROMIUM_REQUIRED is set and there is no browser")
        pytest.skip("NO BROWSER: install chromium, or name one in $CHROMIUM")
    with browsing() as found:
        yield found


@pytest.fixture
def visit(browser: Browser, site: Server) -> Iterator[Open]:
    """visit(link, **context): a reader at the page; at the end nobody's console may have complained."""
    readers: list[Reader] = []

    def opened(link: str = "", **context: Any) -> Reader:
        reader = Reader(browser, site.url, link, **context)
        readers.append(reader)
        reader.page.locator(".panel > *").first.wait_for()
        return reader

    yield opened
    complaints = [reader.complaints for reader in readers]
    for reader in readers:
        reader.context.close()
    assert not any(complaints), complaints
