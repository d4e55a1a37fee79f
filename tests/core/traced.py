"""How much memory Python takes to make something."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable


def peak_bytes(make: Callable[[], object]) -> int:
    """The most bytes that were held at once while it was made, beside those before."""
    tracemalloc.start()
    try:
        make()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
