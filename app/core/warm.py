"""Compiles every kernel that requests use, by running one small operation with each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.core.algorithms import ALGORITHMS
from app.core.checks import describe
from app.core.execute import execute
from app.core.plan import plan_of
from app.core.problem import OPS, Setting
from app.core.views.rank import exact_rank


def warm_up() -> None:
    """Compile, or load from the cache, each algorithm for each dtype that it takes."""
    for op in OPS:
        problem = describe(Setting(op, (3, 3), 2, stride=2, kernel_channels=(1, 1)))
        for dtype in (np.dtype(np.int64), np.dtype(np.float32), np.dtype(np.float64)):
            plan = plan_of(problem, dtype)
            x, w = np.zeros((1, 1, 3, 3), dtype), np.ones((1, 1, 2, 2), dtype)
            # So large that only exact sums tell that int64 holds the result: their kernel is compiled too.
            x[0, 0, 0, 0] = 2**62
            for algorithm in ALGORITHMS[op]:
                if algorithm.fits(problem, plan.axes, dtype):
                    execute(replace(plan, algorithm=algorithm), x, w)
    exact_rank(np.eye(1, dtype=np.int64))
