"""One operation to measure: its sizes as in PyTorch, its arrays, and its group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.core.checks import describe
from app.core.geometry import Op
from app.core.layout import Array
from app.core.problem import Ints, Problem, Setting


@dataclass(frozen=True)
class Case:
    """One operation; sizes as in PyTorch. `dense` marks the layers that are judged together."""

    name: str
    op: Op
    channels: tuple[int, int]
    size: tuple[int, ...]
    kernel: Ints
    batch: int = 1
    stride: Ints = 1
    padding: Ints = 0
    dilation: Ints = 1
    output_padding: int = 0
    groups: int = 1
    dtype: str = "float32"
    dense: bool = False
    padding_mode: str = "zeros"

    @classmethod
    def read(cls, fields: dict[str, Any]) -> Case:
        """A case from its fields as JSON has them, which knows no tuples."""
        own: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
        return cls(**own)

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments beside the arrays; those of PyTorch's layers and ours have the same names."""
        settings: dict[str, Any] = {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }
        if self.op == "conv_transpose":
            settings["output_padding"] = self.output_padding
        if self.padding_mode != "zeros":
            settings["padding_mode"] = self.padding_mode
        return settings

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The dtype as NumPy has it."""
        return np.dtype(self.dtype)

    @property
    def is_channelwise(self) -> bool:
        """Whether each channel has a kernel of its own: a single channel, or depthwise."""
        return self.groups == self.channels[0] == self.channels[1]

    def problem(self) -> Problem:
        """The operation as the core describes it.

        Raises:
            ProblemError: the sizes do not fit.
        """
        inside, outside = self.channels
        kernel_channels = (outside, inside // self.groups)
        if self.op == "conv_transpose":
            kernel_channels = (inside, outside // self.groups)
        return describe(
            Setting(
                self.op,
                self.size,
                self.kernel,
                batch=self.batch,
                in_channels=inside,
                kernel_channels=kernel_channels,
                **self.settings,
            )
        )

    def arrays(self, seed: int = 0) -> tuple[Array, Array]:
        """Input and kernel with random numbers."""
        random, problem = np.random.default_rng(seed), self.problem()
        if self.dtype == "int64":
            return random.integers(-99, 100, problem.input_shape), random.integers(-99, 100, problem.kernel_shape)
        dtype: Any = np.float64 if self.dtype == "float64" else np.float32
        return (
            random.standard_normal(problem.input_shape, dtype),
            random.standard_normal(problem.kernel_shape, dtype),
        )

    def label(self) -> str:
        """The sizes in short, for cases that were drawn and not named."""
        inside, outside = self.channels
        size = "×".join(map(str, self.size))
        parts = ["transposed"] if self.op == "conv_transpose" else []
        parts += [f"{self.batch}×{inside}→{outside} at {size}, k{_short(self.kernel)}"]
        options = {"s": self.stride, "p": self.padding, "d": self.dilation, "op": self.output_padding}
        parts += [f"{key}{_short(value)}" for key, value in options.items() if value != (1 if key in "sd" else 0)]
        parts += [f"groups {self.groups}"] if self.groups > 1 else []
        parts += [self.padding_mode] if self.padding_mode != "zeros" else []
        return " ".join([*parts, *([self.dtype] if self.dtype != "float32" else [])])


def _short(value: Ints) -> str:
    return str(value) if isinstance(value, int) else "×".join(map(str, value))
