"""Lays the inputs that a box of outputs needs into planes without gaps, with their padding around them."""

from __future__ import annotations

from numba import uint64

from app.core.algorithms.vectors.lines import (
    lay_four,
    lay_four_in_fours,
    lay_four_in_twos,
    lay_line,
    lay_second,
    lay_three,
    lay_two,
)
from app.core.jit import inlined

#: Shorter runs of columns are laid one by one, where they are not dealt out (`deals_out_runs`).
SHORTEST_RUN = 4

#: By their numbers, which kernels hold: kept ones are not made anew where `problem` has them in another order.
MODES = ("zeros", "reflect", "replicate", "circular")
_ZEROS, _REFLECT, _REPLICATE, _CIRCULAR = range(len(MODES))


@inlined
def lay(x, source, sizes, residues_z, residues_y, residues_x, mode, z, y, left, laid, listed):
    """Lay the inputs that a box of a group needs into its planes, a plane for each channel and residue.

    Only what the output's size leaves of the box is laid. Where lines or columns come in runs, run·step inputs are
    cut into runs, one for each residue: number m of the positions takes what `_input_of` says. In `listed` is room for
    `listed_of` numbers.
    """
    step, per_line = _plain_step(sizes, len(residues_x), mode), len(residues_x)
    if step == 1:
        _lay_plain(x, source, sizes, residues_z, residues_y, residues_x, 1, 1, z, y, left, laid)
    elif step == 2 and per_line == 1:
        _lay_plain(x, source, sizes, residues_z, residues_y, residues_x, 2, 1, z, y, left, laid)
    elif step == 2:
        _lay_plain(x, source, sizes, residues_z, residues_y, residues_x, 2, 2, z, y, left, laid)
    elif step == 4:
        _lay_plain(x, source, sizes, residues_z, residues_y, residues_x, 4, 4, z, y, left, laid)
    else:
        _lay_any(x, source, sizes, residues_z, residues_y, residues_x, mode, z, y, left, laid, listed)


@inlined
def _plain_step(sizes, per_line, mode):
    """The step along a line where all lines are laid plainly, without runs and with zeros around; else 0."""
    step = sizes.in_step_x
    is_plain = mode == _ZEROS and sizes.run_y == sizes.run_x == 1
    return step if is_plain and (step <= 2 or step == per_line == 4) else 0


@inlined
def deals_out_runs(run, step):
    """Whether runs of so many columns are dealt out to planes by vectors, where a position moves by so many."""
    return step == 4 and run in (2, 4)


@inlined
def _deals_out(sizes, per_line):
    """The same of these boxes, which all begin with a run."""
    run, step = sizes.run_x, sizes.in_step_x
    begins_with_run = sizes.begin_x % run == 0 and (sizes.box_x % run == 0 or sizes.boxes_x == 1)
    return deals_out_runs(run, step) and per_line == step and begins_with_run


@inlined
def _lays_in_vectors(sizes, per_line):
    """Whether vectors lay most of a line, and single places what is left."""
    step = sizes.in_step_x
    if sizes.run_x == 1:
        return step == 1 or per_line == step <= 4
    return sizes.run_x >= SHORTEST_RUN or _deals_out(sizes, per_line)


@inlined
def listed_of(sizes, per_line, mode):
    """How many numbers `lay` lists for the places of a line: for each where it goes, and where it comes from."""
    lists = mode != _ZEROS or (_plain_step(sizes, per_line, mode) == 0 and not _lays_in_vectors(sizes, per_line))
    return 2 * per_line * (sizes.box_x + sizes.span_x) if lists else 0


@inlined
def _lay_plain(x, source, sizes, residues_z, residues_y, residues_x, step, together, z, y, left, laid):
    """As `lay`, with zeros around the input, and so many planes `together` from one reading of a line.

    `step` and `together` are numbers where this is called, so that nothing is chosen for each line: they are short.
    """
    plane = sizes.lines * sizes.line_length
    planes = (sizes.box_z + sizes.span_z) * plane
    depth = min(sizes.box_z, sizes.positions_z - z) + sizes.span_z
    lines = min(sizes.box_y, sizes.positions_y - y) + sizes.span_y
    columns = min(sizes.box_x, sizes.positions_x - left) + sizes.span_x
    first, at = (left + sizes.begin_x) * step, 0
    for ci in range(sizes.in_group):
        channel = source + ci * sizes.input_channel
        for rz in residues_z:
            for ry in residues_y:
                for u in range(depth):
                    iz = (z + sizes.begin_z + u) * sizes.in_step_z + rz
                    slab_length = sizes.input_x if 0 <= iz < sizes.input_z else 0
                    for v in range(lines):
                        iy = (y + sizes.begin_y + v) * sizes.in_step_y + ry
                        length = slab_length if 0 <= iy < sizes.input_y else 0
                        line = channel + iz * sizes.input_slab + iy * sizes.input_x
                        target = at + u * plane + v * sizes.line_length
                        if together > 1:
                            lay_zeros_around(x, line, length, step, first, laid, target, planes, columns)
                            continue
                        for r in range(len(residues_x)):
                            begin, own = first + residues_x[r], target + r * planes
                            if step == 1:
                                lay_line(laid, own, 0, x, line, length, begin, columns)
                            else:
                                lay_second(laid, own, 0, x, line, length, begin, columns)
                at += len(residues_x) * planes


@inlined
def _lay_any(x, source, sizes, residues_z, residues_y, residues_x, mode, z, y, left, laid, listed):
    """As `lay`, for any step and padding mode.

    All lines take their inputs from the same places. Where vectors do most of a line, the places are those alone where
    the padding is no zero, or none.
    """
    plane, per_line = sizes.lines * sizes.line_length, len(residues_x)
    planes = (sizes.box_z + sizes.span_z) * plane
    depth = min(sizes.box_z, sizes.positions_z - z) + sizes.span_z
    lines = min(sizes.box_y, sizes.positions_y - y) + sizes.span_y
    columns = min(sizes.box_x, sizes.positions_x - left) + sizes.span_x
    begin, in_vectors, by_turns = left + sizes.begin_x, _lays_in_vectors(sizes, per_line), _deals_out(sizes, per_line)
    count = end = 0
    if listed_of(sizes, per_line, mode) > 0:
        count, end = _list_places(sizes, begin, residues_x, columns, planes, mode, in_vectors, listed)
    at = 0
    for ci in range(sizes.in_group):
        channel = source + ci * sizes.input_channel
        for rz in residues_z:
            for ry in residues_y:
                for u in range(depth):
                    iz = _source((z + sizes.begin_z + u) * sizes.in_step_z + rz, sizes.input_z, mode)
                    for v in range(lines):
                        if sizes.run_y > 1 and v % sizes.run_y >= lines - sizes.span_y:
                            continue  # a line of the runs that none of these positions takes
                        place = _input_of(y + sizes.begin_y + v, sizes.origin_y, sizes.run_y, sizes.in_step_y, ry)
                        iy = _source(place, sizes.input_y, mode)
                        line = channel + iz * sizes.input_slab + iy * sizes.input_x
                        is_there = iz >= 0 and iy >= 0
                        target = at + u * plane + v * sizes.line_length
                        if in_vectors:
                            length = sizes.input_x if is_there else 0
                            _lay_in_vectors(
                                x, line, length, sizes, residues_x, by_turns, begin, laid, target, planes, columns
                            )
                        _lay_places(x, line, is_there, laid, target, listed, per_line * columns, count, end)
                at += per_line * planes


@inlined
def _lay_in_vectors(x, line, length, sizes, residues, by_turns, begin, laid, at, planes, columns):
    """A line's planes, from position `begin` on, with zeros around the input; whole runs may go there `by_turns`."""
    step = sizes.in_step_x
    if by_turns:
        first = sizes.origin_x + begin * step + sizes.run_x * residues[0]
        if sizes.run_x == 2:
            lay_four_in_twos(laid, at, planes, x, line, length, first, columns)
        else:
            lay_four_in_fours(laid, at, planes, x, line, length, first, columns)
    elif sizes.run_x == 1:
        for r in range(len(residues) if step == 1 else 1):
            first = begin * step + residues[r]
            lay_zeros_around(x, line, length, step, first, laid, at + r * planes, planes, columns)
    else:
        for r in range(len(residues)):
            _lay_runs(x, line, length, sizes, residues[r], begin, laid, at + r * planes, columns)


@inlined
def _lay_runs(x, line, length, sizes, residue, begin, laid, at, columns):
    """A plane of a line run by run, without what no position takes where these are fewer than a run."""
    m, width = 0, columns - sizes.span_x
    while m < columns:
        count = min(sizes.run_x - (begin + m) % sizes.run_x, columns - m)
        if m % sizes.run_x < width or m % sizes.run_x + count > sizes.run_x:
            place = _input_of(begin + m, sizes.origin_x, sizes.run_x, sizes.in_step_x, residue)
            lay_line(laid, at + m, 0, x, line, length, place, count)
        m += count


@inlined
def _lay_places(x, line, is_there, laid, at, listed, origins, count, end):
    """Lay the listed places of a line: `count` inputs and zeros up to the `end`, zeros alone where it is not there.

    Where they come from is listed from number `origins` on.
    """
    if is_there:
        for n in range(count):
            laid[uint64(at + listed[n])] = x[uint64(line + listed[origins + n])]
    for n in range(count if is_there else 0, end):
        laid[uint64(at + listed[n])] = 0


@inlined
def _list_places(sizes, begin, residues, columns, planes, mode, outside_alone, listed):
    """List where a line's inputs go, and from where: (how many there are, and where zeros after them end).

    Only those `outside_alone` that are no zeros, where the others are laid already.
    """
    origins = len(residues) * columns
    count, end = 0, origins
    for r in range(len(residues)):
        for m in range(columns):
            place = _input_of(begin + m, sizes.origin_x, sizes.run_x, sizes.in_step_x, residues[r])
            origin = _source(place, sizes.input_x, mode)
            if origin >= 0 and not (outside_alone and 0 <= place < sizes.input_x):
                listed[count], listed[origins + count] = r * planes + m, origin
                count += 1
            elif origin < 0:
                end -= 1
                listed[end] = r * planes + m
    return count, (count if outside_alone else origins)


@inlined
def _input_of(position, origin, run, step, residue):
    """The place of a position's input with this residue: step·position + residue, where a run is one position."""
    turn, number = divmod(position, run)
    return origin + run * (step * turn + residue) + number


@inlined
def lay_zeros_around(x, line, length, step, first, laid, at, apart, count):
    """laid[at + j·apart + m] = the line's input at first + step·m + j: a plane for each remainder, up to four of them.

    What lies outside is zero; a line of length 0 is all zeros.
    """
    if step == 1:
        lay_line(laid, at, apart, x, line, length, first, count)
    elif step == 2:
        lay_two(laid, at, apart, x, line, length, first, count)
    elif step == 3:
        lay_three(laid, at, apart, x, line, length, first, count)
    else:
        lay_four(laid, at, apart, x, line, length, first, count)


@inlined
def _source(place, length, mode):
    """The input that a place takes, with its padding mode; −1 for a zero."""
    if 0 <= place < length:
        return place
    if mode == _REFLECT:
        mirrored = -place if place < 0 else 2 * (length - 1) - place
        return mirrored if 0 <= mirrored < length else -1
    if mode == _REPLICATE:
        return 0 if place < 0 else length - 1
    if mode == _CIRCULAR:
        return place % length
    return -1
