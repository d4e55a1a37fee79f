"""Small operations, which take a way of their own: every setting its own plan, every array its care, every check."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from app.core import conv, conv_transpose
from app.core.checks import describe
from app.core.errors import OverflowingError, ProblemError
from app.core.execute import execute
from app.core.plan import plan_of
from app.core.problem import DTYPES, Setting
from tests import naive
from tests.core.strategies import OPS, Array, Case, Numbers, Op, cases, examples

RUN: dict[Op, Any] = {"conv": conv, "conv_transpose": conv_transpose}
NAIVE: dict[Op, Any] = {"conv": naive.conv, "conv_transpose": naive.conv_transpose}


def right(op: Op, x: Array, w: Array, bias: Array | None = None, **options: Any) -> Any:
    sums = NAIVE[op](naive.exact(x), naive.exact(w), bias=None if bias is None else naive.exact(bias), **options)
    return sums.value.tolist()


def small(dtype: str, *shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(dtype)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_both_ways_give_the_same(op: Op, n: int) -> None:
    """The table's way and the algorithm that the plan names."""
    ran = 0

    @given(cases(op, n))
    @examples(150)
    def check(case: Case) -> None:
        nonlocal ran
        x, w, bias = case.arrays(Numbers("int64"))
        setting = Setting(
            op,
            x.shape[2:],
            w.shape[2:],
            batch=x.shape[0],
            in_channels=x.shape[1],
            kernel_channels=(w.shape[0], w.shape[1]),
            bias=False if bias is None else bias.shape,
            **case.options,
        )
        plan = plan_of(describe(setting), x.dtype)
        if plan.one_call is None:
            return
        ran += 1
        answer = plan.one_call.run(x, w, bias)
        assert answer is not None
        assert answer.tolist() == execute(replace(plan), x, w, bias).tolist() == case.sums(x, w, bias).value.tolist()

    check()
    assert ran > 40


def test_another_algorithm_is_not_overtaken() -> None:
    plan = plan_of(describe(Setting("conv", (4, 4), 3, kernel_channels=(1, 1))), np.dtype(np.float32))
    assert plan.one_call is not None
    assert replace(plan, algorithm=plan.algorithm).one_call is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("batch", "channels", "size", "features"), [(1, 64, (1, 1), 9), (4, 33, (2,), 17), (7, 70, (1, 1), 3)]
)
def test_samples_meet_a_kernel_as_large_as_they_in_one_call(
    batch: int, channels: int, size: tuple[int, ...], features: int, dtype: str
) -> None:
    """As where a layer looks at all of a map: exact, and of the same bits for arrays that need more care."""
    x, w = small(dtype, batch, channels, *size), small(dtype, features, channels, *size, seed=1)
    bias = small(dtype, features, seed=2)
    setting = Setting(
        "conv", size, size, batch=batch, in_channels=channels, kernel_channels=w.shape[:2], bias=bias.shape
    )
    plan = plan_of(describe(setting), x.dtype)
    assert plan.algorithm.name == "dots"
    assert plan.one_call is not None
    expected = np.einsum("bcn,ocn->bo", x.reshape(batch, channels, -1), w.reshape(features, channels, -1)) + bias
    assert conv(x, w, bias=bias).reshape(batch, features).tolist() == expected.tolist()
    rough_x, rough_w = x + x.dtype.type(0.1), w / w.dtype.type(3)
    usual = conv(rough_x, rough_w, bias=bias).tobytes()
    for form in FORMS.values():
        assert conv(form(rough_x), form(rough_w), bias=bias).tobytes() == usual
    rough_x[0] = np.finfo(dtype).max
    with pytest.raises(OverflowingError):
        conv(rough_x, rough_w * 9 + 9)
    assert conv(x, w, bias=bias).reshape(batch, features).tolist() == expected.tolist()


CHANGES: dict[Op, list[dict[str, Any]]] = {
    "conv": [{"padding_mode": "circular", "padding": 1}, {"padding": "same"}, {"padding": ((0, 1), (2, 0))}],
    "conv_transpose": [{"output_padding": 1, "stride": 2}, {"output_padding": (1, 0), "stride": 2}],
}
CHANGES_OF_BOTH: list[dict[str, Any]] = [
    {},
    {"stride": 2},
    {"stride": (1, 2)},
    {"padding": 1},
    {"padding": (0, 1)},
    {"dilation": 2},
    {"dilation": (2, 1)},
    {"flip_kernel": True},
    {"groups": 2},
]


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_setting_has_its_own_plan(op: Op, dtype: str) -> None:
    """On arrays of the same shapes, one after the other and once more."""
    x, bias = small(dtype, 1, 2, 5, 6), small(dtype, 2, seed=2)
    for options, biased in itertools.product((CHANGES_OF_BOTH + CHANGES[op]) * 2, (None, bias)):
        w = small(dtype, 2, 1 if "groups" in options else 2, 2, 3, seed=1)
        assert RUN[op](x, w, bias=biased, **options).tolist() == right(op, x, w, biased, **options), options


@pytest.mark.parametrize("op", OPS)
def test_settings_of_every_kind_mean_the_same(op: Op) -> None:
    x, w = small("int64", 1, 1, 6, 6), small("int64", 1, 1, 3, 3, seed=1)
    expected = right(op, x, w, stride=2, padding=1)
    for stride, padding in ((2, 1), ((2, 2), (1, 1)), ([2, 2], [[1, 1], [1, 1]]), (np.int64(2), np.array([1, 1]))):
        for groups in (1, np.int8(1), np.array(1)):
            answer = RUN[op](x, w, stride=stride, padding=padding, groups=groups)
            assert answer.tolist() == expected, (stride, padding, groups)


@pytest.mark.parametrize("setting", ["stride", "padding", "dilation", "groups"])
@pytest.mark.parametrize("value", [1.0, (1.0, 1), [1.0, 1.0], np.float64(1), True, np.True_, (True, 1)])
def test_what_is_no_whole_number_is_refused_even_where_one_that_equals_it_is_known(setting: str, value: Any) -> None:
    """1.0 == True == 1, and all have one hash."""
    x, w = small("int64", 1, 1, 4, 4), small("int64", 1, 1, 2, 2)
    for op in OPS:
        RUN[op](x, w, **{setting: 1})
        if setting != "groups":
            RUN[op](x, w, **{setting: (1, 1)})
        with pytest.raises(ProblemError) as refusal:
            RUN[op](x, w, **{setting: value})
        assert {(fault.field[0], fault.code) for fault in refusal.value.faults} == {(setting, "wrong_type")}


@pytest.mark.parametrize("op", OPS)
def test_lists_and_numbers_are_arrays(op: Op) -> None:
    x, w, bias = small("float64", 1, 1, 4, 4), small("float64", 1, 1, 2, 2, seed=1), np.array([3.0])
    expected = RUN[op](x, w, bias=bias).tolist()
    for given_bias in ([3.0], 3.0, np.float64(3), np.array(3.0)):
        assert RUN[op](x.tolist(), w.tolist(), bias=given_bias).tolist() == expected
    assert RUN[op](x.view(np.recarray), w, bias=bias).tolist() == expected


def test_faults_are_told_at_every_call() -> None:
    x, w = small("int64", 1, 1, 4, 4), small("int64", 1, 1, 5, 5)
    for _ in range(3):
        with pytest.raises(ProblemError):
            conv(x, w)
        with pytest.raises(ProblemError):
            conv(x, w.astype(np.float32))
        with pytest.raises(ProblemError):
            conv(x, x, padding_mode="mirror")


def unaligned(array: Array) -> Array:
    memory = bytearray(array.nbytes + 1)
    placed = np.frombuffer(memory, array.dtype, array.size, 1).reshape(array.shape)
    placed[...] = array
    return placed


def read_only(array: Array) -> Array:
    kept = array.copy()
    kept.flags.writeable = False
    return kept


FORMS: dict[str, Callable[[Array], Array]] = {
    "as_it_is": lambda array: array,
    "turned": lambda array: array.swapaxes(-1, -2).copy().swapaxes(-1, -2),
    "backwards": lambda array: array[..., ::-1].copy()[..., ::-1],
    "every_other": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "read_only": read_only,
    "unaligned": unaligned,
    "other_byte_order": lambda array: array.astype(array.dtype.newbyteorder()),
}


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_of_every_kind(op: Op, dtype: str) -> None:
    x, w, bias = small(dtype, 2, 2, 4, 5), small(dtype, 2, 2, 3, 2, seed=1), small(dtype, 2, seed=2)
    expected = right(op, x, w, bias)
    for form_x, form_w in itertools.product(FORMS.values(), repeat=2):
        assert RUN[op](form_x(x), form_w(w), bias=bias).tolist() == expected
    for form in ("as_it_is", "backwards", "every_other", "read_only", "unaligned", "other_byte_order"):
        assert RUN[op](x, w, bias=FORMS[form](bias)).tolist() == expected, form


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
def test_arrays_of_every_kind_that_are_not_tiny(op: Op, dtype: str, form: str) -> None:
    x, w = small(dtype, 2, 8, 9, 11), small(dtype, 8, 8, 3, 3, seed=1)
    assert np.array_equal(RUN[op](FORMS[form](x), FORMS[form](w)), RUN[op](x, w))


@pytest.mark.parametrize("op", OPS)
def test_one_number_as_a_bias(op: Op) -> None:
    x, w, bias = small("int64", 1, 1, 3, 3), small("int64", 1, 1, 2, 2), np.array(7)
    assert RUN[op](x, w, bias=bias).tolist() == right(op, x, w, np.array([7]))
    assert RUN[op](x[..., ::-1], w, bias=bias).tolist() == right(op, x[..., ::-1], w, np.array([7]))


def test_an_answer_is_not_written_over_by_the_next() -> None:
    x, w = np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2))
    first = conv(x, w)
    second = conv(2 * x, w)
    first += 100
    assert second.tolist() == [[[[8.0, 8.0], [8.0, 8.0]]]]
    assert conv(x, w).tolist() == [[[[4.0, 4.0], [4.0, 4.0]]]]


# The checks


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("sign", [1, -1])
def test_int64_is_exact_to_its_ends(op: Op, sign: int) -> None:
    """Far beyond any quick bound: 2^62 + (2^62 − 1) fits, and one more does not."""
    x, w = np.array([[[sign * 2**31, 2**62 - 1]]]), np.array([[[2**31, 1]]])
    options = {} if op == "conv" else {"flip_kernel": True, "padding": 1}
    assert RUN[op](x, w, **options).tolist() == [[[sign * 2**62 + 2**62 - 1]]]
    assert RUN[op](x, w, bias=np.array([0]), **options).shape == (1, 1, 1)
    with pytest.raises(OverflowingError):
        RUN[op](x, w, bias=np.array([-sign]), **options)


@pytest.mark.parametrize("op", OPS)
def test_the_smallest_int64_has_no_magnitude(op: Op) -> None:
    least, one = np.array([[[-(2**63)]]]), np.array([[[1]]])
    for x, w in ((least, one), (one, least)):
        with pytest.raises(OverflowingError):
            RUN[op](x, w)
    with pytest.raises(OverflowingError):
        RUN[op](one, one, bias=np.array([-(2**63)]))
    assert RUN[op](least, np.array([[[0]]])).tolist() == [[[0]]]


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("channel", [0, 1, 4])
def test_an_infinite_sum_is_refused_wherever_it_is(op: Op, dtype: str, channel: int) -> None:
    largest = np.finfo(dtype).max
    x, w = np.ones((1, 1, 3), dtype), np.zeros((5, 1, 2) if op == "conv" else (1, 5, 2), dtype)
    (w if op == "conv" else w.swapaxes(0, 1))[channel] = largest
    with pytest.raises(OverflowingError):
        RUN[op](x, w)
    assert np.isfinite(RUN[op](x / 2, w)).all()
