"""The compiler's decorators, at hand beside the kernels."""

from app.core.jit import compiled, inlined, shared

__all__ = ["compiled", "inlined", "shared"]
