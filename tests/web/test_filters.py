"""The image tab's kernels, held against those that are known, and against what their names promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from tests.web.modules import needs_node, run

pytestmark = needs_node

SIZES = (3, 5, 7, 9)

SCRIPT = """
  const named = (n) => Object.entries(own.FILTERS).map(([name, make]) => [name, make(n)]);
  answer = Object.fromEntries(given.map((n) => [n, Object.fromEntries(named(n))]));
"""


@pytest.fixture(scope="module")
def kernels() -> dict[tuple[str, int], tuple[NDArray[Any], float]]:
    made = run("js/filters.js", SCRIPT, SIZES)
    return {
        (name, int(size)): (np.array(cells), divisor)
        for size, filters in made.items()
        for name, (cells, divisor) in filters.items()
    }


def test_the_small_ones_are_the_well_known(kernels: dict[tuple[str, int], tuple[NDArray[Any], float]]) -> None:
    known = {
        "box": ([[1] * 3] * 3, 9),
        "gaussian": ([[1, 2, 1], [2, 4, 2], [1, 2, 1]], 16),
        "sharpen": ([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], 1),
        "sobel_x": ([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], 1),
        "sobel_y": ([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], 1),
        "laplacian": ([[0, 1, 0], [1, -4, 1], [0, 1, 0]], 1),
    }
    for name, (cells, divisor) in known.items():
        np.testing.assert_array_equal(kernels[name, 3][0], cells)
        assert kernels[name, 3][1] == divisor


@pytest.mark.parametrize("size", SIZES)
def test_what_each_does_to_a_slope_and_an_even_surface(
    size: int, kernels: dict[tuple[str, int], tuple[NDArray[Any], float]]
) -> None:
    rows, columns = np.mgrid[:size, :size] - size // 2
    for (name, own_size), (cells, divisor) in kernels.items():
        if own_size != size:
            continue
        assert cells.shape == (size, size)
        differences = name in ("sobel_x", "sobel_y", "laplacian")
        assert cells.sum() == (0 if differences else divisor), name
        # In the direction of its name a slope is positive, and across it nothing.
        assert np.sign((cells * columns).sum()) == (name == "sobel_x"), name
        assert np.sign((cells * rows).sum()) == (name == "sobel_y"), name
        if name == "laplacian":
            assert (cells * columns**2).sum() == (cells * rows**2).sum() > 0


@pytest.mark.parametrize("size", SIZES[1:])
def test_the_large_ones_are_the_small_ones_smoothed(
    size: int, kernels: dict[tuple[str, int], tuple[NDArray[Any], float]]
) -> None:
    for name in ("sobel_x", "sobel_y", "laplacian", "gaussian"):
        smaller = np.pad(kernels[name, size - 2][0], 2)
        smoothed = ndimage.convolve(smaller, np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]), mode="constant")
        np.testing.assert_array_equal(kernels[name, size][0], smoothed[1:-1, 1:-1], name)


def test_balance_and_other_sizes() -> None:
    script = """
      answer = [...[[[1, -1]], [[0.1, 0.2, -0.3]], [[0, 0]], [[1, 2]]].map(own.isBalanced),
        own.resized([[1, 2, 3], [4, 5, 6], [7, 8, 9]], 5),
        own.resized(given, 3)];
    """
    *balanced, grown, shrunk = run("js/filters.js", script, np.arange(25).reshape(5, 5).tolist())
    assert balanced == [True, True, False, False]
    np.testing.assert_array_equal(grown, np.pad(np.arange(1, 10).reshape(3, 3), 1))
    assert shrunk == [[6, 7, 8], [11, 12, 13], [16, 17, 18]]
