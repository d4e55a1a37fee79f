"""The examples run, against the service itself, and do what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.main import create_app
from examples import filter_photograph, follow_transposed


def test_the_photograph_comes_back_filtered(tmp_path: Path) -> None:
    with TestClient(create_app()) as client:
        files = filter_photograph.run(client, None, tmp_path)
    original = filter_photograph.load_picture(None)
    blurred, sharpened, edges = (np.asarray(Image.open(file), np.float64).transpose(2, 0, 1) for file in files)
    assert blurred.shape == original.shape
    assert np.abs(np.diff(blurred)).mean() < np.abs(np.diff(original)).mean() < np.abs(np.diff(sharpened)).mean()
    assert abs(np.median(edges) - 128) < 8


def test_a_picture_of_ones_own_is_taken(tmp_path: Path) -> None:
    Image.new("RGB", (20, 10), (10, 20, 30)).save(tmp_path / "own.png")
    with TestClient(create_app()) as client:
        blurred = filter_photograph.run(client, tmp_path / "own.png", tmp_path / "out")[0]
    assert Image.open(blurred).size == (20, 10)
    assert Image.open(blurred).getpixel((5, 5)) == (10, 20, 30)


def test_the_transposed_convolution_is_followed(capsys: pytest.CaptureFixture[str]) -> None:
    with TestClient(create_app()) as client:
        output = follow_transposed.run(client)
    assert output == [[5, 14, 10], [14, 36, 24], [15, 34, 20]]
    told = capsys.readouterr().out
    assert "2×2 becomes 3×3" in told
    assert "    14 36 24" in told
