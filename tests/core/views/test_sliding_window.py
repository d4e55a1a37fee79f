"""Every step of `sliding_window` from the steps that it names, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests import naive
from tests.core.strategies import Array, Op, examples
from tests.core.views.shown import EVERY_CASE, Shown, as_exact, is_sum, picture, show, show_arrays, shown


@pytest.mark.parametrize(("op", "n"), EVERY_CASE)
def test_each_step_follows_from_its_sources(op: Op, n: int) -> None:
    @given(shown("sliding_window", op, n))
    @examples(40)
    def check(view: Shown) -> None:
        if op == "conv":
            check_padded_input(view)
            kernel = conv_kernel(view)
        else:
            check_inserted_zeros(view)
            check_padded_zeros(view)
            kernel = transposed_kernel(view)
        check_windows(view, kernel)
        view.check_sums(view.full("slide"))
        view.check_bias("slide")
        view.check_last()

    check()


def check_padded_input(view: Shown) -> None:
    problem, x, found = view.problem, view.operands.input, view.full("pad")
    assert view.steps["pad"].sources == ("input",)
    assert found.shape[2:] == tuple(i + sum(p) for i, p in zip(x.shape[2:], problem.padding, strict=True))
    for b, c, *place in naive.indices(found.shape):
        pairs = zip(place, x.shape[2:], problem.padding, strict=True)
        source = [naive.padded_source(at - before, i, problem.padding_mode) for at, i, (before, _) in pairs]
        assert found[(b, c, *place)] == (0 if None in source else x[(b, c, *source)])


def conv_kernel(view: Shown) -> Array:
    kernel = view.operands.kernel
    assert ("flip_kernel" in view.steps) == view.problem.flip_kernel
    if not view.problem.flip_kernel:
        assert view.steps["slide"].sources == ("pad", "kernel")
        return kernel
    check_reversed(view.full("flip_kernel"), kernel)
    return view.full("flip_kernel")


def check_reversed(found: Array, kernel: Array) -> None:
    assert found.tolist() == naive.reverse_space(kernel).tolist()


def check_inserted_zeros(view: Shown) -> None:
    x, found = view.operands.input, view.full("insert_zeros")
    assert view.steps["insert_zeros"].sources == ("input",)
    seen = 0
    for b, c, *place in naive.indices(found.shape):
        element = [divmod(at, s) for at, s in zip(place, view.problem.stride, strict=True)]
        between = any(rest for _, rest in element)
        seen += not between
        assert found[(b, c, *place)] == (0 if between else x[(b, c, *(i for i, _ in element))])
    assert seen == x.size


def check_padded_zeros(view: Shown) -> None:
    inserted, found = view.full("insert_zeros"), view.full("pad")
    assert view.steps["pad"].sources == ("insert_zeros",)
    around = [
        (dim.dilation * (dim.kernel - 1) - dim.padding[0], dim.dilation * (dim.kernel - 1) - dim.padding[1])
        for dim in view.problem.dimensions
    ]
    lengths = zip(inserted.shape[2:], around, view.problem.output_padding, strict=True)
    assert found.shape[2:] == tuple(length + sum(pair) + extra for length, pair, extra in lengths)
    for b, c, *place in naive.indices(found.shape):
        source = [at - before for at, (before, _) in zip(place, around, strict=True)]
        inside = all(0 <= at < length for at, length in zip(source, inserted.shape[2:], strict=True))
        assert found[(b, c, *place)] == (inserted[(b, c, *source)] if inside else 0)


def transposed_kernel(view: Shown) -> Array:
    problem, kernel, found = view.problem, view.operands.kernel, view.full("flip_kernel")
    assert view.steps["flip_kernel"].sources == ("kernel",)
    assert view.steps["slide"].sources == ("pad", "flip_kernel")
    own, inside = problem.out_group, problem.in_group
    assert found.shape == (problem.out_channels, inside, *problem.kernel_size)
    straight = naive.reverse_space(found) if not problem.flip_kernel else found
    for co, ci in naive.indices((problem.out_channels, inside)):
        group, channel = divmod(co, own)
        assert straight[co, ci].tolist() == kernel[group * inside + ci, channel].tolist()
    return found


def check_windows(view: Shown, kernel: Array) -> None:
    problem, layout, padded = view.problem, view.operands.layout, view.full("pad")
    stride = problem.stride if problem.op == "conv" else (1,) * problem.spatial_dims
    tensor, windows = view.steps["slide"].tensor, view.steps["slide"].extra["windows"]
    in_group, own = kernel.shape[1], problem.out_group
    assert len(windows) == problem.output_elements
    for entry, (b, co, *place) in zip(windows, naive.indices(problem.output_shape), strict=True):
        assert entry["output_index"] == ([b, co, *place] if layout.batched else place if layout.bare else [co, *place])
        assert entry["origin"] == [at * s for at, s in zip(place, stride, strict=True)]
        assert entry["value"] == tensor[tuple(entry["output_index"])]
        form = problem.kernel_size if layout.bare else kernel.shape[1:]
        assert entry["window"].shape == entry["products"].shape == form
        window, products = entry["window"].reshape(kernel.shape[1:]), entry["products"].reshape(kernel.shape[1:])
        assert window.flags.c_contiguous
        assert products.flags.c_contiguous
        for ci, *tap in naive.indices(kernel.shape[1:]):
            taps = zip(entry["origin"], tap, problem.dilation, strict=True)
            source = (b, co // own * in_group + ci, *(at + k * d for at, k, d in taps))
            assert window[(ci, *tap)] == padded[source]
            assert products[(ci, *tap)] == window[(ci, *tap)] * kernel[(co, ci, *tap)]
        assert is_sum(entry["value"], [as_exact(product) for product in products.ravel()])


# The field's usual pictures: stride, padding, and the sizes of the four steps


@pytest.mark.parametrize(
    ("stride", "padding", "inserted", "padded", "output"),
    [(1, 0, (2, 2), (6, 6), (4, 4)), (2, 0, (3, 3), (7, 7), (5, 5)), (2, 1, (3, 3), (5, 5), (3, 3))],
)
def test_the_usual_pictures(
    stride: int, padding: int, inserted: tuple[int, int], padded: tuple[int, int], output: tuple[int, int]
) -> None:
    case = picture("conv_transpose", (2, 2), (3, 3), stride=stride, padding=padding)
    view = show("sliding_window", case, form="bare")
    assert list(view.steps) == ["insert_zeros", "pad", "flip_kernel", "slide"]
    assert view.steps["insert_zeros"].tensor.shape == inserted
    assert view.steps["pad"].tensor.shape == padded
    assert view.steps["slide"].tensor.shape == output


def test_the_four_steps_of_a_two_by_two_input() -> None:
    case = picture("conv_transpose", (2, 2), (3, 3), stride=2, padding=1)
    x, w = np.array([[[[1, 2], [3, 4]]]]), np.arange(1, 10).reshape(1, 1, 3, 3)
    found = show_arrays("sliding_window", case, x, w, None, "bare").steps
    assert found["insert_zeros"].tensor.tolist() == [[1, 0, 2], [0, 0, 0], [3, 0, 4]]
    assert found["flip_kernel"].tensor.tolist() == [[9, 8, 7], [6, 5, 4], [3, 2, 1]]
    assert found["slide"].tensor.tolist() == [[5, 14, 10], [14, 36, 24], [15, 34, 20]]
    first = found["slide"].extra["windows"][0]
    assert first["window"].tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert first["products"].tolist() == [[0, 0, 0], [0, 5, 0], [0, 0, 0]]
    assert (first["output_index"], first["origin"], first["value"]) == ([0, 0], [0, 0], 5)


def test_padding_crops_beyond_the_line_and_output_padding_uncovers() -> None:
    x, w = np.array([[[1, 2]]]), np.array([[[1, 10, 100]]])
    settings: list[tuple[dict[str, Any], list[int]]] = [
        ({"stride": 2, "padding": 1}, [0, 1, 0, 2, 0]),
        ({"stride": 2, "padding": 1, "output_padding": 1}, [0, 1, 0, 2, 0, 0]),
        ({"stride": 9, "padding": ((11, 0),)}, [2, 0, 0]),
        ({"stride": 9, "padding": ((0, 11),)}, [0, 0, 1]),
        ({"stride": 9, "padding": ((14, 0),), "output_padding": 8}, [0] * 8),
    ]
    for options, padded in settings:
        case = picture("conv_transpose", (2,), (3,), **options)
        view = show_arrays("sliding_window", case, x, w, None, "bare")
        assert view.steps["pad"].tensor.tolist() == padded
        view.check_last()
