"""Whether an answer fits its dtype, seen while its numbers are at hand for the computation itself.

To look through an array once more takes a good part of what the shortest sums take. Here a
vector is kept of what was seen: of int64 the bits of all magnitudes of inputs, which bound
every sum; of floats NaN as soon as an output was not finite (`Vectors.note`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from app.core.algorithms.overflow import surely_fits
from app.core.algorithms.scratch import LINE
from app.core.algorithms.vectors.simd import I64, Vectors, piece, pointers
from app.core.layout import Array
from app.core.parallel import team


@piece
def note_inputs(_context, x, begin, end, seen):
    """seen |= the bits of the magnitudes x[begin:end], in flat arrays of int64; nothing of floats."""
    i = types.int64
    signature = types.void(x, i, i, seen)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vec = Vectors(context, builder, signature.args[0].dtype)
        if vec.is_integer:
            _write_bits(vec, *pointers(context, builder, signature.args, arguments))
        return context.get_dummy_value()

    return signature, generate


def _write_bits(vec: Vectors, x: Any, begin: Any, end: Any, seen: Any) -> None:
    """A loop that keeps what it has seen in a register."""
    builder = vec.builder
    had, before = vec.load(seen), builder.block
    more, look, after = (builder.append_basic_block(name) for name in ("more", "look", "looked"))
    builder.branch(more)
    builder.position_at_end(more)
    at, so_far = builder.phi(I64), builder.phi(vec.kind)
    builder.cbranch(builder.icmp_signed("<", at, end), look, after)
    builder.position_at_end(look)
    values = vec.load_some(builder.gep(x, [at]), vec.below(builder.sub(end, at)))
    bits = vec.note_bits(so_far, values)
    for phi, begun, going in ((at, begin, builder.add(at, I64(vec.lanes))), (so_far, had, bits)):
        phi.add_incoming(begun, before)
        phi.add_incoming(going, look)
    builder.branch(more)
    builder.position_at_end(after)
    vec.store(so_far, seen)


def new_watches(dtype: np.dtype[np.generic]) -> Array:
    """A vector for each thread, that has seen nothing."""
    return np.zeros((team.size, LINE // dtype.itemsize), dtype)


def shows_fit(clean: bool, seen: Array, w: Array, bias: Array, taps: int) -> bool:
    """Whether what was seen tells that all outputs, sums of so many products, fit their dtype; w and bias are flat.

    Where that is of floats, all threads' vectors are `clean`.
    """
    if w.dtype.kind == "f":
        return clean
    fits: bool = surely_fits(seen.reshape(-1), w, bias, taps)
    return fits
