"""What a request may say: its fields and their types, and what pydantic finds wrong with them.

Types alone are checked here; ranges, lengths and combinations are the core's to judge.
The JSON schemas say those too, for readers of the OpenAPI document.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, StrictInt, StrictStr, Tag, ValidationError
from pydantic.json_schema import WithJsonSchema

from app.api.tensors import given_value, kind_of
from app.core.code import FRAMEWORKS
from app.core.errors import Fault, Path, field_name
from app.core.findings import LARGEST_PARAMETER, NAMED_UNKNOWN, Findings, shown
from app.core.problem import DTYPES, METHODS, PADDING_MODES, PADDING_WORDS
from app.core.text import Text, say
from app.core.views import VIEWS

CONV_VIEWS = tuple(name for name, view in VIEWS.items() if "conv" in view.operations)
ASKED_DTYPES = ("auto", *DTYPES)

#: Longer lists than this are refused by their length, before their entries are read.
_LONGEST = 8


def _kind(value: Any) -> str:
    """Which branch of a field reads a value: a list, a word, or (with everything else) a number."""
    if isinstance(value, list):
        return "pairs" if value and isinstance(value[0], list) else "list"
    return "word" if isinstance(value, str) else "number"


def _kind_of_ints(value: Any) -> str:
    return "list" if isinstance(value, list) else "number"


def _kind_of_steps(value: Any) -> str:
    return "list" if isinstance(value, list) else "flag"


def _words(*words: str) -> Any:
    return Field(json_schema_extra={"enum": list(words)})


def _length(low: int, high: int) -> Any:
    return Field(max_length=_LONGEST, json_schema_extra={"minItems": low, "maxItems": high})


def _each_once(high: int) -> Any:
    return Field(max_length=_LONGEST, json_schema_extra={"maxItems": high, "uniqueItems": True})


_FROM_0 = Field(json_schema_extra={"minimum": 0, "maximum": LARGEST_PARAMETER})
_FROM_1 = Field(json_schema_extra={"minimum": 1, "maximum": LARGEST_PARAMETER})

_Count = Annotated[StrictInt, _FROM_1]
_Counts = Annotated[list[_Count], _length(1, 3)]
_Number = Annotated[StrictInt, _FROM_0]
_Numbers = Annotated[list[_Number], _length(1, 3)]
_Pair = Annotated[list[_Number], _length(2, 2)]
_Pairs = Annotated[list[_Pair], _length(1, 3)]

Ints = Annotated[Annotated[_Count, Tag("number")] | Annotated[_Counts, Tag("list")], Discriminator(_kind_of_ints)]
IntsFrom0 = Annotated[
    Annotated[_Number, Tag("number")] | Annotated[_Numbers, Tag("list")], Discriminator(_kind_of_ints)
]
Padding = Annotated[
    Annotated[_Number, Tag("number")]
    | Annotated[_Numbers, Tag("list")]
    | Annotated[_Pairs, Tag("pairs")]
    | Annotated[StrictStr, _words(*PADDING_WORDS["conv"]), Tag("word")],
    Discriminator(_kind),
]
TransposePadding = Annotated[
    Annotated[_Number, Tag("number")]
    | Annotated[_Numbers, Tag("list")]
    | Annotated[_Pairs, Tag("pairs")]
    | Annotated[StrictStr, _words(*PADDING_WORDS["conv_transpose"]), Tag("word")],
    Discriminator(_kind),
]
Steps = Annotated[
    Annotated[StrictBool, Tag("flag")]
    | Annotated[list[Annotated[StrictStr, _words(*VIEWS)]], _each_once(len(VIEWS)), Tag("list")],
    Discriminator(_kind_of_steps),
]
ConvSteps = Annotated[
    Annotated[StrictBool, Tag("flag")]
    | Annotated[list[Annotated[StrictStr, _words(*CONV_VIEWS)]], _each_once(len(CONV_VIEWS)), Tag("list")],
    Discriminator(_kind_of_steps),
]
PaddingMode = Annotated[StrictStr, _words(*PADDING_MODES)]
OutputSize = Annotated[_Counts | None, Field(description="Chooses the output_padding; must be reachable.")]


def _nested_lists(deepest: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "number"}
    for _ in range(deepest):
        schema = {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "number"}, schema]}}
    return schema


Nested = Annotated[Any, WithJsonSchema(_nested_lists(5))]
Bias = Annotated[
    Any,
    WithJsonSchema({"anyOf": [{"type": "number"}, _nested_lists(1), {"type": "null"}]}),
]


_SHOWN_VIEWS = "The views to show; true is sliding_window."


class Parameters(BaseModel):
    """What both computing operations take beside their tensors."""

    model_config = ConfigDict(extra="forbid", strict=True)

    stride: Ints = Field(1, description="Steps between windows (conv) or stamps (conv-transpose).")
    dilation: Ints = Field(1, description="Distance between the kernel's taps.")
    groups: _Count = Field(1, description="Divides both channel counts; each group sees its own channels.")
    flip_kernel: StrictBool = Field(default=False, description="True gives the mathematical convolution.")
    dtype: Annotated[StrictStr, _words(*ASKED_DTYPES)] = Field(
        "auto", description="auto: int64 where all numbers are whole."
    )
    method: Annotated[StrictStr, _words(*METHODS)] = Field(
        "auto", description="direct keeps to algorithms that sum the products themselves."
    )
    spatial_dims: Annotated[_Count | None, Field(json_schema_extra={"maximum": 3})] = Field(
        None, description="Needed for a bare 3-D volume alone; otherwise told from the kernel's rank."
    )


class ConvSetting(Parameters):
    """A convolution's setting."""

    padding: Padding = Field(0, description="A number, one number or pair a dimension, or a word.")
    padding_mode: PaddingMode = Field("zeros", description="What the padding repeats.")


class ConvTransposeSetting(Parameters):
    """A transposed convolution's setting."""

    padding: TransposePadding = Field(0, description="What is cropped off the full map: numbers, pairs or a word.")
    padding_mode: Annotated[StrictStr, _words("zeros")] = Field("zeros", description="zeros alone.")
    output_padding: IntsFrom0 = Field(0, description="Uncovers cropped rows, then adds zeros; < max(stride, dilation).")
    output_size: OutputSize = None


class ConvParameters(ConvSetting):
    """What /v1/conv takes beside the tensors."""

    steps: ConvSteps = Field(default=False, description=_SHOWN_VIEWS)


class ConvTransposeParameters(ConvTransposeSetting):
    """What /v1/conv-transpose takes beside the tensors."""

    steps: Steps = Field(default=False, description=_SHOWN_VIEWS)


class CodeParameters(BaseModel):
    """What /v1/code takes beside a setting and the tensors."""

    framework: Annotated[StrictStr, _words(*FRAMEWORKS)] = Field(description="What the script is for.")


class ConvCodeParameters(ConvSetting, CodeParameters):
    """What /v1/code takes for a convolution beside the tensors."""

    op: Annotated[StrictStr, _words("conv")] = Field(description="The operation.")


class ConvTransposeCodeParameters(ConvTransposeSetting, CodeParameters):
    """What /v1/code takes for a transposed convolution beside the tensors."""

    op: Annotated[StrictStr, _words("conv_transpose")] = Field(description="The operation.")


class ConvTensors(BaseModel):
    """A convolution's tensors, as JSON sends them."""

    input: Nested = Field(description="(*size), (C_in, *size) or (batch, C_in, *size).")
    kernel: Nested = Field(description="(*K) when bare, else (C_out, C_in/groups, *K).")
    bias: Bias = Field(None, description="C_out numbers, or one number where C_out is 1.")


class ConvTransposeTensors(BaseModel):
    """A transposed convolution's tensors, as JSON sends them."""

    input: Nested = Field(description="(*size), (C_in, *size) or (batch, C_in, *size).")
    kernel: Nested = Field(description="(*K) when bare, else (C_in, C_out/groups, *K).")
    bias: Bias = Field(None, description="C_out numbers, or one number where C_out is 1.")


class ConvRequest(ConvTensors, ConvParameters):
    """A whole request to /v1/conv."""


class ConvTransposeRequest(ConvTransposeTensors, ConvTransposeParameters):
    """A whole request to /v1/conv-transpose."""


class ConvCodeRequest(ConvTensors, ConvCodeParameters):
    """A whole request to /v1/code for a convolution."""


class ConvTransposeCodeRequest(ConvTransposeTensors, ConvTransposeCodeParameters):
    """A whole request to /v1/code for a transposed convolution."""


class SizeRequest(BaseModel):
    """The sizes of an operation, without tensors."""

    model_config = ConfigDict(extra="forbid", strict=True)

    op: Annotated[StrictStr, _words("conv", "conv_transpose")] = Field(description="The operation.")
    input_size: _Counts = Field(description="One size for each spatial dimension.")
    kernel_size: Ints = Field(description="One for all dimensions, or one for each.")
    stride: Ints = 1
    padding: Padding = 0
    padding_mode: PaddingMode = "zeros"
    dilation: Ints = 1
    output_padding: IntsFrom0 = 0
    output_size: OutputSize = None
    in_channels: _Count = 1
    out_channels: _Count = 1
    groups: _Count = 1
    batch: _Count = 1
    bias: StrictBool | None = False


Model = TypeVar("Model", bound=BaseModel)

#: Fields that `null` leaves out; elsewhere it is an error.
NULLABLE = frozenset({"bias", "output_size", "spatial_dims"})


def read_fields(model: type[Model], given: Mapping[str, Any], findings: Findings, op: str) -> Model:
    """The model's fields; every fault of type goes to the findings, and its field has its default here."""
    fields, foreign = model.model_fields, _foreign_fields(op)
    unknown = [name for name in given if name not in fields and name not in foreign]
    left_out = {name for name in foreign & NULLABLE if name in given and given[name] is None}
    findings.take(_not_for_this_operation(name, op) for name in sorted(foreign - left_out) if name in given)
    findings.take(_unknown_field(name, fields) for name in unknown[:NAMED_UNKNOWN])
    findings.uncounted += max(0, len(unknown) - NAMED_UNKNOWN)
    known = {name: value for name, value in given.items() if name in fields and name not in foreign}
    try:
        return model.model_validate(known)
    except ValidationError as error:
        faults = _faults_of(error)
        findings.take(faults)
    wrong = {fault.field[0] for fault in faults}
    return model.model_construct(**{name: value for name, value in known.items() if name not in wrong})


def _foreign_fields(op: str) -> frozenset[str]:
    """Fields that the other operation alone takes."""
    return frozenset({"output_padding", "output_size"}) if op == "conv" else frozenset()


def _not_for_this_operation(name: str, op: str) -> Fault:
    message = say("{name} is for conv_transpose; {op} does not take it: leave it out", name=name, op=op)
    return Fault((name,), "not_for_this_operation", message)


def _unknown_field(name: str, fields: Mapping[str, Any]) -> Fault:
    close = difflib.get_close_matches(name[:40], fields, 1)
    template = "'{name}' is not a field here; did you mean {close}?" if close else "'{name}' is not a field here"
    return Fault((name,), "unknown_field", say(template, name=shown(name), close="".join(close)))


def _faults_of(error: ValidationError) -> list[Fault]:
    faults: dict[Path, Fault] = {}
    for entry in error.errors(include_url=False):
        field, *rest = entry["loc"] or ("",)
        path: Path = (field, *(part for part in rest if isinstance(part, int)))
        faults.setdefault(path, _fault_of(path, entry["type"], entry.get("input")))
    return list(faults.values())


def _fault_of(path: Path, kind: str, given: Any) -> Fault:
    name = field_name(path)
    if kind == "missing":
        return Fault(path, "missing", say("{name} is missing", name=name))
    if kind == "too_long":
        low, high = _LENGTHS.get(path[0], (1, 3)) if len(path) == 1 else (2, 2)
        length = low if low == high else say("{low} to {high}", low=low, high=high)
        message = say("{name} has length {given}; it must be {wanted}", name=name, given=len(given), wanted=length)
        return Fault(path, "wrong_length", message, given=len(given), allowed={"min": low, "max": high})
    wanted = _WANTED_OF_FIELD.get(path[0]) if len(path) == 1 else None
    wanted = wanted or _WANTED.get(kind, say("a whole number"))
    if kind == "int_type" and isinstance(given, float):
        message = say("{name} is a fraction; it must be a whole number, written without a point", name=name)
    else:
        message = say("{name} is {kind}; it must be {wanted}", name=name, kind=kind_of(given), wanted=wanted)
    return Fault(path, "wrong_type", message, given=given_value(given))


_WANTED = {
    "string_type": say("a word"),
    "bool_type": say("true or false"),
    "list_type": say("a list of whole numbers"),
}

_ONE_OR_EACH = say("a whole number, or a list of one for each dimension")

#: What fields of several forms take.
_WANTED_OF_FIELD: dict[str | int, Text] = {
    **dict.fromkeys(("stride", "dilation", "kernel_size", "output_padding"), _ONE_OR_EACH),
    "padding": say("a whole number, or a list of one for each dimension or of [before, after] pairs, or a word"),
    "steps": say("true, false or a list of views"),
}

#: How long a list may be, where it is not one value for each dimension.
_LENGTHS: dict[str | int, tuple[int, int]] = {"steps": (0, len(VIEWS))}
