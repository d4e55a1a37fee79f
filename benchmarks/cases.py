"""The panel: layers that networks have, filters that pictures and sound get."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.core.checks import describe
from app.core.geometry import Op
from app.core.layout import Array
from app.core.problem import Problem, Setting


@dataclass(frozen=True)
class Case:
    """One operation; sizes as in PyTorch."""

    name: str
    op: Op
    channels: tuple[int, int]
    size: tuple[int, ...]
    kernel: int
    batch: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    output_padding: int = 0
    groups: int = 1
    dtype: str = "float32"

    def problem(self) -> Problem:
        """The operation as the core describes it."""
        inside, outside = self.channels
        kernel_channels = (outside, inside // self.groups)
        if self.op == "conv_transpose":
            kernel_channels = (inside, outside // self.groups)
        return describe(
            Setting(
                self.op,
                self.size,
                self.kernel,
                stride=self.stride,
                padding=self.padding,
                dilation=self.dilation,
                output_padding=self.output_padding,
                groups=self.groups,
                batch=self.batch,
                in_channels=inside,
                kernel_channels=kernel_channels,
            )
        )

    def arrays(self, seed: int = 0) -> tuple[Array, Array]:
        """Input and kernel with random numbers."""
        random, problem = np.random.default_rng(seed), self.problem()
        if self.dtype == "int64":
            return random.integers(-99, 100, problem.input_shape), random.integers(-99, 100, problem.kernel_shape)
        return (
            random.standard_normal(problem.input_shape).astype(self.dtype),
            random.standard_normal(problem.kernel_shape).astype(self.dtype),
        )


PANEL = (
    Case("4×4, k3", "conv", (1, 1), (4, 4), 3),
    Case("512×512, k3", "conv", (1, 1), (512, 512), 3),
    Case("512×512, k7", "conv", (1, 1), (512, 512), 7),
    Case("512×512, k31", "conv", (1, 1), (512, 512), 31),
    Case("full HD depthwise, k3", "conv", (3, 3), (1080, 1920), 3, groups=3),
    Case("64→64 at 56×56, k3 p1", "conv", (64, 64), (56, 56), 3, padding=1),
    Case("256→256 at 14×14, k3 p1", "conv", (256, 256), (14, 14), 3, padding=1),
    Case("512→512 at 7×7, k3 p1", "conv", (512, 512), (7, 7), 3, padding=1),
    Case("3→64 at 224×224, k7 s2 p3", "conv", (3, 64), (224, 224), 7, stride=2, padding=3),
    Case("64→256 at 56×56, k1", "conv", (64, 256), (56, 56), 1),
    Case("8 × 64→64 at 56×56, k3 s2 p1", "conv", (64, 64), (56, 56), 3, batch=8, stride=2, padding=1),
    Case("128→128 at 28×28, groups 32, k3 p1", "conv", (128, 128), (28, 28), 3, padding=1, groups=32),
    Case("64→64 at 56×56, k3 d2 p2", "conv", (64, 64), (56, 56), 3, padding=2, dilation=2),
    Case("transposed 2×2, k3 s2", "conv_transpose", (1, 1), (2, 2), 3, stride=2),
    Case("transposed 512→256 at 4×4, k4 s2 p1", "conv_transpose", (512, 256), (4, 4), 4, stride=2, padding=1),
    Case("transposed 128→64 at 16×16, k4 s2 p1", "conv_transpose", (128, 64), (16, 16), 4, stride=2, padding=1),
    Case("transposed 64→3 at 64×64, k4 s2 p1", "conv_transpose", (64, 3), (64, 64), 4, stride=2, padding=1),
    Case("transposed 256→128 at 32×32, k2 s2", "conv_transpose", (256, 128), (32, 32), 2, stride=2),
    Case(
        "transposed 64→32 at 32×32, k3 s2 p1 op1",
        "conv_transpose",
        (64, 32),
        (32, 32),
        3,
        stride=2,
        padding=1,
        output_padding=1,
    ),
    Case("sound, 480000, k1025", "conv", (1, 1), (480_000,), 1025),
    Case("transposed sound 64→1, 16000, k16 s8", "conv_transpose", (64, 1), (16_000,), 16, stride=8),
    Case("volume 16→32 at 32³, k3 p1", "conv", (16, 32), (32, 32, 32), 3, padding=1),
    Case("512×512, k3, float64", "conv", (1, 1), (512, 512), 3, dtype="float64"),
    Case("512×512, k3, int64", "conv", (1, 1), (512, 512), 3, dtype="int64"),
)
