"""From the bytes of a computing request to a job: every check, and the price, before any work."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from typing import Any

import numpy as np

from app.api.body import Body
from app.api.budget import UNCOUNTED, Counting, nothing
from app.api.negotiation import JSON, SAFETENSORS
from app.api.reading import frozen, read_object, value_bytes
from app.api.safetensors import TENSORS, header_of, read_safetensors
from app.api.schemas import ASKED_DTYPES, ConvParameters, ConvTransposeParameters, Parameters, read_fields
from app.api.tensors import Tensor, cast, read_json_tensor, shared_dtype
from app.api.writing import json_bytes, number_bytes
from app.core.checks import check_despite
from app.core.cost import Extra, Limits, affordable, check_memory
from app.core.errors import ProblemError
from app.core.findings import Findings, given_number, shown
from app.core.geometry import Op
from app.core.layout import Array, Layout, as_full, layout_of
from app.core.plan import Plan
from app.core.problem import Problem, Setting
from app.core.text import say
from app.core.views import VIEWS, step_bytes, step_elements, step_work

#: How often the JSON of an answer in safetensors is there at once: it is told, put into the head, and that joined.
_COPIES = 3

#: Guesses in nanoseconds, to tell tiny work: writing a number, and making and writing a step's element.
_WRITE_PRICE = 40
_STEP_PRICE = 400


@dataclass(frozen=True)
class Job:
    """One request, checked and within the limits: what to compute and how to answer.

    Tensors are of rank N + 2 and of one dtype. `price` guesses all of its time, in nanoseconds,
    and `bytes` all of its memory but the body's.
    """

    plan: Plan
    layout: Layout
    input: Array
    kernel: Array
    bias: Array | None
    views: tuple[str, ...]
    answer_type: str
    price: float
    bytes: int


@dataclass(frozen=True)
class Admitted:
    """A request that is sound by its shapes and fields, and within the limits by its shapes."""

    plan: Plan
    layout: Layout
    dtype: np.dtype[Any]
    views: tuple[str, ...]
    extra: Extra


#: What was admitted before, by everything that it depends on; forgotten all at once when full.
_kept: dict[Hashable, Admitted] = {}
_KEPT_AT_MOST = 1024


def read_job(op: Op, body: Body, body_type: str, answer_type: str, limits: Limits, hold: Counting = nothing) -> Job:
    """The job that a body asks for; `hold` is told of the memory that reading takes, before it is taken.

    Raises:
        MalformedBodyError: the body is not of its type at all.
        ProblemError: with every independent fault.
        TooCostlyError: it is over the limits.
    """
    findings = Findings()
    weigh(body, body_type, limits, hold)
    if body_type == SAFETENSORS:
        tensors, given = _read_binary(body, findings)
    else:
        given = read_object(body)
        tensors = take_tensors(given, findings)
    key = None if findings.faults else _key(op, tensors, given, answer_type, limits)
    admitted = _kept.get(key)
    if admitted is None:
        admitted = _admit(op, tensors, given, body_type, answer_type, limits, findings, hold)
        if key is not None and admitted.plan.is_small:
            if len(_kept) >= _KEPT_AT_MOST:
                _kept.clear()
            _kept[key] = admitted
    return job_of(admitted, tensors, answer_type, limits)


def weigh(body: Body, body_type: str, limits: Limits, hold: Counting) -> None:
    """Hold the memory that the values of a body's text take; those of a short one are not counted.

    Raises:
        TooCostlyError: they take more than the limits allow.
    """
    text, decodings = (header_of(body), 2) if body_type == SAFETENSORS else (body, 1)
    if len(text) > UNCOUNTED:
        bytes_ = value_bytes(text) * decodings
        check_memory(bytes_, limits)
        hold(bytes_)


def _key(
    op: Op, tensors: Mapping[str, Tensor], given: Mapping[str, Any], answer_type: str, limits: Limits
) -> Hashable | None:
    """All that admission depends on; None where a field is of no form that a sound one has."""
    try:
        fields = tuple((name, _typed(value)) for name, value in given.items())
    except TypeError:
        return None
    shapes = tuple((tensor.field, tensor.shape, tensor.dtype) for tensor in tensors.values())
    return op, answer_type, limits, shapes, fields


def _typed(value: Any, deepest: int = 2) -> Hashable:
    """A field's value with its types: to a dictionary 1, 1.0 and true are one key.

    Raises:
        TypeError: it is no number, word or short list, or a list too deep.
    """
    if type(value) in (int, str, bool):
        return type(value), value
    if type(value) is list and len(value) <= 3 and deepest:
        return tuple(_typed(entry, deepest - 1) for entry in value)
    raise TypeError


def _admit(
    op: Op,
    tensors: Mapping[str, Tensor],
    given: Mapping[str, Any],
    body_type: str,
    answer_type: str,
    limits: Limits,
    findings: Findings,
    hold: Counting,
) -> Admitted:
    """Check everything but the values.

    Raises:
        ProblemError: with what was found before, and every fault that is independent of it.
        TooCostlyError: it is over the limits.
    """
    model: type[ConvParameters | ConvTransposeParameters]
    model = ConvParameters if op == "conv" else ConvTransposeParameters
    fields = read_fields(model, given, findings, op)
    views = _views(fields.steps, op, findings)
    problem, layout, dtype = check(op, tensors, fields, body_type, findings)
    elements = step_elements(problem, views) if views else 0
    bytes_ = step_bytes(problem, views, number_bytes(dtype), 0 if answer_type == JSON else _COPIES) if views else 0
    written = json_bytes(problem.output_shape, dtype) if answer_type == JSON else 0
    extra = Extra(elements, bytes=bytes_ + written)
    return Admitted(affordable(problem, dtype, limits, extra, hold), layout, dtype, views, extra)


def check(
    op: Op, tensors: Mapping[str, Tensor], fields: Parameters, body_type: str, findings: Findings
) -> tuple[Problem, Layout, np.dtype[Any]]:
    """Check everything but the values and the cost, after what was found before.

    Raises:
        ProblemError: with what was found before, and every fault that is independent of it.
    """
    findings.word("dtype", fields.dtype, ASKED_DTYPES, ASKED_DTYPES)
    numbers = Findings(findings.broken)
    dtype = _dtype(tensors, fields.dtype, numbers)
    setting, layout = _setting(op, tensors, fields, findings)
    findings.faults += numbers.faults  # which leave the shapes of their fields sound
    try:
        return check_despite(setting, findings), layout, dtype
    except ProblemError as error:
        if body_type == JSON:
            load(tensors, dtype, numbers)  # to tell of numbers that are too large along with the rest
        numbers.take(error.faults)
        raise ProblemError(numbers.faults, error.uncounted) from None


def job_of(admitted: Admitted, tensors: Mapping[str, Tensor], answer_type: str, limits: Limits) -> Job:
    """Load the values; what showing steps takes depends on them too.

    Raises:
        ProblemError: `not_finite`, a number that the dtype cannot hold.
        TooCostlyError: the steps take more work than the limits allow.
    """
    plan, extra, findings = admitted.plan, admitted.extra, Findings()
    arrays = load(tensors, admitted.dtype, findings)
    findings.raise_if_any()
    input_, kernel, bias = as_full(admitted.layout, arrays["input"], arrays["kernel"], arrays.get("bias"))
    if admitted.views:
        extra = replace(extra, step_work=step_work(plan.problem, admitted.views, kernel))
        plan = affordable(plan.problem, admitted.dtype, limits, extra)
    written = plan.problem.output_elements * _WRITE_PRICE + extra.step_elements * _STEP_PRICE
    price = plan.price + written + extra.step_work
    return Job(
        plan, admitted.layout, input_, kernel, bias, admitted.views, answer_type, price, plan.bytes + extra.bytes
    )


def take_tensors(given: dict[str, Any], findings: Findings) -> dict[str, Tensor]:
    """Take the tensors out of a JSON request."""
    tensors = {}
    for name in TENSORS:
        value = given.pop(name, None) if name == "bias" else given.pop(name, _MISSING)
        if value is _MISSING:
            findings.add((name,), "missing", say("{name} is missing", name=name))
        elif value is not None or name != "bias":
            try:
                tensors[name] = read_json_tensor(value, name)
            except ProblemError as error:
                findings.take(error.faults)
    return tensors


_MISSING = object()


def _read_binary(body: Body, findings: Findings) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    tensors, text = read_safetensors(body, findings)
    given = read_object(text, say("the JSON of the metadata key parameters"))
    for name in TENSORS:
        if name in given:
            message = say("{name} is a tensor of the file; leave it out of the parameters", name=name)
            findings.add((name,), "conflict", message)
        elif name not in tensors and name != "bias" and findings.sound(name):
            findings.add((name,), "missing", say("the tensor {name} is missing", name=name))
    return tensors, {name: value for name, value in given.items() if name not in TENSORS}


def _views(asked: bool | Sequence[str], op: Op, findings: Findings) -> tuple[str, ...]:
    """The views asked for: known, of this operation, each once."""
    if isinstance(asked, bool):
        return ("sliding_window",) if asked else ()
    for j, name in enumerate(asked):
        if name not in VIEWS:
            message = say(
                "steps[{j}] is '{name}'; it must be one of {known}", j=j, name=shown(name), known=", ".join(VIEWS)
            )
            findings.add(("steps", j), "out_of_range", message, given=shown(name), allowed=list(VIEWS))
        elif op not in VIEWS[name].operations:
            allowed = [view for view in VIEWS if op in VIEWS[view].operations]
            message = say("the view {name} is for conv_transpose alone", name=name)
            findings.add(("steps", j), "not_for_this_operation", message, given=name, allowed=allowed)
        elif name in asked[:j]:
            findings.add(("steps", j), "conflict", say("the view {name} is named twice", name=name), given=name)
    return tuple(asked)


def _dtype(tensors: Mapping[str, Tensor], asked: str, findings: Findings) -> np.dtype[Any]:
    """The dtype that all share; where it cannot be told, a stand-in."""
    if findings.sound("dtype", *TENSORS):
        try:
            return shared_dtype(tensors.values(), asked)
        except ProblemError as error:
            findings.take(error.faults)
    return np.dtype(np.float64)


def load(tensors: Mapping[str, Tensor], dtype: np.dtype[Any], findings: Findings) -> dict[str, Array]:
    """The values of the tensors, as far as the dtype can hold them."""
    arrays = {}
    for name, tensor in tensors.items():
        try:
            arrays[name] = cast(tensor, dtype)
        except ProblemError as error:
            findings.take(error.faults)
    return arrays


def _setting(op: Op, tensors: Mapping[str, Tensor], fields: Parameters, findings: Findings) -> tuple[Setting, Layout]:
    """The setting as far as it can be told; where the ranks leave it open, with stand-ins."""
    layout = _layout(tensors, fields.spatial_dims, findings)
    asked = {name: frozen(value) for name, value in fields.__dict__.items() if name in _PASSED_ON}
    if "bias" in tensors:
        asked["bias"] = tensors["bias"].shape
    if layout is None:
        n = _likely_dims(tensors, fields)
        return Setting(op, (1,) * n, 1, **asked), Layout(n, bare=True, batched=False)
    input_shape = layout.full_input_shape(tensors["input"].shape)
    kernel_shape = layout.full_kernel_shape(tensors["kernel"].shape)
    setting = Setting(
        op,
        input_shape[2:],
        kernel_shape[2:],
        batch=input_shape[0],
        in_channels=input_shape[1],
        kernel_channels=(kernel_shape[0], kernel_shape[1]),
        ambiguous_volume=layout.spatial_dims == 1 and layout.batched and fields.spatial_dims is None,
        **asked,
    )
    return setting, layout


#: The parameters that a setting has by the same name.
_PASSED_ON = {field.name for field in dataclass_fields(Setting)} - {"op"}


def _layout(tensors: Mapping[str, Tensor], spatial_dims: int | None, findings: Findings) -> Layout | None:
    if spatial_dims is not None and not 1 <= spatial_dims <= 3:
        message = say("spatial_dims is {given}; it must be 1, 2 or 3", given=shown(spatial_dims))
        given = given_number(spatial_dims)
        findings.add(("spatial_dims",), "out_of_range", message, given=given, allowed={"min": 1, "max": 3})
    if not findings.sound("spatial_dims") or not {"input", "kernel"} <= tensors.keys():
        findings.broken |= {"input", "kernel"}
        return None
    try:
        return layout_of(tensors["input"].shape, tensors["kernel"].shape, spatial_dims)
    except ProblemError as error:
        findings.take(error.faults)
        findings.broken |= {"input", "kernel"}
        return None


def _likely_dims(tensors: Mapping[str, Tensor], fields: Parameters) -> int:
    """How many spatial dimensions the request most likely has, where its ranks do not tell."""
    lists = [value for value in (fields.stride, fields.dilation) if isinstance(value, list)]
    if lists:
        return min(3, max(1, len(lists[0])))
    rank = len(tensors["kernel"].shape) if "kernel" in tensors else 1
    return min(3, max(1, rank if rank <= 2 else rank - 2))
