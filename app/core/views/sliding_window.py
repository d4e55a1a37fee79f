"""The view `sliding_window`: a window slides over the padded input.

A transposed convolution is shown as a convolution too, in the four steps that V. Dumoulin
and F. Visin, "A guide to convolution arithmetic for deep learning" (2016), draw: zeros
between the elements, zeros around them, the kernel flipped, and a window of stride 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from app.core.geometry import Pair
from app.core.layout import Array
from app.core.problem import Problem
from app.core.views import lines, sliding_texts, wording
from app.core.views.step import Operands, Step, View, finite

NAME = "sliding_window"

#: What CPython and NumPy take for an entry of `windows` beside its numbers, with its text.
_ENTRY_BYTES = 1024


def steps(operands: Operands) -> list[Step]:
    """`pad`, `flip_kernel`, `slide`, `add_bias`; a transposed convolution begins with `insert_zeros`."""
    found = _of_conv(operands) if operands.problem.op == "conv" else _of_transpose(operands)
    if operands.bias is not None:
        tensor = operands.layout.form(operands.output)
        found.append(Step(NAME, "add_bias", ("slide", "bias"), *wording.bias(operands.bias), tensor))
    return found


def elements(problem: Problem) -> int:
    """Elements of tensors, windows and products."""
    around = problem.batch * problem.in_channels * math.prod(padded_size(problem))
    count = around + problem.output_elements * (2 * _taps(problem) + 1 + problem.bias)
    if problem.op == "conv":
        return count + problem.flip_kernel * problem.kernel_elements
    inserted = problem.batch * problem.in_channels * math.prod(inserted_size(problem))
    return count + inserted + problem.kernel_elements


def listed(problem: Problem) -> int:
    """Elements of windows and products; an entry's names and indices are as long as eight more."""
    return problem.output_elements * (2 * _taps(problem) + 8)


def bytes_(problem: Problem) -> int:
    """The tensors, the windows once more while they are gathered, and an entry with its indices for each output."""
    return 16 * elements(problem) + _ENTRY_BYTES * problem.output_elements


def work(problem: Problem, _kernel: Array | None = None) -> int:
    """One multiply-add for each product in a window, inserted zeros too."""
    return problem.output_elements * _taps(problem)


def inserted_size(problem: Problem) -> tuple[int, ...]:
    """The input's size after `insert_zeros`."""
    return tuple((dim.input - 1) * dim.stride + 1 for dim in problem.dimensions)


def padded_size(problem: Problem) -> tuple[int, ...]:
    """The size after `pad`: all that the windows see, and what a stride leaves over."""
    if problem.op == "conv":
        return tuple(dim.input + sum(dim.padding) for dim in problem.dimensions)
    return tuple(dim.output + dim.reach - 1 for dim in problem.dimensions)


def padding_around(problem: Problem) -> tuple[Pair, ...]:
    """What `pad` adds at each side; in a transposed convolution d(K − 1) − p, output_padding more after."""
    if problem.op == "conv":
        return problem.padding
    reaches = [dim.reach - 1 for dim in problem.dimensions]
    return tuple((r - before, r - after) for r, (before, after) in zip(reaches, problem.crop, strict=True))


def gathering_kernel(problem: Problem, kernel: Array) -> Array:
    """The kernel with which a transposed convolution is a convolution, (C_out, C_in/groups, *K)."""
    grouped = kernel.reshape(problem.groups, -1, *kernel.shape[1:]).swapaxes(1, 2)
    swapped = grouped.reshape(problem.out_channels, -1, *problem.kernel_size)
    return swapped if problem.flip_kernel else lines.flipped(swapped)


def _taps(problem: Problem) -> int:
    """Products in one window."""
    return problem.in_group * math.prod(problem.kernel_size)


def _of_conv(operands: Operands) -> list[Step]:
    problem, layout, kernel = operands.problem, operands.layout, operands.kernel
    around = lines.padded(operands.input, problem)
    text = sliding_texts.conv_pad(problem.padding_mode, problem.input_size, padded_size(problem), problem.padding)
    found = [Step(NAME, "pad", ("input",), *text, layout.form(around))]
    if problem.flip_kernel:
        kernel = lines.flipped(kernel)
        text = sliding_texts.conv_flip(problem)
        found.append(Step(NAME, "flip_kernel", ("kernel",), *text, layout.kernel_form(kernel)))
    return [*found, _slide(operands, around, kernel, problem.stride)]


def _of_transpose(operands: Operands) -> list[Step]:
    problem, layout = operands.problem, operands.layout
    apart = lines.spread(operands.input, problem.stride)
    around = lines.window(apart, padding_around(problem))
    kernel = gathering_kernel(problem, operands.kernel)
    inserted, padded = inserted_size(problem), padded_size(problem)
    insert_text = sliding_texts.insert_zeros(problem.input_size, inserted, problem.stride)
    pad_text = sliding_texts.transpose_pad(problem, inserted, padded, padding_around(problem))
    channels = None if layout.bare else (operands.kernel.shape, kernel.shape)
    flip_text = sliding_texts.transpose_flip(problem, channels)
    return [
        Step(NAME, "insert_zeros", ("input",), *insert_text, layout.form(apart)),
        Step(NAME, "pad", ("insert_zeros",), *pad_text, layout.form(around)),
        Step(NAME, "flip_kernel", ("kernel",), *flip_text, layout.kernel_form(kernel)),
        _slide(operands, around, kernel, (1,) * problem.spatial_dims),
    ]


def _slide(operands: Operands, around: Array, kernel: Array, stride: tuple[int, ...]) -> Step:
    """Slide a kernel (C_out, C_in/groups, *K) over the padded input."""
    problem = operands.problem
    windows = _windows(around, problem, stride)
    grouped = kernel.reshape(problem.groups, -1, *(1,) * problem.spatial_dims, *kernel.shape[1:])
    products = finite(windows[:, :, None] * grouped)
    sums = operands.output
    if operands.bias is not None:
        sums = products.reshape(*problem.output_shape, -1).sum(axis=-1)
    flipped = problem.flip_kernel or problem.op == "conv_transpose"
    return Step(
        NAME,
        "slide",
        ("pad", "flip_kernel" if flipped else "kernel"),
        *sliding_texts.slide(problem, padded_size(problem), stride, _taps(problem), sums),
        operands.layout.form(sums),
        {"windows": _listed(operands, windows, products, sums, stride)},
    )


def _windows(around: Array, problem: Problem, stride: tuple[int, ...]) -> Array:
    """All windows, (batch, groups, *output, C_in/groups, *K), each in one piece of memory."""
    n = problem.spatial_dims
    reach = tuple(dim.reach for dim in problem.dimensions)
    at_every_place = sliding_window_view(around, reach, tuple(range(2, n + 2)))
    at_stride = at_every_place[:, :, *(slice(None, None, s) for s in stride)]
    every = (slice(None),) * (n + 2)
    tapped = at_stride[*every, *(slice(None, None, d) for d in problem.dilation)]
    grouped = tapped.reshape(problem.batch, problem.groups, -1, *tapped.shape[2:])
    return np.ascontiguousarray(np.moveaxis(grouped, 2, n + 2))


def _listed(
    operands: Operands, windows: Array, products: Array, sums: Array, stride: tuple[int, ...]
) -> list[dict[str, Any]]:
    """One entry for each output element, in row-major order; the channels of a group share their windows."""
    problem, layout, shape = operands.problem, operands.layout, operands.problem.output_shape
    form = problem.kernel_size if layout.bare else (problem.in_group, *problem.kernel_size)
    windows, products = windows.reshape(-1, *form), products.reshape(-1, *form)
    indices = np.indices(shape).reshape(len(shape), -1)
    places = math.prod(problem.output_size)
    group = indices[1] // problem.out_group
    seen = (indices[0] * problem.groups + group) * places + np.arange(problem.output_elements) % places
    origins = indices[2:].T * np.array(stride)
    columns = zip(
        indices[2 - layout.leading :].T.tolist(), origins.tolist(), seen.tolist(), products, sums.ravel(), strict=True
    )
    return [
        {"output_index": index, "origin": origin, "window": windows[at], "products": product, "value": value}
        for index, origin, at, product, value in columns
    ]


VIEW = View(("conv", "conv_transpose"), steps, elements, listed, bytes_, work, lambda *_: None)
