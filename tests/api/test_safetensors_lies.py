"""safetensors whose header lies, and what each lie is answered with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.client import CONV, SAFETENSORS, places, refused
from tests.api.files import INPUT, KERNEL, TWO, bad, entry, raw, with_metadata

HONEST = json.dumps({"input": INPUT, "kernel": KERNEL}).encode()
ENTRY = json.dumps(INPUT).encode()

MALFORMED = {
    "nothing": b"",
    "seven bytes": b"\0" * 7,
    "a length and no header": b"\2" + b"\0" * 7,
    "length 0": raw(HONEST, length=0),
    "length 1": raw(HONEST, length=1),
    "a length past the body": raw(HONEST, length=len(HONEST) + len(TWO) + 1),
    "a length of 2^63": raw(HONEST, length=2**63),
    "a length of 2^64 - 1": raw(HONEST, length=2**64 - 1),
    "a length into the data": raw(HONEST, length=len(HONEST) + 3),
    "a length too short": raw(HONEST, length=len(HONEST) - 3),
    "JSON instead": b'{"input": [1], "kernel": [1]}',
    "a header that is not JSON": raw(b"{input}"),
    "a header that is not UTF-8": raw(b'{"\xff": 1}'),
    "a list for a header": raw(b"[]"),
    "null for a header": raw(b"null"),
    "NaN in the header": raw(b'{"input": NaN}'),
    "a deep header": raw(b'{"input": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "a number of 4,000 digits": raw(
        b'{"input": {"dtype": "I64", "shape": [' + b"9" * 4000 + b'], "data_offsets": [0, 8]}}'
    ),
    "a number of 10^5 digits": raw(
        b'{"input": {"dtype": "I64", "shape": [' + b"9" * 10**5 + b'], "data_offsets": [0, 8]}}'
    ),
    "a tensor twice": raw(b'{"input": ' + ENTRY + b', "input": ' + ENTRY + b"}", TWO[:8]),
    "a dtype twice": raw(b'{"input": {"dtype": "I64", "dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}', TWO[:8]),
    "a metadata key twice": raw(HONEST[:-1] + b', "__metadata__": {"parameters": "{}", "parameters": "{}"}}'),
    "metadata twice": raw(HONEST[:-1] + b', "__metadata__": {}, "__metadata__": {}}'),
    "metadata that are no object": with_metadata([]),
    "metadata that are null": with_metadata(None),
    "metadata that are no strings": with_metadata({"parameters": {}}),
    "trailing bytes": raw(HONEST, TWO + b"\0"),
    "missing bytes": raw(HONEST, TWO[:-1]),
    "no bytes": raw(HONEST, b""),
    "an entry that is a list": with_metadata({}, input=[1]),
    "an entry without a dtype": with_metadata({}, input={"shape": [1], "data_offsets": [0, 8]}),
    "an entry with more keys": with_metadata({}, input=INPUT | {"order": "C"}),
    "a dtype that is a number": with_metadata({}, input=entry([1], 0, 8, 64)),
    "a shape that is a number": with_metadata({}, input=INPUT | {"shape": 1}),
    "a shape of booleans": with_metadata({}, input=entry([True], 0, 8)),
    "a shape of fractions": with_metadata({}, input=entry([1.0], 0, 8)),
    "a shape below 0": with_metadata({}, input=entry([-1], 0, 8)),
    "a shape of 10^30": with_metadata({}, input=entry([10**30], 0, 8)),
    "a shape too small": with_metadata({}, input=entry([], 0, 16), kernel=entry([], 16, 16)),
    "a shape too large": with_metadata({}, input=entry([2], 0, 8)),
    "a shape whose product wraps to 0": with_metadata({}, input=entry([2**62, 4], 0, 0), kernel=entry([2], 0, 16)),
    "a shape whose product wraps to 1": with_metadata({}, input=entry([2**32 + 1, 2**64 - 2**32 + 1], 0, 8)),
    "one offset": with_metadata({}, input=INPUT | {"data_offsets": [0]}),
    "three offsets": with_metadata({}, input=INPUT | {"data_offsets": [0, 8, 16]}),
    "offsets below 0": with_metadata({}, input=entry([1], -8, 0)),
    "offsets that are fractions": with_metadata({}, input=entry([1], 0.0, 8.0)),
    "offsets that are strings": with_metadata({}, input=entry([1], "0", "8")),
    "offsets backwards": with_metadata({}, input=entry([1], 8, 0)),
    "offsets past the end": with_metadata({}, kernel=entry([1], 16, 24)),
    "offsets of 2^64": with_metadata({}, kernel=entry([1], 2**64, 2**64 + 8)),
    "the same bytes twice": with_metadata({}, kernel=INPUT),
    "bytes that overlap": with_metadata({}, kernel=entry([1], 4, 12)),
    "a gap": raw({"input": INPUT, "kernel": entry([1], 16, 24)}, TWO + TWO[:8]),
    "a gap at the front": raw({"input": entry([1], 8, 16), "kernel": entry([1], 16, 24)}, TWO + TWO[:8]),
    "an unknown dtype over the bytes of another": with_metadata({}, input=entry([1], 0, 16, "C64")),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed(body: bytes) -> None:
    fault = bad(body, 400)
    assert (fault["pointer"], fault["code"]) == ("", "malformed_safetensors")


@pytest.mark.parametrize("parameters", ["", "{", "nonsense", '{"stride": NaN}', "{} {}", '{"stride": 1e999}', "'{}'"])
def test_parameters_that_are_not_json(parameters: str) -> None:
    fault = bad(with_metadata({"parameters": parameters}), 400)
    assert (fault["pointer"], fault["code"]) == ("", "malformed_json")


@pytest.mark.parametrize("parameters", ["[]", "null", "3", '"{}"'])
def test_parameters_that_are_no_object(parameters: str) -> None:
    fault = bad(with_metadata({"parameters": parameters}))
    assert fault["code"] == "wrong_type"
    assert "parameters" in fault["message"]


@pytest.mark.parametrize(
    "name", ["kernal", "Input", "", "steps/0", "output", "parameters", "a/b~c", "\ud800", "x" * 1000, "stride"]
)
def test_unknown_tensors(name: str) -> None:
    fault = bad(with_metadata({}, **{name: entry([0], 16, 16)}))
    assert fault["code"] == "unknown_field"
    # A key that is too long to repeat leaves no pointer but that of the whole request.
    assert fault["pointer"] == "" if len(name) > 128 else fault["pointer"].startswith("/")
    assert len(fault["message"]) < 240


@pytest.mark.parametrize("key", ["format", "result", "", "input", "kernel", "bias", "stride", "\udfff", "x" * 1000])
def test_unknown_metadata(key: str) -> None:
    fault = bad(with_metadata({key: "pt"}))
    assert fault["code"] == "unknown_field"


@pytest.mark.parametrize("dtype", ["BOOL", "U64", "F8_E4M3", "F8_E5M2", "C64", "i64", "", "x" * 5000])
@pytest.mark.parametrize("name", ["input", "kernel", "bias"])
def test_other_dtypes(name: str, dtype: str) -> None:
    fault = bad(
        with_metadata({}, **{name: entry([1], *({"input": (0, 8), "kernel": (8, 16)}.get(name, (16, 16))), dtype)})
    )
    assert (fault["pointer"], fault["code"]) == (f"/{name}", "dtype_mismatch")
    assert "BF16" in fault["allowed"]


@pytest.mark.parametrize("name", ["input", "kernel", "bias"])
@pytest.mark.parametrize("value", [[1], None, "x", {}])
def test_tensors_in_the_parameters(name: str, value: Any) -> None:
    fault = bad(with_metadata({"parameters": json.dumps({name: value})}))
    assert (fault["pointer"], fault["code"]) == (f"/{name}", "conflict")


@pytest.mark.parametrize("name", ["input", "kernel"])
def test_missing_tensors(name: str) -> None:
    kept = {"input", "kernel"} - {name}
    fault = bad(raw({kept.pop(): INPUT}, TWO[:8]))
    assert (fault["pointer"], fault["code"]) == (f"/{name}", "missing")


@pytest.mark.parametrize("shape", [[0], [0, 2**62, 2**62], [1, 0]])
def test_empty_tensors(shape: list[int]) -> None:
    fault = bad(with_metadata({}, input=entry(shape, 0, 0), kernel=entry([2], 0, 16)))
    assert (fault["pointer"], fault["code"]) == ("/input", "empty")


@pytest.mark.parametrize("rank", [0, 2, 6, 16, 20, 64, 1000])
def test_wrong_ranks(rank: int) -> None:
    fault = bad(with_metadata({}, input=entry([1] * rank, 0, 8)))
    assert (fault["pointer"], fault["code"], fault["given"]) == ("/input", "wrong_rank", rank)


def test_faults_of_parameters_and_tensors_at_once() -> None:
    parameters = {"stride": 0, "groups": 1.0, "strid": 1, "kernel": 3, "steps": ["matrix", "matrix"]}
    body = with_metadata({"parameters": json.dumps(parameters)}, bias=entry([0], 16, 16))
    assert places(refused(CONV, body, Content_Type=SAFETENSORS)) >= {("/bias", "empty")}
    body = with_metadata({"parameters": json.dumps(parameters)})
    assert places(refused(CONV, body, Content_Type=SAFETENSORS)) == {
        ("/kernel", "conflict"),
        ("/strid", "unknown_field"),
        ("/groups", "wrong_type"),
        ("/steps/1", "conflict"),
        ("/stride", "out_of_range"),
    }


def test_unknown_tensors_do_not_hide_what_else_is_wrong() -> None:
    body = with_metadata({"parameters": '{"stride": 0}', "format": "pt"}, weights=entry([0], 16, 16, "F8_E4M3"))
    assert places(refused(CONV, body, Content_Type=SAFETENSORS)) == {
        ("/format", "unknown_field"),
        ("/weights", "unknown_field"),
        ("/stride", "out_of_range"),
    }


def test_thousands_of_tensors_are_refused_quickly() -> None:
    header = {f"tensor-{number}": entry([0], 0, 0) for number in range(12_000)}
    assert len(refused(CONV, raw(header, b""), Content_Type=SAFETENSORS)) == 16
