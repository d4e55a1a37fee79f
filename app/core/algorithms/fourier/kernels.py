"""The compiled parts of the Fourier algorithm: kernels to spectra, blocks through their products to the output."""

# Compiled kernels get their types from numba, at each call.
# mypy: allow-untyped-defs

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import uint64

from app.core.algorithms.fourier.fft import from_spectrum, to_spectrum
from app.core.algorithms.vectors.norms import TOGETHER, measure
from app.core.jit import inlined, shared
from app.core.parted import parted

#: An output's error is below so many roundings of the mean √Σ(x·w)² of its block's outputs, as measured with what is
#: random, with some to spare. But roundings of what is not may gather in one place, or in one frequency, which the
#: kernel then makes louder than all others: then so many of the norms of input and kernel are a bound. A search for the
#: worst found 2. Sums of spectra over the channels round, too, each by a share of what it has come to: where channels
#: are copies all in the same direction, by half of so many.
SPREAD, GATHERED, SUMMED = 24.0, 2.5, 1.0


class Cut(NamedTuple):
    """One phase cut into blocks; each entry along three axes.

    A block takes `size` inputs, the first of them from `begin` on, and gives `step`
    of the phase's `positions` (outputs at stride 1); there are `blocks`. `shape` is the size as it
    is transformed. Every in_step-th position m goes to output residue + out_step·m/in_step.
    """

    begin: tuple[int, int, int]
    size: tuple[int, int, int]
    shape: tuple[int, int, int]
    step: tuple[int, int, int]
    blocks: tuple[int, int, int]
    positions: tuple[int, int, int]
    in_steps: tuple[int, int, int]
    out_steps: tuple[int, int, int]
    residues: tuple[int, int, int]


@parted
def transform_kernels(_me, low, high, w, factors, places, cut, roots, twist, spectra_re, spectra_im, norms, first):
    """The spectra of kernels `low` to `high`, counted over (channel from `first` on, input channel).

    w (C_out, C_in/groups, taps of three axes) is scaled by the channels' `factors`; `places` are the
    taps' places in a block.
    `norms` become the kernels' Euclidean lengths.
    """
    _, in_group, taps_z, taps_y, taps_x = w.shape
    _, rows, columns = cut.size
    points = cut.size[0] * cut.size[1] * cut.size[2]
    re, im = np.empty(points, w.dtype), np.empty(points, w.dtype)
    flat_w = w.reshape(-1)
    share = w.dtype.type(1.0) / w.dtype.type(points)
    for task in range(low, high):
        channel, ci = divmod(task, in_group)
        re[:] = 0
        im[:] = 0
        factor, squares = factors[first + channel], 0.0
        tap = ((first + channel) * in_group + ci) * taps_z * taps_y * taps_x
        for z in range(taps_z):
            for y in range(taps_y):
                for x in range(taps_x):
                    weight = flat_w[tap] * factor
                    squares += float(weight) ** 2
                    at = (places[0][z] * rows + places[1][y]) * columns + places[2][x]
                    re[at] = weight * share
                    tap += 1
        norms[channel, ci] = math.sqrt(squares)
        to_spectrum(re, im, spectra_re, spectra_im, task * points, cut.shape, roots, twist)


@parted
def convolve_blocks(
    _me, low, high,
    x, cut, roots, twist, spectra_re, spectra_im, norms, first, chunks, errors, factors, halves, bias, out,
):  # fmt: skip
    """Do the tasks from `low` to `high`, counted over (sample, pair of blocks, chunk of output channels).

    `first` is the first channel whose kernels' spectra are held; `chunks` (count, 2) name
    channels from there on. The input is scaled by `factors` (batch, groups), the output by
    both `halves` (2, batch, C_out). `errors` (C_out held, batch, pairs) become how many
    roundings of 1 the transforms' errors are at most; infinite where an answer is.
    """
    in_group = norms.shape[1]
    out_group = out.shape[1] // (x.shape[1] // in_group)
    points, pairs = cut.size[0] * cut.size[1] * cut.size[2], errors.shape[2]
    re, im = np.empty(points, x.dtype), np.empty(points, x.dtype)
    input_re, input_im = np.empty(points, x.dtype), np.empty(points, x.dtype)
    most = chunks[:, 1].max()
    sums_re, sums_im = np.empty(most * points, x.dtype), np.empty(most * points, x.dtype)
    measured, mean = np.empty(2 * TOGETHER // x.itemsize, x.dtype), 1 / math.sqrt(points)
    so_far = np.empty(most)
    for task in range(low, high):
        rest, chunk = divmod(task, len(chunks))
        b, pair = divmod(rest, pairs)
        begin, count = chunks[chunk]
        group = (first + begin) // out_group
        errors[begin : begin + count, b, pair] = 0
        so_far[:] = 0
        for ci in range(in_group):
            _gather(x, b, group * in_group + ci, 2 * pair, cut, factors[b, group], re)
            _gather(x, b, group * in_group + ci, 2 * pair + 1, cut, factors[b, group], im)
            square, _ = _measure(re, im, measured)
            to_spectrum(re, im, input_re, input_im, 0, cut.shape, roots, twist)
            for c in range(count):
                kernel = (begin + c) * in_group + ci
                if ci == 0:
                    _multiply(input_re, input_im, spectra_re, spectra_im, kernel * points, sums_re, sums_im, c * points)
                else:
                    _add_product(
                        input_re, input_im, spectra_re, spectra_im, kernel * points, sums_re, sums_im, c * points
                    )
                own = square * norms[begin + c, ci]
                so_far[c] += own
                errors[begin + c, b, pair] += max(SPREAD * mean, GATHERED) * own + SUMMED * (so_far[c] if ci else 0)
        for c in range(count):
            channel = first + begin + c
            from_spectrum(sums_re, sums_im, c * points, re, im, cut.shape, roots, twist)
            square, peak = _measure(re, im, measured)
            errors[begin + c, b, pair] += max(SPREAD * mean * square, GATHERED * peak)
            half, other = halves[0, b, channel], halves[1, b, channel]
            beyond = _scatter(re, 2 * pair, cut, half, other, bias[channel], out, b, channel)
            beyond |= _scatter(im, 2 * pair + 1, cut, half, other, bias[channel], out, b, channel)
            if beyond:
                errors[begin + c, b, pair] = np.inf


@inlined
def _origin(block, cut):
    """Where a block's positions begin; past the end, where there is no such block."""
    rest, x = divmod(block, cut.blocks[2])
    z, y = divmod(rest, cut.blocks[1])
    return z * cut.step[0], y * cut.step[1], x * cut.step[2]


@inlined
def _gather(x, b, channel, block, cut, factor, values):
    """Copy a block's inputs, scaled, with zeros where there are none."""
    _, channels, planes, lines, length = x.shape
    flat_x = x.reshape(-1)
    values[:] = 0
    at_z, at_y, at_x = _origin(block, cut)
    at_z, at_y, at_x = at_z + cut.begin[0], at_y + cut.begin[1], at_x + cut.begin[2]
    first, last = max(0, at_x), min(length, at_x + cut.size[2])
    for z in range(max(0, at_z), min(planes, at_z + cut.size[0])):
        for y in range(max(0, at_y), min(lines, at_y + cut.size[1])):
            source = uint64((((b * channels + channel) * planes + z) * lines + y) * length + first)
            target = uint64(((z - at_z) * cut.size[1] + y - at_y) * cut.size[2] + first - at_x)
            for m in range(uint64(max(0, last - first))):
                values[target + m] = flat_x[source + m] * factor


@inlined
def _scatter(values, block, cut, half, other, bias, out, b, channel):
    """Lay a block's answers into their places: values·half·other + bias; says whether one is too large."""
    _, channels, planes, lines, length = out.shape
    flat_out = out.reshape(-1)
    at_z, at_y, at_x = _origin(block, cut)
    in_z, in_y, in_x = cut.in_steps
    first_x = (at_x + in_x - 1) // in_x
    count = (min(at_x + cut.step[2], cut.positions[2]) + in_x - 1) // in_x - first_x
    beyond = False
    for m_z in range((at_z + in_z - 1) // in_z, (min(at_z + cut.step[0], cut.positions[0]) + in_z - 1) // in_z):
        for m_y in range((at_y + in_y - 1) // in_y, (min(at_y + cut.step[1], cut.positions[1]) + in_y - 1) // in_y):
            source = ((m_z * in_z - at_z) * cut.size[1] + m_y * in_y - at_y) * cut.size[2] + first_x * in_x - at_x
            z, y = cut.residues[0] + cut.out_steps[0] * m_z, cut.residues[1] + cut.out_steps[1] * m_y
            target = (((b * channels + channel) * planes + z) * lines + y) * length
            target += cut.residues[2] + cut.out_steps[2] * first_x
            beyond |= _place(values, source, in_x, flat_out, target, cut.out_steps[2], count, half, other, bias)
    return beyond


@inlined
def _place(values, source, in_step, flat_out, target, out_step, count, half, other, bias):
    """One row of answers; says whether one is infinite."""
    s, t, inner, outer = uint64(source), uint64(target), uint64(in_step), uint64(out_step)
    beyond = False
    if in_step == 1 and out_step == 1:
        for m in range(uint64(max(0, count))):
            value = values[s + m] * half * other + bias
            flat_out[t + m] = value
            beyond |= value - value != 0
    else:
        for m in range(uint64(max(0, count))):
            value = values[s + inner * m] * half * other + bias
            flat_out[t + outer * m] = value
            beyond |= value - value != 0
    return beyond


@inlined
def _multiply(a_re, a_im, b_re, b_im, at_b, product_re, product_im, at):
    """product = a·b, with b from its place on."""
    p, q = uint64(at_b), uint64(at)
    for m in range(uint64(len(a_re))):
        a, ai, b, bi = a_re[m], a_im[m], b_re[p + m], b_im[p + m]
        product_re[q + m] = a * b - ai * bi
        product_im[q + m] = a * bi + ai * b


@inlined
def _add_product(a_re, a_im, b_re, b_im, at_b, sum_re, sum_im, at):
    """sum += a·b, with b from its place on."""
    p, q = uint64(at_b), uint64(at)
    for m in range(uint64(len(a_re))):
        a, ai, b, bi = a_re[m], a_im[m], b_re[p + m], b_im[p + m]
        sum_re[q + m] = sum_re[q + m] + a * b - ai * bi
        sum_im[q + m] = sum_im[q + m] + a * bi + ai * b


@shared
def _measure(re, im, measured):
    """√Σ|z|² of a block's values, and the largest |z|; `measured` is working memory."""
    measure(re, im, len(re), measured)
    squares, peaks = measured.reshape(2, len(measured) // 2)
    return math.sqrt(squares.sum()), math.sqrt(peaks.max())
