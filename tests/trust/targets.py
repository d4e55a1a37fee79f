"""What a fuzzer calls with any bytes whatever, and what must hold of each: right by another reading, or refused well.

A target returns where all is well, and raises where not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import safetensors

from app.api.code import read_code_job
from app.api.negotiation import JSON, SAFETENSORS
from app.api.problems import MalformedBodyError, problem_of
from app.api.reading import read_object
from app.api.requests import Job, read_job
from app.api.sizes import geometry_json, read_size_request
from app.core import output_size
from app.core.checks import describe
from app.core.cost import Limits
from app.core.errors import Fault, ProblemError
from app.core.geometry import Op
from app.languages import LANGUAGES
from app.main import create_app
from app.settings import Settings
from tests import naive_sizes
from tests.api.client import CODE, CONV, CONV_TRANSPOSE, OUTPUT_SIZE, PROBLEM
from tests.api.documented import Documented
from tests.api.test_errors import with_suggestion
from tests.core.strategies import MODES, OPS, WORDS
from tests.core.test_refusals import expected_faults
from tests.core.wrong_settings import Asked, Fields
from tests.trust.mutations import right_files, right_json, wrong_files, wrong_json

Body = dict[str, Any]
Choice = TypeVar("Choice")

LIMITS = Limits(tensor_elements=2**20, memory_bytes=2**26, step_elements=10_000)
PATHS = [CONV, CONV_TRANSPOSE, OUTPUT_SIZE, CODE]
DOCUMENTED = Documented(create_app(Settings()).openapi())


def check_refusal(path: str, error: ProblemError) -> list[Body]:
    """The refusal in every language is a documented one; its entries."""
    entries: list[Body] = []
    for language in LANGUAGES:
        response = problem_of(error, language)
        DOCUMENTED.check(path, "post", response.status_code, PROBLEM, bytes(response.body))
        entries = json.loads(bytes(response.body))["errors"]
    return entries


# JSON


class NotJsonError(ValueError):
    """The standard library does not read it either."""


def read_strictly(text: bytes) -> Any:
    """What the standard library reads, without what it takes beside JSON; objects as lists of pairs.

    Raises:
        NotJsonError: it is not JSON.
        RecursionError: it is nested deeply; where that begins to be too deep is no matter of the format.
    """

    def refuse(name: str) -> None:
        raise NotJsonError(name)

    try:
        return json.loads(text.decode(), parse_constant=refuse, object_pairs_hook=tuple)
    except ValueError as error:
        raise NotJsonError from error


def beyond_reading(value: Any) -> bool:
    """Whether it holds what JSON can write and no double or no text can hold: it may be refused."""
    if isinstance(value, list | tuple):
        return any(map(beyond_reading, value))
    if isinstance(value, str):
        return any("\ud800" <= character <= "\udfff" for character in value)
    return isinstance(value, float) and not np.isfinite(value)


def json_request(data: bytes) -> None:
    """A JSON body to one of the endpoints, which the first byte chooses."""
    path, body = PATHS[data[0] % len(PATHS)] if data else CONV, data[1:]
    malformed = False
    try:
        accepted = read(path, body)
    except ProblemError as error:
        malformed = isinstance(error, MalformedBodyError)
        entries = check_refusal(path, error)
        check_suggestions(path, body, entries)
    else:
        if isinstance(accepted, Job):
            check_job(accepted, json.loads(body))
    try:
        sent = read_strictly(body)
    except RecursionError:
        return
    except NotJsonError:
        assert malformed, "it is read, and is not JSON"
    else:
        assert not malformed or beyond_reading(sent), "it is not read, and is JSON"


def read(path: str, body: bytes) -> Job | None:
    """What the endpoint at a path does with a body before any work; the job where it has one."""
    if path == OUTPUT_SIZE:
        geometry_json(describe(read_size_request(read_object(body))))
        return None
    if path == CODE:
        return read_code_job(body, LIMITS).job
    return read_job("conv" if path == CONV else "conv_transpose", body, JSON, JSON, LIMITS)


def check_suggestions(path: str, body: bytes, entries: list[Body]) -> None:
    """Each setting that is suggested mends its fault, or one of several alike."""
    for entry in entries:
        if "suggestion" not in entry or entry["code"] in ("int64_overflow", "float_overflow"):
            continue
        try:
            read(path, json.dumps(with_suggestion(json.loads(body), entry["suggestion"])).encode())
            again: list[Fault] = []
        except ProblemError as error:
            again = list(error.faults)
        same = [fault for fault in again if fault.code == entry["code"] and pointer_of(fault) == entry["pointer"]]
        before = [other for other in entries if (other["code"], other["pointer"]) == (entry["code"], entry["pointer"])]
        assert len(same) < len(before), f"the suggestion does not help: {entry}"


def pointer_of(fault: Fault) -> str:
    """Where a fault is, of those that can have a suggestion: their names need no escapes."""
    return "".join(f"/{part}" for part in fault.field)


def check_job(job: Job, sent: Body) -> None:
    """The job holds the numbers that were sent, and is within the limits."""
    problem, dtype = job.plan.problem, job.input.dtype
    tensors = {"input": job.layout.form(job.input), "kernel": job.layout.kernel_form(job.kernel)}
    tensors |= {} if job.bias is None else {"bias": job.bias}
    assert set(tensors) == {name for name in ("input", "kernel", "bias") if sent.get(name) is not None}
    for name, values in tensors.items():
        assert values.dtype == dtype, name
        given = np.array(sent[name], np.int64 if dtype == np.int64 else np.float64).astype(dtype)
        assert np.array_equal(values, np.atleast_1d(given)), name
        assert bool(np.isfinite(values).all()), name
    check_shapes(job)
    assert problem.op in OPS


def check_shapes(job: Job) -> None:
    """The tensors are as long as the problem says, and what it needs is within the limits."""
    problem = job.plan.problem
    assert job.input.shape == problem.input_shape
    assert job.kernel.shape == problem.kernel_shape
    assert job.bias is None or job.bias.shape == (problem.out_channels,)
    assert max(problem.input_elements, problem.kernel_elements, problem.output_elements) <= LIMITS.tensor_elements
    assert 0 < job.bytes <= LIMITS.memory_bytes


# safetensors


def safetensors_request(data: bytes) -> None:
    """A file to one of the operations.

    Of the first byte one bit chooses the operation, and another whether the header's length is told rightly.
    """
    first, body = data[0] if data else 0, data[1:]
    op: Op = OPS[first & 1]
    path = CONV if op == "conv" else CONV_TRANSPOSE
    if first & 2:
        header, mark, rest = body.partition(b"\n")
        body = len(header).to_bytes(8, "little") + header + (rest if mark else b"")
    try:
        job = read_job(op, body, SAFETENSORS, JSON, LIMITS)
    except ProblemError as error:
        check_refusal(path, error)
        return
    check_shapes(job)
    stored = dict(safetensors.deserialize(body))  # type: ignore[no-untyped-call] # the format's own package reads it too
    arrays = {"input": job.input, "kernel": job.kernel} | ({} if job.bias is None else {"bias": job.bias})
    assert set(stored) == set(arrays)
    for name, values in arrays.items():
        assert np.array_equal(values.ravel(), numbers_of(stored[name]).astype(values.dtype)), name
        assert bool(np.isfinite(values).all()), name


def numbers_of(stored: Body) -> Any:
    """The numbers of a stored tensor, by way of NumPy's own dtypes."""
    if stored["dtype"] == "BF16":
        return (np.frombuffer(stored["data"], "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(stored["data"], NUMPY_DTYPES[stored["dtype"]])


NUMPY_DTYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "U8": "u1", "U16": "<u2", "U32": "<u4"} | {
    f"I{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)
}


# The check of a problem


class Source:
    """Numbers and choices out of bytes; the first of each where they have been used up."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)

    def below(self, most: int) -> int:
        return next(self._data, 0) % most

    def pick(self, options: Sequence[Choice]) -> Choice:
        return options[self.below(len(options))]


#: What no honest setting has.
EXTREMES = [0, -1, 1000, 2**31, 2**53 - 1, 2**53, 2**63, -(2**63), 10**30]


def setting(data: bytes) -> None:
    """A setting of one to three dimensions; what of small numbers is right or wrong is found by counting."""
    source = Source(data)
    op, wild = source.pick(OPS), source.below(3) == 0
    case = Asked(op, fields_of(source, op, wild=wild))
    faults = case.faults()
    if faults:
        check_refusal(OUTPUT_SIZE, ProblemError(faults))
        check_that_suggestions_mend(case, faults)
    else:
        geometry_json(output_size(op, **case.fields))
    if not wild:
        assert {(fault.code, fault.field) for fault in faults} == expected_faults(case), case
        if not faults:
            check_sizes(case)


def fields_of(source: Source, op: Op, *, wild: bool) -> Fields:
    """Fields of a request for a size; wild ones have any numbers, of any count."""
    n = 1 + source.below(3)

    def number(low: int, high: int) -> int:
        return source.pick(EXTREMES) if wild and source.below(3) == 0 else low + source.below(high - low + 1)

    def count() -> int:
        return source.below(5) if wild and source.below(5) == 0 else n

    def numbers(low: int, high: int) -> Any:
        return tuple(number(low, high) for _ in range(count())) if source.below(2) else number(low, high)

    fields: Fields = {"input_size": tuple(number(1, 6) for _ in range(count()))}
    fields |= {"kernel_size": numbers(1, 6), "stride": numbers(1, 4), "dilation": numbers(1, 3)}
    form = source.pick(("numbers", "pairs", "word"))
    if form == "numbers":
        fields["padding"] = numbers(0, 6)
    elif form == "pairs":
        fields["padding"] = tuple((number(0, 8), number(0, 8)) for _ in range(count()))
    else:
        fields["padding"] = source.pick(WORDS["conv" if wild else op])
    if op == "conv" or wild:
        fields["padding_mode"] = source.pick(MODES)
    if op == "conv_transpose" or wild:
        choice = source.pick(("neither", "output_padding", "output_size", "both"))
        fields |= {"output_padding": numbers(0, 4)} if choice in ("output_padding", "both") else {}
        fields |= (
            {"output_size": tuple(number(1, 20) for _ in range(count()))} if choice in ("output_size", "both") else {}
        )
    if wild:
        fields |= {name: number(1, 12) for name in ("groups", "in_channels", "out_channels", "batch")}
    return fields


def check_that_suggestions_mend(case: Asked, faults: tuple[Fault, ...]) -> None:
    """With each setting that is suggested there are fewer faults like it."""
    for fault in faults:
        if fault.suggestion is not None:
            after = case.with_suggestion(fault.suggestion).faults()
            kinds = [Counter((other.code, other.field) for other in group) for group in (faults, after)]
            place = fault.code, fault.field
            assert kinds[1][place] < kinds[0][place], f"{case} {fault}"


def check_sizes(case: Asked) -> None:
    """The output's size is what sliding windows, or laying stamps, counts."""
    problem, fields = output_size(case.op, **case.fields), case.fields
    size, columns = fields["input_size"], list(zip(*case.axes, strict=True))
    if case.op == "conv":
        pads = naive_sizes.conv_pads(size, columns[1], columns[2], columns[3], fields["padding"])
        counted = tuple(naive_sizes.conv_size(*axis, pair) for axis, pair in zip(case.axes, pads, strict=True))
    else:
        chosen = fields.get("output_padding", 0), fields.get("output_size")
        crops = naive_sizes.transpose_crops(size, columns[1], columns[2], columns[3], fields["padding"], *chosen)
        counted = tuple(naive_sizes.full_size(*axis) - sum(crop) for axis, crop in zip(case.axes, crops, strict=True))
    assert problem.output_size == counted, case


# All of them


def json_seeds() -> Iterator[bytes]:
    """Honest bodies and such with one fault, each where it belongs."""
    for path, body in (*right_json(), *wrong_json()):
        yield bytes([PATHS.index(path)]) + body


def safetensors_seeds() -> Iterator[bytes]:
    """The same in bulk, as they are and with the header's length left to the target."""
    for path, body in (*right_files(), *wrong_files()):
        first = int(path == CONV_TRANSPOSE)
        yield bytes([first]) + body
        length = int.from_bytes(body[:8], "little")
        yield bytes([first | 2]) + body[8 : 8 + length] + b"\n" + body[8 + length :]


def setting_seeds() -> Iterator[bytes]:
    """Bytes as they come."""
    rng = np.random.default_rng(5)
    for _ in range(200):
        yield rng.bytes(40)


#: By name: what is called, and what to begin with.
TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], Iterator[bytes]]]] = {
    "json_request": (json_request, json_seeds),
    "safetensors_request": (safetensors_request, safetensors_seeds),
    "setting": (setting, setting_seeds),
}
