"""What the core is meant to reach: one line for each goal, with what was measured."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.cases import Case
from benchmarks.memory import MIB
from benchmarks.peers import PEERS, ours
from benchmarks.report import Row, mean_ratio, told
from benchmarks.timing import median_ratio, take_turns

#: Beside smaller arrays the time of a copy is that of the call.
SMALLEST_COPY = 2**16


def goals(rows: Sequence[Row]) -> Iterator[str]:
    """The lines; the copies that some are held against are timed here."""
    floats = [row for row in rows if row.case.dtype == "float32"]
    yield (
        f"Geometric mean of ours/torch over the float32 cases: {told(mean_ratio(floats))} (goal: 0.35); "
        f"over all of the panel: {told(mean_ratio(rows))}."
    )
    yield from _slowest(rows)
    yield from _dense([row for row in rows if row.case.dense])
    yield from _copies([row.case for row in rows if is_like_copy(row.case)])
    yield from _memory(rows)
    for peer in PEERS[1:]:
        both = [row.ours / row.seconds[peer] for row in rows if peer in row.seconds]
        if both:
            mean = statistics.geometric_mean(both)
            yield f"Geometric mean of ours/{peer} over the {len(both)} cases that it can do: {mean:.3f}."


def _slowest(rows: Sequence[Row]) -> Iterator[str]:
    compared = [row for row in rows if row.is_compared]
    if compared:
        slowest = max(compared, key=lambda row: row.ratio)
        over = sum(row.ratio > 1.2 for row in compared)
        yield (
            f"Slowest beside PyTorch: {slowest.ratio:.2f}, {slowest.case.name}; {over} of {len(compared)} cases "
            "over 1.2 (goal: none)."
        )


def _dense(rows: Sequence[Row]) -> Iterator[str]:
    both = [(row.ours, row.seconds["torch"]) for row in rows if "torch" in row.seconds]
    if both:
        mine, theirs = (sum(times) for times in zip(*both, strict=True))
        yield (
            f"Dense layers together, ours/torch: {mean_ratio(rows):.3f} as a geometric mean, {mine / theirs:.3f} of "
            "the time of all (goal: 0.9)."
        )


def is_like_copy(case: Case) -> bool:
    """Whether memory alone should bound the time: 3×3 by channel, on arrays that are not small."""
    problem = case.problem()
    large = problem.input_elements * case.numpy_dtype.itemsize >= SMALLEST_COPY
    return case.is_channelwise and case.kernel == 3 and case.op == "conv" and large


def _copies(cases: Sequence[Case]) -> Iterator[str]:
    """Ours beside a copy of as many bytes as the operation reads and writes.

    One copy takes memory for its answer, as the operation must; the other has it already.
    """
    found = []
    for case in cases:
        x, w = case.arrays()
        problem = case.problem()
        source = np.ones((problem.input_elements + problem.output_elements) // 2, case.numpy_dtype)
        target = source.copy()
        calls = {
            "ours": ours(case, x, w),
            "copy": source.copy,
            "copyto": lambda a=source, b=target: np.copyto(b, a),  # type: ignore[misc]
        }
        times = take_turns(calls, 0.2)
        found.append((median_ratio(times["ours"], times["copy"]), median_ratio(times["ours"], times["copyto"]), case))
    if found:
        new, kept, case = max(found, key=lambda each: each[0])
        yield (
            f"Single-channel 3×3 and depthwise, ours beside a copy of their bytes: at most {new:.2f}, {case.name} "
            f"({kept:.2f} beside one into memory that is there already) (goal: 3)."
        )


def _memory(rows: Sequence[Row]) -> Iterator[str]:
    measured = [row for row in rows if not math.isnan(row.extra_bytes)]
    if measured:
        most = max(measured, key=lambda row: row.extra_bytes)
        yield (
            f"Peak memory beside input, kernel and output: at most {most.extra_bytes / MIB:.1f} MiB, "
            f"{most.case.name} (goal: 64)."
        )
