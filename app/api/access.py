"""Who may ask: by which host the service is called, with which key, and how often. All of it is off until set."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.types import Scope

from app.api.negotiation import header
from app.api.problems import StatusError
from app.core.text import say
from app.settings import Settings

#: Probes come by the address of the machine and hold no key.
HEALTH = frozenset({"/healthz/live", "/healthz/ready"})

CHALLENGE = 'Bearer realm="convarith"'

#: Nothing that another might read as two names, or as a part of an address.
_is_name = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*").fullmatch


def wrong_host() -> StatusError:
    """The refusal of a request that was meant for another host."""
    return StatusError(400, say("This service does not answer to the host name of the request; call it by its own"))


def without_key() -> StatusError:
    """The refusal of a request that holds no key."""
    detail = say("This service needs a key; send it as Authorization: Bearer, or as X-API-Key")
    return StatusError(401, detail, {"WWW-Authenticate": CHALLENGE})


def unknown_key() -> StatusError:
    """The refusal of a key that is none of those that are set (RFC 6750, 3.1)."""
    detail = say("This key is not known here; ask whoever runs the service for another")
    return StatusError(401, detail, {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'})


def too_often(rate: str, seconds: int) -> StatusError:
    """The refusal of one request too many."""
    detail = say("One caller may ask {rate}; ask again in {seconds} s", rate=rate, seconds=seconds)
    return StatusError(429, detail, {"Retry-After": str(seconds)})


class Guard:
    """Lets a request pass, or refuses it before its body is read."""

    def __init__(self, settings: Settings, open_paths: Collection[str]) -> None:
        self._hosts = frozenset(settings.allowed_hosts)
        self._above = tuple(host.removeprefix("*") for host in settings.allowed_hosts if host.startswith("*."))
        self._keys = [(name, digest(key.get_secret_value())) for name, key in settings.api_keys]
        self._open_paths = frozenset(open_paths)
        self._rates = None
        if settings.rate_limits:
            # It takes a tenth of a second to load, and most services set no rates.
            from app.api.rates import Rates  # noqa: PLC0415

            self._rates = Rates(settings.rate_limits)

    def admit(self, scope: Scope) -> str:
        """The name of the caller's key, "" where none was needed.

        Raises:
            StatusError: 400, another host; 401, no key or an unknown one; 429, too often.
        """
        if scope["path"] in HEALTH:
            return ""
        if self._hosts and not self._is_ours(scope):
            raise wrong_host()
        if scope["path"] in self._open_paths:
            return ""
        given = key_given(scope) if self._keys else ""
        name = self.name_of(given)
        # Who guesses keys is counted by the address, and so is not asked how right they are for long.
        refusal = self._rates.refusal(f"key {name}" if name else network_of(scope)) if self._rates else None
        if refusal is not None:
            raise too_often(*refusal)
        if self._keys and not name:
            raise unknown_key() if given else without_key()
        return name

    def name_of(self, given: str) -> str:
        """The name of a key, "" of an unknown one. All keys are looked at, and each comparison takes the same time."""
        found, own = "", digest(given)
        for name, known in self._keys:
            if hmac.compare_digest(own, known):
                found = name
        return found

    def _is_ours(self, scope: Scope) -> bool:
        """Whether the one Host is listed: by itself, or as a name anywhere below a listed `*.example.org`."""
        host = host_of(header(scope, b"host"))
        return host in self._hosts or (host.endswith(self._above) and _is_name(host) is not None)


def guard_of(settings: Settings, open_paths: Collection[str]) -> Guard | None:
    """The guard of these settings; None where there is nothing to guard."""
    wanted = settings.allowed_hosts or settings.api_keys or settings.rate_limits
    return Guard(settings, open_paths) if wanted else None


def digest(key: str) -> bytes:
    """What is kept of a key: all digests are equally long, and none leads back to its key."""
    return hashlib.sha256(key.encode("utf-8")).digest()


def key_given(scope: Scope) -> str:
    """The key of a request, from X-API-Key or else from `Authorization: Bearer`; "" where there is none."""
    key = header(scope, b"x-api-key")
    if key:
        return key
    scheme, _, credentials = header(scope, b"authorization").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else ""


def host_of(value: str) -> str:
    """A Host header's name, without its port and a last dot: `A.example.:80` → `a.example`, `[::1]:80` → `[::1]`."""
    name = value.lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0].removesuffix(".")


def network_of(scope: Scope) -> str:
    """Where a caller is counted who holds no key: the IPv4 address, or the IPv6 network that one household has."""
    client = scope.get("client")
    try:
        address: IPv4Address | IPv6Address = ip_address(client[0] if client else "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or address.exploded[:19])
