"""The heart of the dense algorithms: rows of weights meet vectors of inputs; written by hand for LLVM.

R rows of weights meet V vectors of inputs at each tap, and R·V vectors of sums never leave
the registers until the last tap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, reduce
from typing import Any

from numba import types

from app.core.algorithms.vectors.simd import I64, ROWS, WIDEST, Vectors, choose, piece, pointers, summed_over

#: The shapes of tiles: how many vectors, for each number of rows.
TILES = {
    ROWS: (3, 2, 1),
    ROWS // 2: (6, 3, 2, 1),
    **({ROWS // 4: (8, 4, 2, 1)} if ROWS > 4 else {}),
    1: (8, 4, 2, 1),
}

#: The same of `add_tile`.
ADDING_TILES = {ROWS: (3, 2, 1), ROWS // 2: (3, 2, 1)}

#: Masks of a tap in `sum_masked_tile`: one for each vector of a tile.
MASKS = 3

#: How many arguments tell what is summed, after the shape.
_ALWAYS = 9

Sums = list[list[Any]]


@piece
def sum_tile(
    _context, rows, vectors, x, x_at, places, place_at, taps, w, w_at, w_row, live, bias, bias_at, out, out_at, out_row
):
    """Sum rows × vectors of outputs over all taps, for one of the shapes in `TILES`.

        out[out_at + r·out_row + m] = Σ over t of w[w_at + r·w_row + t]·x[x_at + places[place_at + t] + m]
                                      + bias[bias_at + r]

    for r below `rows` and m below vectors·(elements of a vector), in flat arrays. Taps are
    summed in their order, for every m alike, so a result does not depend on where tiles
    begin. Only `live` rows exist; the others repeat the last of them. x is read, and out
    written, over whole vectors.
    """
    i = types.int64
    signature = types.void(i, i, x, i, places, i, i, w, i, i, i, bias, i, out, i, i)
    return _choosing(signature, TILES, _finish_summing)


@piece
def sum_tile_and_note(
    _context, rows, vectors, x, x_at, places, place_at, taps, w, w_at, w_row, live, steps, bias, bias_at,
    out, out_at, out_row, seen,
):  # fmt: skip
    """As `sum_tile`, with the weight of a tap at w[w_at + r·w_row + steps[place_at + t]].

    It notes in a vector `seen` whether all sums are finite (`Vectors.note`).
    """
    i = types.int64
    signature = types.void(i, i, x, i, places, i, i, w, i, i, i, steps, bias, i, out, i, i, seen)
    return _choosing(signature, TILES, _finish_summing, "steps")


@piece
def add_tile(
    _context, rows, vectors, x, x_at, places, place_at, taps, w, w_at, w_row, live, ahead, adds, out, out_at, out_row
):
    """As `sum_tile` for `ADDING_TILES`, without a bias; where `adds` is not 0, to what `out` holds.

    All `rows` of `out` are written; those from `live` on hold what is of no use. Weights come in `rows` rows without
    gaps; those that follow, `ahead` of these, are fetched meanwhile: the processor does not foresee them.
    """
    i = types.int64
    signature = types.void(i, i, x, i, places, i, i, w, i, i, i, i, i, out, i, i)
    return _choosing(signature, ADDING_TILES, _finish_adding, "ahead")


@piece
def sum_masked_tile(
    _context, rows, vectors, x, x_at, apart, channels, places, masks, steps, first, taps,
    w, w_at, w_row, w_apart, live, bias, bias_at, out, out_at, out_row, seen,
):  # fmt: skip
    """As `sum_tile_and_note` for `ADDING_TILES`, channel by channel, from inputs as they lie.

        out[out_at + r·out_row + m] = Σ over c, t of w[w_at + r·w_row + c·w_apart + steps[t]]
                                                   ·x[x_at + c·apart + places[t] + m] + bias[bias_at + r]

    for c below `channels` and the taps t of places, steps and masks from `first` on. A mask has a bit for each element
    of a vector, and `MASKS` of them belong to a tap; where a bit is 0, zero is taken, and nothing is read.
    """
    i = types.int64
    signature = types.void(
        i, i, x, i, i, i, places, masks, steps, i, i, w, i, i, i, i, bias, i, out, i, i, seen
    )  # fmt: skip

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, vectors, *rest = pointers(context, builder, signature.args, arguments)
        shape, vec = _shape(builder, rows, vectors), Vectors(context, builder, signature.args[2].dtype)

        def write(rows: int, vectors: int) -> None:
            summed, real = _write_masked_tile(vec, rows, vectors, *rest[:14])
            _finish_summing(vec, summed, real, *rest[14:])

        choose(builder, shape, {_number(r, v): partial(write, r, v) for r, v in _shapes(ADDING_TILES)})
        return context.get_dummy_value()

    return signature, generate


def _choosing(signature: Any, tiles: Mapping[int, tuple[int, ...]], finish: Callable[..., None], *more: str) -> Any:
    """What writes a piece that sums a tile of one of these shapes; `finish` writes where the sums go.

    Its arguments after the shape are those that `_write_tile` takes in any case, `more` of them, and those of `finish`.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, vectors, *rest = pointers(context, builder, signature.args, arguments)
        what, own, where = rest[:_ALWAYS], rest[_ALWAYS : _ALWAYS + len(more)], rest[_ALWAYS + len(more) :]
        shape, vec = _shape(builder, rows, vectors), Vectors(context, builder, signature.args[2].dtype)

        def write(rows: int, vectors: int) -> None:
            summed, real = _write_tile(vec, rows, vectors, *what, **dict(zip(more, own, strict=True)))
            finish(vec, summed, real, *where)

        choose(builder, shape, {_number(r, v): partial(write, r, v) for r, v in _shapes(tiles)})
        return context.get_dummy_value()

    return signature, generate


def _shapes(tiles: Mapping[int, tuple[int, ...]]) -> list[tuple[int, int]]:
    return [(rows, vectors) for rows, widths in tiles.items() for vectors in widths]


def _number(rows: int, vectors: int) -> int:
    """The number of a shape."""
    return rows * (WIDEST + 1) + vectors


def _shape(builder: Any, rows: Any, vectors: Any) -> Any:
    """The same as an instruction."""
    return builder.add(builder.mul(rows, I64(WIDEST + 1)), vectors)


def _write_tile(
    vec: Vectors, rows: int, vectors: int,
    x: Any, x_at: Any, places: Any, place_at: Any, taps: Any, w: Any, w_at: Any, w_row: Any, live: Any, *,
    steps: Any = None, ahead: Any = None,
) -> tuple[Sums, list[Any]]:  # fmt: skip
    """The instructions of all taps for one shape: the sums, and the number of each row; arrays are pointers."""
    builder = vec.builder
    x, places = builder.gep(x, [x_at]), builder.gep(places, [place_at])
    steps = None if steps is None else builder.gep(steps, [place_at])
    real = _real(builder, rows, live)
    weights = [builder.gep(w, [builder.add(w_at, builder.mul(r, w_row))]) for r in real]

    def of_tap(tap: Any, held: list[Any]) -> list[Any]:
        source = builder.gep(x, [builder.load(builder.gep(places, [tap]))])
        inputs = [vec.load(builder.gep(source, [I64(v * vec.lanes)])) for v in range(vectors)]
        summed = _met(vec, weights, tap if steps is None else builder.load(builder.gep(steps, [tap])), inputs, held)
        if ahead is not None:
            vec.fetch(builder.gep(w, [builder.add(builder.add(w_at, ahead), builder.mul(tap, I64(rows)))]))
        return summed

    return _by_rows(summed_over(builder, taps, [vec.nothing] * rows * vectors, of_tap), vectors), real


def _met(vec: Vectors, weights: list[Any], step: Any, inputs: list[Any], held: list[Any]) -> list[Any]:
    """The sums, row by row, with the products of inputs and the weight of each row that is so far on."""
    summed = []
    for r, own in enumerate(weights):
        weight = vec.spread(vec.builder.load(vec.builder.gep(own, [step])))
        summed += [vec.multiply_add(weight, one, held[r * len(inputs) + v]) for v, one in enumerate(inputs)]
    return summed


def _by_rows(sums: list[Any], vectors: int) -> Sums:
    return [sums[first : first + vectors] for first in range(0, len(sums), vectors)]


def _real(builder: Any, rows: int, live: Any) -> list[Any]:
    """The number of each row: those that do not exist repeat the last one."""
    last = builder.sub(live, I64(1))
    return [builder.select(builder.icmp_signed("<", I64(r), last), I64(r), last) for r in range(rows)]


def _write_masked_tile(
    vec: Vectors, rows: int, vectors: int,
    x: Any, x_at: Any, apart: Any, channels: Any, places: Any, masks: Any, steps: Any, first: Any, taps: Any,
    w: Any, w_at: Any, w_row: Any, w_apart: Any, live: Any,
) -> tuple[Sums, list[Any]]:  # fmt: skip
    """As `_write_tile`: two loops, over channels and over taps; there is at least one of each.

    One loop that begins anew with the taps at each channel was slower: what tells where is needed too soon.
    """
    builder = vec.builder
    x, places, steps = builder.gep(x, [x_at]), builder.gep(places, [first]), builder.gep(steps, [first])
    masks, real = builder.gep(masks, [builder.mul(first, I64(MASKS))]), _real(builder, rows, live)
    weights = [builder.gep(w, [builder.add(w_at, builder.mul(r, w_row))]) for r in real]

    def of_channel(channel: Any, held: list[Any]) -> list[Any]:
        source, beside = builder.gep(x, [builder.mul(channel, apart)]), builder.mul(channel, w_apart)
        own = [builder.gep(weight, [beside]) for weight in weights]

        def of_tap(tap: Any, held: list[Any]) -> list[Any]:
            place = builder.gep(source, [builder.load(builder.gep(places, [tap]))])
            mask = builder.gep(masks, [builder.mul(tap, I64(MASKS))])
            bits = [vec.of_bits(builder.load(builder.gep(mask, [I64(v)]))) for v in range(vectors)]
            inputs = [vec.load_some(builder.gep(place, [I64(v * vec.lanes)]), bits[v]) for v in range(vectors)]
            return _met(vec, own, builder.load(builder.gep(steps, [tap])), inputs, held)

        return summed_over(builder, taps, held, of_tap)

    return _by_rows(summed_over(builder, channels, [vec.nothing] * rows * vectors, of_channel), vectors), real


def _finish_summing(
    vec: Vectors, summed: Sums, real: list[Any], bias: Any, bias_at: Any, out: Any, out_at: Any, out_row: Any,
    seen: Any = None,
) -> None:  # fmt: skip
    """Add the bias, and write the sums of each row to its place in the output."""
    builder = vec.builder
    noted = [vec.nothing] * len(summed[0])
    for r, sums in enumerate(summed):
        added = vec.spread(builder.load(builder.gep(bias, [builder.add(bias_at, real[r])])))
        target = builder.gep(out, [builder.add(out_at, builder.mul(real[r], out_row))])
        for v, one in enumerate(sums):
            total = vec.add(one, added)
            vec.store(total, builder.gep(target, [I64(v * vec.lanes)]))
            if seen is not None:
                noted[v] = vec.note(noted[v], total)
    if seen is not None:
        vec.store(reduce(vec.add, noted, vec.load(seen)), seen)


def _finish_adding(
    vec: Vectors, summed: Sums, _real: list[Any], adds: Any, out: Any, out_at: Any, out_row: Any
) -> None:
    """Add the sums to what is there, or write them in its place."""
    builder = vec.builder
    is_more = builder.icmp_signed("!=", adds, I64(0))
    for r, sums in enumerate(summed):
        target = builder.gep(out, [builder.add(out_at, builder.mul(I64(r), out_row))])
        for v, one in enumerate(sums):
            place = builder.gep(target, [I64(v * vec.lanes)])
            before = builder.select(is_more, vec.load(place), vec.nothing)
            vec.store(vec.add(one, before), place)
