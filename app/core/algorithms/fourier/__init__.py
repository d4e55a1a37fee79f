"""Products of Fourier transforms, for large kernels."""

from app.core.algorithms.fourier.overlap_save import effort, fits, run, workspace

__all__ = ["effort", "fits", "run", "workspace"]
