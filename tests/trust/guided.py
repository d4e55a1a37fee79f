"""A target under Atheris, in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

#: Whether `pip install -r tests/fuzzing.txt` has been run.
GUIDED = find_spec("atheris") is not None
SKIPPED = "NO ATHERIS: nothing was fuzzed by coverage. Install it with pip install -r tests/fuzzing.txt"

#: For one input, in seconds and in MiB: far above what any takes.
HANGS, LARGE = 20, 2048

#: To a program's peak of memory Linux counts what had been held by the process that starts it: here all tests before.
#: What a shell forks begins with the shell's own, a few MiB; a list of two commands keeps it from becoming the program.
APART = ("sh", "-c", '"$@"; exit $?', "sh")


@dataclass(frozen=True)
class Guided:
    """What libFuzzer told of one target: its runs, the places that inputs reached, and its last words if it failed."""

    runs: int
    places: int
    failure: str


def run_guided(name: str, inputs: int, seed: int) -> Guided:
    """So many inputs to a target."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        options = [f"-runs={inputs}", f"-seed={seed}", "-max_len=2048", f"-timeout={HANGS}"]
        options += [f"-rss_limit_mb={LARGE}", f"-artifact_prefix={folder}/"]
        command = [*APART, sys.executable, "-m", "tests.trust.coverage_guided", name, str(corpus), *options]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
        found = [f"{path.name}: {path.read_bytes()!r}" for path in Path(folder).glob("*-*")]
    runs, places = re.search(r"Done (\d+) runs", ended.stderr), re.findall(r"\bcov: (\d+)", ended.stderr)
    failure = "" if ended.returncode == 0 and runs else "\n".join([ended.stdout[-4000:], ended.stderr[-4000:], *found])
    return Guided(int(runs[1]) if runs else 0, int(places[-1]) if places else 0, failure)
