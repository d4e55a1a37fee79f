"""NumPy: windows and one einsum, or stamps on the full map. Exact in int64."""

from __future__ import annotations

from app.core.code.layer import Layer
from app.core.code.writing import cut, indexed, script, tensors
from app.core.geometry import Dimension

#: What `numpy.pad` calls the padding modes.
PAD_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def write(layer: Layer) -> str:
    """The script."""
    imports = "import numpy as np"
    if not layer.transposed:
        imports += "\nfrom numpy.lib.stride_tricks import sliding_window_view"
    work = _conv_transpose(layer) if layer.transposed else _conv(layer)
    flip = [flipped(layer, "flip_kernel")] if layer.problem.flip_kernel else []
    return script(layer, imports, tensors(layer, "np.array", f"np.{layer.dtype}"), [*flip, *work])


def flipped(layer: Layer, why: str) -> str:
    """The line that turns the kernel round in space."""
    whole = [":"] * (layer.kernel.ndim - layer.n)
    return f"kernel = kernel[{', '.join([*whole, *['::-1'] * layer.n])}]  # {why}: turned round in space"


def padded(layer: Layer, leading: int, trailing: int = 0) -> list[str]:
    """The line that pads the input between so many axes that stay; none where there is no padding."""
    if not layer.padded:
        return []
    mode = PAD_MODES.get(layer.problem.padding_mode)
    pads = ((0, 0),) * leading + layer.problem.padding + ((0, 0),) * trailing
    return [f"x = np.pad(x, {pads}" + (f', mode="{mode}")' if mode else ")")]


def _conv(layer: Layer) -> list[str]:
    p, leading = layer.problem, layer.layout.leading
    axes = f", axis={tuple(range(leading, leading + layer.n))}" if leading else ""
    every = [":" if step == 1 else f"::{step}" for step in (*p.stride, *p.dilation)]
    lines = padded(layer, leading)
    if layer.strided or layer.dilated:
        taken = ["windows at the stride"] * layer.strided + ["elements at the dilation"] * layer.dilated
        lines.append(f"# Windows of the effective kernel; then {' and '.join(taken)} alone.")
    lines.append(f"windows = sliding_window_view(x, {layer.reach}{axes}){indexed([':'] * leading + every)}")
    lines += _in_groups(layer, "windows", p.out_group)
    window = f"{_letters(layer, 'c')}{layer.places}{layer.taps}"
    kernel = f"{_kernel_letters(layer, 'oc')}{layer.taps}"
    product = f'np.einsum("{window},{kernel}->{_letters(layer, "o")}{layer.places}", windows, kernel)'
    if p.groups > 1:
        product += f".reshape({layer.output_shape})"
    return [*lines, f"output = {product}{layer.bias_term}"]


def _conv_transpose(layer: Layer) -> list[str]:
    p = layer.problem
    map_size = tuple(dim.full + dim.output_padding for dim in p.dimensions)
    channels = (p.groups, p.out_group) if p.groups > 1 else (p.out_channels,)
    shape = ((p.batch, *channels) if layer.layout.batched else () if layer.layout.bare else channels) + map_size
    lines = [
        *_in_groups(layer, "x", p.in_group),
        "# Every element stamps the kernel on the full map; then padding is what is cropped off it.",
        f"full = np.zeros({shape}, dtype=np.{layer.dtype})",
        *_stamps(layer),
    ]
    if p.groups > 1:
        lines.append(f"full = full.reshape({layer.output_shape[: layer.layout.leading] + map_size})")
    cuts = [cut(*ends, length) for ends, length in zip(layer.cut, map_size, strict=True)]
    return [*lines, f"output = full{indexed([':'] * layer.layout.leading + cuts)}{layer.bias_term}"]


def _stamps(layer: Layer) -> list[str]:
    places = ", ".join(_under(*axis) for axis in zip(layer.places, layer.problem.dimensions, strict=True))
    names = ", ".join(layer.places)
    if layer.layout.bare:
        names = f"({names})" if layer.n > 1 else f"({names},)"
        return [f"for {names}, value in np.ndenumerate(x):", f"    full[{places}] += value * kernel"]
    sizes = ", ".join(map(str, layer.problem.input_size))
    before, after = _letters(layer, "c"), _letters(layer, "o")
    whole = ":, " * len(before)
    subscripts = f"{before},{_kernel_letters(layer, 'co')}{layer.taps}->{after}{layer.taps}"
    return [
        f"for {names} in {'range' if layer.n == 1 else 'np.ndindex'}({sizes}):",
        f'    stamps = np.einsum("{subscripts}", x[{whole}{names}], kernel)',
        f"    full[{whole}{places}] += stamps",
    ]


def _under(place: str, dim: Dimension) -> str:
    """What the stamp of an element covers along one axis of the full map."""
    start = place if dim.stride == 1 else f"{dim.stride}*{place}"
    every = f" : {dim.dilation}" if dim.dilation > 1 and dim.kernel > 1 else ""
    return f"{start} : {start} + {dim.reach}{every}"


def _in_groups(layer: Layer, name: str, of_kernel: int) -> list[str]:
    """Lines that give channels an axis of groups before them: of a tensor, and of the kernel's first axis."""
    p, before = layer.problem, layer.layout.leading - 1
    if p.groups == 1:
        return []
    shape = [*[str(p.batch)] * before, str(p.groups), str(p.in_group), f"*{name}.shape[{before + 1}:]"]
    return [
        f"# {p.groups} groups, each with channels and kernels of its own.",
        f"{name} = {name}.reshape({', '.join(shape)})",
        f"kernel = kernel.reshape({p.groups}, {of_kernel}, *kernel.shape[1:])",
    ]


def _letters(layer: Layer, channel: str) -> str:
    """The axes before the spatial ones as einsum names them: batch, group and channel, as far as there are any."""
    if layer.layout.bare:
        return ""
    return "n" * layer.layout.batched + "g" * (layer.problem.groups > 1) + channel


def _kernel_letters(layer: Layer, channels: str) -> str:
    return "" if layer.layout.bare else "g" * (layer.problem.groups > 1) + channels
