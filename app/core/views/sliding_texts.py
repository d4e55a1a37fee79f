"""What the steps of `sliding_window` say: (title, detail) of each."""

from __future__ import annotations

import math

from app.core.geometry import Dimension, Pair
from app.core.layout import Array
from app.core.problem import Problem
from app.core.text import Text, say
from app.core.views import wording
from app.core.views.wording import each, times

Size = tuple[int, ...]
Words = tuple[Text, Text]

_PAD_TITLES = {
    "zeros": "Pad with zeros: {change}",
    "reflect": "Pad with the mirrored input: {change}",
    "replicate": "Pad with the elements at the edge: {change}",
    "circular": "Pad with the elements of the opposite edge: {change}",
}
_PAD_DETAILS = {
    "zeros": "Zeros are added around the input ({sides}), so that the window can reach over its edge.",
    "reflect": "The input is continued by its mirror image, without the edge itself ({sides}).",
    "replicate": "The element at the edge is repeated outside it ({sides}).",
    "circular": "The input goes on from its opposite edge, as if it were a ring ({sides}).",
}
_INSERT_ONE = {
    1: "Insert {zeros} zero between the elements (stride {stride}): {change}",
    2: "Insert {zeros} zero row and column between the elements (stride {stride}): {change}",
    3: "Insert {zeros} zero plane, row and column between the elements (stride {stride}): {change}",
}
_INSERT_SOME = {
    1: "Insert {zeros} zeros between the elements (stride {stride}): {change}",
    2: "Insert {zeros} zero rows and columns between the elements (stride {stride}): {change}",
    3: "Insert {zeros} zero planes, rows and columns between the elements (stride {stride}): {change}",
}
_FLIPS = {
    1: "The {size} weights are read backwards",
    2: "The rows and columns of the {size} kernel are reversed, a turn by 180°",
    3: "The planes, rows and columns of the {size} kernel are reversed",
}


def conv_pad(mode: str, before: Size, after: Size, pairs: tuple[Pair, ...]) -> Words:
    """`pad` of a convolution."""
    if before == after:
        title = say("No padding: the input keeps {size}", size=wording.size(before))
        return title, say("The padding is 0, so nothing is added around the input.")
    title = say(_PAD_TITLES[mode], change=wording.becomes(before, after))
    return title, say(_PAD_DETAILS[mode], sides=wording.sides(pairs))


def conv_flip(problem: Problem) -> Words:
    """`flip_kernel` of a convolution that asks for it."""
    return say("Flip the kernel"), _nothing_to_flip(problem) or say(
        "{how}, as the mathematical convolution has it; without the flip this is a cross-correlation.",
        how=_how_it_is_flipped(problem),
    )


def _nothing_to_flip(problem: Problem) -> Text | None:
    """What is said of a kernel of one place; None of a larger one."""
    if math.prod(problem.kernel_size) > 1:
        return None
    return say(
        "A kernel of size {size} is the same when it is flipped: nothing changes.", size=times(problem.kernel_size)
    )


def _how_it_is_flipped(problem: Problem) -> Text:
    return say(_FLIPS[problem.spatial_dims], size=times(problem.kernel_size))


def insert_zeros(before: Size, after: Size, stride: Size) -> Words:
    """`insert_zeros` of a transposed convolution."""
    if max(stride) == 1:
        title = say("Stride 1: no zeros are inserted")
        return title, say("The elements stay next to each other and keep {size}.", size=wording.size(before))
    if before == after:
        title = say("No zeros are inserted (stride {stride})", stride=each(stride))
        return title, say(
            "Zeros go between neighbours, and with {size} there are none along the strides above 1: nothing changes.",
            size=wording.size(before),
        )
    template = "Insert zeros between the elements (stride {stride}): {change}"
    if len(set(stride)) == 1:
        template = (_INSERT_ONE if stride[0] == 2 else _INSERT_SOME)[len(stride)]
    change = wording.becomes(before, after)
    return say(template, zeros=stride[0] - 1, stride=each(stride), change=change), say(
        "Between neighbours come stride − 1 zeros: {zeros}. They take the place of the stride, so the window itself "
        "will move by 1.",
        zeros=each([f"{s} − 1 = {s - 1}" for s in stride]),
    )


def transpose_pad(problem: Problem, before: Size, after: Size, pairs: tuple[Pair, ...]) -> Words:
    """`pad` of a transposed convolution."""
    least, most = min(map(min, pairs)), max(map(max, pairs))
    sums = dict.fromkeys(_reach_sum(dim, p) for dim in problem.dimensions for p in dim.padding)
    zeros = say("Each side gets dilation·(kernel − 1) − padding zeros: {sums}", sums=", ".join(sums))
    if any(problem.output_padding):
        added = each(problem.output_padding)
        zeros = say("{zeros}; output_padding adds {output_padding} after the last", zeros=zeros, output_padding=added)
    detail = say(
        "{zeros}. That makes {sides}; a negative number takes away." if least < 0 else "{zeros}. That makes {sides}.",
        zeros=zeros,
        sides=wording.sides(pairs),
    )
    if least == most == 0:
        return say("No padding: {size} stays", size=wording.size(before)), detail
    template = "Pad with zeros: {change}"
    if least < 0:
        template = "Pad and crop: {change}" if most > 0 else "Crop: {change}"
    return say(template, change=wording.becomes(before, after)), detail


def _reach_sum(dim: Dimension, padding: int) -> str:
    d, k = dim.dilation, dim.kernel
    return f"{d}·({k} − 1) − {padding} = {d * (k - 1) - padding}"


def transpose_flip(problem: Problem, channels: tuple[Size, Size] | None) -> Words:
    """`flip_kernel` of a transposed convolution; with channels, the kernel's shapes before and after."""
    if problem.flip_kernel:
        title = say("The kernel stays as it is: two flips cancel")
        detail = say(
            "A window that gathers needs the kernel flipped, and flip_kernel flips it once more: the two flips cancel."
        )
    else:
        title = say("Flip the kernel")
        detail = _nothing_to_flip(problem) or say(
            "{how}: a window that gathers meets the weights of a stamp in the opposite order.",
            how=_how_it_is_flipped(problem),
        )
    if channels is None or channels[0] == channels[1]:
        return title, detail
    return title, say(
        "{detail} Its channel axes change places inside each group: {before} becomes {after}.",
        detail=detail,
        before=times(channels[0]),
        after=times(channels[1]),
    )


def slide(problem: Problem, padded: Size, stride: Size, taps: int, sums: Array) -> Words:
    """`slide` of both operations, with the sums that the windows gave."""
    positions = math.prod(problem.output_size)
    title = say(
        "Slide a window of {kernel} over {size}: {positions} positions give {output}"
        if positions > 1
        else "Slide a window of {kernel} over {size}: {positions} position gives {output}",
        kernel=wording.size(problem.kernel_size),
        size=wording.size(padded),
        positions=positions,
        output=wording.size(problem.output_size),
    )
    moves = say("The window moves with stride {stride}", stride=each(stride))
    if max(problem.dilation) > 1:
        moves = say(
            "{moves}, and with dilation {dilation} its elements reach over {reach}",
            moves=moves,
            dilation=each(problem.dilation),
            reach=wording.size([dim.reach for dim in problem.dimensions]),
        )
    if problem.groups > 1:
        moves = say(
            "{moves}; it sees {in_group} of {channels} input channels",
            moves=moves,
            in_group=problem.in_group,
            channels=problem.in_channels,
        )
    return title, say(
        "{moves}. Each output is the sum of {taps} products; the first is {first}."
        if taps > 1
        else "{moves}. Each output is a single product; the first is {first}.",
        moves=moves,
        taps=taps,
        first=wording.first(sums),
    )
