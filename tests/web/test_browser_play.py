"""The play in a real browser: to the end, by keyboard, pointed at, edited, linked, and when things go wrong."""

from __future__ import annotations

import re
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import expect

from tests import naive
from tests.api.calls import Server
from tests.web.conftest import Open

pytestmark = pytest.mark.xdist_group("browser")

SQUARE = [[1, 2], [3, 4]]
RAMP = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
PICTURE = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]
TRANSPOSED = {"input": SQUARE, "kernel": RAMP}
USUAL = "op=conv_transpose&in=2&k=3&s=2&p=1"

#: What the browser tells a field when a text is pasted into it.
PASTE = """(field, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text", text);
  field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""

#: What a reader goes through with the tabulator key.
PLACES = "header, [role=tablist], .holder, .timeline, .controls, .editor"

PLAYS: list[tuple[str, str, dict[str, Any]]] = [
    ("op=conv_transpose&in=2&k=3", "conv_transpose", {}),
    (USUAL, "conv_transpose", {"stride": 2, "padding": 1}),
    (USUAL + "&op_pad=1", "conv_transpose", {"stride": 2, "padding": 1, "output_padding": 1}),
    ("in=4&k=3", "conv", {}),
    ("in=4&k=3&s=2&p=1&d=1", "conv", {"stride": 2, "padding": 1}),
]


@pytest.mark.parametrize(("link", "op", "setting"), PLAYS)
def test_played_to_the_end(visit: Open, site: Server, link: str, op: str, setting: dict[str, Any]) -> None:
    """The numbers are the API's and those of plain sums; stage and time line stay where they are."""
    reader = visit(link + "&speed=8")
    page = reader.page
    places = [page.locator(name) for name in (".stage", ".transport", ".scenes")]
    page.locator(".stage").wait_for()
    before = [place.bounding_box() for place in places]
    page.keyboard.press(" ")
    count = page.locator(".count")
    for _ in range(2000):
        assert [place.bounding_box() for place in places] == before
        now, of = count.inner_text().split(" / ")
        if now == of:
            break
        page.wait_for_timeout(30)
    else:
        pytest.fail(f"the play stopped at {count.inner_text()}")
    body = {"input": PICTURE if op == "conv" else SQUARE, "kernel": RAMP, **setting}
    answer = httpx.post(f"{site.url}/v1/{op.replace('_', '-')}", json=body).json()["output"]
    by_hand = getattr(naive, op)(
        *(naive.exact(np.array([[body[name]]])) for name in ("input", "kernel")), **setting
    ).value
    assert by_hand[0, 0].tolist() == answer
    assert reader.outputs() == [str(value) for row in answer for value in row]


CROWDED = [
    "in=4&k=3",
    "in=12&k=5&ci=3&co=2",
    "in=8&k=5&ci=4&co=4",
    "op=conv_transpose&in=16&k=3&s=3",
    "dims=1&in=32&k=9",
]
BOXES = """(all) => all.map((each) => {
  const { left, top, right, bottom } = each.getBoundingClientRect();
  return [left, top, right, bottom];
})"""


@pytest.mark.parametrize("width", [360, 2400])
def test_maps_never_overlap(visit: Open, width: int) -> None:
    """However many and large they are; the page itself never scrolls sideways."""
    for link in CROWDED:
        page = visit(link, viewport={"width": width, "height": 900}).page
        page.locator(".stage").wait_for()
        boxes = page.locator(".stage svg").evaluate_all(BOXES)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for at, (left, top, right, bottom) in enumerate(boxes):
            assert left < right
            assert top < bottom
            for left2, top2, right2, bottom2 in boxes[at + 1 :]:
                assert right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top, link


def test_keys_and_the_time_line(visit: Open) -> None:
    page = visit(USUAL).page
    count = page.locator(".count")
    expect(count).to_have_text("1 / 16")
    steps = [("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2)]
    for key, frame in [*steps, ("End", 16), ("Home", 1)]:
        page.keyboard.press(key)
        expect(count).to_have_text(f"{frame} / 16")
    page.keyboard.press("+")
    expect(page.locator(".transport select")).to_have_value("2")
    box = page.locator(".frames").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 8, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 10, steps=8)
    page.mouse.up()
    expect(count).to_have_text("16 / 16")
    for name, frame in [("back", 15), ("next", 16), ("back", 15)]:
        page.locator(f".buttons .{name}").click()
        expect(count).to_have_text(f"{frame} / 16")
    page.locator(".scene[data-scene=flip_kernel]").click()
    expect(page.locator(".step.on h2")).to_contain_text("Flip the kernel")


def test_everything_is_reached_without_a_mouse(visit: Open) -> None:
    """Tab goes through header, tabs, picture, time line, settings and numbers, and each shows that it has the focus."""
    page = visit(USUAL).page
    page.locator(".stage").wait_for()
    reached: set[str] = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(f"document.activeElement.closest('{PLACES}')?.className || ''"))
    assert {"top", "tabs", "holder", "timeline", "controls"} <= reached
    assert {name for name in reached if name.startswith("editor")} == {"editor input", "editor kernel"}
    page.locator('[data-focus="output-0-0-0"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.focus") == "output-0-1-1"
    page.keyboard.press(" ")
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"


def test_pointing_and_pinning(visit: Open) -> None:
    """Output (1, 1) of the usual case depends on all four inputs; the link keeps what is pinned."""
    reader = visit(USUAL + "&f=15")
    page = reader.page
    page.locator('[data-focus="output-0-1-1"]').click()
    page.mouse.move(2, 600)
    expect(page.locator(".readout")).to_contain_text("depends on")
    expect(page.locator(".stage .cell.input.related:not(.zero):not(.padding)")).to_have_count(4)
    page.wait_for_url(re.compile("pin=output-0-1-1"))
    other = visit(page.url.partition("#")[2]).page
    expect(other.locator('[aria-pressed=true][data-focus="output-0-1-1"]')).to_have_count(1)
    expect(other.locator(".count")).to_have_text("16 / 16")
    page.keyboard.press("Escape")
    expect(page.locator(".cell.related")).to_have_count(0)


def test_a_link_restores_everything(visit: Open) -> None:
    reader = visit("op=conv_transpose&in=3,2&k=2,3&s=1,2&free=size")
    page = reader.page
    page.locator(".editor.input .cellfield").nth(1).fill("-2.5")
    page.locator("header select").nth(0).select_option("zh")
    page.locator("header select").nth(1).select_option("dark")
    page.locator("[data-tab=matrix]").click()
    page.wait_for_url(re.compile(r"tab=matrix"))
    page.wait_for_timeout(500)
    other = visit(page.url.partition("#")[2]).page
    expect(other.locator("html")).to_have_attribute("lang", re.compile("^zh"))
    expect(other.locator("html")).to_have_attribute("data-theme", "dark")
    expect(other.locator("[data-tab=matrix]")).to_have_attribute("aria-selected", "true")
    fields = [each.input_value() for each in other.locator(".editor.input .cellfield").all()]
    assert fields == ["1", "-2.5", "3", "4", "5", "6"]


def test_editing_and_pasting(visit: Open) -> None:
    reader = visit(USUAL + "&f=15")
    page = reader.page
    page.locator(".editor.input .cellfield").first.fill("-2.5")
    expect(page.locator(".stage .cell.output > text").first).to_have_text("−12.5")
    page.locator(".editor.kernel .quiet").last.click()
    area = page.locator(".editor.kernel textarea")
    area.fill("tensor([[1., 0.],\n        [0., 2.]], requires_grad=True)")
    area.blur()
    expect(page.locator(".editor.kernel .cellfield")).to_have_count(4)
    expect(area).to_be_hidden()
    page.locator(".editor.input .quiet").last.click()
    area = page.locator(".editor.input textarea")
    area.fill("[[1, 2], [3]]")
    area.blur()
    expect(page.locator(".editor.input .problem")).to_contain_text("uneven")
    area.fill("1\t2\t3\n4\t5\t6")
    area.blur()
    expect(page.locator(".editor.input .shape")).to_have_text("2×3")
    page.locator(".editor.input .cellfield").first.evaluate(PASTE, "1, 2, 3\n4, 5, 6\n7, 8, 9")
    expect(page.locator(".editor.input .shape")).to_have_text("3×3")


def test_an_invalid_setting_and_its_way_out(visit: Open) -> None:
    reader = visit(USUAL)
    reader.setting("outputPadding", 2)
    problem = reader.page.locator("[data-setting=outputPadding] .problem")
    expect(problem).to_contain_text("output_padding is 2")
    problem.locator(".suggestion").click()
    expect(reader.page.locator(".trouble")).to_be_hidden()
    expect(reader.page.locator("[data-setting=outputPadding] .number")).to_have_value("1")


def test_integers_beyond_doubles(visit: Open) -> None:
    page = visit("dims=1&in=2&k=2&x=9007199254740993,2&w=1,1").page
    expect(page.locator(".sum strong")).to_have_text("9007199254740995")


def test_a_service_that_is_away_and_comes_back(visit: Open) -> None:
    reader = visit()
    page = reader.page
    page.route("**/v1/**", lambda route: route.abort())
    reader.setting("stride", 2)
    expect(page.locator(".notice")).to_contain_text("cannot be reached")
    page.unroute("**/v1/**")
    page.locator(".notice button").click()
    expect(page.locator(".step.on")).to_contain_text("stride 2")
    expect(page.locator(".notice")).to_be_hidden()


def test_a_slow_answer_is_waited_for_aloud(visit: Open) -> None:
    """The notice goes when the answer is there, also where only its body was slow."""
    reader = visit(USUAL)
    page = reader.page
    page.locator(".stage").wait_for()
    page.evaluate(
        """() => {
          const text = Response.prototype.text;
          Response.prototype.text = async function () {
            await new Promise((resolve) => setTimeout(resolve, 5000));
            return text.call(this);
          };
        }"""
    )
    reader.setting("outputPadding", 1)
    expect(page.locator(".notice")).to_contain_text("Waiting")
    expect(page.locator(".stage .cell.output")).to_have_count(16)
    expect(page.locator(".notice")).to_be_hidden()


CONTROLS = [
    ("stride", 2, '"stride": 2'), ("padding", 1, '"padding": 1'), ("dilation", 2, '"dilation": 2'),
    ("outputPadding", 1, '"output_padding": 1'), ("groups", 2, '"groups": 2'),
]  # fmt: skip


def test_every_control_reaches_the_api(visit: Open) -> None:
    reader = visit("op=conv_transpose&in=3&k=2&ci=2&co=2")
    page = reader.page

    def sent(part: str) -> None:
        page.wait_for_timeout(50)
        for _ in range(500):
            if reader.asked and part in reader.asked[-1][1]:
                return
            page.wait_for_timeout(30)
        pytest.fail(f"{part} is not in {reader.asked[-1]}")

    reader.setting("stride", 2)
    for name, value, part in CONTROLS:
        reader.setting(name, value)
        sent(part)
    for label, part in [("Bias", '"bias": ['), ("Flip the kernel", '"flip_kernel": true')]:
        page.get_by_label(label).first.check()
        sent(part)
    reader.setting("outputPadding", 0)
    page.locator("[data-key=paddingWord]").select_option("same")
    sent('"padding": "same"')
    page.get_by_text("Convolution", exact=True).click()
    page.locator("[data-key=paddingMode]").select_option("reflect")
    sent('"padding_mode": "reflect"')
    page.get_by_text("1-D", exact=True).click()
    expect(page.locator(".editor.input .shape")).to_have_text("2×3")
    for example in page.locator(".controls select").first.locator("option").all():
        if chosen := example.get_attribute("value"):
            page.locator(".controls select").first.select_option(chosen)
            expect(page.locator(".trouble")).to_be_hidden()
