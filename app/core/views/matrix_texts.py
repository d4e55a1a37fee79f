"""What the steps of `matrix` say: (title, detail) of each."""

from __future__ import annotations

from app.core.layout import Array, Shape
from app.core.problem import Problem
from app.core.text import Text, say
from app.core.views import wording

Words = tuple[Text, Text]

_ROW_ORDER = {
    1: "The input of {shape} is a row of {inside} numbers already.",
    2: "Row after row, the input of {shape} becomes one row of {inside} numbers.",
    3: "Plane after plane and row after row, the input of {shape} becomes one row of {inside} numbers.",
}


def _letters(problem: Problem) -> tuple[str, str, str]:
    """What goes in, the matrix, and what comes out."""
    return ("I", "C", "O") if problem.op == "conv" else ("O", "Cᵀ", "P")


def flatten(problem: Problem) -> Words:
    """`flatten_input`."""
    letter, _, _ = _letters(problem)
    inside = problem.input_elements // problem.batch
    template = "Write the input as a row of {inside} numbers: {letter} is {batch}×{inside}"
    if problem.batch > 1:
        template = "Write each of the {batch} inputs as a row of {inside} numbers: {letter} is {batch}×{inside}"
    title = say(template, inside=inside, letter=letter, batch=problem.batch)
    if problem.in_channels == 1:
        return title, say(_ROW_ORDER[problem.spatial_dims], shape=wording.size(problem.input_size), inside=inside)
    return title, say(
        "The {channels} channels of {shape} follow one another."
        if problem.spatial_dims == 1
        else "The {channels} channels of {shape} follow one another, each read row after row.",
        channels=problem.in_channels,
        shape=wording.size(problem.input_size),
    )


def placements(problem: Problem, sample: Shape) -> Words:
    """`placements` of a convolution."""
    outside = problem.output_elements // problem.batch
    title = say(
        "Lay the kernel into a zero map, once for each of the {outside} outputs"
        if outside > 1
        else "Lay the kernel into a zero map, for the {outside} output",
        outside=outside,
    )
    detail = say(
        "Each map has the input's form, {sample}, and holds the weights over the elements that its output sees.",
        sample=wording.size(sample),
    )
    if problem.input_size == tuple(dim.input + sum(dim.padding) for dim in problem.dimensions):
        return title, detail
    over_padding = say(
        "A weight over the padding is left out."
        if problem.padding_mode == "zeros"
        else "A weight over the padding is added to the element repeated there."
    )
    return title, wording.sentences(detail, over_padding)


def matrix(problem: Problem, inside: int, outside: int, rank: int, *, exact: bool) -> Words:
    """`matrix`: its shape, and why the input follows from the output or does not."""
    _, letter, _ = _letters(problem)
    values = {"matrix": letter, "inside": inside, "outside": outside, "rank": rank}
    title = "{matrix} is {inside}×{outside}: one flattened placement a column"
    if problem.op == "conv_transpose":
        title = "{matrix} is {inside}×{outside}: one row for each input element, one column for each output"
    claim = say(
        "{matrix} is {inside}×{outside} with rank {rank}"
        if exact
        else "{matrix} is {inside}×{outside} with rank {rank} (at the default tolerance of numpy.linalg.matrix_rank)",
        **values,
    )
    reason = say("{claim}: {reason}", claim=claim, reason=_reason(inside, outside, rank))
    if problem.op == "conv" or any(dim.output_padding >= dim.stride for dim in problem.dimensions):
        return say(title, **values), reason
    return say(title, **values), say(
        "{reason} {matrix} is exactly the transpose of the C that conv has on an input of {output} "
        "with the same padding.",
        reason=reason,
        matrix=letter,
        output=wording.size(problem.output_size),
    )


def _reason(inside: int, outside: int, rank: int) -> Text:
    """Why `inside` numbers follow from `outside` numbers of which `rank` are independent, or do not."""
    if rank == inside == outside:
        template = "square and of full rank, so it has an inverse and the input follows from the output."
    elif rank == inside:
        template = (
            "not square, so it has no inverse; yet its rank is that of all {inside} input numbers, "
            "so the input follows from the output."
        )
    elif inside == outside:
        template = (
            "square, but its rank is below {inside}, so it has no inverse: different inputs give the same output, "
            "and the input does not follow."
        )
    elif outside > inside:
        template = (
            "not square, and its rank is below {inside}: different inputs give the same output, "
            "and the input does not follow."
        )
    elif rank < outside:
        template = (
            "not square, and only {rank} of its {outside} outputs are independent: they cannot hold {inside} numbers, "
            "so the input does not follow."
        )
    elif outside > 1:
        template = (
            "not square, and {outside} numbers cannot hold {inside}, so the input does not follow from the output."
        )
    else:
        template = (
            "not square, and {outside} number cannot hold {inside}, so the input does not follow from the output."
        )
    return say(template, inside=inside, outside=outside, rank=rank)


def column_kernels(sums: Array, sample: Shape) -> Words:
    """`column_kernels` of a transposed convolution."""
    outside = sums.shape[1]
    title = say(
        "Read each column of Cᵀ as a kernel of the input's form: {outside} kernels of {sample}"
        if outside > 1
        else "Read the column of Cᵀ as a kernel of the input's form: {outside} kernel of {sample}",
        outside=outside,
        sample=wording.size(sample),
    )
    return title, say(
        "Each of them times the input, element by element, sums to one output; the first sum is {first}.",
        first=wording.first(sums),
    )


def multiply(problem: Problem, shape: Shape) -> Words:
    """`multiply`."""
    left, letter, result = _letters(problem)
    title = say("Multiply: {result} = {left}·{matrix}", result=result, left=left, matrix=letter)
    inside, outside = shape
    return title, say(
        "A matrix of {batch}×{inside} times one of {inside}×{outside} is one of {batch}×{outside}.",
        batch=problem.batch,
        inside=inside,
        outside=outside,
    )


def reshape(problem: Problem, form: Shape) -> Words:
    """`reshape`."""
    title = say("Give the output its form: {form}", form=wording.size(form))
    if len(form) == 1:
        return title, say("The {outside} numbers are the output, in the same order.", outside=problem.output_elements)
    return title, say("The {outside} numbers are put back in rows, in the same order.", outside=problem.output_elements)
