"""Bodies that no honest client sends, to a server of its own: what each is answered, and what memory it took."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import select
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.api.calls import Server, serving
from tests.api.client import CONV, JSON, PROBLEM, SAFETENSORS
from tests.api.files import entry, raw
from tests.trust.figures import Figure

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 2**20
PIECE = 256 * 1024


@dataclass(frozen=True)
class Scale:
    """The limits of the server, in MiB; how much an endless body sends at most, and what a bomb unpacks to."""

    json: int
    binary: int
    endless: int


SHORT, FULL = Scale(json=2, binary=8, endless=64), Scale(json=16, binary=128, endless=1024)


@dataclass(frozen=True)
class Attack:
    """One body: how it is announced, its pieces, the statuses that are right, and the memory that it may take.

    `times` counts in bodies of the largest size that is taken.
    """

    name: str
    headers: dict[str, str]
    pieces: Callable[[], Iterable[bytes]]
    statuses: tuple[int, ...]
    times: float
    binary: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one: the status, the bytes that were sent until then, and what memory it took at its peak."""

    attack: Attack
    status: int
    sent: int
    peak: int


# Sending


def memory_of(pid: int, what: str) -> int:
    """Bytes of memory that a process has (`VmRSS`), or had at most (`VmHWM`)."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) * 1024


def forget_peak(pid: int) -> int:
    """Begin the peak anew; the memory there is now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
    return memory_of(pid, "VmRSS")


def head_of(attack: Attack) -> bytes:
    media_type = SAFETENSORS if attack.binary else JSON
    headers = {"Host": "x", "Content-Type": media_type, "Connection": "close", **attack.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {CONV} HTTP/1.1\r\n{lines}\r\n".encode()


def send(server: Server, attack: Attack) -> tuple[int, int, bytes]:
    """Send until there is an answer; the status, the bytes of body that were sent, and the answer."""
    chunks = "Transfer-Encoding" in attack.headers
    sent = 0
    with server.connect() as connection:
        connection.settimeout(60)
        connection.sendall(head_of(attack))
        if "Expect" in attack.headers:
            first = connection.recv(65536)
            if not first.startswith(b"HTTP/1.1 100 Continue\r\n\r\n"):
                return finish(connection, first, sent)
        for piece in filter(None, attack.pieces()):
            if select.select([connection], [], [], 0)[0]:
                break
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if chunks else piece)
            sent += len(piece)
        else:
            connection.sendall(b"0\r\n\r\n" if chunks else b"")
        return finish(connection, b"", sent)


def finish(connection: socket.socket, answer: bytes, sent: int) -> tuple[int, int, bytes]:
    """Read one answer, and go: a server lingers for those that still send."""
    while not (found := re.search(rb"(?i)content-length: (\d+)\r\n(?:.+\r\n)*\r\n", answer)):
        part = connection.recv(65536)
        assert part, f"no answer, but {answer!r}"
        answer += part
    while len(answer) < found.end() + int(found[1]):
        answer += connection.recv(65536)
    return int(answer.split(b" ", 2)[1]), sent, answer


def carry_out(server: Server, attack: Attack) -> Outcome:
    """Send one body and measure."""
    pid = server.process.pid
    before = forget_peak(pid)
    status, sent, answer = send(server, attack)
    assert server.process.poll() is None, attack.name
    assert status in attack.statuses, f"{attack.name}: {answer[:1000]!r}"
    assert status == 200 or PROBLEM.encode() in answer, attack.name
    return Outcome(attack, status, sent, max(0, memory_of(pid, "VmHWM") - before))


# Bodies


def pieces_of(total: int, piece: bytes, head: bytes = b"", tail: bytes = b"") -> Iterator[bytes]:
    """A head, the same piece again and again up to a length, and a tail."""
    yield head
    block = piece * (PIECE // len(piece))
    for _ in range(total // len(block)):
        yield block
    yield tail


def written(
    name: str, data: Callable[[], Iterable[bytes]], *statuses: int, times: float, binary: bool = False
) -> Attack:
    """A body in chunks, of which nobody said how long it is."""
    return Attack(name, {"Transfer-Encoding": "chunked"}, data, statuses, times, binary)


def announced(name: str, body: Callable[[], bytes], *statuses: int, times: float, binary: bool = False) -> Attack:
    """A body whose length is announced, and true."""
    length = len(body())
    return Attack(name, {"Content-Length": str(length)}, lambda: [body()], statuses, times, binary)


def too_large(scale: Scale) -> Iterator[Attack]:
    """Bodies over the limit, in every framing."""
    endless = scale.endless * MIB
    for binary in (False, True):
        kind = "safetensors" if binary else "JSON"
        for expect in ({}, {"Expect": "100-continue"}):
            how = " that waits for 100" if expect else ""
            length = {"Content-Length": str(endless), **expect}
            yield Attack(
                f"{kind} of {scale.endless} MiB, announced{how}", length, partial(zeros, endless), (413,), 0.1, binary
            )
            chunked = {"Transfer-Encoding": "chunked", **expect}
            yield Attack(
                f"{kind} of {scale.endless} MiB, in chunks{how}", chunked, partial(zeros, endless), (413,), 2.5, binary
            )
        for encoding, packed in (("gzip", gzip_bomb), ("zstd", zstd_bomb)):
            headers = {"Transfer-Encoding": "chunked", "Content-Encoding": encoding}
            name = f"{kind} packed by {encoding} that would unpack to {scale.endless} MiB"
            yield Attack(name, headers, partial(packed, endless), (413,), 2.5, binary)
    stored = {"Transfer-Encoding": "chunked", "Content-Encoding": "gzip"}
    yield Attack("gzip that never unpacks to anything", stored, partial(empty_blocks, endless), (413,), 0.5)


def zeros(total: int) -> Iterator[bytes]:
    """Spaces, which JSON may begin with."""
    return pieces_of(total, b" ")


def gzip_bomb(total: int) -> Iterator[bytes]:
    """What unpacks to so many bytes: one member of a mebibyte again and again."""
    return itertools.repeat(gzip.compress(bytes(MIB)), total // MIB)


def zstd_bomb(total: int) -> Iterator[bytes]:
    """The same in frames of zstd."""
    return itertools.repeat(zstd.compress(bytes(MIB)), total // MIB)


def empty_blocks(total: int) -> Iterator[bytes]:
    """A gzip member of stored blocks of length 0, one after the other."""
    return pieces_of(total, b"\x00\x00\x00\xff\xff", gzip.compress(b"")[:10])


def bad_json(scale: Scale) -> Iterator[Attack]:
    """JSON within the limit: as deep, as long and as full as there is room for."""
    room = scale.json * MIB - 2 * PIECE
    digits = b'{"kernel": [1], "input": ['
    yield written("lists in lists", lambda: pieces_of(room, b"["), 400, times=2.5)
    yield written("objects in objects", lambda: pieces_of(room, b'{"a":'), 400, times=2.5)
    yield written("a whole number of all digits", lambda: pieces_of(room, b"9", digits, b"]}"), 400, 422, times=2.5)
    yield written("a fraction of all digits", lambda: pieces_of(room, b"1", digits + b"0.", b"]}"), 200, 400, times=4)
    yield written(
        "an exponent of all digits", lambda: pieces_of(room, b"9", digits + b"1e", b"]}"), 400, 422, times=2.5
    )
    yield written("a string", lambda: pieces_of(room, b"x", b'{"padding": "', b'"}'), 422, times=6)
    yield written("escapes", lambda: pieces_of(room, b"\\u4e2d", b'{"padding": "', b'"}'), 422, times=6)
    yield written("empty lists", lambda: pieces_of(room, b"[],", digits, b"[]]}"), 422, times=40)
    yield written("objects", lambda: pieces_of(room, b"{},", digits, b"{}]}"), 422, times=40)
    yield written("one field again and again", lambda: pieces_of(room, b'"a":1,', b"{", b'"b":1}'), 422, times=2.5)
    yield written("fields", lambda: fields(room), 422, times=20)
    yield written("fractions", lambda: pieces_of(room, b".5,"), 400, times=2.5)


def fields(room: int) -> Iterator[bytes]:
    """An object of as many fields as there is room for."""
    yield b"{"
    written_bytes, number = 0, 0
    while written_bytes < room:
        block = b"".join(b'"%x":1,' % (number + j) for j in range(10_000))
        number += 10_000
        written_bytes += len(block)
        yield block
    yield b'"":1}'


def bad_headers(scale: Scale) -> Iterator[Attack]:
    """safetensors as large as they may be, with headers that lie."""
    room = scale.binary * MIB - PIECE
    half = room // 16 * 8
    right = {"input": entry([half // 8], 0, half), "kernel": entry([half // 8], half, 2 * half)}
    lies: dict[str, object] = {
        "a tensor that goes past the end": right | {"kernel": entry([half // 8 + 1], half, 2 * half + 8)},
        "tensors that overlap": right | {"kernel": entry([half // 8], half - 8, 2 * half - 8)},
        "the same bytes twice": right | {"bias": entry([half // 8], half, 2 * half)},
        "bytes that follow the last": {"input": entry([half // 8], 0, half), "kernel": entry([1], half, half + 8)},
        "a gap": {"input": entry([1], 0, 8), "kernel": entry([half // 8], half, 2 * half)},
        "a shape whose product wraps to the right one": right
        | {"input": entry([2**61 + half // 8, 8, 2**61 + 1], 0, half)},
        "a shape of 2^62": right | {"input": entry([2**62, 2**62], 0, half)},
        "a name twice": json.dumps(right)[:-1].encode() + b"," + json.dumps({"input": right["input"]})[1:].encode(),
        "an unknown dtype": right | {"input": entry([half // 8], 0, half, "C64")},
        "a dtype of another size": right | {"input": entry([half // 8], 0, half, "F32")},
        "more bytes than the rank may have": right | {"input": entry([half // 8, 1, 1, 1, 1, 1], 0, half)},
    }
    for name, header in lies.items():
        yield announced(name, partial(raw, header, bytes(2 * half)), 400, 422, times=1.5, binary=True)
    for name, length in (("2^63", 2**63), ("2^64 - 1", 2**64 - 1), ("all of the body", room)):
        body = b"{" + b" " * (room - 1)
        yield announced(
            f"a header of {name} bytes",
            partial(raw, body, b"", length),
            400,
            times=1.5,
            binary=True,
        )
    many = {f"{number:x}": entry([0], 0, 0) for number in range(14_000)}
    yield announced("a header of 14,000 tensors", lambda: raw(many, b""), 422, times=2.5, binary=True)
    deep = b'{"input": ' + b"[" * 900_000 + b"}"
    yield announced("a header of lists in lists", lambda: raw(deep, b""), 400, times=1, binary=True)


def attacks(scale: Scale) -> list[Attack]:
    """All of them."""
    return [*too_large(scale), *bad_json(scale), *bad_headers(scale)]


def limits_of(scale: Scale) -> dict[str, str]:
    """The server's settings."""
    return {
        "json_body_bytes": str(scale.json * MIB),
        "binary_body_bytes": str(scale.binary * MIB),
        "access_log": "false",
    }


def run(scale: Scale) -> tuple[list[Outcome], int]:
    """All attacks, twice: the outcomes of the first round, and what memory the second left behind."""
    with serving(**limits_of(scale)) as server:
        outcomes = [carry_out(server, attack) for attack in attacks(scale)]
        before = memory_of(server.process.pid, "VmRSS")
        for attack in attacks(scale):
            carry_out(server, attack)
        time.sleep(0.2)
        return outcomes, memory_of(server.process.pid, "VmRSS") - before


#: What one attack may take beside its body: buffers of connections, the allocator's own.
BESIDE = 24 * MIB

#: What a round of attacks may leave behind, in a process that has seen all of them before.
LEFT = 32 * MIB


def allowed(outcome: Outcome, scale: Scale) -> float:
    """The memory that an attack may take."""
    limit = scale.binary if outcome.attack.binary else scale.json
    return outcome.attack.times * limit * MIB + BESIDE


def measure(scale: Scale) -> list[Figure]:
    """Figures of hostile bodies."""
    outcomes, left = run(scale)
    figures = [
        Figure(
            f"{outcome.attack.name}: {outcome.status} after {outcome.sent / MIB:.1f} MiB; memory it took",
            f"{outcome.peak / MIB:.0f} MiB",
            f"≤ {allowed(outcome, scale) / MIB:.0f} MiB",
            outcome.peak <= allowed(outcome, scale),
        )
        for outcome in outcomes
    ]
    what = f"memory that {len(outcomes)} more such bodies left behind"
    return [*figures, Figure(what, f"{left / MIB:.0f} MiB", f"≤ {LEFT / MIB:.0f} MiB", left <= LEFT)]
