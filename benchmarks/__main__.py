"""Times the core beside PyTorch's CPU convolution, and prints a table.

    python -m benchmarks [--only WORD] [--seconds S]

The two take turns in blocks, so that a change of the machine's speed meets both. Times
are medians; the ratio is the median over the turns. PyTorch is optional: without it only
the core's own times are told.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from app.core import conv, conv_transpose
from app.core.layout import Array
from app.core.parallel import team
from app.core.plan import plan_of
from benchmarks.cases import PANEL, Case

TURNS = 7


def ours(case: Case, x: Array, w: Array) -> Callable[[], Any]:
    """A call of the public function."""
    settings: dict[str, Any] = {
        "stride": case.stride,
        "padding": case.padding,
        "dilation": case.dilation,
        "groups": case.groups,
    }
    if case.op == "conv":
        return lambda: conv(x, w, **settings)
    return lambda: conv_transpose(x, w, output_padding=case.output_padding, **settings)


def torchs(case: Case, x: Array, w: Array) -> Callable[[], Any] | None:
    """The same in PyTorch, where it is installed and has it."""
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    torch.set_num_threads(team.size)
    torch.set_grad_enabled(False)
    a, b = torch.from_numpy(x), torch.from_numpy(w)
    name = ("conv" if case.op == "conv" else "conv_transpose") + f"{len(case.size)}d"
    function = getattr(torch.nn.functional, name)
    settings = {"stride": case.stride, "padding": case.padding, "dilation": case.dilation, "groups": case.groups}
    if case.op == "conv_transpose":
        settings["output_padding"] = case.output_padding
    return lambda: function(a, b, **settings)


def block(call: Callable[[], Any], seconds: float) -> float:
    """The median time of a call, over a block of calls."""
    times: list[float] = []
    end = perf_counter() + seconds
    while perf_counter() < end or len(times) < 3:
        begun = perf_counter()
        call()
        times.append(perf_counter() - begun)
    return statistics.median(times)


def sgemm_peak() -> float:
    """Multiply-adds a second of NumPy's float32 product on all threads."""
    a = np.ones((1536, 1536), np.float32)
    with threadpool_limits(team.size, user_api="blas"):
        return a.shape[0] ** 3 / block(lambda: a @ a, 0.5)


def measure(case: Case, seconds: float) -> tuple[float, float | None, float | None]:
    """(our seconds, torch's, the ratio)."""
    x, w = case.arrays()
    mine, theirs = ours(case, x, w), torchs(case, x, w)
    mine()
    if theirs is None:
        return block(mine, seconds), None, None
    theirs()
    pairs = [(block(mine, seconds / TURNS), block(theirs, seconds / TURNS)) for _ in range(TURNS)]
    medians = [statistics.median(times) for times in zip(*pairs, strict=True)]
    return medians[0], medians[1], statistics.median(a / b for a, b in pairs)


def main() -> None:
    """Run the panel and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each case and library")
    arguments = parser.parse_args()
    cases = [case for case in PANEL if arguments.only in case.name]
    rows, ratios = [], []
    peak = sgemm_peak()
    for case in tqdm(cases, disable=None):
        mine, theirs, ratio = measure(case, arguments.seconds)
        problem = case.problem()
        algorithm = plan_of(problem, np.dtype(case.dtype)).algorithm.name
        told = "–" if theirs is None else f"{theirs * 1e3:.4f}"
        share = problem.macs / mine / peak
        rows.append(f"| {case.name} | {algorithm} | {mine * 1e3:.4f} | {told} | {ratio or 0:.2f} | {share:.0%} |")
        ratios += [ratio] if ratio else []
    print(f"float32 matrix product: {2e-9 * peak:.0f} GFLOP/s on {team.size} threads of {os.cpu_count()} processors\n")
    print("| case | algorithm | ours, ms | torch, ms | ours/torch | of the product's peak |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    print("\n".join(rows))
    if ratios:
        print(f"\ngeometric mean of ours/torch: {statistics.geometric_mean(ratios):.2f}")


if __name__ == "__main__":
    main()
