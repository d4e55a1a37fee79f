"""What the steps of `scatter` say: (title, detail) of each."""

from __future__ import annotations

from app.core.geometry import Dimension
from app.core.layout import Array
from app.core.problem import Problem
from app.core.text import Text, say
from app.core.views import wording
from app.core.views.wording import each

Words = tuple[Text, Text]


def stamps(problem: Problem, x: Array) -> Words:
    """`stamps`."""
    title = say(
        "Multiply each input element with the kernel: {count} stamps of {kernel}"
        if x.size > 1
        else "Multiply the input element with the kernel: {count} stamp of {kernel}",
        count=x.size,
        kernel=wording.size(problem.kernel_size),
    )
    stamp = say(
        "The kernel is flipped, as flip_kernel asks, and the first stamp is it times {first}"
        if problem.flip_kernel
        else "The first stamp is the kernel times {first}",
        first=wording.first(x),
    )
    if max(problem.dilation) > 1:
        stamp = say("{stamp}, its elements {dilation} apart", stamp=stamp, dilation=each(problem.dilation))
    return title, say(
        "{stamp}. The stamp of each element lies at stride times its index (stride {stride}).",
        stamp=stamp,
        stride=each(problem.stride),
    )


def overlap(problem: Problem, counts: Array) -> Words:
    """`overlap`."""
    shape = wording.size(counts.shape)
    title = say("Count the stamps over each place of the whole map: {map}", map=shape)
    sums = dict.fromkeys(_map_sum(dim) for dim in problem.dimensions)
    length = say("The map is (i − 1)·s + kₑ + output_padding long: {sums}.", sums=", ".join(sums))
    coverage = problem.coverage
    if coverage.min != coverage.max:
        template = (
            "Away from its edge {least} to {most} stamps meet at a place: such uneven overlap draws a checkerboard."
        )
    elif coverage.max == 1:
        template = "Away from its edge every place has {most} stamp: the overlap is even."
    else:
        template = "Away from its edge every place has {most} stamps: the overlap is even."
    return title, wording.sentences(length, say(template, least=coverage.min, most=coverage.max))


def _map_sum(dim: Dimension) -> str:
    length = dim.full + dim.output_padding
    return f"({dim.input} − 1)·{dim.stride} + {dim.reach} + {dim.output_padding} = {length}"


def accumulate(problem: Problem) -> Words:
    """`accumulate`."""
    sizes = [dim.full + dim.output_padding for dim in problem.dimensions]
    title = say("Add the stamps up on the whole map: {map}", map=wording.size(sizes))
    inside = problem.in_group
    if inside > 1:
        return title, say(
            "Where stamps overlap their values are summed, those of the {channels} input channels too.", channels=inside
        )
    return title, say("Where stamps overlap their values are summed; where there is none the map is 0.")


def crop(problem: Problem) -> Words:
    """`crop`, where there is padding."""
    sizes = [dim.full + dim.output_padding for dim in problem.dimensions]
    title = say("Crop: {change}", change=wording.becomes(sizes, problem.output_size))
    return title, say(
        "The padding of a transposed convolution takes off the map ({sides}).", sides=wording.sides(problem.padding)
    )
