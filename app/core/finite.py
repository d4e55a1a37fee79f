"""Whether floats are finite, looked through by several threads where that pays."""

from __future__ import annotations

import numpy as np
from numba import uint64

from app.core.layout import Array
from app.core.parallel import WORTH_A_THREAD, run_parted
from app.core.parted import parted

#: What eight bytes that are looked through take, in multiply-adds of the algorithms.
LOOK_WORK = 3


def work_of_looking(values: Array, work: int) -> int:
    """What looking through an array takes, in multiply-adds.

    Beside a computation that is worth two threads it always is: each has half of the
    array in its own cache, and to fetch the other half takes longer than the look.
    """
    own = values.nbytes // 8 * LOOK_WORK
    return own if work < WORTH_A_THREAD else max(own, WORTH_A_THREAD)


def all_finite(values: Array, work: int = 0) -> bool:
    """Whether there is neither NaN nor infinity; `work` is what it took to compute them, in multiply-adds."""
    flat = values.reshape(-1)
    return run_parted(_all_finite, flat.size, work_of_looking(flat, work), flat)


@parted
def _all_finite(_me, low, high, values):
    """Whether values[low:high] are all finite, in a loop over whole vectors: it must not end early."""
    other = False
    for m in range(uint64(low), uint64(high)):
        other |= not abs(values[m]) < np.inf
    return not other
