"""The shape rule: one spatial dimension at a time, in Python ints only.

Python ints do not wrap, so a stride of 2^53 is as exact as a stride of 2. No array
is ever seen here and nothing takes time that grows with a size.

Letters as in V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep
learning" (2016): i input, k kernel, s stride, p padding, o output; d is the dilation.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

Op = Literal["conv", "conv_transpose"]
Pair = tuple[int, int]

#: How many inverse sizes are listed one by one; their range is always told whole.
LISTED_INVERSE_SIZES = 64

CONV_FORMULA = "floor((i + p_before + p_after - d*(k - 1) - 1)/s) + 1"
CONV_TRANSPOSE_FORMULA = "(i - 1)*s - (p_before + p_after) + d*(k - 1) + output_padding + 1"


def effective_kernel(k: int, d: int) -> int:
    """How many input elements a dilated kernel reaches over: d(k − 1) + 1."""
    return d * (k - 1) + 1


def ceil_div(a: int, b: int) -> int:
    """⌈a / b⌉ in whole numbers."""
    return -(-a // b)


def even_pieces(length: int, most: int) -> list[tuple[int, int]]:
    """(begin, count) of the pieces of a length: as few as can be, about equally long, none longer than `most`."""
    pieces = ceil_div(length, most)
    bounds = [n * length // pieces for n in range(pieces + 1)]
    return [(low, high - low) for low, high in itertools.pairwise(bounds)]


def split(total: int, *, larger_half_before: bool) -> Pair:
    """Split a total padding (or crop) into before and after."""
    small = total // 2
    return (total - small, small) if larger_half_before else (small, total - small)


def conv_output(i: int, reach: int, s: int, padding: Pair) -> int:
    """o = ⌊(i + p_before + p_after − kₑ) / s⌋ + 1, for a padded input of at least kₑ."""
    return (i + sum(padding) - reach) // s + 1


def same_conv_padding(i: int, reach: int, s: int, *, lower: bool) -> Pair:
    """The padding that makes a convolution's output ⌈i / s⌉ (TensorFlow's SAME)."""
    o = ceil_div(i, s)
    return split(max((o - 1) * s + reach - i, 0), larger_half_before=lower)


def full_map(i: int, reach: int, s: int) -> int:
    """F = (i − 1)s + kₑ: how far the stamps of a transposed convolution spread."""
    return (i - 1) * s + reach


def same_transpose_padding(
    i: int, reach: int, s: int, *, lower: bool, output_size: int | None = None
) -> tuple[Pair, int]:
    """Padding and output_padding that make a transposed output i·s, or `output_size`.

    ONNX's rule: the total F − output is cropped in two halves; a negative total
    becomes rows that come after.
    """
    total = full_map(i, reach, s) - (i * s if output_size is None else output_size)
    if total < 0:
        return (0, 0), -total
    return split(total, larger_half_before=lower), 0


@dataclass(frozen=True)
class InverseRange:
    """Consecutive sizes, both ends included."""

    min: int
    max: int

    def listed(self) -> list[int]:
        """The first `LISTED_INVERSE_SIZES` of them, ascending."""
        return list(range(self.min, min(self.max, self.min + LISTED_INVERSE_SIZES - 1) + 1))


@dataclass(frozen=True)
class Coverage:
    """How many stamps reach an element, at least and at most."""

    min: int
    max: int


@dataclass(frozen=True)
class Dimension:
    """One spatial dimension with everything resolved to numbers.

    `padding_word` keeps the word that the padding was asked as, because its rule and
    not its number decides the inverse sizes.
    """

    op: Op
    input: int
    kernel: int
    stride: int
    dilation: int
    padding: Pair
    output_padding: int = 0
    padding_word: str | None = None
    padding_mode: str = "zeros"

    @property
    def reach(self) -> int:
        """The effective kernel kₑ."""
        return effective_kernel(self.kernel, self.dilation)

    @property
    def full(self) -> int:
        """The length F of the full map (transposed convolution)."""
        return full_map(self.input, self.reach, self.stride)

    @property
    def crop(self) -> Pair:
        """What is taken off the full map before and after; negative adds zeros."""
        before, after = self.padding
        return before, after - self.output_padding

    @property
    def output(self) -> int:
        """The output size o."""
        if self.op == "conv":
            return conv_output(self.input, self.reach, self.stride, self.padding)
        return self.full - sum(self.crop)

    @property
    def formula(self) -> str:
        """The shape rule in letters."""
        return CONV_FORMULA if self.op == "conv" else CONV_TRANSPOSE_FORMULA

    @property
    def substituted(self) -> str:
        """The shape rule with this dimension's numbers put in."""
        before, after = self.padding
        i, k, s, d, o = self.input, self.kernel, self.stride, self.dilation, self.output
        if self.op == "conv":
            return f"floor(({i} + {before} + {after} - {d}*({k} - 1) - 1)/{s}) + 1 = {o}"
        return f"({i} - 1)*{s} - ({before} + {after}) + {d}*({k} - 1) + {self.output_padding} + 1 = {o}"

    @property
    def unused_input(self) -> int:
        """Input rows past the end of the last window (convolution)."""
        before, after = self.padding
        left_over = (self.input + before + after - self.reach) % self.stride
        return min(self.input, max(0, left_over - after))

    @property
    def coverage(self) -> Coverage:
        """How many stamps reach an interior output element, over the stride's phases.

        With g = gcd(s, d), only every g-th phase is reached at all, by K·g/s taps:
        A. Odena et al., "Deconvolution and Checkerboard Artifacts" (2016), for d = 1.
        """
        g = math.gcd(self.stride, self.dilation)
        least = 0 if g > 1 else self.kernel // self.stride
        return Coverage(least, ceil_div(self.kernel * g, self.stride))

    @property
    def inverse_range(self) -> InverseRange:
        """The sizes on the other side that belong to this one.

        Convolution: the input sizes that give this output, with the padding's rule
        applied to each. Transposed: the output sizes that output_padding can reach.
        """
        return self._inverse_of_conv() if self.op == "conv" else self._inverse_of_transpose()

    def _inverse_of_transpose(self) -> InverseRange:
        if self.padding_word in ("same", "same_lower"):
            return InverseRange(self.output, self.output)
        base = self.full - sum(self.padding)
        return InverseRange(max(1, base), base + max(self.stride, self.dilation) - 1)

    def _inverse_of_conv(self) -> InverseRange:
        s, o = self.stride, self.output
        if self.padding_word in ("same", "same_lower"):
            low, high = (o - 1) * s + 1, o * s
        else:
            low = max(1, (o - 1) * s + self.reach - sum(self.padding))
            high = o * s + self.reach - sum(self.padding) - 1
        return InverseRange(self._first_allowed(low), high)

    def _first_allowed(self, low: int) -> int:
        """The smallest size from `low` on that the padding mode allows.

        A larger input never needs more padding, so what is allowed stays allowed: the
        border lies between `low` and this dimension's own input, and is bisected.
        """
        high = self.input
        while low < high:
            middle = (low + high) // 2
            if self._mode_allows(middle):
                high = middle
            else:
                low = middle + 1
        return low

    def _mode_allows(self, i: int) -> bool:
        padding = self.padding
        if self.padding_word in ("same", "same_lower"):
            padding = same_conv_padding(i, self.reach, self.stride, lower=self.padding_word == "same_lower")
        return max(padding) <= largest_padding(self.padding_mode, i)


def largest_padding(padding_mode: str, i: int) -> int | float:
    """How far a padding mode can reach over the edge of an input of size i."""
    if padding_mode == "reflect":
        return i - 1
    if padding_mode == "circular":
        return i
    return math.inf
