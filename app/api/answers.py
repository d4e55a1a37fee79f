"""What the computing endpoints answer, for readers of the OpenAPI document.

The answers themselves are written straight from arrays; the tests hold them to these models.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Dtype = Literal["int64", "float32", "float64"]


class Span(BaseModel):
    """Both ends included."""

    min: int
    max: int


class DimensionAnswer(BaseModel):
    """One spatial dimension: the shape rule with its numbers, and what follows from it."""

    model_config = ConfigDict(extra="forbid")

    formula: str
    substituted: str = Field(description="The formula with this dimension's numbers put in.")
    effective_kernel: int = Field(description="d(k - 1) + 1")
    inverse_sizes: list[int] = Field(description="The sizes on the other side that belong to this one; the first 64.")
    inverse_range: Span = Field(description="Both ends of the inverse sizes.")
    unused_input: int = Field(0, description="conv alone: input rows past the end of the last window.")
    coverage: Span = Field(Span(min=0, max=0), description="conv_transpose alone: stamps over an interior element.")


class GeometryAnswer(BaseModel):
    """Everything resolved to numbers; what does not apply to the operation is absent."""

    model_config = ConfigDict(extra="forbid")

    op: Literal["conv", "conv_transpose"]
    input_size: list[int]
    output_size: list[int]
    kernel_size: list[int]
    stride: list[int]
    dilation: list[int]
    padding: list[list[int]] = Field(description="[before, after] of each dimension.")
    padding_mode: str = Field("zeros", description="conv alone.")
    output_padding: list[int] = Field([], description="conv_transpose alone.")
    full_size: list[int] = Field([], description="conv_transpose alone: (i - 1)*s + effective kernel.")
    crop: list[list[int]] = Field([], description="conv_transpose alone: taken off the full map; negative adds zeros.")
    batch: int
    in_channels: int
    out_channels: int
    groups: int
    dimensions: list[DimensionAnswer]
    coverage: Span = Field(Span(min=0, max=0), description="conv_transpose alone: over all dimensions.")
    checkerboard: bool = Field(default=False, description="conv_transpose alone: uneven coverage.")
    macs: int = Field(description="Multiply-adds, exact beyond 64 bits too.")
    parameters: int
    output_elements: int


class CodeAnswer(BaseModel):
    """An operation as a script."""

    model_config = ConfigDict(extra="forbid")

    op: Literal["conv", "conv_transpose"]
    framework: Literal["numpy", "pytorch", "keras", "jax", "onnx"]
    code: str = Field(description="A whole Python script: it leaves the result in `output`, and prints it.")


class StepAnswer(BaseModel):
    """One step to show. Some carry more: windows, rank, origins, products and sums."""

    model_config = ConfigDict(extra="allow")

    view: str
    name: str
    from_: list[str] = Field(alias="from", description="Earlier steps of the view and fields of the request.")
    title: str
    detail: str
    shape: list[int]
    tensor: Any = Field(description="Nested lists; with safetensors the tensor steps/<n> instead.")


class ComputedAnswer(BaseModel):
    """A computed operation."""

    model_config = ConfigDict(extra="forbid")

    output: Any = Field(description="Nested lists in the input's form.")
    dtype: Dtype
    algorithm: str
    shape: list[int]
    geometry: GeometryAnswer
    steps: list[StepAnswer] = Field([], description="There when it was asked for.")
