"""JAX: one call of conv_general_dilated for both operations. Exact in int64 on a CPU."""

from __future__ import annotations

from app.core.code.layer import Layer
from app.core.code.numpy import PAD_MODES
from app.core.code.writing import call, indexed, options, script, tensors

IMPORTS = "import jax\nimport jax.numpy as jnp\nfrom jax import lax"

#: Padding words by JAX's rule, which is the same.
WORDS = {"same": '"SAME"', "same_lower": '"SAME_LOWER"'}


def write(layer: Layer) -> str:
    """The script."""
    wide = [] if layer.dtype == "float32" else [f'jax.config.update("jax_enable_x64", True)  # for {layer.dtype}']
    work = _conv_transpose(layer) if layer.transposed else _conv(layer)
    imports = IMPORTS if wide else IMPORTS.removeprefix("import jax\n")
    return script(layer, imports, wide, tensors(layer, "jnp.array", f"jnp.{layer.dtype}"), [*_prepared(layer), *work])


def _prepared(layer: Layer) -> list[str]:
    """Batch and channels where the request has none."""
    if layer.layout.bare:
        return ["x, kernel = x[None, None], kernel[None, None]  # one picture, one channel"]
    return [] if layer.layout.batched else ["x = x[None]  # a batch of one"]


def _conv(layer: Layer) -> list[str]:
    p, lines = layer.problem, []
    if p.flip_kernel:
        lines.append(f"kernel = jnp.flip(kernel, {_space(layer)})  # flip_kernel: turned round in space")
    padding = WORDS[layer.same] if layer.same else str(list(p.padding)) if layer.padded else '"VALID"'
    if p.pads_by_copying:
        pads, padding = ((0, 0), (0, 0), *p.padding), '"VALID"'
        lines.append(f'x = jnp.pad(x, {pads}, mode="{PAD_MODES[p.padding_mode]}")')
    dilation = options(rhs_dilation=str(p.dilation) if layer.dilated else None)
    return [*lines, *_layer(layer, [str(p.stride), padding, *dilation])]


def _conv_transpose(layer: Layer) -> list[str]:
    p = layer.problem
    channels = _channels(layer)
    lines = [] if layer.layout.bare else ["# In and out swap places in the kernel" + channels[0]]
    lines += channels[1:]
    if p.flip_kernel:
        lines.append("# Spreading turns the kernel round, and flip_kernel turns it back: it stays as it is.")
    else:
        lines.append(f"kernel = jnp.flip(kernel, {_space(layer)})  # spreading turns it round in space")
    lines.append("# Zeros between the elements (lhs_dilation) and around, then a convolution of stride 1.")
    padding = [(dim.reach - 1 - dim.crop[0], dim.reach - 1 - dim.crop[1]) for dim in p.dimensions]
    dilations = options(
        lhs_dilation=str(p.stride) if layer.strided else None,
        rhs_dilation=str(p.dilation) if layer.dilated else None,
    )
    return [*lines, *_layer(layer, [str((1,) * layer.n), str(padding), *dilations])]


def _channels(layer: Layer) -> list[str]:
    """(C_in, C_out/groups, *K) becomes (C_out, C_in/groups, *K): the end of a comment, and the lines."""
    p = layer.problem
    if layer.layout.bare:
        return [""]
    if p.groups == 1:
        return [".", "kernel = kernel.swapaxes(0, 1)"]
    shape = p.kernel_size
    grouped = (p.groups, p.in_group, p.out_group, *shape)
    joined = (p.out_channels, p.in_group, *shape)
    return [", inside each group.", f"kernel = kernel.reshape({grouped}).swapaxes(1, 2).reshape({joined})"]


def _layer(layer: Layer, arguments: list[str]) -> list[str]:
    """The call with strides, padding and what else there is, the bias, and the request's own form."""
    groups, precise = layer.problem.groups, layer.dtype == "float32"
    arguments = [*arguments, *options(feature_group_count=str(groups) if groups > 1 else None)]
    if precise:  # on accelerators the default is less than float32
        arguments += options(precision='"highest"')
    after = indexed(["0"] * (2 - layer.layout.leading))
    target = "y" if after or layer.bias is not None else "output"
    lines = [call(f"{target} = lax.conv_general_dilated", ["x", "kernel", *arguments])]
    if target == "output":
        return lines
    return [*lines, f"output = y{after}{layer.bias_term}"]


def _space(layer: Layer) -> tuple[int, ...]:
    """The spatial axes."""
    return tuple(range(2, 2 + layer.n))
