"""Schemathesis against a server of its own: requests made up from the OpenAPI document, every check that applies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.api.calls import Server, serving
from tests.trust.figures import Figure
from tests.trust.mutate import LIMITS, children_of

CONFIG = Path(__file__).parent / "schemathesis.toml"
KEY = "a-key-for-schemathesis"


@dataclass(frozen=True)
class Scale:
    """Examples of each operation, in each of the seeds, and the phases of schemathesis."""

    examples: int
    seeds: tuple[int, ...]
    phases: str


SHORT, FULL = Scale(5, (1,), "examples,fuzzing"), Scale(1000, (1, 2, 3), "examples,coverage,fuzzing")


@dataclass(frozen=True)
class Report:
    """What schemathesis told of one run: its report, and what it printed."""

    told: dict[str, Any]
    printed: str

    @property
    def cases(self) -> int:
        """Requests that were made up, sent and checked."""
        count: int = self.told["test_cases"]["generated"]
        return count

    @property
    def operations(self) -> int:
        """Operations that were tested."""
        count: int = self.told["operations"]["tested"]
        return count

    @property
    def is_clean(self) -> bool:
        """Whether it ran to its end and found nothing."""
        return bool(self.told["complete"] and not self.told["failures"] and not self.told["errors"])


def run(server: Server, scale: Scale, seed: int) -> Report:
    """One run over all operations, by schemathesis's own command."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        options = [f"--max-examples={scale.examples}", f"--seed={seed}", f"--phases={scale.phases}"]
        options += [
            f"--report-json-path={report}",
            "--generation-database=none",
            "--no-color",
            f"--header=X-API-Key: {KEY}",
        ]
        command = [sys.executable, "-m", "schemathesis.cli", f"--config-file={CONFIG}", "run"]
        command += [server.url + "/openapi.json", *options]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "KEY": KEY}
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)
        printed = ended.stdout[-20_000:] + ended.stderr[-4000:]
        assert report.exists(), printed
        return Report(json.loads(report.read_text(encoding="utf-8")), printed)


def measure(scale: Scale) -> list[Figure]:
    """Figures of each seed."""
    figures = []
    with serving(access_log="false", api_keys=f"schemathesis:{KEY}", **LIMITS) as server:
        before = children_of(server.process.pid)
        for seed in scale.seeds:
            report = run(server, scale, seed)
            if not report.is_clean:
                print(report.printed, file=sys.stderr)
            found = len(report.told["failures"]) + len(report.told["errors"])
            what = f"schemathesis, {scale.examples:,} examples an operation, seed {seed}: kinds of failures"
            measured = f"{found} in {report.cases:,} requests to {report.operations} operations"
            figures.append(Figure(what, measured, "0", report.is_clean))
        same = server.process.poll() is None and children_of(server.process.pid) == before
        figures.append(Figure("the same process after all of them", "yes" if same else "no", "yes", same))
    return figures
