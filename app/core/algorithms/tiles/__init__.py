"""Sums in tiles of registers over laid-out inputs: the usual algorithm, for both operations and every dtype."""

from app.core.algorithms.boxes.tables import fits
from app.core.algorithms.tiles.efforts import effort
from app.core.algorithms.tiles.sums import run, workspace

__all__ = ["effort", "fits", "run", "workspace"]
