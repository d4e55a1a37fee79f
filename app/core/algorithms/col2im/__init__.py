"""Matrix product and col2im, for transposed convolutions of large kernels: weights read once as they lie."""

from app.core.algorithms.col2im.stamps import effort, fits, run, workspace

__all__ = ["effort", "fits", "run", "workspace"]
