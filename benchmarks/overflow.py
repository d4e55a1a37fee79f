"""What part of an int64 call goes into showing that no sum can wrap, over the panel's int64 cases."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from app.core.algorithms.overflow import check_int64
from app.core.layout import Array
from app.core.plan import Plan, plan_of
from app.core.warm import warm_up
from benchmarks.cases import Case
from benchmarks.panel_cases import PANEL
from benchmarks.peers import ours
from benchmarks.report import markdown, milliseconds, progress
from benchmarks.timing import Call, median_ratio, take_turns

HEAD = ("case", "algorithm", "whole call, ms", "check, ms", "share")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each case and call")


def main(arguments: argparse.Namespace) -> None:
    """Time the whole and the check by itself, in turn."""
    cases = [case for case in PANEL if case.dtype == "int64" and arguments.only in case.name]
    warm_up(print)
    print(markdown(HEAD, [_row(case, arguments.seconds) for case in progress(cases, "case")]))
    print("Where an algorithm looks by the way (+), the check by itself is more than it does (goal: 20 %).")


def _row(case: Case, seconds: float) -> Sequence[str]:
    x, w = case.arrays()
    plan = plan_of(case.problem(), x.dtype)
    times = take_turns({"whole": ours(case, x, w), "check": _check(plan, x, w)}, seconds, alone=True)
    share = median_ratio(times["check"], times["whole"])
    name = plan.algorithm.name + (" +" if plan.tiny or plan.algorithm.looks else "")
    return (case.name, name, *(milliseconds(float(np.median(each))) for each in times.values()), f"{share:.0%}")


def _check(plan: Plan, x: Array, w: Array) -> Call:
    x, w = x.reshape(plan.input_shape), np.ascontiguousarray(w).reshape(plan.kernel_shape)
    bias = np.zeros(plan.problem.out_channels, x.dtype)
    return lambda: check_int64(plan.axes, x, w, bias, plan.output_shape, plan.problem.macs)
