"""Small maps and wide steps: output channels in vectors, inputs as they lie, one by one."""

from app.core.algorithms.blocked.sums import effort, fits, run, workspace

__all__ = ["effort", "fits", "run", "workspace"]
