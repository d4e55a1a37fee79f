"""One target under Atheris, which follows what of the checks each input reaches:

    python -m tests.trust.coverage_guided TARGET FOLDER [-runs=N ...]

FOLDER gets the inputs that reached something new, and begins with the target's own. Options are libFuzzer's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

#: What is followed: from the bytes to the job. Kernels are not: numba must find them as they were written.
FOLLOWED = {
    *(f"app.api.{name}" for name in ("reading", "requests", "safetensors", "schemas", "tensors", "problems")),
    *(f"app.api.{name}" for name in ("code", "sizes")),
    *(
        f"app.core.{name}"
        for name in ("asked", "checks", "cost", "findings", "geometry", "layout", "problem", "sizing")
    ),
}


def not_followed() -> list[str]:
    """Every other module of the service: Atheris chooses by whole packages."""
    root = Path(__file__).parents[2]
    modules = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for path in (root / "app").rglob("*.py")
    }
    return sorted(modules - FOLLOWED)


def main() -> None:
    """Run until the number of runs is reached, or an input fails: libFuzzer ends the process."""
    name, folder, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["app"], exclude=not_followed()):
        from tests.trust.targets import TARGETS  # noqa: PLC0415 - what it imports is instrumented here
    target, seeds = TARGETS[name]
    for number, seed in enumerate(seeds()):
        Path(folder, f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], folder, *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
