"""Changes to bodies of every kind, and honest and dishonest bodies to begin with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np

from tests.api.client import CONV, CONV_TRANSPOSE, OUTPUT_SIZE, SAFETENSORS, packed
from tests.api.faults import ONE_FAULT
from tests.api.test_safetensors_lies import MALFORMED

#: What stands between two places where a JSON text may be cut.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|[a-zA-Z]+|\s+|.', re.DOTALL)

#: Numbers at the edges of what machines hold, and values of every other kind.
VALUES = [
    *(b"0", b"-1", b"1", b"2", b"3", b"7", b"1.0", b"0.5", b"-0", b"-0.0", b"1e2", b"1e-400", b"1e308", b"1e999"),
    *(str(number).encode() for number in (255, 2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**30)),
    *(b"9" * 400, b"0." + b"1" * 400, b"NaN", b"-Infinity", b"01", b"0x1"),
    *(b"null", b"true", b"false", b"{}", b"[]", b"[[]]", b"[1]", b"[[1,2],[3,4]]", b"[[[1]]]", b"[[[[[[1]]]]]]"),
    *(b'""', b'"same"', b'"full"', b'"reflect"', b'"int64"', b'"float32"', b'"\\ud800"', b'"\\u0000"', b'"\xff"'),
    *(b'["matrix"]', b'["sliding_window","scatter"]', b'"onnx"', b'"conv"', b'"conv_transpose"'),
]
FIELDS = [
    *(b'"input"', b'"kernel"', b'"bias"', b'"stride"', b'"padding"', b'"dilation"', b'"groups"', b'"dtype"'),
    *(b'"steps"', b'"method"', b'"output_size"', b'"output_padding"', b'"spatial_dims"', b'"padding_mode"'),
    *(b'"shape"', b'"data_offsets"', b'"__metadata__"', b'"parameters"', b'"input_size"', b'"kernel_size"', b'"op"'),
]
BYTES = bytes([0, 1, 0x7F, 0x80, 0xC0, 0xED, 0xFF]) + b'{}[],:"\\0919-.eE \n'

Mutation = Callable[[Random, bytes, bytes], bytes]


def _span(rng: Random, length: int) -> slice:
    """A few places, or now and then many."""
    begin = rng.randrange(length + 1)
    return slice(begin, min(length, begin + int(2 ** rng.uniform(0, 7))))


def flip_bits(rng: Random, body: bytes, _other: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.randint(1, 4) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def put_bytes(rng: Random, body: bytes, _other: bytes) -> bytes:
    at = rng.randrange(len(body) + 1)
    new = bytes(rng.choice(BYTES) for _ in range(rng.randint(1, 3)))
    return body[:at] + new + body[at + rng.choice((0, len(new))) :]


def cut(rng: Random, body: bytes, _other: bytes) -> bytes:
    span = _span(rng, len(body))
    return body[: span.start] + body[span.stop :]


def end_early(rng: Random, body: bytes, _other: bytes) -> bytes:
    return body[: rng.randrange(len(body) + 1)]


def repeat(rng: Random, body: bytes, _other: bytes) -> bytes:
    span = _span(rng, len(body))
    return body[: span.stop] + body[span] * rng.choice((1, 1, 2, 50)) + body[span.stop :]


def splice(rng: Random, body: bytes, other: bytes) -> bytes:
    return body[: rng.randrange(len(body) + 1)] + other[rng.randrange(len(other) + 1) :]


def change_tokens(rng: Random, body: bytes, _other: bytes) -> bytes:
    """Another value, field or mark in some places of a JSON text."""
    tokens = _TOKEN.findall(body)
    for _ in range(rng.randint(1, 3) if tokens else 0):
        at = rng.randrange(len(tokens))
        name = tokens[at].startswith(b'"') and rng.random() < 0.7
        tokens[at] = rng.choice(FIELDS if name else VALUES)
    return b"".join(tokens)


def move_tokens(rng: Random, body: bytes, _other: bytes) -> bytes:
    """Two tokens in each other's place."""
    tokens = _TOKEN.findall(body)
    if len(tokens) > 1:
        one, two = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        tokens[one], tokens[two] = tokens[two], tokens[one]
    return b"".join(tokens)


def add_field(rng: Random, body: bytes, _other: bytes) -> bytes:
    """One field more, after the last brace that opens."""
    head, brace, rest = body.rpartition(b"{")
    return head + brace + rng.choice(FIELDS) + b": " + rng.choice(VALUES) + b", " + rest


#: What stands in a tree in place of something else.
ODD: list[Any] = [
    *(0, 1, 1, 2, 2, 3, 5, -1, 8, 16, 255, 2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**30),
    *(0.5, 1.0, -0.0, 1e308, 5e-324, None, True, False, "", "same", "same_lower", "full", "valid", "x"),
    *("reflect", "circular", "int64", "float32", "float64", "direct", "conv", "conv_transpose", "keras", "I32", "F16"),
    *([], {}, [1], [[1, 1]], [1, 1], [[1, 2], [3, 4]], [[[1, 2]]], [[[[1.5]]]], ["matrix"], ["scatter", "matrix"]),
]


def change_tree(rng: Random, body: bytes, _other: bytes) -> bytes:
    """JSON with something else in one place; what is no JSON stays as it is."""
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return body
    root = {"": tree}
    place, key = rng.choice(list(_places(root)))
    _change(rng, place, key)
    return json.dumps(root.get("")).encode()


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every list or object in which something stands, and where."""
    if isinstance(tree, dict | list):
        for key in tree if isinstance(tree, dict) else range(len(tree)):
            yield tree, key
            yield from _places(tree[key])


def _change(rng: Random, place: Any, key: Any) -> None:
    """Take away, double, wrap, unwrap, shift or replace what stands there."""
    old, how = place[key], rng.choice(("away", "again", "wrap", "unwrap", "replace", "replace", "name", *["shift"] * 5))
    if how == "away":
        del place[key]
    elif how == "again" and isinstance(place, list):
        place[key:key] = [old] * rng.choice((1, 1, 1, 7))
    elif how == "name" and isinstance(place, dict):
        place[json.loads(rng.choice(FIELDS))] = old if rng.random() < 0.3 else rng.choice(ODD)
    elif how == "wrap":
        place[key] = [old]
    elif how == "unwrap" and isinstance(old, list) and old:
        place[key] = old[0]
    elif how == "shift" and type(old) in (int, float):
        place[key] = old + rng.choice((-8, -1, 1, 1, 8))
    else:
        place[key] = rng.choice(ODD)


MUTATIONS: list[Mutation] = [
    *(flip_bits, put_bytes, cut, end_early, repeat, splice, change_tokens, change_tokens, move_tokens, add_field),
    *[change_tree] * 20,
]


def of_header(mutation: Mutation) -> Mutation:
    """The same to the header of a safetensors body, whose length is told rightly again."""

    def changed(rng: Random, body: bytes, other: bytes) -> bytes:
        end = 8 + int.from_bytes(body[:8], "little")
        header = mutation(rng, body[8:end], other)
        return len(header).to_bytes(8, "little") + header + body[end:]

    return changed


HEADER_MUTATIONS = [of_header(mutation) for mutation in MUTATIONS]


def mutated(rng: Random, body: bytes, other: bytes, *, binary: bool) -> bytes:
    """A body with a change, or a few."""
    for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
        in_header = binary and rng.random() < 0.85
        body = rng.choice(HEADER_MUTATIONS if in_header else MUTATIONS)(rng, body, other)
    return body[: 64 * 1024]


# To begin with


def right_json() -> Iterator[tuple[str, bytes]]:
    """Where, and a body that is answered there."""
    grid = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    right = [
        (CONV, {"input": grid, "kernel": [[1, 0], [0, -1]], "steps": ["sliding_window", "matrix"]}),
        (CONV, {"input": [grid, grid], "kernel": [[[[1, 2], [3, 4]]]] * 2, "groups": 2, "bias": [0.5, 2]}),
        (CONV, {"input": [1.5, 2, 3], "kernel": [1, 2], "padding": "same", "flip_kernel": True, "dtype": "float32"}),
        (CONV, {"input": [[grid]], "kernel": [[[[1]]]], "padding": [[1, 0], [2, 1]], "padding_mode": "reflect"}),
        (CONV_TRANSPOSE, {"input": [[1, 2], [3, 4]], "kernel": grid, "stride": 2, "padding": 1, "steps": True}),
        (CONV_TRANSPOSE, {"input": [1, 2], "kernel": [1, 10, 100], "stride": 2, "output_size": [6], "dilation": [1]}),
        (CONV_TRANSPOSE, {"input": [[1, 2]], "kernel": [[[1, 2]]], "output_padding": 0, "steps": ["scatter"]}),
        (OUTPUT_SIZE, {"op": "conv", "input_size": [224, 224], "kernel_size": 7, "stride": 2, "padding": 3}),
        (OUTPUT_SIZE, {"op": "conv_transpose", "input_size": [2], "kernel_size": [3], "output_size": [4]}),
    ]
    for path, fields in right:
        yield path, json.dumps(fields).encode()


def wrong_json() -> Iterator[tuple[str, bytes]]:
    """Those with one fault."""
    for path, body, *_ in ONE_FAULT:
        yield path, json.dumps(body).encode()


def right_files() -> Iterator[tuple[str, bytes]]:
    """The same in bulk."""
    picture, kernel = np.arange(12.0).reshape(3, 4), np.ones((2, 2))
    yield CONV, packed({"input": picture, "kernel": kernel}, {"padding": "same", "steps": True})
    yield CONV, packed({"input": picture.astype("f4"), "kernel": kernel.astype("f2"), "bias": np.ones((), "u1")})
    yield CONV_TRANSPOSE, packed({"input": np.arange(3), "kernel": np.arange(4)}, {"stride": 3, "output_padding": 1})
    yield CONV_TRANSPOSE, packed({"input": np.ones((1, 2, 3), "i2"), "kernel": np.ones((2, 2, 2), "u4")}, {})


def wrong_files() -> Iterator[tuple[str, bytes]]:
    """Headers that lie."""
    for body in MALFORMED.values():
        if len(body) < 4096:
            yield CONV, body


def media_type_of(rng: Random, *, binary: bool) -> str:
    """Mostly the right one."""
    right, wrong = (SAFETENSORS, "application/json") if binary else ("application/json", SAFETENSORS)
    return rng.choice([right] * 60 + [wrong, "application/json; charset=utf-8", "text/plain", "", "\xe9/*;=,"])
