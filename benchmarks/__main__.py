"""The benchmarks of the core, beside the libraries that people use instead.

    python -m benchmarks [panel | growth | unseen | pairs | http | overflow | regret | fit] [--help]

Without a name it is the panel.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

COMMANDS = {
    "panel": "the panel beside PyTorch, SciPy and onnxruntime",
    "growth": "time against work, by family",
    "unseen": "layers of known networks that the panel does not hold",
    "pairs": "two callers at once beside one after the other",
    "http": "the service over HTTP beside a bare echo of the same bytes, and two requests at once",
    "overflow": "what part of int64 calls the check for overflow takes",
    "regret": "how far the plan's choice is from the best algorithm, on random shapes",
    "fit": "measures the algorithms and writes the coefficients of their prices",
}


def main() -> None:
    """Run one of them."""
    given = sys.argv[1:]
    if not given or (given[0].startswith("-") and given[0] not in {"-h", "--help"}):
        given = ["panel", *given]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, told in COMMANDS.items():
        command = commands.add_parser(name, help=told, description=told)
        if name == given[0]:
            import_module(f"benchmarks.{name}").add_arguments(command)
    arguments = parser.parse_args(given)
    import_module(f"benchmarks.{arguments.command}").main(arguments)


if __name__ == "__main__":
    main()
