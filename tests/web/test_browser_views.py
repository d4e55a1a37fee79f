"""The other tabs in a real browser: stamps, matrix, round trip, sizes, image, what is taken away; and how they look."""

from __future__ import annotations

import io
import itertools
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.api.calls import Server
from tests.web.browser import NARROW, WIDE, Reader
from tests.web.conftest import Open

pytestmark = pytest.mark.xdist_group("browser")

USUAL = "op=conv_transpose&in=2&k=3&s=2&p=1"
BODY: dict[str, Any] = {
    "input": [[1, 2], [3, 4]],
    "kernel": [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
    "stride": 2,
    "padding": 1,
}
TABS = ("play", "stamps", "matrix", "roundtrip", "sizes", "image", "export")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def flat(tensor: Any) -> list[str]:
    """The numbers of a tensor as the page writes them."""
    return [str(value) for value in np.array(tensor).ravel()]


def test_stamps_add_up(visit: Open, site: Server) -> None:
    """After the last stamp the map is the API's; then the overlap, the crop and the output."""
    answer = httpx.post(f"{site.url}/v1/conv-transpose", json={**BODY, "steps": ["scatter"]}).json()
    steps = {step["name"]: step["tensor"] for step in answer["steps"]}
    reader = visit(USUAL + "&tab=stamps&f=3")
    expect(reader.page.locator(".panel .map").last.locator(".cell > text").first).to_have_text("1")
    assert reader.numbers(3) == flat(steps["accumulate"])
    assert reader.numbers(2) == flat(np.multiply(BODY["kernel"], 4))
    reader.page.keyboard.press("ArrowRight")
    assert reader.numbers(3) == flat(steps["overlap"])
    reader.page.keyboard.press("End")
    kept = reader.page.locator(".panel .map").last.locator(".cell:not(.cropped) > text").all_text_contents()
    assert kept == flat(answer["output"])


def test_matrix_both_ways(visit: Open) -> None:
    """C is 16×4: its column is a placement, its row an input element; nothing leads back."""
    reader = visit("in=4&k=3&tab=matrix")
    page = reader.page
    expect(page.locator(".way")).to_have_text("No way back.")
    expect(page.locator(".panel h2").first).to_contain_text("16×4")
    page.locator(".panel .map").nth(2).locator(".cell").nth(3).hover()
    expect(page.locator(".panel .readout")).to_contain_text("Column 3 of C makes output (1, 1)")
    assert reader.numbers(1) == ["0"] * 5 + ["1", "2", "3", "0", "4", "5", "6", "0", "7", "8", "9"]
    expect(page.locator(".panel .map").nth(0).locator(".related")).to_have_count(9)
    page.locator(".panel .map").nth(0).locator(".cell").nth(5).hover()
    expect(page.locator(".panel .readout")).to_contain_text(
        "Row 5 of C belongs to input (1, 1), which goes into 4 outputs"
    )
    expect(page.locator(".panel .map").nth(2).locator(".related")).to_have_count(4)
    expect(page.locator(".product-picture")).to_have_count(2)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".panel .readout")).to_contain_text("Column 1")


def test_matrix_with_a_way_back(visit: Open) -> None:
    page = visit("in=3&k=2&pad=full&tab=matrix").page
    expect(page.locator(".way")).to_have_text("There is a way back.")


def test_there_and_back(visit: Open, site: Server) -> None:
    picture = np.arange(1, 17).reshape(4, 4).tolist()
    there = httpx.post(f"{site.url}/v1/conv", json={"input": picture, "kernel": BODY["kernel"]}).json()["output"]
    back = httpx.post(f"{site.url}/v1/conv-transpose", json={"input": there, "kernel": BODY["kernel"]}).json()["output"]
    reader = visit("in=4&k=3&tab=roundtrip")
    expect(reader.page.locator(".panel h2")).to_have_text("The size comes back, the values do not")
    assert [reader.numbers(at) for at in (0, 2)] == [flat(picture), flat(there)]
    cells = reader.page.locator(".panel .map").nth(3).locator(".cell").all()
    assert [(cell.get_attribute("aria-label") or "").rpartition("= ")[2] for cell in cells] == flat(back)
    expect(reader.page.locator(".panel")).to_contain_text("0 of 16 values")


def test_sizes(visit: Open) -> None:
    reader = visit(USUAL + "&tab=sizes")
    page = reader.page
    expect(page.locator("math").nth(1)).to_contain_text("=3")
    page.locator(".dimension").nth(1).get_by_role("button", name="1", exact=True).click()
    expect(page.locator(".panel h2")).to_contain_text("2×2 becomes 3×4")
    page.get_by_text("Convolution", exact=True).click()
    reader.setting("stride", 2)
    expect(page.locator(".dimension").first).to_contain_text("These input sizes give the same output")


def test_the_image_tab(visit: Open) -> None:
    """A sample picture through Sobel: zero is at mid-grey, the time is told, and the picture can be saved."""
    reader = visit("tab=image")
    page = reader.page
    page.get_by_role("button", name="Sample picture").click()
    expect(page.locator(".took")).to_contain_text("multiply-adds in")
    expect(page.locator(".scale")).to_contain_text("mid-grey")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the filtered picture").click()
    picture = np.asarray(Image.open(saved.value.path()).convert("L"))
    assert picture.min() < 100
    assert picture.max() > 156
    assert abs(int(np.median(picture)) - 128) < 12


def test_pictures_and_films(visit: Open, tmp_path: Path) -> None:
    reader = visit(USUAL + "&tab=export&speed=8&f=5")
    page = reader.page
    page.locator(".preview .stage").wait_for()
    for name in ("png", "svg"):
        with page.expect_download() as saved:
            page.get_by_role("button", name=f"Save as {name.upper()}").click()
        data = Path(saved.value.path()).read_bytes()
        if name == "png":
            assert min(Image.open(io.BytesIO(data)).size) > 100
        else:
            assert ET.fromstring(data).tag.endswith("svg")  # noqa: S314
            assert b"36" in data
    with page.expect_download(timeout=60_000) as saved:
        page.get_by_role("button", name="Record the play").click()
    film = Path(saved.value.path()).read_bytes()
    assert film.startswith(b"\x1aE\xdf\xa3")
    assert len(film) > 5_000


def test_the_picture_is_of_the_tab_one_comes_from(visit: Open) -> None:
    """From the matrix its products and maps go into one file, and there is no play to record."""
    reader = visit("in=4&k=3&tab=matrix")
    expect(reader.page.locator(".product-picture")).to_have_count(2)
    reader.tab("export")
    expect(reader.page.locator(".preview .product-picture")).to_have_count(2)
    with reader.page.expect_download() as saved:
        reader.page.get_by_role("button", name="Save as SVG").click()
    data = Path(saved.value.path()).read_text(encoding="utf-8")
    assert len(ET.fromstring(data).findall("{http://www.w3.org/2000/svg}svg")) == 5  # noqa: S314
    for name in ("C 16×4", "Cᵀ 4×16", "Input 4×4", "Output 2×2"):
        assert name in data
    expect(reader.page.get_by_role("button", name="Record the play")).to_be_hidden()


def run_script(code: str) -> str:
    """What a script prints."""
    done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("framework", ["numpy", "pytorch"])
def test_code_runs(visit: Open, framework: str) -> None:
    if framework == "pytorch" and find_spec("torch") is None:
        pytest.skip("torch is not installed")
    reader = visit(USUAL + f"&tab=export&code.={framework}")
    code = reader.page.locator(".take.code pre")
    expect(code).to_contain_text("torch" if framework == "pytorch" else "numpy")
    numbers = re.findall(r"-?\d+", run_script(code.inner_text()))
    assert [number for number in numbers if number not in {"64", "32"}] == [
        "5",
        "14",
        "10",
        "14",
        "36",
        "24",
        "15",
        "34",
        "20",
    ]


def test_the_request_for_a_shell(visit: Open) -> None:
    line = visit(USUAL + "&tab=export").page.locator(".take.curl pre").inner_text()
    answer = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30, check=True)
    assert '"output":[[5,14,10],[14,36,24],[15,34,20]]' in answer.stdout.replace(" ", "")


def stands_out(element: Locator, width: int) -> bool:
    box = element.bounding_box()
    return bool(box and (box["x"] < -1 or box["x"] + box["width"] > width + 1))


@pytest.mark.parametrize(("size", "language"), list(itertools.product([WIDE, NARROW], ["en", "zh"])))
def test_nothing_stands_out(visit: Open, size: dict[str, int], language: str) -> None:
    """No tab is wider than the window, and its direct parts lie one below the other."""
    reader = visit(f"{USUAL}&lang={language}", viewport=size)
    for tab in TABS:
        reader.tab(tab)
        reader.page.locator(f".panel-{tab} > *").first.wait_for()
        reader.page.wait_for_timeout(150)
        assert reader.page.evaluate("document.documentElement.scrollWidth") <= size["width"], tab
        for part in reader.page.locator(f".panel-{tab} > *").all():
            assert not stands_out(part, size["width"]), (tab, part.get_attribute("class"))
        assert overlapping(reader) == [], tab


def overlapping(reader: Reader) -> list[str]:
    """Direct parts of the panel that begin above the end of the one before, by their classes.

    On narrow screens the time line stays at the foot of the window, over what is scrolled below it.
    """
    found: list[str] = reader.page.evaluate(
        """() => [...document.querySelectorAll(".panel > *")]
          .filter((part) => part.offsetHeight && getComputedStyle(part).position !== "sticky")
          .map((part) => [part.className || part.tagName, part.getBoundingClientRect()])
          .filter(([, box], at, all) => at && box.top < all[at - 1][1].bottom - 1).map(([name]) => String(name))"""
    )
    return found


@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "zh")])
def test_accessible(visit: Open, theme: str, language: str) -> None:
    reader = visit(f"{USUAL}&theme={theme}&lang={language}", bypass_csp=True)
    for tab in TABS:
        reader.tab(tab)
        reader.page.locator(f".panel-{tab} > *").first.wait_for()
        reader.page.wait_for_timeout(300)
        found = Axe().run(reader.page, options={"runOnly": RULES})
        told = [(each["id"], each["nodes"][0]["html"][:160]) for each in found.response["violations"]]
        assert not told, tab


def test_the_chosen_tab_is_in_sight(visit: Open) -> None:
    """On a narrow screen the row of tabs scrolls to the one that a link opens."""
    page = visit(USUAL + "&tab=export", viewport=NARROW).page
    chosen = page.locator("[role=tab][aria-selected=true]")
    expect(chosen).to_have_text("Take away")
    assert not stands_out(chosen, NARROW["width"])


def test_the_formula_of_sizes_is_whole(visit: Open) -> None:
    """On a wide screen, in both dimensions: nothing of it is cut off."""
    page = visit(USUAL + "&tab=sizes", viewport=WIDE).page
    page.locator("math").first.wait_for()
    cut = page.locator(".dimension .scroll").evaluate_all(
        "(all) => all.map((each) => each.scrollWidth - each.clientWidth)"
    )
    assert cut == [0, 0]
