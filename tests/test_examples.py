"""The examples run, against the service itself, and do what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from examples import filter_photograph, follow_transposed
from tests.api.calls import serving


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with serving() as server, httpx.Client(base_url=server.url, timeout=120) as connection:
        yield connection


def test_the_photograph_comes_back_filtered(client: httpx.Client, tmp_path: Path) -> None:
    files = filter_photograph.run(client, None, tmp_path)
    original = filter_photograph.load_picture(None)
    blurred, sharpened, edges = (np.asarray(Image.open(file), np.float64).transpose(2, 0, 1) for file in files)
    assert blurred.shape == original.shape
    assert np.abs(np.diff(blurred)).mean() < np.abs(np.diff(original)).mean() < np.abs(np.diff(sharpened)).mean()
    assert abs(np.median(edges) - 128) < 8


def test_a_picture_of_ones_own_is_taken(client: httpx.Client, tmp_path: Path) -> None:
    Image.new("RGB", (20, 10), (10, 20, 30)).save(tmp_path / "own.png")
    blurred = filter_photograph.run(client, tmp_path / "own.png", tmp_path / "out")[0]
    with Image.open(blurred) as picture:
        assert picture.size == (20, 10)
        assert picture.getpixel((5, 5)) == (10, 20, 30)


def test_the_transposed_convolution_is_followed(client: httpx.Client, capsys: pytest.CaptureFixture[str]) -> None:
    output = follow_transposed.run(client)
    assert output == [[5, 14, 10], [14, 36, 24], [15, 34, 20]]
    told = capsys.readouterr().out
    assert "2×2 becomes 3×3" in told
    assert "    14 36 24" in told
