"""How large the boxes are that outputs are cut into, from lengths alone."""

from __future__ import annotations

import math
import operator

from app.core.algorithms.boxes.phases import Sizes3
from app.core.geometry import ceil_div

#: Outputs in a row of a box at least.
NARROWEST = 48

#: Rows of outputs are cut if they have so many vectors.
SHORTEST_CUT = 24

#: Each thread has a box of its own to lay, where that takes no more vectors than so many times those of a box of all.
MOST_MORE = 1.05


def box_within(most: Sizes3, span: Sizes3, channels: int, laid: int, cut: int) -> Sizes3:
    """Positions in one box: all, or cut along the first axis that must be cut, then the next.

    Lines are cut for much alone: the inputs around each box are laid with it, so many of them again.
    """
    box = list(most)
    if most[0] == 1 and channels * math.prod(map(operator.add, most, span)) <= cut:
        return most
    for a, least in enumerate((1, max(1, 2 * span[1]), max(NARROWEST, 2 * span[2]))):
        others = channels * math.prod(box[j] + span[j] for j in range(3) if j != a)
        if others * (box[a] + span[a]) <= (laid if box == list(most) else cut):
            break
        room = max(least, laid // others - span[a])
        box[a] = ceil_div(box[a], ceil_div(box[a], room))
    return box[0], box[1], box[2]


def own_box(span: Sizes3, box: Sizes3, threads: int, lanes: int) -> Sizes3:
    """A box for each thread, which then lays its own inputs alone, if that takes hardly more vectors."""
    a = next((a for a in range(3) if box[a] > 1), 2)
    own = _with(box, a, ceil_div(box[a], threads))
    vectors, more = (ceil_div(_length(span, each), lanes) for each in (box, own))
    return own if more * threads <= MOST_MORE * vectors else box


def _length(span: Sizes3, box: Sizes3) -> int:
    """The positions of a box as one row."""
    return ((box[0] - 1) * (box[1] + span[1]) + box[1] - 1) * (box[2] + span[2]) + box[2]


def shorter_box(span: Sizes3, box: Sizes3, pieces: int, lanes: int) -> Sizes3:
    """Up to so many pieces of a box: it is cut along its first axis, and not into such that are mostly span."""
    a = next((a for a in range(3) if box[a] > 1), 2)
    least = SHORTEST_CUT // 2 * lanes if a == 2 else max(1, 3 * span[a])
    return _with(box, a, ceil_div(box[a], max(1, min(pieces, box[a] // least))))


def _with(box: Sizes3, axis: int, length: int) -> Sizes3:
    """The box with another length along an axis."""
    z, y, x = (length if a == axis else own for a, own in enumerate(box))
    return z, y, x
