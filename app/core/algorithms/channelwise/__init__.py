"""Groups of few channels, one after the other: large planes, and few groups."""

from app.core.algorithms.channelwise.efforts import effort
from app.core.algorithms.channelwise.sums import fits, run, workspace

__all__ = ["effort", "fits", "run", "workspace"]
