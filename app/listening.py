"""The event loop, with servers that close without the loss of a connection."""

from __future__ import annotations

import ctypes
import mmap
import socket
import sys
from asyncio import AbstractServer, Event, Task, gather
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import parent_process
from typing import Any

import uvloop

#: Seconds from when nobody new can connect until the listener closes: handshakes with clients that are not far end in
#: these. uvicorn waits for twice as long before it asks whether any connection is left.
HANDSHAKES = 0.05

#: A byte that all workers share with the process that they are forked off: 1 once the whole service ends.
_ending = mmap.mmap(-1, 1)

#: From Linux's asm-generic/socket.h.
SO_ATTACH_FILTER = 26

#: Linux's `struct sock_filter`, four times: load the byte of TCP's flags; go on where SYN (2) is set, else
#: skip one; drop; take whole.
NO_SYN = b"".join(
    code.to_bytes(2, sys.byteorder) + bytes((if_true, if_false)) + value.to_bytes(4, sys.byteorder)
    for code, if_true, if_false, value in ((0x30, 0, 0, 13), (0x45, 0, 1, 2), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
)


class Loop(uvloop.Loop):
    """uvloop's event loop, with servers that lose no connection as they close."""

    async def create_server(self, protocol_factory: Callable[[], Any], *place: Any, **options: Any) -> Any:
        """Serve what connects to the socket `sock`, which listens."""
        server = await super().create_server(protocol_factory, *place, **options)
        return Listening(self, server, protocol_factory, options["sock"])


class Listening:
    """A server that takes all who have connected before it closes: the system would reset them.

    Somebody may connect between the last look and the close, so first nobody can any more.
    Who tries then tries again by itself, within a second, and is refused.
    """

    def __init__(
        self, loop: Loop, server: AbstractServer, protocol_factory: Callable[[], Any], listener: socket.socket
    ) -> None:
        self._loop = loop
        self._server = server
        self._protocol_factory = protocol_factory
        self._listener = listener
        self._taking: set[Task[Any]] = set()
        self._closed = Event()

    def close(self) -> None:
        """Take no more connections than those that there are, and those whose handshake is under way.

        One worker of several leaves them to the others, whose listener is the same socket.
        """
        if parent_process() is None or _ending[0]:
            with suppress(OSError):
                turn_away(self._listener)
        self._loop.call_later(HANDSHAKES, self._close)

    def _close(self) -> None:
        for connection in self._waiting():
            taken = self._loop.connect_accepted_socket(self._protocol_factory, connection)
            self._taking.add(self._loop.create_task(taken))
        self._server.close()
        self._closed.set()

    def _waiting(self) -> Iterator[socket.socket]:
        with suppress(OSError):
            while True:
                yield self._listener.accept()[0]

    async def wait_closed(self) -> None:
        """Wait until it has closed."""
        await self._closed.wait()
        await gather(*self._taking, return_exceptions=True)
        await self._server.wait_closed()


def announce_end() -> None:
    """Let all workers know that the whole service ends."""
    _ending[0] = 1


def turn_away(listener: socket.socket) -> None:
    """Let nobody new connect to a socket that listens, while those in its queue stay. Linux alone can.

    Raises:
        OSError: The system has no such filters.
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(NO_SYN, len(NO_SYN))

    class Program(ctypes.Structure):
        """Linux's `struct sock_fprog`."""

        _fields_ = (("count", ctypes.c_ushort), ("filters", ctypes.c_void_p))

    described = Program(len(NO_SYN) // 8, ctypes.addressof(program))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(described))
