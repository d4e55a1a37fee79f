"""What schemathesis is told of the service beside its document: how a safetensors body is made."""

from __future__ import annotations

from typing import Any

import numpy as np
import schemathesis
from hypothesis import strategies as st

from tests.api.client import SAFETENSORS, packed

SIZES = st.integers(1, 4)
PARAMETERS = st.fixed_dictionaries({}, optional={"stride": SIZES, "padding": SIZES, "steps": st.booleans()})


def file_of(input_size: int, kernel_size: int, parameters: dict[str, Any]) -> bytes:
    """A request in bulk."""
    return packed({"input": np.arange(input_size), "kernel": np.ones(kernel_size)}, parameters)


schemathesis.openapi.media_type(SAFETENSORS, st.builds(file_of, SIZES, SIZES, PARAMETERS) | st.binary(max_size=60))


@schemathesis.serializer(SAFETENSORS)
def as_it_is(_context: Any, value: bytes) -> bytes:
    """The bytes are the body."""
    return value
