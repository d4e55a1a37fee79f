"""Lays the inputs that a box of outputs needs into planes without gaps, with their padding around them."""

from __future__ import annotations

from numba import uint64

from app.core.algorithms.lines import lay_four, lay_line, lay_second, lay_three, lay_two, pick_second
from app.core.jit import inlined
from app.core.problem import PADDING_MODES

_ZEROS, _REFLECT, _REPLICATE, _CIRCULAR = range(len(PADDING_MODES))


@inlined
def lay(x, source, sizes, residues_z, residues_y, residues_x, mode, z, y, left, laid):
    """Lay the inputs that a box of a group needs into its planes, a plane for each channel and residue.

    Only what the output's size leaves of the box is laid.
    """
    step, per_line = sizes.in_step_x, len(residues_x)
    if mode == _ZEROS and step == 1:
        _lay_plain(x, source, sizes, residues_z, residues_y, residues_x, 1, 1, z, y, left, laid)
    elif mode == _ZEROS and step == 2 and per_line == 1:
        _lay_plain(x, source, sizes, residues_z, residues_y, residues_x, 2, 1, z, y, left, laid)
    elif mode == _ZEROS and step == 2 and per_line == 2:
        _lay_plain(x, source, sizes, residues_z, residues_y, residues_x, 2, 2, z, y, left, laid)
    elif mode == _ZEROS and step == 4 and per_line == 4:
        _lay_plain(x, source, sizes, residues_z, residues_y, residues_x, 4, 4, z, y, left, laid)
    else:
        _lay_any(x, source, sizes, residues_z, residues_y, residues_x, mode, z, y, left, laid)


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
                            _lay_zeros_around(x, line, length, step, first, laid, target, planes, columns)
                            continue
                        for r in range(len(residues_x)):
                            begin, own = first + residues_x[r], target + r * planes
                            if step == 1:
                                lay_line(laid, own, 0, x, line, length, begin, columns)
                            else:
                                lay_second(laid, own, 0, x, line, length, begin, columns)
                at += len(residues_x) * planes


@inlined
def _lay_any(x, source, sizes, residues_z, residues_y, residues_x, mode, z, y, left, laid):
    step, plane = sizes.in_step_x, sizes.lines * sizes.line_length
    planes = (sizes.box_z + sizes.span_z) * plane
    depth = min(sizes.box_z, sizes.positions_z - z) + sizes.span_z
    lines = min(sizes.box_y, sizes.positions_y - y) + sizes.span_y
    columns = min(sizes.box_x, sizes.positions_x - left) + sizes.span_x
    first, per_line = (left + sizes.begin_x) * step, len(residues_x)
    at = 0
    for ci in range(sizes.in_group):
        channel = source + ci * sizes.input_channel
        for rz in residues_z:
            for ry in residues_y:
                for u in range(depth):
                    iz = _source((z + sizes.begin_z + u) * sizes.in_step_z + rz, sizes.input_z, mode)
                    for v in range(lines):
                        iy = _source((y + sizes.begin_y + v) * sizes.in_step_y + ry, sizes.input_y, mode)
                        begin = channel + iz * sizes.input_slab + iy * sizes.input_x
                        length = sizes.input_x if iz >= 0 and iy >= 0 else 0
                        target = at + u * plane + v * sizes.line_length
                        if step == 1 or (per_line == step and step <= 4):
                            for r in range(per_line if step == 1 else 1):
                                _lay_planes(
                                    x, begin, length, step, first + residues_x[r], mode,
                                    laid, target + r * planes, planes, columns,
                                )  # fmt: skip
                        else:
                            for r in range(per_line):
                                _lay_line(
                                    x, begin, length, step, first + residues_x[r], mode,
                                    laid, target + r * planes, columns,
                                )  # fmt: skip
                at += per_line * planes


@inlined
def _lay_zeros_around(x, line, length, step, first, laid, at, apart, count):
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
def _lay_planes(x, line, length, step, first, mode, laid, at, apart, count):
    """As `_lay_zeros_around`, with the padding mode's inputs outside."""
    _lay_zeros_around(x, line, length, step, first, laid, at, apart, count)
    if mode != _ZEROS and length > 0:
        _lay_border(x, line, length, step, first, mode, laid, at, apart, count)


@inlined
def _lay_border(x, line, length, step, first, mode, laid, at, apart, count):
    """What `_lay_planes` has to fill with inputs where zeros are laid."""
    begin = min(count, max(0, (step - 1 - first) // step))
    end = min(count, max(begin, (length - first) // step))
    for edge in range(count - (end - begin)):
        m = edge if edge < begin else end + edge - begin
        for j in range(step):
            place = _source(first + step * m + j, length, mode)
            laid[uint64(at + j * apart + m)] = x[uint64(line + place)] if place >= 0 else 0


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


@inlined
def _lay_line(x, line, length, step, first, mode, laid, at, count):
    """laid[at + m] = the line's input at first + step·m, for m below `count`; a line of length 0 is all zeros."""
    begin = min(count, max(0, (step - 1 - first) // step))
    end = min(count, max(begin, (length - 1 - first) // step + 1))
    for m in range(begin):
        place = _source(first + step * m, length, mode) if length > 0 else -1
        laid[uint64(at + m)] = x[uint64(line + place)] if place >= 0 else 0
    for m in range(end, count):
        place = _source(first + step * m, length, mode) if length > 0 else -1
        laid[uint64(at + m)] = x[uint64(line + place)] if place >= 0 else 0
    t, s = at + begin, line + first + step * begin
    if step == 2:
        pick_second(laid, t, x, s, end - begin)
    else:
        for m in range(end - begin):
            laid[uint64(t + m)] = x[uint64(s + step * m)]
