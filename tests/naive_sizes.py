"""Sizes by trying, marking and counting, written from the contract alone.

Nothing here solves an equation: windows are slid until they no longer fit, stamps are
laid down and counted, and inverse sizes are found by trying all of them.
"""

from __future__ import annotations

from collections import Counter
from itertools import product

Pair = tuple[int, int]
Ints = int | tuple[int, ...]
PaddingArgument = int | str | tuple[int, ...] | tuple[Pair, ...]


def per_axis(value: Ints, n: int) -> tuple[int, ...]:
    """One value for each of n axes."""
    return value if isinstance(value, tuple) else (value,) * n


def reach_of(k: int, d: int) -> int:
    """How many places lie between the first and the last tap, both included."""
    return max(d * tap for tap in range(k)) + 1


def numeric_pads(padding: PaddingArgument, n: int) -> tuple[Pair, ...]:
    """Padding that is not a word with a rule of its own, as pairs."""
    if isinstance(padding, str):
        assert padding == "valid"
        return ((0, 0),) * n
    if isinstance(padding, int):
        return ((padding, padding),) * n
    return tuple(entry if isinstance(entry, tuple) else (entry, entry) for entry in padding)


def halves(total: int, lower: bool) -> Pair:
    """A total in two halves: the larger one after, or before for "same_lower"."""
    smaller, larger = total // 2, total - total // 2
    return (larger, smaller) if lower else (smaller, larger)


# Convolution


def windows(padded: int, k: int, s: int, d: int) -> list[int]:
    """Where the windows begin that fit on a padded line, slid one by one."""
    starts = []
    start = 0
    while start + reach_of(k, d) <= padded:
        starts.append(start)
        start += s
    return starts


def conv_size(i: int, k: int, s: int, d: int, pads: Pair) -> int:
    """How many windows fit; 0 where none does."""
    return len(windows(i + sum(pads), k, s, d))


def same_pads(i: int, k: int, s: int, d: int, lower: bool) -> Pair:
    """The least padding under which as many windows fit as there are strides in the input."""
    wanted = len(range(0, i, s))
    total = 0
    while len(windows(i + total, k, s, d)) < wanted:
        total += 1
    return halves(total, lower)


def conv_pads_of_axis(i: int, k: int, s: int, d: int, padding: Pair | str) -> Pair:
    """One axis's padding, with a word resolved for this input size."""
    if padding == "full":
        return (reach_of(k, d) - 1, reach_of(k, d) - 1)
    if isinstance(padding, str):
        return same_pads(i, k, s, d, padding == "same_lower")
    return padding


def asked_pads(padding: PaddingArgument, n: int) -> tuple[Pair | str, ...]:
    """What was asked for each axis: a pair, or a word whose rule looks at the input size."""
    if isinstance(padding, str) and padding != "valid":
        return (padding,) * n
    return numeric_pads(padding, n)


def conv_pads(
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    padding: PaddingArgument,
) -> tuple[Pair, ...]:
    """A convolution's padding as pairs."""
    axes = zip(size, kernel, strides, dilations, asked_pads(padding, len(size)), strict=True)
    return tuple(conv_pads_of_axis(*axis) for axis in axes)


def mode_allows(pads: Pair, i: int, mode: str) -> bool:
    """Whether a padding mode can reach as far over the edge of i elements."""
    if mode == "reflect":
        return max(pads) < i
    return mode != "circular" or max(pads) <= i


def conv_inverse(k: int, s: int, d: int, padding: Pair | str, mode: str, output: int, up_to: int) -> list[int]:
    """The input sizes up to a bound that give an output size, the padding's rule applied to each."""
    found = []
    for i in range(1, up_to + 1):
        pads = conv_pads_of_axis(i, k, s, d, padding)
        if mode_allows(pads, i, mode) and conv_size(i, k, s, d, pads) == output:
            found.append(i)
    return found


def unused_input(i: int, k: int, s: int, d: int, pads: Pair) -> int:
    """Input rows that lie past the end of the last window."""
    end_of_last = windows(i + sum(pads), k, s, d)[-1] + reach_of(k, d)
    return sum(1 for row in range(i) if row + pads[0] >= end_of_last)


# Transposed convolution


def stamped(i: int, k: int, s: int, d: int) -> Counter[int]:
    """How many stamps put a value on each place of the full map."""
    return Counter(element * s + tap * d for element in range(i) for tap in range(k))


def full_size(i: int, k: int, s: int, d: int) -> int:
    """The length of the full map: up to the last place that a stamp reaches."""
    return (i - 1) * s + reach_of(k, d)


def transpose_crop_of_axis(
    axis: tuple[int, int, int, int], padding: Pair | str, output_padding: int, asked: int | None
) -> Pair:
    """One axis's crop: what is taken off before and after; a negative number adds zeros."""
    i, _, s, _ = axis
    full = full_size(*axis)
    if isinstance(padding, str):
        total = full - (i * s if asked is None else asked)
        return halves(total, padding == "same_lower") if total >= 0 else (0, total)
    before, after = padding
    if asked is not None:
        return before, full - before - asked
    return before, after - output_padding


def transpose_crops(
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    padding: PaddingArgument,
    output_padding: Ints = 0,
    output_size: tuple[int, ...] | None = None,
) -> tuple[Pair, ...]:
    """A transposed convolution's crop as pairs."""
    n = len(size)
    axes = zip(size, kernel, strides, dilations, strict=True)
    asked = (None,) * n if output_size is None else output_size
    each = zip(axes, asked_pads(padding, n), per_axis(output_padding, n), asked, strict=True)
    return tuple(transpose_crop_of_axis(*axis) for axis in each)


def transpose_inverse(i: int, k: int, s: int, d: int, padding: Pair | str) -> list[int]:
    """The output sizes, at least 1, that the allowed output paddings reach."""
    if isinstance(padding, str):
        return [i * s]
    sizes = (full_size(i, k, s, d) - sum(padding) + extra for extra in range(max(s, d)))
    return [size for size in sizes if size >= 1]


def interior_coverage(k: int, s: int, d: int) -> Pair:
    """Least and most stamps over the places of a long map that are far from both ends."""
    far = 2 * (reach_of(k, d) + s)
    elements = 2 * far // s + 4
    counts = stamped(elements, k, s, d)
    interior = [counts[place] for place in range(far, elements * s - far)]
    return min(interior), max(interior)


def interior_coverage_of_all(axes: tuple[tuple[int, int, int], ...]) -> Pair:
    """The same over several dimensions, each place of the interior visited."""
    ranges = []
    for k, s, d in axes:
        far = reach_of(k, d)
        counts = stamped(2 * far // s + 4, k, s, d)
        ranges.append([counts[place] for place in range(far, far + s)])
    products = []
    for counts_at_place in product(*ranges):
        value = 1
        for count in counts_at_place:
            value *= count
        products.append(value)
    return min(products), max(products)
