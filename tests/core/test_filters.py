"""Short filters, and their tiles, bring each output to the inputs and weights that it takes: against the definition."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from app.core.algorithms.taps import axes_of
from app.core.algorithms.vectors.transforms import KINDS, PLAIN, Kind
from app.core.algorithms.winograd.copies import Around, tiles_around
from app.core.algorithms.winograd.filters import Along, Filters, along, is_even
from app.core.checks import describe
from app.core.problem import Problem, Setting
from tests.core.strategies import Op

#: (op, input, kernel, options) of one dimension; taps of both ends, runs that padding does not begin with, gaps.
CASES: list[tuple[Op, int, int, dict[str, Any]]] = [
    ("conv", 12, 3, {"padding": 1}),
    ("conv", 30, 7, {"padding": 2, "flip_kernel": True}),
    ("conv", 25, 3, {"padding": 12, "dilation": 12}),
    ("conv", 40, 5, {"padding": 7, "dilation": 3}),
    ("conv", 31, 11, {}),
    ("conv", 30, 3, {"padding": 1, "stride": 2}),
    ("conv", 31, 4, {"padding": 1, "stride": 2}),
    ("conv", 41, 5, {"padding": 4, "stride": 2, "dilation": 2}),
    ("conv_transpose", 9, 3, {"padding": 1}),
    ("conv_transpose", 9, 4, {"padding": 1, "stride": 2}),
    ("conv_transpose", 10, 3, {"padding": 1, "stride": 2, "output_padding": 1}),
    ("conv_transpose", 9, 16, {"padding": 4, "stride": 8}),
    ("conv_transpose", 9, 7, {"padding": 3, "stride": 3, "flip_kernel": True}),
]


def taken_by(way: Along) -> set[tuple[int, int, int]]:
    """(output, weight, place in the input) of all products that the tiles stand for."""
    found = set()
    kind, run = way.kind, way.run
    for phase in way.phases:
        begins = way.turns[phase.turn].begins
        for tile in range(way.tiles):
            turn, number = divmod(tile, run)
            for i in range(kind.outputs):
                position = run * (kind.outputs * turn + i) + number
                if position >= phase.positions:
                    continue
                row = kind.outputs - 1 - i if phase.mirrored else i
                for at, weight in enumerate(phase.taps):
                    filter_number, t = divmod(at, kind.weights)
                    value = kind.products - 1 - (row + t) if phase.mirrored else row + t
                    place = way.step * (kind.outputs * turn + value) + begins[filter_number]
                    if weight >= 0:
                        found.add((phase.residue + way.apart * position, weight, way.origin + run * place + number))
    return found


def defined(problem: Problem) -> set[tuple[int, int, int]]:
    """The same by the definition: a flipped kernel's weight number k lies where the last but k would."""
    (dim,) = problem.dimensions
    found = set()
    for output in range(dim.output):
        for k in range(dim.kernel):
            weight = dim.kernel - 1 - k if problem.flip_kernel else k
            if dim.op == "conv":
                found.add((output, weight, output * dim.stride + k * dim.dilation - dim.padding[0]))
            elif (output + dim.padding[0] - k * dim.dilation) % dim.stride == 0:
                found.add((output, weight, (output + dim.padding[0] - k * dim.dilation) // dim.stride))
    return found


@pytest.mark.parametrize("kind", [PLAIN, *KINDS])
@pytest.mark.parametrize(("op", "size", "kernel", "options"), CASES)
def test_tiles_take_what_the_definition_says(
    op: Op, size: int, kernel: int, options: dict[str, Any], kind: Kind
) -> None:  # fmt: skip
    problem = describe(Setting(op, (size,), kernel, kernel_channels=(1, 1), **options))
    axis = axes_of(problem)[2]
    assert is_even(axis)
    assert taken_by(along(axis, axis, kind)) == defined(problem)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("op", "size", "kernel", "options"), CASES)
def test_the_tiles_of_an_input_are_known(
    op: Op, size: int, kernel: int, options: dict[str, Any], kind: Kind
) -> None:  # fmt: skip
    """Those with outputs: which of a tile's inputs a place can be."""
    axes = axes_of(describe(Setting(op, (size,), kernel, kernel_channels=(1, 1), **options)))
    way = along(axes[2], axes[2], kind)
    tiles = tiles_around(
        Filters(along(axes[0], axes[0], PLAIN), along(axes[1], axes[1], PLAIN), way), axes, np.dtype("f4")
    )
    sizes = Around._make(tiles.around.tolist())
    bits = tiles.bits[sizes.period :]
    assert sizes.inputs_x == kind.products
    known = {
        (place, number)
        for place in range(size)
        for number in range(kind.products)
        if bits[place % len(bits)] >> number & 1 and sizes.first_x <= place - number * sizes.apart_x <= sizes.last_x
    }
    begins, positions = {b for turn in way.turns for b in turn.begins}, max(phase.positions for phase in way.phases)
    right = set()
    for position in range(positions):
        turn, rest = divmod(position, kind.outputs * way.run)
        for begin, number in itertools.product(begins if rest < way.run else (), range(kind.products)):
            place = way.origin + rest + way.run * (way.step * (kind.outputs * turn + number) + begin)
            right |= {(place, number)} if 0 <= place < size else set()
    assert right <= known
    assert known == right or len(begins) > 1


@pytest.mark.parametrize(
    ("op", "options"), [("conv", {"stride": 2, "dilation": 3}), ("conv_transpose", {"stride": 3, "dilation": 2})]
)
def test_taps_that_no_run_holds_are_not_filtered(op: Op, options: dict[str, Any]) -> None:
    assert not is_even(axes_of(describe(Setting(op, (40,), 6, kernel_channels=(1, 1), **options)))[2])
