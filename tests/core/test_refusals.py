"""Random settings, most of them wrong: refused exactly where the contract says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from app.core import conv, conv_transpose
from app.core.errors import Path, ProblemError
from tests import naive_sizes
from tests.core.strategies import OPS, Op, examples
from tests.core.wrong_settings import Asked, Fields, asked
from tests.naive_sizes import per_axis


def place(fields: Fields, name: str, axis: int) -> Path:
    """Where an axis's value of a field stands."""
    return (name, axis) if isinstance(fields.get(name), tuple) else (name,)


def expected_faults(case: Asked) -> set[tuple[str, Path]]:
    """Codes and places by the contract's rules, worked out by sliding and stamping."""
    if case.op == "conv":
        return {fault for axis in range(len(case.axes)) for fault in expected_of_conv(case, axis)}
    fields = case.fields
    output_padding = per_axis(fields.get("output_padding", 0), len(case.axes))
    if any(output_padding) and ("output_size" in fields or fields["padding"] in ("same", "same_lower")):
        return {("conflict", ("output_padding",))}
    return {fault for axis in range(len(case.axes)) for fault in expected_of_transpose(case, axis)}


def expected_of_conv(case: Asked, axis: int) -> set[tuple[str, Path]]:
    fields, (i, k, s, d) = case.fields, case.axes[axis]
    padding = naive_sizes.asked_pads(fields["padding"], len(case.axes))[axis]
    pads, mode = naive_sizes.conv_pads_of_axis(i, k, s, d, padding), fields["padding_mode"]
    if not naive_sizes.mode_allows(pads, i, mode):
        path = place(fields, "padding", axis)
        if isinstance(fields["padding"], tuple) and isinstance(fields["padding"][axis], tuple):
            path = (*path, 0 if not naive_sizes.mode_allows((pads[0], 0), i, mode) else 1)
        return {("padding_too_large", path)}
    if naive_sizes.conv_size(i, k, s, d, pads) == 0:
        return {("kernel_too_large", place(fields, "kernel_size", axis))}
    return set()


def expected_of_transpose(case: Asked, axis: int) -> set[tuple[str, Path]]:
    fields, (i, k, s, d) = case.fields, case.axes[axis]
    padding = naive_sizes.asked_pads(fields["padding"], len(case.axes))[axis]
    if "output_size" in fields:
        reachable = reachable_sizes(case, axis)
        if not reachable:
            return {("empty_output", place(fields, "padding", axis))}
        size = fields["output_size"][axis]
        return set() if size in reachable else {("output_size_unreachable", ("output_size", axis))}
    found: set[tuple[str, Path]] = set()
    output_padding = per_axis(fields.get("output_padding", 0), len(case.axes))[axis]
    if output_padding >= max(s, d):
        found.add(("output_padding_too_large", place(fields, "output_padding", axis)))
    crop = naive_sizes.transpose_crop_of_axis((i, k, s, d), padding, output_padding, None)
    if naive_sizes.full_size(i, k, s, d) - sum(crop) < 1:
        found.add(("empty_output", place(fields, "padding", axis)))
    return found


def reachable_sizes(case: Asked, axis: int) -> range:
    """The output sizes that `output_size` may ask for on an axis."""
    i, k, s, d = case.axes[axis]
    padding = naive_sizes.asked_pads(case.fields["padding"], len(case.axes))[axis]
    full = naive_sizes.full_size(i, k, s, d)
    if isinstance(padding, str):
        return range(1, full + max(s, d))
    sizes = naive_sizes.transpose_inverse(i, k, s, d, padding)
    return range(sizes[0], sizes[-1] + 1) if sizes else range(0)


@pytest.mark.parametrize("op", OPS)
def test_refused_exactly_where_the_contract_says(op: Op) -> None:
    @given(asked(op))
    @examples(1000)
    def check(case: Asked) -> None:
        assert {(fault.code, fault.field) for fault in case.faults()} == expected_faults(case)

    check()


@pytest.mark.parametrize("op", OPS)
def test_computing_refuses_the_same(op: Op) -> None:
    @given(asked(op))
    @examples(400)
    def check(case: Asked) -> None:
        options = {name: value for name, value in case.fields.items() if not name.endswith("_size")}
        options |= {"output_size": case.fields["output_size"]} if "output_size" in case.fields else {}
        x = np.ones((1, 1, *case.fields["input_size"]), np.int64)
        w = np.ones((1, 1, *per_axis(case.fields["kernel_size"], x.ndim - 2)), np.int64)
        try:
            conv(x, w, **options) if op == "conv" else conv_transpose(x, w, **options)
            codes = set()
        except ProblemError as error:
            codes = {fault.code for fault in error.faults}
        assert codes == {fault.code for fault in case.faults()}

    check()


@pytest.mark.parametrize("op", OPS)
def test_given_is_the_number_at_the_field_and_is_not_allowed(op: Op) -> None:
    @given(asked(op))
    @examples(600)
    def check(case: Asked) -> None:
        for fault in case.faults():
            if isinstance(fault.allowed, dict):
                assert isinstance(fault.given, int)
                assert not fault.allowed["min"] <= fault.given <= fault.allowed["max"]
                value = case.value_at(fault.field)
                assert fault.given == value or isinstance(value, str)

    check()


def test_a_number_of_more_digits_than_python_writes_is_told() -> None:
    for stride, told in ((10**5000, "stride is 1e5000…; it must be at most"), (-(10**5000), "stride is -1e5000…")):
        with pytest.raises(ProblemError, match=told):
            conv(np.ones((1, 1, 5)), np.ones((1, 1, 3)), stride=stride)
