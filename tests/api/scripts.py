"""Runs scripts of /v1/code in this process, and finds the frameworks that are there to run them."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

FRAMEWORKS = ("numpy", "pytorch", "keras", "jax", "onnx")
MODULES = {"pytorch": "torch", "keras": "keras", "jax": "jax", "onnx": "onnx"}


def needs(framework: str) -> None:
    """Skip the test where the framework is not installed."""
    if framework == "keras":
        os.environ["KERAS_BACKEND"] = "torch"
        _import("torch")
    if framework in MODULES:
        _import(MODULES[framework])


def _import(module: str) -> None:
    reason = f"{module} is not installed: pip install -r tests/frameworks.txt"
    if importlib.util.find_spec(module) is None:
        pytest.skip(reason)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module(module)


@dataclass(frozen=True)
class Ran:
    """A script's variables, and what it printed."""

    names: dict[str, Any]
    printed: str

    @property
    def output(self) -> NDArray[Any]:
        """What it leaves in `output`, whatever the framework."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # PyTorch's way to NumPy
            return np.asarray(self.names["output"])


def run(code: str) -> Ran:
    """A script, run as it stands. It must not warn (Keras' own ways to NumPy aside)."""
    names: dict[str, Any] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        exec(compile(code, "script", "exec"), names)  # noqa: S102 - to run it is what the test is about
    return Ran(names, printed.getvalue())
