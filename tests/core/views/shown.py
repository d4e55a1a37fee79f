"""Operations to show, in every form of a request; their outputs come from `tests.naive`."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st

from app.core.checks import describe
from app.core.layout import Layout
from app.core.problem import Problem, Setting
from app.core.views import Operands, Step, steps
from tests import naive
from tests.core.strategies import Array, Case, Numbers, Op, cases

UNIT_ROUNDOFF = {"float32": Fraction(1, 2**24), "float64": Fraction(1, 2**53)}

Form = Literal["bare", "channels", "batch"]

EVERY_CASE: list[tuple[Op, int]] = [(op, n) for op in ("conv", "conv_transpose") for n in (1, 2, 3)]
TRANSPOSED: list[int] = [1, 2, 3]

WHOLE = Numbers("int64")
plain_numbers = st.sampled_from([WHOLE, WHOLE, Numbers("float32"), Numbers("float64")])


@dataclass(frozen=True)
class Shown:
    """One view of one operation: its steps by name, and what the operation gives before its bias."""

    case: Case
    operands: Operands
    steps: dict[str, Step]
    unbiased: naive.Sums

    @property
    def problem(self) -> Problem:
        return self.operands.problem

    def full(self, name: str) -> Array:
        """A step's tensor at rank N + 2, batch and channels first."""
        tensor = self.steps[name].tensor
        return tensor.reshape((1,) * (self.problem.spatial_dims + 2 - tensor.ndim) + tensor.shape)

    def check_last(self) -> None:
        """The last tensor has the output's bits; everything is laid out as the serialiser wants it."""
        last = list(self.steps.values())[-1].tensor
        output = self.operands.output
        assert last.dtype == output.dtype
        assert last.tobytes() == output.tobytes()
        assert last.shape == self.operands.layout.form_shape(output.shape)
        for step in self.steps.values():
            arrays = [step.tensor, *(value for value in step.extra.values() if isinstance(value, np.ndarray))]
            assert all(array.flags.c_contiguous for array in arrays)

    def check_sums(self, found: Array) -> None:
        """(batch, C_out, *size) holds the sums before the bias: exactly, or within the promise."""
        assert found.shape == self.unbiased.value.shape
        for index in naive.indices(found.shape):
            bound = self.bound(found, self.unbiased.terms[index], self.unbiased.magnitude[index])
            assert abs(as_exact(found[index]) - self.unbiased.value[index]) <= bound

    def check_bias(self, before: str) -> None:
        """`add_bias` is there exactly where there is a bias, and adds it to the step before."""
        bias = self.operands.bias
        assert ("add_bias" in self.steps) == self.case.with_bias
        if bias is None:
            return
        assert self.steps["add_bias"].sources == (before, "bias")
        previous, output = self.full(before), self.full("add_bias")
        for index in naive.indices(output.shape):
            added = as_exact(bias[index[1]])
            magnitude = self.unbiased.magnitude[index] + abs(added)
            bound = 2 * self.bound(output, self.unbiased.terms[index] + 1, magnitude)
            assert abs(as_exact(previous[index]) + added - as_exact(output[index])) <= bound

    @staticmethod
    def bound(array: Array, terms: Any, magnitude: Any) -> Any:
        """What the promise leaves open: nothing in whole numbers."""
        return 0 if array.dtype.kind == "i" else (int(terms) + 2) * UNIT_ROUNDOFF[array.dtype.name] * magnitude


def as_exact(number: Any) -> int | Fraction:
    """An element without rounding."""
    return int(number) if number.dtype.kind == "i" else Fraction(float(number))


def is_sum(found: Any, terms: list[Any]) -> bool:
    """Whether a number is the sum of exact terms, or within the promise of it."""
    bound = Shown.bound(np.asarray(found), len(terms), sum(map(abs, terms)))
    return bool(abs(as_exact(found) - sum(terms)) <= bound)


def forms_of(case: Case) -> list[Form]:
    """The forms in which a request can bring these shapes."""
    forms: list[Form] = ["batch"]
    if case.input_shape[0] == 1:
        forms.append("channels")
    if case.input_shape[:2] == (1, 1) and case.kernel_shape[:2] == (1, 1):
        forms.append("bare")
    return forms


def problem_of(case: Case) -> Problem:
    """The checked description of a case."""
    return describe(
        Setting(
            case.op,
            case.input_shape[2:],
            case.kernel_shape[2:],
            batch=case.input_shape[0],
            in_channels=case.input_shape[1],
            kernel_channels=(case.kernel_shape[0], case.kernel_shape[1]),
            bias=(case.out_channels,) if case.with_bias else False,
            **case.options,
        )
    )


def show_arrays(view: str, case: Case, x: Array, w: Array, bias: Array | None, form: Form = "batch") -> Shown:
    """The steps of one view; the output is the naive one, rounded once."""
    sums = case.sums(x, w, bias)
    flat = [int(number) if x.dtype.kind == "i" else float(number) for number in sums.value.ravel()]
    output = np.array(flat, x.dtype).reshape(sums.value.shape)
    layout = Layout(x.ndim - 2, bare=form == "bare", batched=form == "batch")
    operands = Operands(problem_of(case), layout, x, w, bias, output)
    unbiased = sums if bias is None else case.sums(x, w, None)
    return Shown(case, operands, {step.name: step for step in steps(operands, [view])}, unbiased)


def show(view: str, case: Case, numbers: Numbers = WHOLE, form: Form = "batch") -> Shown:
    """The steps of one view of random numbers."""
    return show_arrays(view, case, *case.arrays(numbers), form)


@st.composite
def shown(draw: st.DrawFn, view: str, op: Op, n: int, most_products: int = 1500) -> Shown:
    """One view of a random setting in one of its forms."""
    case = draw(cases(op, n).filter(lambda case: problem_of(case).macs <= most_products))
    return show(view, case, draw(plain_numbers), draw(st.sampled_from(forms_of(case))))


def picture(op: Op, size: tuple[int, ...], kernel: tuple[int, ...], *, bias: bool = False, **options: Any) -> Case:
    """One channel and no batch."""
    return Case(op, (1, 1, *size), (1, 1, *kernel), 1, bias, options, 7)
