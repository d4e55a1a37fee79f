"""Requests of every kind, drawn at random: both operations, both forms, every dtype, algorithm, view and framework."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from app.core.geometry import Op
from tests.api.client import CODE, CONV, CONV_TRANSPOSE, JSON, SAFETENSORS, packed

Array = NDArray[Any]
Shape = tuple[int, ...]

#: As safetensors stores them; NumPy has no bfloat16, and the package packs none from it.
STORED = ("float32", "float32", "float64", "int64", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float16")

#: Multiply-adds of a request at most: a second or two of floats.
MOST_WORK = {"i": 2 * 10**8, "f": 2 * 10**9}

#: Elements of a request's tensors together at most, and of one whose numbers are written as text.
MOST_ELEMENTS, MOST_TEXT = 2 * 10**7, 10**6


@dataclass(frozen=True)
class Request:
    """One request: its operation, tensors and other fields, and the media types that it is sent and answered in."""

    op: Op
    tensors: dict[str, Array]
    fields: dict[str, Any]
    sent: str
    answer: str
    framework: str = ""

    @property
    def path(self) -> str:
        return CODE if self.framework else CONV if self.op == "conv" else CONV_TRANSPOSE

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Type": self.sent, "Accept": self.answer}

    @property
    def body(self) -> bytes:
        if self.sent == SAFETENSORS:
            return packed(self.tensors, self.fields)
        code = {"op": self.op, "framework": self.framework} if self.framework else {}
        return orjson.dumps(self.tensors | self.fields | code, option=orjson.OPT_SERIALIZE_NUMPY)

    @property
    def what(self) -> str:
        """In a few words, for whoever looks into a failure."""
        shapes = " * ".join(f"{values.dtype.name}{values.shape}" for values in self.tensors.values())
        form = f"{'JSON' if self.sent == JSON else 'bulk'} to {'JSON' if self.answer == JSON else 'bulk'}"
        return f"{self.framework or self.op} {shapes}, {form}, {self.fields}"


@dataclass(frozen=True)
class Layer:
    """An operation before it has numbers: `op`, the shapes of input and kernel, and its other fields."""

    op: Op
    input: Shape
    kernel: Shape
    fields: dict[str, Any]

    @property
    def elements(self) -> int:
        """Those of input, kernel and about those of the output."""
        return 2 * math.prod(self.input) + math.prod(self.kernel)

    @property
    def bare(self) -> bool:
        """Whether there are no channels."""
        return len(self.kernel) < 3 or self.fields.get("spatial_dims") == len(self.kernel)

    @property
    def work(self) -> int:
        """About its multiply-adds."""
        if self.bare:
            return math.prod(self.input) * math.prod(self.kernel)
        n = len(self.kernel) - 2
        batch = math.prod(self.input[: -n - 1])
        return batch * math.prod(self.input[-n:]) * math.prod(self.kernel)


class Draw:
    """A random generator with the draws that kinds need."""

    def __init__(self, seed: int, elements: int = MOST_ELEMENTS) -> None:
        self.rng = np.random.default_rng(seed)
        self.elements = elements

    def among(self, *choices: Any) -> Any:
        """One of these."""
        return choices[int(self.rng.integers(len(choices)))]

    def upto(self, low: int, high: int) -> int:
        """A whole number, large ones somewhat likelier on a logarithmic scale."""
        found: float = low * (high / low) ** float(max(self.rng.random(2)))
        return round(found)

    def numbers(self, shape: Shape, dtype: str) -> Array:
        """Random numbers, short enough for any dtype."""
        if np.dtype(dtype).kind == "f":
            return self.rng.standard_normal(shape).astype(dtype)
        return self.rng.integers(0 if dtype.startswith("u") else -9, 100, shape, dtype)


def _dense(draw: Draw) -> Layer:
    channels = draw.upto(4, 128), draw.upto(4, 128)
    size, k, batch = draw.upto(7, 160), draw.among(1, 3, 3, 3, 5), draw.among(1, 1, 2, 5)
    fields = {"padding": draw.among(0, "same", k // 2), "stride": draw.among(1, 1, 2), "dilation": draw.among(1, 1, 2)}
    fields = fields if fields["padding"] != "same" else fields | {"stride": 1}
    return Layer("conv", (batch, channels[0], size, size + 3), (channels[1], channels[0], k, k), fields)


def _depthwise(draw: Draw) -> Layer:
    channels, size, k = draw.upto(3, 96), draw.upto(16, 600), draw.among(3, 5, 7, 9)
    mode = draw.among("zeros", "zeros", "reflect", "replicate", "circular")
    fields = {"groups": channels, "padding": "same", "padding_mode": mode}
    return Layer("conv", (1, channels, size, size), (channels, 1, k, k), fields)


def _picture(draw: Draw) -> Layer:
    size, k = (draw.upto(100, 2500), draw.upto(100, 2500)), draw.among(1, 2, 3, 9, 15, 31, 63)
    mode = draw.among("zeros", "zeros", "reflect", "replicate", "circular")
    return Layer("conv", size, (k, min(k, size[1] // 4)), {"padding": min(k, 25), "padding_mode": mode})


def _line(draw: Draw) -> Layer:
    fields = {"stride": draw.among(1, 1, 3), "dilation": draw.among(1, 7), "padding": draw.among(0, 100)}
    return Layer(
        "conv", (1, draw.among(1, 4), draw.upto(10**4, 10**6)), (draw.among(1, 2, 8), 1, draw.upto(1, 900)), fields
    )


def _volume(draw: Draw) -> Layer:
    op, k, channels = draw.among("conv", "conv_transpose"), draw.among(2, 3), draw.upto(1, 16)
    size = draw.upto(5, 60)
    return Layer(op, (channels, size, size, size), (channels, channels, k, k, k), {"stride": draw.among(1, 2)})


def _few_outputs(draw: Draw) -> Layer:
    size, channels = draw.upto(3, 24), draw.upto(16, 512)
    return Layer("conv", (draw.among(1, 3), channels, size, size), (draw.upto(8, 512), channels, size, size - 1), {})


def _upsampling(draw: Draw) -> Layer:
    channels, size, k, s = (
        (draw.upto(1, 64), draw.upto(1, 64)),
        draw.upto(8, 128),
        draw.among(2, 3, 4, 5),
        draw.among(1, 2, 3),
    )
    fields = {"stride": s, "padding": draw.among(0, 1), "flip_kernel": draw.among(True, False)}
    return Layer("conv_transpose", (draw.among(1, 2), channels[0], size, size), (*channels, k, k), fields)


def _stamps(draw: Draw) -> Layer:
    channels, k = (draw.upto(16, 512), draw.upto(4, 256)), draw.among(3, 4, 16)
    return Layer(
        "conv_transpose", (1, channels[0], 4, draw.among(1, 4)), (*channels, k, k), {"stride": draw.among(1, 4, k)}
    )


def _apart(draw: Draw) -> Layer:
    """A small input far apart on a large map."""
    stride = draw.upto(30, 900)
    return Layer("conv_transpose", (5, 5), (3, 3), {"stride": stride, "output_padding": stride - 1})


LAYERS: tuple[Callable[[Draw], Layer], ...] = (
    _dense, _dense, _depthwise, _picture, _picture, _line, _volume, _few_outputs, _upsampling, _stamps, _apart,
)  # fmt: skip


def _shown(draw: Draw, longest: int = 3000, widest: int = 150) -> Layer:
    """Small enough to be shown step by step; most of them not by much."""
    n, k = draw.among(1, 2, 2), draw.among(1, 2, 3, 4)
    op = draw.among("conv", "conv_transpose")
    size = tuple(draw.upto(8, longest if n == 1 else widest) for _ in range(n))
    fields = {"spatial_dims": n, "stride": draw.among(1, 2), "flip_kernel": draw.among(True, False)}
    if draw.among(True, False):
        return Layer(op, size, (k,) * n, fields)
    channels = draw.upto(1, 8), draw.upto(1, 8)
    return Layer(
        op,
        (draw.among(1, 2), channels[0], *size),
        (*(channels if op == "conv_transpose" else channels[::-1]), *(k,) * n),
        fields,
    )


def request_of(seed: int, elements: int = MOST_ELEMENTS) -> Request:
    """The request that a seed stands for, of so many elements at most. Most are accepted."""
    draw = Draw(seed, elements)
    make: Callable[[Draw], Request] = draw.among(_bulk, _bulk, _bulk, _text, _text, _steps, _steps, _code)
    return make(draw)


def plain_request_of(seed: int) -> Request:
    """A request whose tensors share the dtype that they are computed in, so that it can be sent in any form."""
    draw = Draw(seed)
    dtype = draw.among("float32", "float32", "float64", "int64")
    layer = draw.among(_within, _within, _shown_layer)(draw, MOST_TEXT, dtype)
    tensors = {"input": draw.numbers(layer.input, dtype), "kernel": draw.numbers(layer.kernel, dtype)}
    fields = layer.fields | draw.among({}, {}, {"method": "direct"})
    return Request(layer.op, _with_bias(draw, layer, tensors), fields, SAFETENSORS, SAFETENSORS)


def _bulk(draw: Draw) -> Request:
    stored = draw.among(*STORED)
    layer = _within(draw, MOST_ELEMENTS, stored)
    other = stored if draw.among(True, True, False) else draw.among(*STORED)
    tensors = _with_bias(
        draw, layer, {"input": draw.numbers(layer.input, stored), "kernel": draw.numbers(layer.kernel, other)}
    )
    if len(layer.kernel) > 1 and draw.among(True, False, False):  # of rank one
        lines = [draw.numbers((length,), other) for length in layer.kernel[-2:]]
        tensors["kernel"] = np.ones(layer.kernel, other) * np.multiply.outer(*lines)
    answer = draw.among(SAFETENSORS, SAFETENSORS, JSON) if layer.elements <= 10**6 else SAFETENSORS
    return Request(layer.op, tensors, layer.fields | _asked(draw), SAFETENSORS, answer)


def _text(draw: Draw) -> Request:
    kind = draw.among(*TEXTS)
    layer = _within(draw, MOST_TEXT, "int64")
    fields = layer.fields | _asked(draw)
    return Request(layer.op, _written(draw, layer, kind), fields, JSON, draw.among(JSON, JSON, SAFETENSORS))


def _steps(draw: Draw) -> Request:
    layer, kind = _shown(draw), draw.among(*TEXTS)
    views = ["sliding_window", "matrix", *["scatter"] * (layer.op == "conv_transpose")]
    chosen = [view for view in views if draw.among(True, False)] or [draw.among(*views)]
    fields = layer.fields | _asked(draw) | {"steps": chosen}
    return Request(layer.op, _written(draw, layer, kind), fields, JSON, draw.among(JSON, SAFETENSORS))


def _code(draw: Draw) -> Request:
    layer, kind = _within(draw, 60_000, "int64"), draw.among(*TEXTS)
    framework = draw.among("numpy", "pytorch", "keras", "jax", "onnx")
    return Request(layer.op, _written(draw, layer, kind), layer.fields, JSON, JSON, framework)


def _within(draw: Draw, elements: int, dtype: str) -> Layer:
    """A layer with no more elements and work than that."""
    while True:
        layer: Layer = draw.among(*LAYERS)(draw)
        if (
            layer.elements <= min(elements, draw.elements)
            and layer.work <= MOST_WORK[np.dtype(dtype).kind.replace("u", "i")]
        ):
            return layer


def _shown_layer(draw: Draw, _elements: int, _dtype: str) -> Layer:
    return _shown(draw, 200, 16)


def _asked(draw: Draw) -> dict[str, Any]:
    dtype: dict[str, Any] = draw.among({}, {}, {"dtype": "float32"}, {"dtype": "float64"})
    method: dict[str, Any] = draw.among({}, {}, {"method": "direct"})
    return dtype | method


#: Numbers as text: whole ones, single digits, long fractions, short ones.
TEXTS = ("whole", "digits", "fractions", "tenths")


def _written(draw: Draw, layer: Layer, kind: str) -> dict[str, Array]:
    def numbers(shape: Shape) -> Array:
        if kind in ("whole", "digits"):
            ends = (0, 10) if kind == "digits" else (-(10**6), 10**6)
            return draw.rng.integers(*ends, shape)
        fractions = draw.rng.standard_normal(shape)
        return fractions if kind == "fractions" else fractions.round(1)

    tensors = {"input": numbers(layer.input), "kernel": numbers(layer.kernel)}
    return _with_bias(draw, layer, tensors)


def _with_bias(draw: Draw, layer: Layer, tensors: dict[str, Array]) -> dict[str, Array]:
    """Half of them get one."""
    if draw.among(True, False):
        return tensors
    channels = 1 if layer.bare else layer.kernel[0]
    if layer.op == "conv_transpose" and not layer.bare:
        channels = layer.kernel[1] * layer.fields.get("groups", 1)
    return tensors | {"bias": tensors["input"].reshape(-1)[:1].repeat(channels)}
