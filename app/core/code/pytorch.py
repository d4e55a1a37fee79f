"""PyTorch: the functional layer, with what it cannot say before or after it. Exact in int64 on a CPU."""

from __future__ import annotations

from app.core.code.layer import Layer
from app.core.code.writing import call, cut, indexed, options, script, tensors, unless
from app.core.geometry import Dimension, Pair

IMPORTS = "import torch\nimport torch.nn.functional as F"


def write(layer: Layer) -> str:
    """The script."""
    work = _conv_transpose(layer) if layer.transposed else _conv(layer)
    return script(layer, IMPORTS, tensors(layer, "torch.tensor", f"torch.{layer.dtype}"), [*_prepared(layer), *work])


def _prepared(layer: Layer) -> list[str]:
    lines = []
    if layer.layout.bare:
        lines.append("x, kernel = x[None, None], kernel[None, None]  # one picture, one channel")
    if layer.problem.flip_kernel:
        dims = ", ".join(map(str, range(2, 2 + layer.n)))
        lines.append(f"kernel = kernel.flip({dims})  # flip_kernel: turned round in space")
    return lines


def _conv(layer: Layer) -> list[str]:
    p, lines, padding = layer.problem, [], None
    if all(before == after for before, after in p.padding) and not p.pads_by_copying:
        padding = unless(0, [before for before, _ in p.padding])
    else:
        lines = _pad(layer)
    arguments = options(stride=unless(1, p.stride), padding=padding, dilation=unless(1, p.dilation))
    return [*lines, *_layer(layer, f"F.conv{layer.n}d", arguments, [])]


def _pad(layer: Layer) -> list[str]:
    """Padding that the layer cannot say."""
    p = layer.problem
    last_first = tuple(number for pair in reversed(p.padding) for number in pair)
    mode = f', mode="{p.padding_mode}"' if p.padding_mode != "zeros" else ""
    why = "before and after" + (", from the last axis to the first" if layer.n > 1 else "")
    return [f"x = F.pad(x, {last_first}{mode})  # {why}"]


def _conv_transpose(layer: Layer) -> list[str]:
    """Crop (before, after) is padding p and output_padding q with (p, p − q), or a rest is cropped by hand."""
    p = layer.problem
    crops = [(dim.crop, max(dim.stride, dim.dilation)) for dim in p.dimensions]
    said = [_said(crop, most) for crop, most in crops]
    arguments = options(
        stride=unless(1, p.stride),
        padding=unless(0, [padding for padding, _ in said]),
        output_padding=unless(0, [output_padding for _, output_padding in said]),
        dilation=unless(1, [_dilation(dim, beyond) for dim, (_, beyond) in zip(p.dimensions, said, strict=True)]),
    )
    cuts = []
    for dim, (padding, output_padding) in zip(p.dimensions, said, strict=True):
        start = dim.crop[0] - padding
        cuts.append(cut(start, start + dim.output, dim.full - 2 * padding + output_padding))
    return _layer(layer, f"F.conv_transpose{layer.n}d", arguments, cuts)


def _dilation(dim: Dimension, output_padding: int) -> int:
    """The dilation; of a single weight, which it does not move, no more than lets the output_padding be."""
    if dim.kernel > 1:
        return dim.dilation
    return 1 if output_padding < dim.stride else output_padding + 1


def _said(crop: Pair, most: int) -> Pair:
    """The padding and output_padding that take as much of a crop as PyTorch's two numbers can say."""
    before, after = crop
    if 0 <= before - after < most:
        return before, before - after
    return max(0, min(crop)), max(0, -after)


def _layer(layer: Layer, name: str, arguments: list[str], cuts: list[str]) -> list[str]:
    """The call, and the request's own form of what it gives."""
    tensors = ["x", "kernel", *(["bias"] if layer.bias is not None else [])]
    groups = options(groups=unless(1, [layer.problem.groups]))
    leading = ["0", "0"] if layer.layout.bare else [":"] * layer.layout.leading
    after = indexed([*leading, *cuts])
    lines = [call(f"{'y' if after else 'output'} = {name}", [*tensors, *arguments, *groups])]
    if indexed(cuts):
        lines.append("# PyTorch crops both ends alike; here the rest of the padding is taken off.")
    return [*lines, f"output = y{after}"] if after else lines
