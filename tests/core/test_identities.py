"""What holds between convolutions, exact in integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given

from app.core import conv, conv_transpose, output_size
from tests.core.strategies import OPS, Array, Case, Numbers, Op, cases, examples
from tests.naive_sizes import per_axis

every_operation = pytest.mark.parametrize("op", OPS)
every_dimension = pytest.mark.parametrize("n", [1, 2, 3])
INTEGERS = Numbers("int64")


def options_of(case: Case, *names: str) -> dict[str, Any]:
    """Some of a case's options."""
    return {name: case.options[name] for name in names if name in case.options}


def resolved_padding(case: Case) -> tuple[tuple[int, int], ...]:
    """A case's padding in numbers."""
    options = options_of(case, "stride", "dilation", "padding", "padding_mode", "output_padding", "output_size")
    return output_size(case.op, case.input_shape[2:], case.kernel_shape[2:], **options).padding


def inner(a: Array, b: Array) -> int:
    """Σ a·b."""
    return int((a * b).sum())


def with_zeros_between(values: Array, steps: tuple[int, ...]) -> Array:
    """The array with step − 1 zeros between its elements along each spatial axis."""
    size = [(length - 1) * step + 1 for length, step in zip(values.shape[2:], steps, strict=True)]
    spread = np.zeros((*values.shape[:2], *size), values.dtype)
    spread[every(steps)] = values
    return spread


def every(steps: tuple[int, ...]) -> tuple[Any, ...]:
    """The index of every so many elements along each spatial axis."""
    return (..., *(slice(None, None, step) for step in steps))


def block_diagonal(w: Array, groups: int, op: Op) -> Array:
    """The kernel of one group that does the same: zeros outside the groups' blocks."""
    first, second = w.shape[0] // groups, w.shape[1]
    whole = np.zeros((w.shape[0], second * groups, *w.shape[2:]), w.dtype)
    for g in range(groups):
        whole[g * first : (g + 1) * first, g * second : (g + 1) * second] = w[g * first : (g + 1) * first]
    return whole


@every_dimension
def test_transposed_is_the_adjoint(n: int) -> None:
    """<conv(x), y> = <x, conv_transpose(y)> with the size chosen to be x's."""

    @given(cases("conv", n))
    @examples(120)
    def check(case: Case) -> None:
        padding = resolved_padding(case)
        assume(case.options["padding_mode"] == "zeros")
        x, w, _ = case.arrays(INTEGERS)
        y = conv(x, w, **case.options)
        z = INTEGERS.draw(np.random.default_rng(case.seed + 1), y.shape)
        options = options_of(case, "stride", "dilation", "groups", "flip_kernel")
        back = conv_transpose(z, w, padding=padding, output_padding=left_over(case, padding), **options)
        assert back.shape == x.shape
        assert inner(y, z) == inner(x, back)

    check()


def left_over(case: Case, padding: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """The rows of the padded input past the last window's end: output_padding brings them back."""
    n = len(padding)
    strides, dilations = per_axis(case.options["stride"], n), per_axis(case.options["dilation"], n)
    columns = zip(case.input_shape[2:], case.kernel_shape[2:], strides, dilations, padding, strict=True)
    return tuple((i + sum(pair) - d * (k - 1) - 1) % s for i, k, s, d, pair in columns)


@every_operation
@every_dimension
def test_linear_in_input_and_kernel(op: Op, n: int) -> None:
    @given(cases(op, n))
    @examples(50)
    def check(case: Case) -> None:
        x, w, _ = case.arrays(INTEGERS)
        rng = np.random.default_rng(case.seed + 1)
        other_x, other_w = INTEGERS.draw(rng, x.shape), INTEGERS.draw(rng, w.shape)
        bias = INTEGERS.draw(rng, (case.out_channels,))
        plain = case.run(x, w, None)
        assert np.array_equal(case.run(3 * x - 5 * other_x, w, None), 3 * plain - 5 * case.run(other_x, w, None))
        assert np.array_equal(case.run(x, 3 * w - 5 * other_w, None), 3 * plain - 5 * case.run(x, other_w, None))
        assert np.array_equal(case.run(x, w, bias), plain + bias.reshape(-1, *[1] * n))

    check()


@every_operation
@every_dimension
def test_groups_are_a_block_diagonal_kernel(op: Op, n: int) -> None:
    @given(cases(op, n))
    @examples(60)
    def check(case: Case) -> None:
        x, w, bias = case.arrays(INTEGERS)
        run = conv if op == "conv" else conv_transpose
        whole = block_diagonal(w, case.options["groups"], op)
        assert np.array_equal(run(x, whole, bias=bias, **(case.options | {"groups": 1})), case.run(x, w, bias))

    check()


@every_operation
@every_dimension
def test_dilation_is_zeros_inside_the_kernel(op: Op, n: int) -> None:
    """Output paddings that only a dilation allows aside."""

    @given(cases(op, n))
    @examples(60)
    def check(case: Case) -> None:
        x, w, bias = case.arrays(INTEGERS)
        strides = per_axis(case.options["stride"], n)
        more = output_padding_of(case)
        assume(all(extra < s for extra, s in zip(more, strides, strict=True)))
        run = conv if op == "conv" else conv_transpose
        spread = with_zeros_between(w, per_axis(case.options["dilation"], n))
        assert np.array_equal(run(x, spread, bias=bias, **(case.options | {"dilation": 1})), case.run(x, w, bias))

    check()


def output_padding_of(case: Case) -> tuple[int, ...]:
    """A case's output padding in numbers."""
    options = options_of(case, "stride", "dilation", "padding", "padding_mode", "output_padding", "output_size")
    return output_size(case.op, case.input_shape[2:], case.kernel_shape[2:], **options).output_padding


@every_operation
@every_dimension
def test_flip_kernel_is_a_kernel_turned_round(op: Op, n: int) -> None:
    @given(cases(op, n))
    @examples(60)
    def check(case: Case) -> None:
        x, w, bias = case.arrays(INTEGERS)
        run = conv if op == "conv" else conv_transpose
        turned = np.flip(w, tuple(range(2, n + 2)))
        options = case.options | {"flip_kernel": not case.options["flip_kernel"]}
        assert np.array_equal(run(x, turned, bias=bias, **options), case.run(x, w, bias))

    check()


@every_dimension
def test_transposed_is_a_convolution_of_the_zero_inserted_input(n: int) -> None:
    """Stride 1, the kernel turned round with in and out swapped, d(k − 1) of padding less the crop."""

    @given(cases("conv_transpose", n))
    @examples(120)
    def check(case: Case) -> None:
        x, w, bias = case.arrays(INTEGERS)
        dilations, groups = per_axis(case.options["dilation"], n), case.options["groups"]
        spread = with_zeros_between(x, per_axis(case.options["stride"], n))
        crops = zip(resolved_padding(case), output_padding_of(case), strict=True)
        columns = zip(w.shape[2:], dilations, crops, strict=True)
        pads = [(d * (k - 1) - p[0], d * (k - 1) - p[1] + more) for k, d, (p, more) in columns]
        answer = conv(
            padded_or_cropped(spread, pads),
            swapped(w, groups),
            bias=bias,
            dilation=dilations,
            groups=groups,
            flip_kernel=not case.options["flip_kernel"],
        )
        assert np.array_equal(answer, case.run(x, w, bias))

    check()


def swapped(w: Array, groups: int) -> Array:
    """In and out channels swapped inside each group."""
    return np.concatenate([part.swapaxes(0, 1) for part in np.split(w, groups)])


def padded_or_cropped(values: Array, pads: list[tuple[int, int]]) -> Array:
    """The window [−before, length + after) of the line extended by zeros on both sides."""
    more = [(max(0, before, -after), max(0, after, -before)) for before, after in pads]
    values = np.pad(values, [(0, 0), (0, 0), *more])
    kept = [
        slice(wide[0] - pair[0], values.shape[axis] - wide[1] + pair[1])
        for axis, (pair, wide) in enumerate(zip(pads, more, strict=True), start=2)
    ]
    return values[(slice(None), slice(None), *kept)]


@every_operation
@every_dimension
def test_delta_kernel_gives_the_input_back(op: Op, n: int) -> None:
    x = INTEGERS.draw(np.random.default_rng(n), (2, 3, *(5, 4, 3)[:n]))
    run = conv if op == "conv" else conv_transpose
    for place in np.ndindex(*(3,) * n):
        delta = np.zeros((3, 1, *(3,) * n), np.int64)
        delta[(slice(None), 0, *place)] = 1
        padding = tuple((at, 2 - at) for at in place)
        assert np.array_equal(run(x, delta, padding=padding, groups=3), x)


@every_dimension
def test_stride_keeps_every_so_many_outputs_of_stride_1(n: int) -> None:
    @given(cases("conv", n))
    @examples(60)
    def check(case: Case) -> None:
        x, w, bias = case.arrays(INTEGERS)
        dense = conv(x, w, bias=bias, **(case.options | {"stride": 1, "padding": resolved_padding(case)}))
        kept = dense[every(per_axis(case.options["stride"], n))]
        assert np.array_equal(case.run(x, w, bias), kept)

    check()


@every_operation
@every_dimension
def test_two_operations_are_one_with_the_kernels_composed(op: Op, n: int) -> None:
    """Strides s and t make st, and one kernel spreads the other: w·(v with zeros between)."""
    rng = np.random.default_rng(n)
    s, t = (2, 3, 1)[:n], (1, 2, 3)[:n]
    v, w = INTEGERS.draw(rng, (1, 1, *(3, 2, 2)[:n])), INTEGERS.draw(rng, (1, 1, *(2, 3, 2)[:n]))
    both = tuple(a * b for a, b in zip(s, t, strict=True))
    composed = conv_transpose(v if op == "conv" else w, w if op == "conv" else v, stride=s if op == "conv" else t)
    if op == "conv":
        x = INTEGERS.draw(rng, (1, 1, *(23, 24, 13)[:n]))
        assert np.array_equal(conv(conv(x, w, stride=s), v, stride=t), conv(x, composed, stride=both))
    else:
        x = INTEGERS.draw(rng, (1, 1, *(4, 3, 3)[:n]))
        assert np.array_equal(
            conv_transpose(conv_transpose(x, w, stride=s), v, stride=t), conv_transpose(x, composed, stride=both)
        )
