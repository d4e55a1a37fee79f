"""Every limit and switch of the service, read from `CONVARITH_*` variables."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.machine import available_memory, available_threads

#: As large as a whole number of 64 bits: /v1/limits tells them, and JSON's readers take no larger ones.
Count = Annotated[int, Field(ge=1, le=2**63 - 1)]
Seconds = Annotated[float, Field(gt=0)]

#: Several, separated by commas in the environment.
Words = Annotated[tuple[str, ...], NoDecode]
Keys = Annotated[tuple[tuple[str, SecretStr], ...], NoDecode]

_is_host = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]").fullmatch
_is_rate = re.compile(r"[1-9][0-9]{0,8}/(second|minute|hour|day)").fullmatch
_is_key_name = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch
#: As RFC 6750 writes a bearer token; too long to be guessed.
_is_key = re.compile(r"[A-Za-z0-9._~+/-]{16,256}=*").fullmatch


def _parts(text: str) -> tuple[str, ...]:
    """A list separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


#: What a worker takes beside its requests: the program with its kernels, and what its allocator keeps.
PROGRAM_BYTES = 2**28

#: Of that, memory of outputs for the next ones: one of full HD in float32 takes 24 MiB.
KEPT_BYTES = 2**25

#: Threads of one worker at most: no machine has more processors, and each thread takes memory and a turn.
MOST_THREADS = 1024

#: With less there would be no use in a worker.
LEAST_SHARE = 2**25


def share_of_memory(workers: int = 1) -> int:
    """What all requests of a worker may take: half of its memory, or what the program leaves of it, if that is less."""
    own = available_memory() // workers
    return max(LEAST_SHARE, min(own // 2, (own - PROGRAM_BYTES) * 10 // 11))


class Settings(BaseSettings):
    """What the operator may set; the defaults are the contract's."""

    model_config = SettingsConfigDict(env_prefix="CONVARITH_", frozen=True, hide_input_in_errors=True)

    json_body_bytes: Count = Field(16 * 2**20, description="Largest JSON body, unpacked.")
    binary_body_bytes: Count = Field(128 * 2**20, description="Largest safetensors body, unpacked.")
    float_macs: Count = Field(10**11, description="Most multiply-adds of one request in float32 or float64.")
    int_macs: Count = Field(10**10, description="Most multiply-adds of one request in int64.")
    tensor_elements: Count = Field(2**27, description="Most elements of any one tensor.")
    total_memory_bytes: Count = Field(
        default_factory=share_of_memory,
        description="Most memory that all requests of one worker together may be predicted to need; half of what it "
        "may use, or what the program leaves of that, unless set.",
    )
    memory_bytes: Count = Field(
        default_factory=lambda before: min(2**30, before["total_memory_bytes"]),
        description="Most memory that one request may be predicted to need; 2^30, or all of that if it is less.",
    )
    step_elements: Count = Field(10**6, description="Most elements in the steps of one answer.")
    code_elements: Count = Field(2**16, description="Most numbers in the script of one answer.")

    queue_length: Count = Field(64, description="How many larger requests may wait; one more is answered 503.")
    threads: Annotated[int, Field(ge=1, le=MOST_THREADS)] = Field(
        default_factory=lambda: min(MOST_THREADS, available_threads()),
        description="Threads that one worker computes with; the processors that it may use, unless set.",
    )

    header_timeout: Seconds = Field(10, description="Seconds that the head of a request has in all.")
    body_grace: Seconds = Field(
        10, description="Seconds that a body may stall, and that it has before its pace counts; an answer too."
    )
    body_rate: Seconds = Field(
        1024, description="Bytes a second that a body must keep after its grace, and that an answer must be read at."
    )
    keep_alive: Count = Field(10, description="Seconds that an idle connection is kept open.")
    shutdown_grace: Count = Field(25, description="Seconds that requests have to finish once the service stops.")
    shutdown_delay: Annotated[int, Field(ge=0)] = Field(
        0, description="Seconds of these in which it is unready but takes connections still: balancers turn away first."
    )

    cors_origins: Words = Field(
        (), description="Origins whose pages may call the service, separated by commas; * for all, none unless set."
    )
    allowed_hosts: Words = Field(
        (), description="Host names that the service answers to, *.example.org for all below; any unless set."
    )
    api_keys: Keys = Field((), description="Keys as name:key, separated by commas; no key is needed unless set.")
    rate_limits: Words = Field(
        (),
        description="How often each key, or else each address, may ask, as 10/second, 1000/hour; unlimited unless set.",
    )
    metrics_open: bool = Field(
        default=False,
        description="Whether /metrics is answered without a key, and not counted, where keys or rates are set.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged at least.")
    access_log: bool = Field(default=True, description="Whether each request has a line in the log.")

    @field_validator("cors_origins", "allowed_hosts", "rate_limits", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """A list separated by commas, as an environment variable holds it."""
        return _parts(value) if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Each an origin as browsers send it.

        Raises:
            ValueError: One is not `*` and has no scheme, or has a path.
        """
        for origin in value:
            scheme, separator, host = origin.partition("://")
            if origin != "*" and not (scheme and separator and host and "/" not in host):
                message = f"an origin is like https://example.org, without a path, or *; not {origin!r}"
                raise ValueError(message)
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Each a name as it stands in a request, in small letters.

        Raises:
            ValueError: One has a scheme, a port or a path, or is no name.
        """
        hosts = tuple(host.lower() for host in value)
        for host in hosts:
            if not _is_host(host):
                message = f"a host is like example.org, *.example.org or [::1], without scheme and port; not {host!r}"
                raise ValueError(message)
        return hosts

    @field_validator("rate_limits")
    @classmethod
    def _rates(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Each a count in a unit of time.

        Raises:
            ValueError: One is not.
        """
        for rate in value:
            if not _is_rate(rate):
                message = f"a rate is like 10/second, with second, minute, hour or day; not {rate!r}"
                raise ValueError(message)
        return value

    @field_validator("api_keys", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        """Names and keys apart. No message holds a key: it would be logged.

        Raises:
            ValueError: An entry is not a name and a key, a key is too short, or a name or a key comes twice.
        """
        if not isinstance(value, str):
            return value
        named = [tuple(entry.split(":", 1)) for entry in _parts(value)]
        if not named:
            message = "it is set, but holds no key; leave it out where none is needed"
            raise ValueError(message)
        for place, entry in enumerate(named, 1):
            if len(entry) != 2 or not _is_key_name(entry[0]) or not _is_key(entry[1]):
                message = (
                    f"entry {place} is not name:key, a name of up to 64 letters, digits and . _ - before the colon, "
                    "a key of 16 to 256 of these and ~ + / behind it, with = at its end alone"
                )
                raise ValueError(message)
        if any(len(set(column)) < len(named) for column in zip(*named, strict=True)):
            message = "a name or a key comes twice"
            raise ValueError(message)
        return tuple(named)

    @field_validator("shutdown_delay")
    @classmethod
    def _leaves_time(cls, value: int, info: ValidationInfo) -> int:
        """Something of the grace is left to finish in.

        Raises:
            ValueError: The delay takes all of it.
        """
        grace = info.data.get("shutdown_grace", value + 1)
        if value >= grace:
            message = f"it is a part of the {grace} s of SHUTDOWN_GRACE: set less, or more for that"
            raise ValueError(message)
        return value

    @field_validator("memory_bytes")
    @classmethod
    def _holds_one(cls, value: int, info: ValidationInfo) -> int:
        """There is room for one request at least.

        Raises:
            ValueError: One may need more than all of them.
        """
        total = info.data.get("total_memory_bytes", value)
        if value > total:
            message = f"all requests of a worker together may need {total}: set less, or more for TOTAL_MEMORY_BYTES"
            raise ValueError(message)
        return value
