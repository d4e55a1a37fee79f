"""Groups of few channels: as many of them as a vector has elements, side by side."""

from app.core.algorithms.channels_last.sums import effort, fits, run, workspace

__all__ = ["effort", "fits", "run", "workspace"]
