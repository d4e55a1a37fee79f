"""A service that wants a key, in a real browser: the page asks for it, uses it, and keeps it with its tab alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.api.calls import Server, serving
from tests.web.browser import NARROW, Reader

pytestmark = pytest.mark.xdist_group("browser")

KEY = "reader-0123456789abcdef"


@pytest.fixture(scope="module")
def closed_site() -> Iterator[Server]:
    with serving(api_keys=f"reader:{KEY}") as server:
        yield server


def enter(page: Page, key: str) -> None:
    page.locator(".notice input").fill(key)
    page.locator(".notice button").click()


def test_the_page_asks_for_a_key_and_goes_on_with_it(browser: Browser, closed_site: Server) -> None:
    reader = Reader(browser, closed_site.url)
    page, sent = reader.page, []

    def note(request: Request) -> None:
        sent.append(request.headers.get("authorization"))

    notice = page.locator(".notice")
    expect(notice).to_contain_text("needs a key")
    enter(page, "no-such-0123456789abcdef é")
    expect(notice).to_contain_text("does not know this key")
    page.locator(".notice input").fill("half a ke")
    page.locator("[data-setting=padding] .number").first.fill("1")
    page.wait_for_timeout(500)
    expect(page.locator(".notice input")).to_have_value("half a ke")
    page.on("request", note)
    enter(page, f" {KEY} ")
    expect(notice).to_be_hidden()
    expect(page.locator(".stage .cell.output").first).to_be_visible()
    assert f"Bearer {KEY}" in sent

    reader.tab("export")
    expect(page.locator("section.curl pre")).to_contain_text('-H "Authorization: Bearer $CONVARITH_KEY"')
    assert KEY not in page.content()
    assert KEY not in page.url
    assert KEY not in page.evaluate("JSON.stringify(localStorage)")
    page.reload()
    expect(page.locator(".panel .cell.output").first).to_be_visible()
    expect(notice).to_be_hidden()

    again = reader.context.new_page()
    again.goto(closed_site.url)
    expect(again.locator(".notice")).to_contain_text("needs a key")
    reader.context.close()


def test_it_asks_in_chinese_on_a_small_screen(browser: Browser, closed_site: Server) -> None:
    reader = Reader(browser, closed_site.url, "lang=zh", viewport=NARROW)
    form = reader.page.locator(".notice form")
    expect(reader.page.locator(".notice")).to_contain_text("此服务需要密钥")
    box = form.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= NARROW["width"]
    reader.context.close()
