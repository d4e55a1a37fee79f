"""Fourier transforms of blocks of three axes, in place, with vector loops along what is not transformed.

A length is 2^a·3^b. Forward, each stage splits a length by its radix from the top down and
leaves the frequencies in the order of their turned digits; backward, the stages run the
other way and take that order. Products of spectra do not ask for an order, so nothing is
ever put into the usual one. Real and imaginary parts lie in arrays of their own.
"""

# Compiled kernels get their types from numba, at each call.
# mypy: allow-untyped-defs

from __future__ import annotations

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from app.core.algorithms.taps import Int64Array
from app.core.jit import inlined, shared
from app.core.kept import kept_by_size
from app.core.layout import Array

#: Lengths are multiples of so many elements wherever vector loops run along them.
LANES = 8

#: The radices of an axis, and the roots of unity of its length: cosines and sines of −2πk/n.
Roots = tuple[Int64Array, Array, Array]

#: Tables of longer axes, and of larger rows in two axes, are made anew each time.
CACHED_LENGTH, CACHED_TWIST = 4096, 2**16


def lengths_within(least: int, most: int, multiple: int = 1) -> list[int]:
    """The lengths from `least` up to the first that is at least `most`: multiples 2^a·3^b, ascending."""
    found = set()
    power = 1
    while power < 2 * most * multiple + 2:
        length = power * multiple
        while length < 2 * most + multiple:
            found.add(length)
            length *= 2
        power *= 3
    ascending = sorted(length for length in found if length >= least)
    return [length for length, before in zip(ascending, [0, *ascending], strict=False) if before < most]


def radices_of(length: int) -> list[int]:
    """The stages of a length: fours, a two, threes."""
    found = []
    for radix in (4, 2, 3):
        while length % radix == 0:
            found.append(radix)
            length //= radix
    return found


def roots_of(length: int, dtype: np.dtype[np.generic]) -> Roots:
    """The tables of an axis that is transformed."""
    return _kept_roots(length, dtype)


def twist_of(rows: int, columns: int, dtype: np.dtype[np.generic]) -> tuple[Array, Array]:
    """What makes one transform of two: a row of rows·columns values as a matrix, transformed along both axes.

    Each (columns, rows): between the two, value (n, k) is turned by the root of n·k. Empty for no rows.
    """
    return _kept_twist(rows, columns, dtype)


def _roots(length: int, dtype: np.dtype[np.generic]) -> Roots:
    roots = _unit_roots(np.arange(length), length)
    return np.array(radices_of(length), np.int64), roots.real.astype(dtype), roots.imag.astype(dtype)


def _twist(rows: int, columns: int, dtype: np.dtype[np.generic]) -> tuple[Array, Array]:
    if rows == 0:
        return np.empty((columns, 0), dtype), np.empty((columns, 0), dtype)
    frequencies, stride = np.zeros(1, np.int64), 1
    for radix in radices_of(rows):
        frequencies = (frequencies[:, None] + stride * np.arange(radix)).reshape(-1)
        stride *= radix
    roots = _unit_roots(np.arange(columns)[:, None] * frequencies, rows * columns)
    return roots.real.astype(dtype), roots.imag.astype(dtype)


def _unit_roots(k: Int64Array, n: int) -> NDArray[np.complex128]:
    """exp(−2πik/n), from angles of an eighth of a turn at most, where they are most exact."""
    quarters = (4 * k + n // 2) // n
    angles = (np.pi / 2) * ((4 * k - quarters * n) / n)
    roots: NDArray[np.complex128] = (np.cos(angles) - 1j * np.sin(angles)) * np.array([1, -1j, -1, 1j])[quarters % 4]
    return roots


_kept_roots = kept_by_size(_roots, lambda length, _: length, (CACHED_LENGTH, 64))
_kept_twist = kept_by_size(_twist, lambda rows, columns, _: rows * columns, (CACHED_TWIST, 8))


@shared
def to_spectrum(re, im, spectrum_re, spectrum_im, at, shape, roots, twist):
    """Transform the block (planes, rows, columns) in re, im, which is lost; its spectrum begins at `at`.

    The spectrum lies as (planes, columns, rows). With a twist (its arrays are not empty)
    rows and columns are one axis.
    """
    planes, rows, columns = shape
    plane = rows * columns
    forward(re, im, 0, planes, plane, roots[0])
    for z in range(planes):
        start, target = z * plane, at + z * plane
        forward(re, im, start, rows, columns, roots[1])
        _transpose(re, start, spectrum_re, target, rows, columns)
        _transpose(im, start, spectrum_im, target, rows, columns)
        if twist[0].size:
            _turn(spectrum_re, spectrum_im, target, twist[0].reshape(-1), twist[1].reshape(-1))
        forward(spectrum_re, spectrum_im, target, columns, rows, roots[2])


@shared
def from_spectrum(spectrum_re, spectrum_im, at, re, im, shape, roots, twist):
    """The block whose spectrum, which is lost, begins at `at`, times its number of values."""
    planes, rows, columns = shape
    plane = rows * columns
    for z in range(planes):
        start, source = z * plane, at + z * plane
        backward(spectrum_re, spectrum_im, source, columns, rows, roots[2])
        if twist[0].size:
            _turn(spectrum_im, spectrum_re, source, twist[0].reshape(-1), twist[1].reshape(-1))
        _transpose(spectrum_re, source, re, start, columns, rows)
        _transpose(spectrum_im, source, im, start, columns, rows)
        backward(re, im, start, rows, columns, roots[1])
    backward(re, im, 0, planes, plane, roots[0])


@inlined
def _transpose(source, at, target, to, rows, columns):
    """target (columns, rows) = source (rows, columns), each from its place on; in squares that fit the cache."""
    for row in range(0, rows, 16):
        for column in range(0, columns, 16):
            for c in range(column, min(columns, column + 16)):
                p, q = uint64(at + c), uint64(to + c * rows)
                for r in range(uint64(row), uint64(min(rows, row + 16))):
                    target[q + r] = source[p + r * uint64(columns)]


@inlined
def _turn(re, im, at, cos, sin):
    """Multiply by the roots; with real and imaginary parts exchanged, by their conjugates."""
    p = uint64(at)
    for m in range(uint64(len(cos))):
        a, b = re[p + m], im[p + m]
        re[p + m] = a * cos[m] - b * sin[m]
        im[p + m] = a * sin[m] + b * cos[m]


@shared
def forward(re, im, at, length, lanes, roots):
    """Transform along the first axis of the (length, lanes) values that begin at `at`."""
    radices, cos, sin = roots
    third_cos, third_sin = cos[len(cos) // 3], sin[len(sin) // 3]
    whole = length
    for radix in radices:
        part = length // radix
        step, apart = whole // length, uint64(part * lanes)
        for begin in range(0, whole, length):
            for j in range(part):
                p = uint64(at + (begin + j) * lanes)
                c1, s1 = cos[j * step], sin[j * step]
                c2, s2 = cos[2 * j * step % whole], sin[2 * j * step % whole]
                c3, s3 = cos[3 * j * step % whole], sin[3 * j * step % whole]
                if radix == 4:
                    for m in range(p, p + uint64(lanes)):
                        m1, m2, m3 = m + apart, m + apart + apart, m + apart + apart + apart
                        y = _four(re[m], im[m], re[m1], im[m1], re[m2], im[m2], re[m3], im[m3])
                        re[m], im[m] = y[0], y[1]
                        re[m1], im[m1] = y[2] * c1 - y[3] * s1, y[2] * s1 + y[3] * c1
                        re[m2], im[m2] = y[4] * c2 - y[5] * s2, y[4] * s2 + y[5] * c2
                        re[m3], im[m3] = y[6] * c3 - y[7] * s3, y[6] * s3 + y[7] * c3
                elif radix == 3:
                    for m in range(p, p + uint64(lanes)):
                        m1, m2 = m + apart, m + apart + apart
                        z = _three(re[m], im[m], re[m1], im[m1], re[m2], im[m2], third_cos, third_sin)
                        re[m], im[m] = z[0], z[1]
                        re[m1], im[m1] = z[2] * c1 - z[3] * s1, z[2] * s1 + z[3] * c1
                        re[m2], im[m2] = z[4] * c2 - z[5] * s2, z[4] * s2 + z[5] * c2
                else:
                    for m in range(p, p + uint64(lanes)):
                        m1 = m + apart
                        a, b = re[m] - re[m1], im[m] - im[m1]
                        re[m], im[m] = re[m] + re[m1], im[m] + im[m1]
                        re[m1], im[m1] = a * c1 - b * s1, a * s1 + b * c1
        length = part


@shared
def backward(re, im, at, length, lanes, roots):
    """The inverse of `forward`, times the length: the stages in the other order, turned the other way."""
    radices, cos, sin = roots
    third_cos, third_sin = cos[len(cos) // 3], sin[len(sin) // 3]
    whole, part = length, 1
    for stage in range(len(radices) - 1, -1, -1):
        radix = radices[stage]
        length = part * radix
        step, apart = whole // length, uint64(part * lanes)
        for begin in range(0, whole, length):
            for j in range(part):
                p = uint64(at + (begin + j) * lanes)
                c1, s1 = cos[j * step], sin[j * step]
                c2, s2 = cos[2 * j * step % whole], sin[2 * j * step % whole]
                c3, s3 = cos[3 * j * step % whole], sin[3 * j * step % whole]
                if radix == 4:
                    for m in range(p, p + uint64(lanes)):
                        m1, m2, m3 = m + apart, m + apart + apart, m + apart + apart + apart
                        b1, d1 = re[m1] * c1 + im[m1] * s1, im[m1] * c1 - re[m1] * s1
                        b2, d2 = re[m2] * c2 + im[m2] * s2, im[m2] * c2 - re[m2] * s2
                        b3, d3 = re[m3] * c3 + im[m3] * s3, im[m3] * c3 - re[m3] * s3
                        # The same sums with real and imaginary parts exchanged turn the other way.
                        y = _four(im[m], re[m], d1, b1, d2, b2, d3, b3)
                        re[m], im[m] = y[1], y[0]
                        re[m1], im[m1] = y[3], y[2]
                        re[m2], im[m2] = y[5], y[4]
                        re[m3], im[m3] = y[7], y[6]
                elif radix == 3:
                    for m in range(p, p + uint64(lanes)):
                        m1, m2 = m + apart, m + apart + apart
                        b1, d1 = re[m1] * c1 + im[m1] * s1, im[m1] * c1 - re[m1] * s1
                        b2, d2 = re[m2] * c2 + im[m2] * s2, im[m2] * c2 - re[m2] * s2
                        z = _three(im[m], re[m], d1, b1, d2, b2, third_cos, third_sin)
                        re[m], im[m] = z[1], z[0]
                        re[m1], im[m1] = z[3], z[2]
                        re[m2], im[m2] = z[5], z[4]
                else:
                    for m in range(p, p + uint64(lanes)):
                        m1 = m + apart
                        b1, d1 = re[m1] * c1 + im[m1] * s1, im[m1] * c1 - re[m1] * s1
                        re[m1], im[m1] = re[m] - b1, im[m] - d1
                        re[m], im[m] = re[m] + b1, im[m] + d1
        part = length


@inlined
def _four(a, ai, b, bi, c, ci, d, di):
    """The transform of four values: real and imaginary part of each in turn."""
    s, si, t, ti = a + c, ai + ci, a - c, ai - ci
    u, ui, v, vi = b + d, bi + di, b - d, bi - di
    return s + u, si + ui, t + vi, ti - v, s - u, si - ui, t - vi, ti + v


@inlined
def _three(a, ai, b, bi, c, ci, cos, sin):
    """The transform of three values: real and imaginary part of each in turn. cos, sin: the root of three."""
    s, si, t, ti = b + c, bi + ci, sin * (b - c), sin * (bi - ci)
    m, mi = a + cos * s, ai + cos * si
    return a + s, ai + si, m - ti, mi + t, m + ti, mi - t
