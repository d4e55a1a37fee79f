"""The settings in a real browser: sliders, locks and patterns, held against the request or the numbers they make."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.web.browser import Reader
from tests.web.conftest import Open

pytestmark = pytest.mark.xdist_group("browser")

#: A setting, the field of the request that it makes, and that field after one step from its least.
SLIDERS = [
    ("stride", "stride", 2),
    ("padding", "padding", 1),
    ("dilation", "dilation", 2),
    ("outputPadding", "output_padding", 1),
    ("groups", "groups", 2),
]
SHAPES = [("size", "input", (2, 4, 4)), ("kernel", "kernel", (2, 2, 3, 3)), ("inChannels", "input", (3, 4, 4))]


def last(reader: Reader) -> dict[str, Any]:
    """The last setting that the API was asked for."""
    found: dict[str, Any] = json.loads(reader.asked[-1][1])
    return found


def await_field(reader: Reader, field: str, value: object) -> None:
    """Wait until a request holds this, or held it: the page asks no question twice."""
    for _ in range(100):
        if any(json.loads(body).get(field) == value for _, body in reader.asked):
            return
        reader.page.wait_for_timeout(30)
    assert last(reader).get(field) == value


def push(reader: Reader, name: str) -> None:
    """One step to the right, by keyboard."""
    slider = reader.page.locator(f"[data-setting={name}] input[type=range]").first
    slider.focus()
    slider.press("ArrowRight")


def test_sliders(visit: Open) -> None:
    reader = visit("op=conv_transpose&in=3&k=2&ci=2&co=2")
    for name, field, value in SLIDERS:
        push(reader, name)
        await_field(reader, field, value)
        expect(reader.page.locator(f"[data-setting={name}] .number").first).to_have_value(str(value))
    reader = visit("op=conv_transpose&in=3&k=2&ci=2&co=2")
    for name, field, shape in SHAPES:
        push(reader, name)
        for _ in range(100):
            if reader.asked and np.shape(last(reader)[field]) == shape:
                break
            reader.page.wait_for_timeout(30)
        assert np.shape(last(reader)[field]) == shape


def test_each_side_by_itself_and_together_again(visit: Open) -> None:
    reader = visit("in=5&k=3")
    page = reader.page
    for name, sides in [("stride", 2), ("padding", 4), ("dilation", 2), ("size", 2)]:
        page.locator(f'[data-key="lock {name}"]').click()
        fields = page.locator(f"[data-setting={name}] .number")
        expect(fields).to_have_count(sides)
        fields.first.fill({"size": "7"}.get(name, "2"))
        if name == "size":
            expect(page.locator(".editor.input .shape")).to_have_text("7×5")
        else:
            await_field(reader, name, [[2, 0], [0, 0]] if name == "padding" else [2, 1])
    page.locator('[data-key="lock padding"]').click()
    expect(page.locator("[data-setting=padding] .number")).to_have_count(1)
    for _ in range(100):
        if "padding" not in last(reader):
            break
        page.wait_for_timeout(30)
    assert "padding" not in last(reader)


PATTERNS = {
    "input": {"ramp", "ones", "random", "picture", "impulse"},
    "kernel": {"ramp", "ones", "random", "identity", "blur", "sobel", "bilinear"},
}


@pytest.mark.parametrize("kind", ["input", "kernel"])
def test_patterns(visit: Open, kind: str) -> None:
    """Each fills the cells with numbers of its own, and the API is asked with them."""
    reader = visit("in=5&k=3")
    page = reader.page
    select = page.locator(f".editor.{kind} select")
    names = {option.get_attribute("value") for option in select.locator("option").all()} - {"own"}
    assert names >= PATTERNS[kind]
    seen: dict[str, str] = {}
    for name in sorted(filter(None, names)):
        select.select_option(name)
        cells = [float(cell.input_value()) for cell in page.locator(f".editor.{kind} .cellfield").all()]
        await_field(reader, kind, np.reshape(cells, (5, 5) if kind == "input" else (3, 3)).tolist())
        seen[name] = str(cells)
    assert len(set(seen.values())) == len(seen)
    page.locator(f".editor.{kind} .quiet").first.click()
    page.locator(f".editor.{kind} .quiet").first.click()
    expect(select).to_have_value("random")
    assert (
        str([float(cell.input_value()) for cell in page.locator(f".editor.{kind} .cellfield").all()]) != seen["random"]
    )


def test_what_kernels_are_for(visit: Open) -> None:
    """The identity gives the middle of the input; Sobel's gives eight times the slope of a ramp, of 1 a column.

    The link's frame is beyond the last, as it is after a setting was changed by hand in the address.
    """
    reader = visit("in=4&k=3&f=9")
    reader.page.locator(".editor.kernel select").select_option("identity")
    expect(reader.page.locator(".stage .cell.output > text").last).to_have_text("11")
    assert reader.outputs() == ["6", "7", "10", "11"]
    reader.page.locator(".editor.kernel select").select_option("sobel")
    expect(reader.page.locator(".stage .cell.output > text").last).to_have_text("8")
    assert reader.outputs() == ["8"] * 4


def test_a_bias_is_typed_and_added(visit: Open) -> None:
    reader = visit("in=3&k=3")
    page = reader.page
    page.locator("summary").click()
    page.get_by_label("Bias").first.check()
    page.locator(".editor.kernel .cellfield").last.fill("-5")
    page.locator(".frames").focus()
    page.keyboard.press("End")
    expect(page.locator(".stage .cell.output > text").last).to_have_text("280")
