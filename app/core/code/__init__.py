"""An operation as a script for a framework: one file a framework, one line in the table.

A script runs as it stands, leaves the output in the request's own form in `output`, and
prints it. It is made of numbers and of words of this package alone.
"""

from __future__ import annotations

from app.core.code import jax, keras, numpy, onnx, pytorch
from app.core.code.layer import Layer, largest_tensor, numbers

__all__ = ["FRAMEWORKS", "Layer", "largest_tensor", "numbers", "script_of"]

_WRITERS = {
    "numpy": numpy.write,
    "pytorch": pytorch.write,
    "keras": keras.write,
    "jax": jax.write,
    "onnx": onnx.write,
}

FRAMEWORKS = tuple(_WRITERS)


def script_of(layer: Layer, framework: str) -> str:
    """The script that computes a layer with one of `FRAMEWORKS`."""
    return _WRITERS[framework](layer)
