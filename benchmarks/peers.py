"""The same operation in ours and in other libraries, as their users run it."""

from __future__ import annotations

import importlib.util
import itertools
from typing import Any

import numpy as np

from app.core import conv, conv_transpose
from app.core.layout import Array
from app.core.parallel import team
from benchmarks.cases import Case
from benchmarks.timing import Call, block

PEERS = ("torch", "scipy", "onnxruntime")


def ours(case: Case, x: Array, w: Array) -> Call:
    """A call of the public function, checks included."""
    function, settings = conv if case.op == "conv" else conv_transpose, case.settings
    return lambda: function(x, w, **settings)


def callers(case: Case, x: Array, w: Array, peers: tuple[str, ...] = PEERS) -> dict[str, Call]:
    """Ours and those peers that are installed and can do the case; each is seen to answer the same.

    Raises:
        AssertionError: a peer answers something else, so that the comparison would mean nothing.
    """
    calls = {"ours": ours(case, x, w)}
    answer = calls["ours"]()
    makers = {"torch": _torch, "scipy": _scipy, "onnxruntime": _onnxruntime}
    for peer in peers:
        call = makers[peer](case, x, w) if importlib.util.find_spec(peer) else None
        if call is not None:
            theirs = np.asarray(call()).reshape(answer.shape)
            assert np.abs(theirs - answer).max() <= 1e-3 * np.abs(answer).max(), (case, peer)
            calls[peer] = call
    return calls


def _torch(case: Case, x: Array, w: Array) -> Call:
    import torch

    torch.set_num_threads(team.size)
    torch.set_grad_enabled(False)
    a, b = torch.from_numpy(x), torch.from_numpy(w)
    name = ("conv" if case.op == "conv" else "conv_transpose") + f"{len(case.size)}d"
    function, settings = getattr(torch.nn.functional, name), case.settings
    mode = settings.pop("padding_mode", None)
    if mode is None:
        return lambda: function(a, b, **settings)
    # As its layers do it, which have the mode. It counts from the last axis on.
    around = [p for p in reversed(_each(settings.pop("padding"), len(case.size))) for _ in range(2)]
    return lambda: function(torch.nn.functional.pad(a, around, mode), b, **settings)


def _onnxruntime(case: Case, x: Array, w: Array) -> Call | None:
    """A network of this one layer, its kernel a constant, as networks have it; it takes float32 and zeros alone."""
    if case.dtype != "float32" or "padding_mode" in case.settings or importlib.util.find_spec("onnx") is None:
        return None
    import onnxruntime
    from onnx import helper, numpy_helper

    rank = len(case.size)
    attributes: dict[str, Any] = {
        "strides": _each(case.stride, rank),
        "dilations": _each(case.dilation, rank),
        "pads": 2 * _each(case.padding, rank),
        "group": case.groups,
    }
    if case.op == "conv_transpose":
        attributes["output_padding"] = _each(case.output_padding, rank)
    kind = "Conv" if case.op == "conv" else "ConvTranspose"
    node = helper.make_node(kind, ["x", "w"], ["y"], **attributes)
    ends = [helper.make_tensor_value_info(name, 1, shape) for name, shape in (("x", x.shape), ("y", None))]
    graph = helper.make_graph([node], "layer", ends[:1], ends[1:], [numpy_helper.from_array(w, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = team.size
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {"x": x}
    return lambda: session.run(None, feed)[0]


def _scipy(case: Case, x: Array, w: Array) -> Call | None:
    """The fastest of SciPy's ways: correlation and overlap-add by channel, or upfirdn for transposed sound."""
    from scipy import signal

    if case.op == "conv_transpose":
        one_output = len(case.size) == 1 and case.channels[1] == case.groups == case.batch == case.dilation == 1
        if not one_output or case.padding or case.output_padding:
            return None
        return lambda: sum(signal.upfirdn(b[0], a, up=case.stride) for a, b in zip(x[0], w, strict=True))
    rank = len(case.size)
    if (
        not case.is_channelwise
        or "padding_mode" in case.settings
        or set(_each(case.stride, rank) + _each(case.dilation, rank)) != {1}
    ):
        return None
    pads = ((0, 0), (0, 0), *((p, p) for p in _each(case.padding, rank)))

    def by_channel(one: Any, kernels: Array) -> Call:
        def call() -> Array:
            channels = (np.pad(x, pads) if case.padding else x).reshape(-1, *_padded(case, rank))
            return np.stack([one(a, b, mode="valid") for a, b in zip(channels, itertools.cycle(kernels))])

        return call

    def direct(a: Array, b: Array, mode: str) -> Array:
        return np.asarray(signal.correlate(a, b, mode=mode, method="direct"))

    ways = [by_channel(direct, w[:, 0])]
    if case.numpy_dtype.kind == "f":
        ways.append(by_channel(signal.oaconvolve, np.flip(w[:, 0], tuple(range(1, rank + 1)))))
    return min(ways, key=lambda way: block(way, 0.01))


def _padded(case: Case, rank: int) -> list[int]:
    return [size + 2 * p for size, p in zip(case.size, _each(case.padding, rank), strict=True)]


def _each(value: Any, rank: int) -> list[int]:
    return [value] * rank if isinstance(value, int) else list(value)
