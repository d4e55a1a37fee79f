"""One budget of memory for what all requests of a process hold at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

from app.api.metrics import MEMORY_HELD
from app.api.problems import StatusError, unavailable
from app.core.text import say

#: So many bytes a connection may have in its own buffers anyway: they are not counted, nor ever refused.
UNCOUNTED = 64 * 1024


#: Takes how many bytes are about to be used, and refuses where there is no room for them.
Counting = Callable[[int], None]


def nothing(_bytes: int) -> None:
    """The counting of what is too small to be counted."""


class Budget:
    """At most `most` bytes of bodies, of predicted computations and of answers that are under way.

    A request that holds memory alone is let in whatever it needs: its own limits bound it.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0
        self._lock = threading.Lock()

    def hold(self) -> Hold:
        """What one request holds; it is given back when the context ends."""
        return Hold(self)

    def exchange(self, before: int, after: int) -> bool:
        """Hold so many bytes instead of those before, if there is room; less is always possible."""
        with self._lock:
            others = self.held - before
            if after > before and others and others + after > self.most:
                return False
            self.held = others + after
            MEMORY_HELD.set(self.held)
            return True

    def has_room(self, bytes_: int) -> bool:
        """Whether so many bytes could be held now beside all others."""
        return not self.held or self.held + bytes_ <= self.most


class Hold:
    """The bytes of one request, from its body's first to its answer's last.

    Work that goes on for a moment when its client has gone holds them too, until it ends.
    """

    __slots__ = ("_budget", "_holders", "_lock", "bytes")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._holders = 0
        self._lock = threading.Lock()
        self.bytes = 0

    def __enter__(self) -> Hold:
        self.join()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.leave()

    def join(self) -> None:
        """One more holds the bytes, until it leaves."""
        with self._lock:
            self._holders += 1

    def leave(self) -> None:
        """Give everything back, unless another holds it still."""
        with self._lock:
            self._holders -= 1
            is_last = not self._holders
        if is_last:
            self.keep(0)

    def expect(self, bytes_: int) -> None:
        """Refuse a body of so many bytes before it is read, where there is no room for it now.

        They are not held before they come: to announce a body must keep none of the others out.

        Raises:
            StatusError: 503.
        """
        if bytes_ > UNCOUNTED and not self._budget.has_room(bytes_):
            raise full(unread=True)

    def take(self, bytes_: int, *, unread: bool = False) -> None:
        """Hold so many bytes in all from now on; `unread` where more of the body is to come.

        Raises:
            StatusError: 503, there is no room for them.
        """
        counted = bytes_ if bytes_ > UNCOUNTED else 0
        if counted != self.bytes:
            if not self._budget.exchange(self.bytes, counted):
                raise full(unread=unread)
            self.bytes = counted

    def keep(self, bytes_: int) -> None:
        """Give back all but so many bytes."""
        if bytes_ < self.bytes:
            self.take(bytes_)


def full(*, unread: bool = False) -> StatusError:
    """The 503 where there is no memory; `unread` where more of the body is to come."""
    detail = say("The requests under way hold all of the memory that there is for them; ask again in a moment")
    return unavailable(detail, unread=unread)
