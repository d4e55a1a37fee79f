"""Unpacks gzip and zstd bodies piece by piece, so that a bomb is seen while it is small."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: How much is unpacked at a time, in bytes: below a millisecond's work.
PIECE = 256 * 1024

#: Members (gzip) or frames (zstd) that one body may consist of.
MOST_MEMBERS = 4096

#: The window that a zstd decoder must take and an encoder may use over HTTP (RFC 9659): 8 MiB.
ZSTD_WINDOW_LOG = 23


class Decompressor(Protocol):
    """What zlib's and zstd's decompressors have in common."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def unused_data(self) -> bytes:
        """What came after the end of the member."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """At most `max_length` bytes more."""


class CorruptError(ValueError):
    """The packed data is damaged, too short, or followed by something else."""


def _gzip() -> Decompressor:
    return zlib.decompressobj(wbits=31)


def _zstd() -> Decompressor:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})


ENCODINGS: dict[str, Callable[[], Decompressor]] = {"gzip": _gzip, "x-gzip": _gzip, "zstd": _zstd}


class Unpacker:
    """One packed body; feed it the data as it comes, then call `finish`."""

    def __init__(self, encoding: str) -> None:
        self._start = ENCODINGS[encoding]
        self._stream = self._start()
        self._members = 1

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What `data` unpacks to, at most PIECE bytes at a time; some pieces may be empty.

        Raises:
            CorruptError: It is not what its encoding says.
        """
        while True:
            if self._stream.eof:
                if not data:
                    return
                self._next_member()
            try:
                piece = self._stream.decompress(data, PIECE)
            except (zlib.error, zstd.ZstdError) as error:
                raise CorruptError from error
            yield piece
            data = self._rest()
            if not data and len(piece) < PIECE:
                return

    def finish(self) -> None:
        """Say that no data follows.

        Raises:
            CorruptError: The last member has not ended.
        """
        if not self._stream.eof:
            raise CorruptError

    def _next_member(self) -> None:
        """Begin another member after one that has ended."""
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise CorruptError
        self._stream = self._start()

    def _rest(self) -> bytes:
        """What of the data is still to be unpacked; zstd keeps its own share of it."""
        if self._stream.eof:
            return self._stream.unused_data
        return getattr(self._stream, "unconsumed_tail", b"")
