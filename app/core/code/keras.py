"""Keras: `keras.ops` on any backend, channels last; pads, crops and groups where it has none."""

from __future__ import annotations

from app.core.code.exact import fits_float64, in_pieces
from app.core.code.layer import Layer
from app.core.code.numpy import flipped, padded
from app.core.code.writing import call, cut, function, indexed, options, script, tensors, unless

IMPORTS = "import keras\nimport numpy as np"

#: Without it Keras on JAX makes float32 of float64; it must be set before Keras is imported.
WIDE = 'import os\n\nos.environ["JAX_ENABLE_X64"] = "1"  # float64, where Keras runs on JAX\n\n'


def write(layer: Layer) -> str:
    """The script."""
    imports = IMPORTS if layer.dtype == "float32" else WIDE + IMPORTS
    if layer.whole and not fits_float64(layer):
        return script(layer, imports, tensors(layer, "np.array", "np.int64"), _in_pieces(layer))
    dtype = "float64" if layer.whole else layer.dtype
    comment = ["# Keras convolves floats alone. In float64 these whole numbers are exact."] if layer.whole else []
    numbers = [*comment, *tensors(layer, "np.array", f"np.{dtype}")]
    return script(layer, imports, numbers, _work(layer), _finished(layer))


def _work(layer: Layer) -> list[str]:
    """Lines from `x` and `kernel`, in the request's form, to `y`: (batch, *size, channels) before the bias."""
    lines = [flipped(layer, "flip_kernel")] if layer.problem.flip_kernel else []
    lines += _channels_first(layer) if _is_3d_conv(layer) else _channels_last(layer)
    if layer.strided and layer.dilated:
        lines += _dilated(layer)
    return [*lines, *(_conv_transpose(layer) if layer.transposed else _conv(layer))]


def _is_3d_conv(layer: Layer) -> bool:
    """Keras on PyTorch 2.13 answers wrong numbers for some of these in float32 with channels last."""
    return layer.n == 3 and not layer.transposed


def _channels_last(layer: Layer) -> list[str]:
    """The tensors in the layout that Keras prefers."""
    if layer.layout.bare:
        return ["x, kernel = x[None, ..., None], kernel[..., None, None]  # one picture, one channel"]
    moved = "np.moveaxis(x, 1, -1)" if layer.layout.batched else "np.moveaxis(x, 0, -1)[None]"
    into = "(*size, out, in)" if layer.transposed else "(*size, in, out)"
    return [
        f"x = {moved}  # Keras has channels last,",
        f"kernel = np.moveaxis(kernel, (0, 1), (-1, -2))  # and kernels {into}",
    ]


def _channels_first(layer: Layer) -> list[str]:
    if layer.layout.bare:
        return ["x, kernel = x[None, None], kernel[..., None, None]  # one volume, one channel"]
    batch = [] if layer.layout.batched else ["x = x[None]  # a batch of one"]
    return [*batch, "kernel = np.moveaxis(kernel, (0, 1), (-1, -2))  # Keras has kernels (*size, in, out)"]


def _dilated(layer: Layer) -> list[str]:
    """The kernel with zeros between its taps."""
    every = ", ".join(":" if step == 1 else f"::{step}" for step in layer.problem.dilation)
    return [
        "# Keras takes no dilation beside a stride: zeros go between the taps.",
        f"dilated = np.zeros(({', '.join(map(str, layer.reach))}, *kernel.shape[-2:]), kernel.dtype)",
        f"dilated[{every}] = kernel",
        "kernel = dilated",
    ]


def _conv(layer: Layer) -> list[str]:
    by_word = layer.same == "same"
    axes = (2, 0) if _is_3d_conv(layer) else (1, 1)
    pads = [] if by_word else padded(layer, *axes)
    arguments = ["x", "kernel", *_options(layer, '"same"' if by_word else None)]
    comment = "# Groups follow from the channels that the kernel has." if layer.problem.groups > 1 else None
    return [*pads, *filter(None, [comment]), call("y = keras.ops.conv", arguments)]


def _options(layer: Layer, padding: str | None = None) -> list[str]:
    # A single weight is moved by no dilation, which may be more than Keras takes.
    dilations = [dim.dilation if dim.kernel > 1 else 1 for dim in layer.problem.dimensions]
    dilation = None if layer.strided else unless(1, dilations)
    strides = unless(1, layer.problem.stride)
    channels = '"channels_first"' if _is_3d_conv(layer) else '"channels_last"'
    return options(strides=strides, padding=padding, dilation_rate=dilation, data_format=channels)


def _conv_transpose(layer: Layer) -> list[str]:
    groups, arguments = layer.problem.groups, _options(layer)
    if groups == 1:
        return [call("y = keras.ops.conv_transpose", ["x", "kernel", *arguments]), *_crop(layer)]
    return [
        f"# Keras has no transposed groups: each of the {groups} is a layer of its own.",
        "parts = [",
        call("    keras.ops.conv_transpose", ["a", "b", *arguments]),
        f"    for a, b in zip(np.split(x, {groups}, axis=-1), np.split(kernel, {groups}, axis=-1))",
        "]",
        "y = keras.ops.concatenate(parts, axis=-1)",
        *_crop(layer),
    ]


def _crop(layer: Layer) -> list[str]:
    """Lines that take the output from the full map, which Keras makes at least i·s long."""
    p = layer.problem
    made = [max(dim.full, dim.input * dim.stride) for dim in p.dimensions]
    more = [max(0, stop - length) for (_, stop), length in zip(layer.cut, made, strict=True)]
    kept = zip(layer.cut, made, strict=True)
    cuts = [cut(start, min(stop, length), length) for (start, stop), length in kept]
    lines = []
    if cropped := indexed([":", *cuts]):
        lines.append(f"y = y{cropped}  # padding is what is cropped off the full map")
    if any(more):
        pads = ((0, 0), *((0, extra) for extra in more), (0, 0))
        lines.append(f"y = keras.ops.pad(y, {pads})  # output_padding beyond it")
    return lines


def _formed(layer: Layer) -> str:
    """`y` in the request's form."""
    if _is_3d_conv(layer):
        return "y" + indexed(["0"] * (2 - layer.layout.leading))
    if layer.layout.bare:
        return "y[0, ..., 0]"
    return "keras.ops.moveaxis(y, -1, 1)" if layer.layout.batched else "keras.ops.moveaxis(y[0], -1, 0)"


def _finished(layer: Layer) -> list[str]:
    bias = f"bias[:{', None' * layer.n}]" if _is_3d_conv(layer) else "bias"
    lines = [] if layer.bias is None else [f"y = keras.ops.add(y, {bias})"]
    formed = _formed(layer)
    return [*lines, "output = " + (f'keras.ops.cast({formed}, "int64")' if layer.whole else formed)]


def _in_pieces(layer: Layer) -> list[str]:
    body = [
        "x, kernel = x.astype(np.float64), kernel.astype(np.float64)",
        *_work(layer),
        f"return keras.ops.convert_to_numpy({_formed(layer)}).astype(np.int64)",
    ]
    return [*function("def layer(x, kernel):", body), "", "", *in_pieces(layer, "Keras")]
