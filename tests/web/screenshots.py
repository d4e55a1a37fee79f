"""Pictures of the explorer, made by one command: `make screenshots`, or `python -m tests.web.screenshots [NAME…]`.

They go to benchmarks/results/page, small enough to be kept; the README shows some. Look at each after a change of
the page: the tests know whether parts overlap, but not whether they are beautiful.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize

from tests.api.calls import serving
from tests.web.browser import browsing, chromium

OUT = Path(__file__).parents[2] / "benchmarks" / "results" / "page"
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
USUAL = "op=conv_transpose&in=3&k=3&s=2&p=1"


@dataclass(frozen=True)
class Scene:
    """What a link shows, and what a reader then does before the picture is taken."""

    name: str
    link: str
    act: Callable[[Page], None] | None = None
    narrow: bool = False


def point_at_output(page: Page) -> None:
    """Rest on an element of the output, so that what it depends on is marked."""
    page.locator('[data-focus="output-0-2-2"]').hover()


def point_at_column(page: Page) -> None:
    """Rest on an element of O, so that its column of C and its placement on the input are marked."""
    page.locator(".panel .map").nth(2).locator(".cell").nth(3).hover()


def filter_sample(page: Page) -> None:
    """The sample picture, through the kernel that is chosen at first."""
    page.locator(".panel .tools button").first.click()
    page.locator(".took").filter(has_text="ms").wait_for()


def ask_too_much(page: Page) -> None:
    """An output_padding that no stride of 2 leaves room for."""
    page.locator("[data-setting=outputPadding] .number").first.fill("2")
    page.locator("[data-setting=outputPadding] .suggestion").wait_for()


SCENES = [
    Scene("conv-light", "in=5&k=3&x=picture&f=7&theme=light", point_at_output),
    Scene("slide-light", USUAL + "&f=17&theme=light"),
    Scene("slide-dark", USUAL + "&f=17&theme=dark"),
    Scene("slide-chinese-light", USUAL + "&f=17&theme=light&lang=zh"),
    Scene("insert-zeros-light", USUAL + "&f=1&theme=light"),
    Scene("channels-dark", "in=4&k=2&ci=2&co=2&f=9&theme=dark"),
    Scene("stamps-light", USUAL + "&tab=stamps&f=5&theme=light"),
    Scene("overlap-dark", USUAL + "&tab=stamps&f=9&theme=dark"),
    Scene("matrix-light", "in=4&k=3&tab=matrix&theme=light", point_at_column),
    Scene("matrix-dark", "in=4&k=3&tab=matrix&theme=dark", point_at_column),
    Scene("roundtrip-light", "in=4&k=3&tab=roundtrip&theme=light"),
    Scene("sizes-dark", USUAL + "&tab=sizes&theme=dark"),
    Scene("image-light", "tab=image&theme=light", filter_sample),
    Scene("take-away-dark", USUAL + "&tab=export&f=17&theme=dark"),
    Scene("invalid-light", USUAL + "&theme=light", ask_too_much),
    Scene("narrow-slide-light", USUAL + "&f=17&theme=light", narrow=True),
    Scene("narrow-conv-chinese-dark", "in=4&k=3&f=3&theme=dark&lang=zh", narrow=True),
    Scene("narrow-stamps-dark", USUAL + "&tab=stamps&f=5&theme=dark", narrow=True),
    Scene("narrow-matrix-light", "in=3&k=2&tab=matrix&theme=light", narrow=True),
    Scene("narrow-image-dark", "tab=image&theme=dark", filter_sample, narrow=True),
]


def picture_of(browser: Browser, url: str, scene: Scene) -> bytes:
    """One scene as a PNG, with all motion at its end."""
    context = browser.new_context(
        viewport=NARROW if scene.narrow else WIDE, device_scale_factor=1, locale="en-GB", reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(f"{url}/#{scene.link}")
    page.locator(".panel > *").first.wait_for()
    page.wait_for_load_state("networkidle")
    if scene.act:
        scene.act(page)
    page.wait_for_timeout(300)
    data = page.screenshot()
    context.close()
    return data


def main(only: list[str]) -> None:
    """Take the pictures, all or those whose names hold one of the words."""
    if chromium() is None:
        sys.exit("There is no browser: install chromium, or name one in $CHROMIUM.")
    OUT.mkdir(parents=True, exist_ok=True)
    with serving() as server, browsing() as browser:
        for scene in SCENES:
            if only and not any(word in scene.name for word in only):
                continue
            file = OUT / f"{scene.name}.webp"
            Image.open(io.BytesIO(picture_of(browser, server.url, scene))).convert("RGB").save(
                file, lossless=True, quality=100, method=6
            )
            print(f"{file.name}\t{file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
