"""Chromium in front of the page: found on the machine, never downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 360, "height": 740}

#: Other tests may have the processors for a while.
expect.set_options(timeout=20_000)

#: What the browser itself says of a request that the page shows as an invalid setting, or of a service that is away.
OWN_LINES = ("status of 422", "net::ERR_FAILED", "net::ERR_CONNECTION_REFUSED")


def chromium() -> str | None:
    """The browser of this machine: $CHROMIUM, or one in the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def is_required() -> bool:
    """Whether a machine without a browser fails the tests instead of skipping them."""
    return bool(os.environ.get("CHROMIUM_REQUIRED"))


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield browser
        browser.close()


class Reader:
    """One person in front of the page, with a browser that knows nothing of others."""

    def __init__(self, browser: Browser, url: str, link: str = "", **context: Any) -> None:
        self.context = browser.new_context(**{"viewport": WIDE, "locale": "en-GB", "accept_downloads": True, **context})
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self.page.on("console", lambda line: self.said.append(line.text) if line.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url, request.method, request.post_data_buffer))
        self.page.goto(f"{url}/#{link}")

    def _note(self, url: str, method: str, body: bytes | None) -> None:
        if method == "POST" and body and body.startswith(b"{"):
            self.asked.append((url.rpartition("/v1/")[2], body.decode("utf-8", "replace")))

    @property
    def complaints(self) -> list[str]:
        """What the console says, without the browser's own lines."""
        return [line for line in self.said if not any(own in line for own in OWN_LINES)]

    def setting(self, name: str, value: object) -> None:
        """Type a number into a setting's field."""
        self.page.locator(f"[data-setting={name}] .number").first.fill(str(value))

    def tab(self, name: str) -> None:
        """Open a tab."""
        self.page.locator(f"[data-tab={name}]").click()

    def outputs(self) -> list[str]:
        """The numbers in the output's cells, as they stand in the picture."""
        return self.page.locator(".stage .cell.output > text").all_text_contents()

    def numbers(self, figure: int) -> list[str]:
        """The numbers in a map that stands still, the maps counted from the first."""
        return self.page.locator(".panel .map").nth(figure).locator(".cell > text").all_text_contents()
