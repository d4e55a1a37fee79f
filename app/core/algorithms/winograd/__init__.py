"""Winograd's minimal filtering, for many channels: kernels in short filters, and a part of the products."""

from app.core.algorithms.winograd.efforts import effort
from app.core.algorithms.winograd.filtering import fits, run, workspace

__all__ = ["effort", "fits", "run", "workspace"]
