"""Kernels of rank one: a pass along one axis after the other."""

from app.core.algorithms.separable.passes import applies, effort, fits, run, workspace

__all__ = ["applies", "effort", "fits", "run", "workspace"]
