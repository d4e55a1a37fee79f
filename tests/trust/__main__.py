"""The full figures of what the tests check in short.

    python -m tests.trust [name ...]

Without a name it is all of them, one after the other; each writes its section of
benchmarks/results/trust.md. The command fails where a goal was missed.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from tests.trust.figures import keep, section

#: A module each, with `measure(scale)`, and the scales SHORT and FULL.
CHECKS: dict[str, str] = {
    "overload": "Overload",
    "workers": "Workers",
    "stopping": "Stopping",
    "slow": "Slow and broken clients",
    "memory": "Memory of a request: predicted and measured",
    "ceiling": "Memory of all processes under a hostile mix",
    "soak": "A soak of ten minutes",
    "fingerprints": "Answers of concurrent requests",
    "bits": "The same bits",
    "barrier": "Threads at a barrier",
    "bodies": "Bodies that no honest client sends",
    "fuzz": "The parsers and the check of a problem, fuzzed",
    "whole": "Whole requests at random",
    "schema": "Requests made up from the OpenAPI document",
    "mutate": "Mutated bodies",
}


def main() -> int:
    """Run those that were named."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.trust", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(CHECKS))
    names = parser.parse_args().names or list(CHECKS)
    if unknown := [name for name in names if name not in CHECKS]:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    missed = False
    for name in names:
        print(f"{name}: {CHECKS[name]}", file=sys.stderr)
        module = import_module(f"tests.trust.{name}")
        figures = module.measure(module.FULL)
        text = section(CHECKS[name], figures)
        keep(CHECKS[name], text)
        print(text)
        missed |= not all(each.is_met for each in figures)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
