"""The panel beside PyTorch, SciPy and onnxruntime: a table, a picture, and the goals."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace

from app.core.parallel import team
from app.core.warm import warm_up
from benchmarks.goals import goals
from benchmarks.memory import MIB, extra_bytes
from benchmarks.panel_cases import PANEL
from benchmarks.peers import PEERS
from benchmarks.report import Row, disturbance, markdown, measure, milliseconds, progress, told, write
from benchmarks.timing import sgemm_peak

HEAD = (
    *("case", "algorithm", "ours, ms", "torch, ms", "scipy, ms", "onnxruntime, ms"),
    *("ours/torch", "of the sgemm peak", "extra memory, MiB"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--only", default="", help="cases whose name holds this; nothing is written then")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each case and library")
    parser.add_argument("--peers", nargs="*", default=PEERS, help="libraries beside us")


def main(arguments: argparse.Namespace) -> None:
    """Run the panel, print it, and keep it."""
    cases = [case for case in PANEL if arguments.only in case.name]
    warm_up(print)
    peak = sgemm_peak()
    peers = tuple(arguments.peers)
    rows = [measure(case, arguments.seconds, peers, peak) for case in progress(cases, "case")]
    rows = [replace(row, extra_bytes=extra) for row, extra in zip(rows, extra_bytes(cases), strict=True)]
    table = markdown(HEAD, map(_cells, rows))
    listed = "\n".join(f"- {line}" for line in goals(rows))
    machine = f"float32 matrix product of NumPy: {2e-9 * peak:.0f} GFLOP/s on {team.size} threads"
    text = f"{machine} of {os.cpu_count()} processors.\n\n{table}\n\n{disturbance(rows)}{listed}\n"
    print(text)
    if not arguments.only and "torch" in peers:
        from benchmarks import pictures

        write("panel.md", text)
        pictures.ratios(rows)


def _cells(row: Row) -> Sequence[str]:
    times = [milliseconds(row.seconds.get(name)) for name in ("ours", *PEERS)]
    ratio, share = told(row.ratio, ".2f"), told(row.peak_share, ".0%")
    return (row.name, row.algorithm, *times, ratio, share, told(row.extra_bytes / MIB, ".1f"))
