"""Writes golden.json: answers of torch to whole numbers, for every option that torch has.

In an environment of its own, since the project does not need torch:

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install torch==2.13.0 numpy
    /tmp/golden/bin/python tests/golden/make_golden.py

The numbers are whole and small, so float64 holds every sum exactly and the file is the
same at every run. Where torch cannot say an option (asymmetric padding, a padding mode,
a flipped kernel), its own `pad`, `flip` and slices say it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

TORCH_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}
CONV = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
TRANSPOSE = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
MODULES = {1: torch.nn.ConvTranspose1d, 2: torch.nn.ConvTranspose2d, 3: torch.nn.ConvTranspose3d}

#: Sizes by the number of dimensions, all different along the axes.
SIZES = {1: (9,), 2: (5, 6), 3: (3, 5, 3)}
KERNELS = {1: (3,), 2: (3, 2), 3: (2, 3, 2)}

Options = dict[str, Any]


class Maker:
    """Draws whole numbers one case after the other and keeps the answers."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(20240601)
        self.cases: list[dict[str, Any]] = []

    def numbers(self, *shape: int) -> Any:
        """Whole numbers from −9 to 9 in float64."""
        return torch.from_numpy(self.rng.integers(-9, 10, shape).astype(np.float64))

    def add(
        self, op: str, n: int, options: Options, *, channels: tuple[int, int] = (2, 3), batch: int | None = 1
    ) -> None:
        """One case: op, N, its options by the core's names, channels per group, and a batch or none."""
        groups, bias = options.get("groups", 1), options.pop("bias", False)
        inside, outside = channels
        x = self.numbers(*(() if batch is None else (batch,)), inside * groups, *options.pop("size", SIZES[n]))
        kernel = options.pop("kernel", KERNELS[n])
        leading = (outside * groups, inside) if op == "conv" else (inside * groups, outside)
        w, b = self.numbers(*leading, *kernel), self.numbers(outside * groups) if bias else None
        answer = (conv if op == "conv" else conv_transpose)(n, x, w, b, **options)
        case = {"op": op, "options": options, "input": plain(x), "kernel": plain(w), "output": plain(answer)}
        self.cases.append(case | ({} if b is None else {"bias": plain(b)}))


def plain(tensor: Any) -> list[Any]:
    """Nested lists of ints."""
    values: list[Any] = tensor.numpy().astype(np.int64).tolist()
    return values


def turned(w: Any, n: int, flip_kernel: bool) -> Any:
    return torch.flip(w, tuple(range(2, n + 2))) if flip_kernel else w


def conv(n: int, x: Any, w: Any, b: Any, **options: Any) -> Any:
    """torch's convolution; pairs and padding modes through `pad`."""
    w = turned(w, n, options.pop("flip_kernel", False))
    mode, padding = options.pop("padding_mode", "zeros"), options.get("padding", 0)
    if mode != "zeros" or (isinstance(padding, (list, tuple)) and isinstance(padding[0], (list, tuple))):
        options.pop("padding")
        pairs = [[padding] * 2 if isinstance(padding, int) else padding[j] for j in range(n)]
        flat = [value for pair in reversed(pairs) for value in pair]
        x = functional.pad(x, flat, mode=TORCH_MODES[mode])
    return CONV[n](x, w, b, **options)


def conv_transpose(n: int, x: Any, w: Any, b: Any, **options: Any) -> Any:
    """torch's transposed convolution; pairs as a crop of the map without padding."""
    w = turned(w, n, options.pop("flip_kernel", False))
    padding = options.get("padding", 0)
    if isinstance(padding, (list, tuple)) and isinstance(padding[0], (list, tuple)):
        options.pop("padding")
        whole = TRANSPOSE[n](x, w, b, **options)
        lengths = whole.shape[-n:]
        kept = [slice(before, length - after) for (before, after), length in zip(padding, lengths, strict=True)]
        return whole[(..., *kept)]
    size = options.pop("output_size", None)
    if size is None:
        return TRANSPOSE[n](x, w, b, **options)
    groups = options.get("groups", 1)
    module = MODULES[n](w.shape[0], w.shape[1] * groups, w.shape[2:], bias=b is not None, dtype=w.dtype, **options)
    module.weight.data = w
    if b is not None:
        module.bias.data = b
    return module(x, output_size=list(size)).detach()


def conv_options(n: int) -> Iterator[Options]:
    """What a convolution in n dimensions is asked."""
    mixed = {"stride": (2, 1, 3)[:n], "padding": (1, 0, 2)[:n], "dilation": (1, 2, 1)[:n]}
    yield {}
    yield {"bias": True}
    yield from ({"stride": s, "padding": p} for s, p in product((2, 3), (0, 1, 2)))
    yield from ({"dilation": 2, "padding": p} for p in (1, 3))
    yield from (dict(mixed, groups=g, bias=bool(g % 2)) for g in (1, 2, 3))
    yield from (
        {"padding": word, "dilation": d} for word in ("same", "valid") for d in (1, 2) if word == "same" or d == 1
    )
    yield {"padding": "same", "kernel": (4, 2, 3)[:n]}
    yield {"padding": ((0, 2), (3, 1), (1, 0))[:n], "stride": 2}
    yield from ({"padding_mode": mode, "padding": 2} for mode in ("reflect", "replicate", "circular"))
    pairs = ((2, 1), (0, 3), (1, 2))[:n]
    yield from ({"padding_mode": mode, "padding": pairs, "stride": 2} for mode in ("reflect", "replicate", "circular"))
    yield {"flip_kernel": True, "stride": 2, "padding": 1}
    yield {"padding": 6, "stride": 4}


def transpose_options(n: int) -> Iterator[Options]:
    """What a transposed convolution in n dimensions is asked."""
    yield {}
    yield {"bias": True}
    yield from ({"stride": s, "padding": p} for s, p in product((2, 3), (0, 1, 2)))
    yield from ({"stride": 3, "padding": 1, "output_padding": o} for o in (1, 2))
    yield {"stride": 2, "dilation": 3, "output_padding": 2}
    yield {
        "stride": (2, 1, 3)[:n],
        "padding": (1, 0, 1)[:n],
        "dilation": (1, 2, 1)[:n],
        "output_padding": (1, 1, 2)[:n],
    }
    yield from ({"groups": g, "stride": 2, "bias": bool(g % 2)} for g in (2, 3))
    yield {"stride": 2, "padding": ((0, 1), (2, 0), (1, 1))[:n]}
    yield {"stride": 2, "padding": ((0, 1), (2, 0), (1, 1))[:n], "output_padding": 1}
    yield {"stride": 3, "padding": 1, "output_size": ((26,), (15, 17), (8, 14, 7))[n - 1]}
    yield {"flip_kernel": True, "stride": 2, "padding": 1}
    yield {"padding": 2, "stride": 1, "size": (5, 5, 4)[:n], "kernel": (2, 2, 2)[:n]}


def make() -> list[dict[str, Any]]:
    """All cases."""
    maker = Maker()
    for n in (1, 2, 3):
        channels = (2, 3) if n < 3 else (1, 2)
        for options in conv_options(n):
            maker.add("conv", n, dict(options), channels=channels)
        for options in transpose_options(n):
            maker.add("conv_transpose", n, dict(options), channels=channels)
        for op, batch in product(("conv", "conv_transpose"), (None, 2)):
            maker.add(op, n, {"stride": 2, "padding": 1, "bias": True}, channels=channels, batch=batch)
    return maker.cases


def main() -> None:
    """Writes the file beside this script, one case a line."""
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), sort_keys=True) for case in make())
    Path(__file__).with_name("golden.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
