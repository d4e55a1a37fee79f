"""Python text: numbers written exactly, calls within the line, and a script put together.

Only numbers and words of this package ever go into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from app.core.code.layer import Layer
from app.core.layout import Array

#: The longest line, and the longest list of lists that stays on one.
WIDTH, SHORT = 100, 48


def script(layer: Layer, imports: str, *paragraphs: Iterable[str]) -> str:
    """The whole script: a heading, imports, paragraphs, and the output printed."""
    kind = "Transposed convolution" if layer.transposed else "Convolution"
    heading = f"# {kind}: {layer.input.shape} with kernel {layer.kernel.shape} gives {layer.output_shape}"
    texts = ["\n".join(lines) for lines in paragraphs]
    return "\n\n".join([f"{heading}\n{imports}", *filter(None, texts), "print(output)\n"])


# Numbers


def tensors(layer: Layer, make: str, dtype: str) -> list[str]:
    """`x`, `kernel` and `bias` where there is one, each made by `make(numbers, dtype=dtype)`."""
    named = {"x": layer.input, "kernel": layer.kernel, "bias": layer.bias}
    return [_assignment(f"{name} = {make}(", values, dtype) for name, values in named.items() if values is not None]


def _assignment(head: str, values: Array, dtype: str) -> str:
    return f"{head}{nested(values, len(head))}, dtype={dtype})"


def nested(values: Array, column: int = 0) -> str:
    """An array as nested lists that begin at a column."""
    return _nested(_texts(values), values.shape, column)


def _texts(values: Array) -> list[str]:
    """Each number, row-major, such that Python reads the very same one."""
    flat = values.ravel()
    if flat.dtype != np.float32:
        return [repr(value) for value in flat.tolist()]
    short = [str(value) for value in flat]
    # The shortest text is for readers of float32; Python reads a double first, and rounding twice can miss.
    back = np.array(short, np.float64).astype(np.float32)
    return [text if a == b else repr(float(a)) for text, a, b in zip(short, flat, back, strict=True)]


def _nested(texts: Sequence[str], shape: Sequence[int], column: int) -> str:
    if len(shape) == 1:
        return f"[{_row(texts, column + 1)}]"
    step = len(texts) // shape[0]
    parts = [_nested(texts[j : j + step], shape[1:], column + 1) for j in range(0, len(texts), step)]
    line = ", ".join(parts)
    if len(line) <= SHORT and "\n" not in line:
        return f"[{line}]"
    return "[" + (",\n" + " " * (column + 1)).join(parts) + "]"


def _row(texts: Sequence[str], column: int) -> str:
    """Numbers with commas, in as many lines as they need."""
    lines: list[str] = []
    line: list[str] = []
    length = column
    for text in texts:
        if line and length + len(text) > WIDTH:
            lines.append(", ".join(line))
            line, length = [], column
        line.append(text)
        length += len(text) + 2
    return (",\n" + " " * column).join([*lines, ", ".join(line)])


# Code


def each(values: Sequence[int]) -> str:
    """One number where all are the same, else all of them."""
    return str(values[0]) if len(set(values)) == 1 else repr(tuple(values))


def options(**values: str | None) -> list[str]:
    """Keyword arguments; those that are None are left out."""
    return [f"{name}={value}" for name, value in values.items() if value is not None]


def unless(default: int, values: Sequence[int]) -> str | None:
    """`each` of them, or None where all have the default."""
    return None if set(values) == {default} else each(values)


def call(head: str, arguments: Sequence[str]) -> str:
    """`head(arguments)` on one line, or with an argument a line where that is too long."""
    line = f"{head}({', '.join(arguments)})"
    return line if len(line) <= WIDTH else folded(f"{head}(", [*arguments[:-1], f"{arguments[-1]},"], ")")


def folded(head: str, entries: Sequence[str], tail: str) -> str:
    """A line for each entry, one step further in than the head."""
    margin = " " * (len(head) - len(head.lstrip()))
    return ",\n".join([f"{head}\n{margin}    {entries[0]}", *(f"{margin}    {entry}" for entry in entries[1:])]) + (
        f"\n{margin}{tail}"
    )


def indexed(parts: Sequence[str]) -> str:
    """`[:, 1:4, ::2]`; whole axes at the end are left out, and so is an index of nothing else."""
    kept = list(parts)
    while kept and kept[-1] == ":":
        kept.pop()
    return f"[{', '.join(kept)}]" if kept else ""


def cut(start: int, stop: int, length: int) -> str:
    """The slice from start to stop of an axis of this length."""
    return f"{start or ''}:{'' if stop == length else stop}"


def function(head: str, lines: Iterable[str]) -> list[str]:
    """A function of these lines."""
    return [head, *("    " + line for text in lines for line in text.split("\n"))]
