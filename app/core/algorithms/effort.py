"""How much an algorithm does of what takes time: what prices are multiplied with."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.parallel import PLANNED_THREADS, largest_share

Features = dict[str, float]

#: The feature of an operation that threads share: to call them takes its time.
WOKEN = "woken"

#: What is read of more bytes is not in the second cache the next time, or comes from afar.
NEAR, FAR = 2**20, 2**22


def distance(size: int) -> str:
    """From where so many bytes are read, again and again."""
    return "near" if size <= NEAR else "far" if size <= FAR else "afar"


@dataclass(frozen=True)
class Effort:
    """What an operation takes of an algorithm, by feature.

    `alone` is done by the calling thread, however many there are. `shared` is done in so many
    `pieces` by all the threads that a plan is made for, where so much `work` (multiply-adds) is worth them.
    """

    alone: Features
    shared: Features
    pieces: int
    work: int

    def counts(self) -> Features:
        """What the operation's time is the sum of: of what is shared, the part of the thread that has most of it."""
        share = largest_share(self.pieces, self.work, PLANNED_THREADS)
        counts = self.alone | {name: count * share for name, count in self.shared.items()}
        return counts | {WOKEN: 1.0} if share < 1 else counts
