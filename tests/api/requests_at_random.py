"""The random settings of the core's tests as requests, in every form that they can be sent in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests import naive
from tests.api.client import CONV, CONV_TRANSPOSE
from tests.core.strategies import Array, Case, Numbers

Body = dict[str, Any]

PATHS = {"conv": CONV, "conv_transpose": CONV_TRANSPOSE}
WHOLE = Numbers("int64")


@dataclass(frozen=True)
class Request:
    """A request for a case: `input`, `kernel` and `bias` in one of the forms, and its other fields."""

    case: Case
    input: Array
    kernel: Array
    bias: Array | None
    fields: Body

    @property
    def path(self) -> str:
        return PATHS[self.case.op]

    @property
    def tensors(self) -> dict[str, Array]:
        """The tensors by name."""
        tensors = {"input": self.input, "kernel": self.kernel}
        return tensors if self.bias is None else tensors | {"bias": self.bias}

    @property
    def body(self) -> Body:
        """The whole request as JSON."""
        return {name: values.tolist() for name, values in self.tensors.items()} | self.fields

    @property
    def size_body(self) -> Body:
        """The same setting for /v1/output-size."""
        case = self.case
        counts = {"batch": case.input_shape[0], "in_channels": case.input_shape[1], "out_channels": case.out_channels}
        sizes = {"op": case.op, "input_size": case.input_shape[2:], "kernel_size": case.kernel_shape[2:]}
        options = {name: value for name, value in case.options.items() if name != "flip_kernel"}
        return sizes | counts | {"bias": case.with_bias} | options

    def in_form(self, output: Array) -> Array:
        """An output at rank N + 2 in the form of this request."""
        return output.reshape(output.shape[len(self.case.input_shape) - self.input.ndim :])


def request_of(case: Case, numbers: Numbers = WHOLE) -> Request:
    """A case in one of the forms that its shapes allow; which one follows from its seed."""
    x, w, bias = case.arrays(numbers)
    n = x.ndim - 2
    fields: Body = dict(case.options)
    if case.seed % 2:
        fields["spatial_dims"] = n
    single = case.input_shape[0] == 1
    if single and case.input_shape[1] == case.out_channels == 1 and case.seed % 3 == 0:
        fields |= {"spatial_dims": 3} if n == 3 else {}
        bare_bias = bias if bias is None or case.seed % 5 else bias.reshape(())
        return Request(case, x[0, 0], w[0, 0], bare_bias, fields)
    return Request(case, x[0] if single and case.seed % 3 == 1 else x, w, bias, fields)


def sums_of(request: Request, numbers: Numbers = WHOLE) -> naive.Sums:
    """What is right, at rank N + 2."""
    return request.case.sums(*request.case.arrays(numbers))


def within_the_promise(request: Request, output: Array, numbers: Numbers) -> bool:
    """Whether a float output is within (K + 2)·u·S of the exact sums."""
    sums = sums_of(request, numbers)
    case = request.case
    inside = case.kernel_shape[1] if case.op == "conv" else case.kernel_shape[0] // case.options["groups"]
    products = inside * int(np.prod(case.kernel_shape[2:]))
    unit = float(np.finfo(numbers.dtype).eps) / 2
    error = np.abs(naive.exact(output.reshape(sums.value.shape)) - sums.value)
    return bool((error <= (products + 2) * unit * sums.magnitude.astype(np.float64)).all())
