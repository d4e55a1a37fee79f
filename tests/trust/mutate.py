"""Mutated bodies to a server of its own, one after the other: what it answers, and whether it lives on."""

from __future__ import annotations

import gzip
import http.client
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx
from tqdm import tqdm

from tests.api.calls import Server, serving
from tests.api.client import CODE, SAFETENSORS
from tests.api.documented import Documented
from tests.trust.figures import Figure
from tests.trust.mutations import media_type_of, mutated, right_files, right_json, wrong_files, wrong_json

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


@dataclass(frozen=True)
class Scale:
    """How many bodies, and from which seed."""

    bodies: int
    seed: int = 7


SHORT, FULL = Scale(1500), Scale(50_000)

#: What a mutation may ask for is answered in a moment, so that there is time for all of them.
LIMITS = {"memory_bytes": str(64 * 2**20), "tensor_elements": str(2**22), "step_elements": "20000"}

PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress}


@dataclass
class Sent:
    """One request; `packing` is its Content-Encoding."""

    path: str
    headers: dict[str, str]
    body: bytes
    chunks: bool


@dataclass
class Tally:
    """What was answered, and the requests that were not answered as they should be."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def take(self, sent: Sent, status: int, fault: str) -> None:
        """Count one answer; `fault` says what is wrong with it."""
        self.statuses[status] += 1
        if fault:
            self.wrong.append(f"{fault}\n  {sent.path} {sent.headers} {sent.body[:2000]!r}")


def requests_at_random(scale: Scale) -> Iterator[Sent]:
    """Mutated requests, the same for the same seed."""
    rng = Random(scale.seed)  # noqa: S311 - nothing is kept secret with it
    in_json, in_bulk = (list(right_json()), list(wrong_json())), (list(right_files()), list(wrong_files()))
    for _ in range(scale.bodies):
        binary = rng.random() < 0.4
        right, wrong = in_bulk if binary else in_json
        path, body = rng.choice(right if rng.random() < 0.85 else wrong)
        body = mutated(rng, body, rng.choice(in_json[0])[1], binary=binary)
        headers = {"Content-Type": media_type_of(rng, binary=binary)}
        headers |= {"Accept": SAFETENSORS} if rng.random() < 0.2 and not path.endswith(("size", "code")) else {}
        headers |= {"Accept-Language": "zh"} if rng.random() < 0.2 else {}
        if rng.random() < 0.1:
            headers["Content-Encoding"] = packing = rng.choice(list(PACK))
            body = PACK[packing](body)
            body = mutated(rng, body, b"", binary=False) if rng.random() < 0.5 else body
        if rng.random() < 0.1:
            path = CODE
        yield Sent(path, headers, body, chunks=rng.random() < 0.2)


class Connection:
    """One connection after the other, each kept as long as the server keeps it."""

    def __init__(self, server: Server) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self._documented = Documented(httpx.get(server.url + "/openapi.json").json())

    def close(self) -> None:
        """End."""
        self._http.close()

    def ask(self, sent: Sent) -> tuple[int, str]:
        """The status of the answer, and what is wrong with it."""
        pieces = [sent.body[:5], sent.body[5:]] if sent.chunks and len(sent.body) > 5 else None
        try:
            self._http.request("POST", sent.path, pieces or sent.body, sent.headers)
            response = self._http.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._http.close()
            return 0, f"no answer: {error!r}"
        media_type = response.headers["Content-Type"]
        try:
            assert response.status < 500
            self._documented.check(sent.path, "post", response.status, media_type, content)
        except (AssertionError, ValueError) as error:
            return response.status, f"{response.status} {content[:500]!r}: {error!r}"
        return response.status, ""


def children_of(pid: int) -> str:
    """The processes that a process has started and that still run."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")


def run(scale: Scale) -> Tally:
    """Send them all."""
    tally = Tally()
    with serving(access_log="false", **LIMITS) as server, closing(Connection(server)) as connection:
        before = children_of(server.process.pid)
        for sent in tqdm(requests_at_random(scale), "mutate", scale.bodies, file=sys.stderr, mininterval=5):
            tally.take(sent, *connection.ask(sent))
            if server.process.poll() is not None:
                tally.wrong.append(f"the process ended with {server.process.returncode}")
                break
        if children_of(server.process.pid) != before:
            tally.wrong.append("there is a new process")
    return tally


def measure(scale: Scale) -> list[Figure]:
    """Figures of mutated bodies."""
    tally = run(scale)
    for wrong in tally.wrong[:20]:
        print(wrong, file=sys.stderr)
    told = ", ".join(f"{count:,} × {status}" for status, count in sorted(tally.statuses.items()))
    sent = sum(tally.statuses.values())
    return [
        Figure("mutated bodies, answered by one process", told, f"{scale.bodies:,} answers", sent == scale.bodies),
        Figure(
            "answers of 500 and above, undocumented ones, new processes", str(len(tally.wrong)), "0", not tally.wrong
        ),
    ]
