"""What the steps say: complete sentences with this request's own numbers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given

from app.core.text import Text
from tests.core.strategies import Case, Op, examples
from tests.core.views.shown import EVERY_CASE, WHOLE, Shown, picture, show, show_arrays, shown


def title(view: Shown, name: str) -> str:
    return str(view.steps[name].title)


def detail(view: Shown, name: str) -> str:
    return str(view.steps[name].detail)


@pytest.mark.parametrize(
    ("size", "stride", "expected"),
    [
        ((2, 2), 2, "Insert 1 zero row and column between the elements (stride 2): 2×2 becomes 3×3"),
        ((2, 3), 3, "Insert 2 zero rows and columns between the elements (stride 3): 2×3 becomes 4×7"),
        ((3,), 2, "Insert 1 zero between the elements (stride 2): length 3 becomes 5"),
        ((3,), 4, "Insert 3 zeros between the elements (stride 4): length 3 becomes 9"),
        ((2, 1, 2), 2, "Insert 1 zero plane, row and column between the elements (stride 2): 2×1×2 becomes 3×1×3"),
        ((2, 2, 2), 3, "Insert 2 zero planes, rows and columns between the elements (stride 3): 2×2×2 becomes 4×4×4"),
        ((2, 2), (2, 3), "Insert zeros between the elements (stride 2, 3): 2×2 becomes 3×4"),
        ((4, 4), 1, "Stride 1: no zeros are inserted"),
        ((1, 4), (3, 1), "No zeros are inserted (stride 3, 1)"),
    ],
)
def test_inserted_zeros(size: tuple[int, ...], stride: Any, expected: str) -> None:
    view = show("sliding_window", picture("conv_transpose", size, (2,) * len(size), stride=stride))
    assert title(view, "insert_zeros") == expected


@pytest.mark.parametrize(
    ("padding", "expected", "part"),
    [
        (1, "Pad with zeros: 5×5 becomes 7×7", "1·(3 − 1) − 1 = 1"),
        (2, "No padding: 5×5 stays", "1·(3 − 1) − 2 = 0"),
        (((3, 2), (3, 2)), "Crop: 5×5 becomes 4×4", "rows: -1 above and 0 below; columns: -1 on the left"),
        (((3, 1), (2, 2)), "Pad and crop: 5×5 becomes 5×5", "rows: -1 above and 1 below"),
    ],
)
def test_padding_of_the_transposed(padding: Any, expected: str, part: str) -> None:
    view = show("sliding_window", picture("conv_transpose", (3, 3), (3, 3), stride=2, padding=padding))
    assert title(view, "pad") == expected
    assert part in detail(view, "pad")


@pytest.mark.parametrize(
    ("mode", "word"), [("zeros", "zeros"), ("reflect", "mirror"), ("replicate", "edge"), ("circular", "opposite")]
)
def test_padding_modes(mode: str, word: str) -> None:
    view = show("sliding_window", picture("conv", (4, 4), (3, 3), padding=1, padding_mode=mode))
    assert word in title(view, "pad")
    assert "4×4 becomes 6×6" in title(view, "pad")
    assert "rows: 1 above and 1 below" in detail(view, "pad")


def test_nothing_to_pad() -> None:
    assert title(show("sliding_window", picture("conv", (4,), (3,))), "pad") == "No padding: the input keeps length 4"


def test_flips() -> None:
    transposed = picture("conv_transpose", (2, 2), (3, 3))
    assert "180°" in detail(show("sliding_window", transposed), "flip_kernel")
    twice = show("sliding_window", picture("conv_transpose", (2, 2), (3, 3), flip_kernel=True))
    assert "two flips cancel" in title(twice, "flip_kernel")
    assert "two flips cancel" in detail(twice, "flip_kernel")
    single = show("sliding_window", picture("conv", (2, 2), (1, 1), flip_kernel=True))
    assert "nothing changes" in detail(single, "flip_kernel")
    channels = Case("conv_transpose", (1, 4, 3), (4, 3, 2), 6, False, {"groups": 2}, 1)
    assert "4×3×2 becomes 6×2×2" in detail(show("sliding_window", channels), "flip_kernel")


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (picture("conv", (4, 4), (3, 3)), "C is 16×4 with rank 4: not square, and 4 numbers cannot hold 16"),
        (picture("conv", (2, 2), (2, 2)), "C is 4×1 with rank 1: not square, and 1 number cannot hold 4"),
        (picture("conv", (3,), (1,)), "C is 3×3 with rank 3: square and of full rank"),
        (picture("conv", (4,), (3,), padding="full"), "C is 4×6 with rank 4: not square, so it has no inverse; yet"),
        (picture("conv_transpose", (2,), (2,), padding=1), "Cᵀ is 2×1 with rank 1: not square, and 1 number cannot"),
        (picture("conv_transpose", (2,), (2,)), "Cᵀ is 2×3 with rank 2: not square, so it has no inverse; yet"),
    ],
)
def test_why_the_input_follows_or_does_not(case: Case, reason: str) -> None:
    assert detail(show("matrix", case), "matrix").startswith(reason)


@pytest.mark.parametrize(
    ("size", "padding", "reason"),
    [
        ((3,), 0, "C is 3×3 with rank 0: square, but its rank is below 3"),
        ((3,), 1, "C is 3×5 with rank 0: not square, and its rank is below 3"),
        ((3,), "less", "C is 3×2 with rank 0: not square, and only 0 of its 2 outputs are independent"),
    ],
)
def test_matrices_of_lower_rank(size: tuple[int, ...], padding: Any, reason: str) -> None:
    kernel, options = ((2,), {}) if padding == "less" else ((1,), {"padding": padding})
    case = picture("conv", size, kernel, **options)
    x, w, _ = case.arrays(WHOLE)
    assert detail(show_arrays("matrix", case, x, w * 0, None), "matrix").startswith(reason)


def test_checkerboard() -> None:
    uneven = show("scatter", picture("conv_transpose", (3, 3), (3, 3), stride=2))
    assert "1 to 4 stamps" in detail(uneven, "overlap")
    assert "checkerboard" in detail(uneven, "overlap")
    even = show("scatter", picture("conv_transpose", (3, 3), (2, 2), stride=2))
    assert "every place has 1 stamp:" in detail(even, "overlap")
    assert title(even, "accumulate") == "Add the stamps up on the whole map: 6×6"


@pytest.mark.parametrize("view", ["sliding_window", "matrix", "scatter"])
@pytest.mark.parametrize(("op", "n"), EVERY_CASE)
def test_every_text_is_whole(view: str, op: Op, n: int) -> None:
    if view == "scatter" and op == "conv":
        return

    @given(shown(view, op, n, most_products=400))
    @examples(12)
    def check(found: Shown) -> None:
        for step in found.steps.values():
            heading, sentences = str(step.title), str(step.detail)
            assert len(heading) <= 100
            assert not heading.endswith(".")
            assert sentences[0].isupper()
            assert sentences.endswith(".")
            assert not re.search(r"[{}]|None|deconv|  ", heading + sentences)
            check_values(step.title)
            check_values(step.detail)

    check()


def check_values(text: Text) -> None:
    """A value is a number, a phrase of its own, or holds no English: it needs no translation."""
    for value in text.values.values():
        if isinstance(value, Text):
            check_values(value)
        else:
            assert isinstance(value, int) or not re.search(r"[a-zA-Z]{3}", value)
