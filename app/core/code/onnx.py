"""ONNX: a graph of one layer in ONNX's own text, run by the reference evaluator."""

from __future__ import annotations

from app.core.code.exact import fits_float64, in_pieces
from app.core.code.layer import Layer
from app.core.code.numpy import PAD_MODES, flipped
from app.core.code.writing import WIDTH, folded, function, indexed, options, script, tensors

IMPORTS = "import numpy as np\nimport onnx.parser\nfrom onnx.reference import ReferenceEvaluator"

#: The opset that has every padding mode.
OPSET, IR_VERSION = 19, 9

#: Padding words by ONNX's rule, which is the same.
WORDS = {"same": "SAME_UPPER", "same_lower": "SAME_LOWER"}


def write(layer: Layer) -> str:
    """The script."""
    if layer.whole and not fits_float64(layer):
        body = [
            "x, kernel = x.astype(np.float64), kernel.astype(np.float64)",
            *_run(layer, bias=False),
            f"return {_formed(layer)}.astype(np.int64)",
        ]
        work = [*function("def layer(x, kernel):", body), "", "", *in_pieces(layer, "ONNX")]
        return script(layer, IMPORTS, _numbers(layer, "int64"), _model(layer, bias=False), ["", *work])
    in_graph = layer.bias is not None and not _by_group(layer) and not _by_hand(layer)
    after = "" if in_graph else layer.bias_term
    result = f"{_formed(layer)}{after}"
    if layer.whole:
        result = f"({result}).astype(np.int64)" if after else f"{result}.astype(np.int64)"
    work = [*_run(layer, bias=in_graph), f"output = {result}"]
    if layer.dtype == "float32":
        work.insert(0, "# onnxruntime runs it too: InferenceSession(model.SerializeToString()).run(None, ...)")
    dtype = "float64" if layer.whole else layer.dtype
    return script(layer, IMPORTS, _numbers(layer, dtype), _model(layer, bias=in_graph), work)


def _by_group(layer: Layer) -> bool:
    """Whether the model is one group's alone."""
    return layer.transposed and layer.problem.groups > 1


def _by_hand(layer: Layer) -> bool:
    """Whether the model gives the full map, which is cropped outside of it."""
    return any(dim.output_padding >= dim.stride for dim in layer.problem.dimensions)


def _numbers(layer: Layer, dtype: str) -> list[str]:
    comment = ["# ONNX's layers take floats alone. In float64 these whole numbers are exact."]
    floats = layer.whole and dtype == "float64"
    return [*(comment if floats else []), *tensors(layer, "np.array", f"np.{dtype}"), *_prepared(layer)]


def _prepared(layer: Layer) -> list[str]:
    lines = []
    if layer.problem.flip_kernel:
        lines.append(flipped(layer, "flip_kernel"))
    if layer.layout.bare:
        lines.append("x, kernel = x[None, None], kernel[None, None]  # one picture, one channel")
    elif not layer.layout.batched:
        lines.append("x = x[None]  # a batch of one")
    return lines


def _model(layer: Layer, *, bias: bool) -> list[str]:
    p, groups = layer.problem, layer.problem.groups if _by_group(layer) else 1
    number = "float" if layer.dtype == "float32" else "double"
    shapes = {
        "x": (p.batch, p.in_channels // groups, *p.input_size),
        "kernel": (p.kernel_shape[0] // groups, *p.kernel_shape[1:]),
        **({"bias": (p.out_channels,)} if bias else {}),
    }
    typed = [f"{number}{list(shape)} {name}" for name, shape in shapes.items()]
    size = p.full_size if _by_hand(layer) else p.output_size
    result = f"{number}{[p.batch, p.out_channels // groups, *size]} y"
    nodes, source = [], "x"
    if p.pads_by_copying:
        source = "padded"
        nodes = [
            f"pads = Constant <value_ints = {[0, 0, *_befores(layer), 0, 0, *_afters(layer)]}> ()",
            f'padded = Pad <mode = "{PAD_MODES[p.padding_mode]}"> (x, pads)',
        ]
    nodes.append(_node(layer, [source, *list(shapes)[1:]]))
    signature = f"  layer ({', '.join(typed)}) => ({result}) {{"
    return [
        *_remarks(layer),
        'model = onnx.parser.parse_model("""',
        f'  <ir_version: {IR_VERSION}, opset_import: ["": {OPSET}]>',
        signature if len(signature) <= WIDTH else folded("  layer (", typed, f") => ({result}) {{"),
        *(f"    {node}" for node in nodes),
        "  }",
        '""")',
        "evaluator = ReferenceEvaluator(model)",
    ]


def _remarks(layer: Layer) -> list[str]:
    """What onnx's own evaluator cannot do (1.23), though ONNX can say it."""
    lines = []
    if _by_group(layer):
        groups = layer.problem.groups
        lines.append(f"# onnx's evaluator gets groups of ConvTranspose wrong: this is one of {groups}, run for each.")
    if _by_hand(layer):
        lines.append("# onnx's evaluator takes output_padding below the stride alone: this gives the full map,")
        lines.append("# and the padding is taken off it afterwards.")
    return lines


def _node(layer: Layer, inputs: list[str]) -> str:
    """The operator with its attributes."""
    p = layer.problem
    by_word = layer.same is not None and not layer.transposed
    pads = layer.padded and not by_word and not p.pads_by_copying and not _by_hand(layer)
    attributes = options(
        strides=str(list(p.stride)) if layer.strided else None,
        dilations=str(list(p.dilation)) if layer.dilated else None,
        auto_pad=f'"{WORDS[layer.same]}"' if layer.same and by_word else None,
        pads=str([*_befores(layer), *_afters(layer)]) if pads else None,
        output_padding=str(list(p.output_padding)) if any(p.output_padding) and not _by_hand(layer) else None,
        group=str(p.groups) if p.groups > 1 and not _by_group(layer) else None,
    )
    operator = "ConvTranspose" if layer.transposed else "Conv"
    line = f"y = {operator} <{', '.join(attributes)}> ({', '.join(inputs)})"
    if not attributes:
        return line.replace("<> ", "")
    return (
        line
        if len(line) <= WIDTH - 4
        else folded(f"    y = {operator} <", attributes, f"> ({', '.join(inputs)})").lstrip()
    )


def _befores(layer: Layer) -> list[int]:
    return [before for before, _ in layer.problem.padding]


def _afters(layer: Layer) -> list[int]:
    return [after for _, after in layer.problem.padding]


def _run(layer: Layer, *, bias: bool) -> list[str]:
    """Lines from `x` and `kernel` to `y`."""
    if _by_group(layer):
        groups = layer.problem.groups
        lines = [
            f"inputs, kernels = np.split(x, {groups}, axis=1), np.split(kernel, {groups})",
            'parts = [evaluator.run(None, {"x": a, "kernel": b})[0] for a, b in zip(inputs, kernels)]',
            "y = np.concatenate(parts, axis=1)",
        ]
    else:
        inputs = ", ".join(f'"{name}": {name}' for name in ("x", "kernel", *(["bias"] if bias else [])))
        lines = [f"(y,) = evaluator.run(None, {{{inputs}}})"]
    beyond = [max(0, -after) for _, after in layer.problem.crop]
    if _by_hand(layer) and any(beyond):
        lines.append(f"y = np.pad(y, {((0, 0), (0, 0), *((0, rows) for rows in beyond))})")
    return lines


def _formed(layer: Layer) -> str:
    """`y` in the request's form, cropped where the model did not."""
    leading = ["0"] * (2 - layer.layout.leading) + [":"] * layer.layout.leading
    cuts = [f"{start or ''}:{stop}" for start, stop in layer.cut] if _by_hand(layer) else []
    return f"y{indexed([*leading, *cuts])}"
