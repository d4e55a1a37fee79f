"""Refuses what is too large, from the shapes alone, before any memory is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.core.errors import Fault, TooCostlyError
from app.core.findings import given_number
from app.core.plan import Plan, plan_of
from app.core.problem import Problem
from app.core.text import Text, say


@dataclass(frozen=True)
class Limits:
    """The most that one operation may cost. Memory in bytes, work in multiply-adds."""

    tensor_elements: int = 2**27
    float_macs: int = 10**11
    int_macs: int = 10**10
    memory_bytes: int = 2**30
    step_elements: int = 10**6
    code_elements: int = 2**16


@dataclass(frozen=True)
class Extra:
    """What an answer costs beside the operation: its steps, and the bytes it is written in.

    A script has so many numbers (`code_elements`), and makes tensors of up to
    `script_tensor` elements when it is run.
    """

    step_elements: int = 0
    step_work: int = 0
    code_elements: int = 0
    script_tensor: int = 0
    bytes: int = 0


def affordable(
    problem: Problem,
    dtype: np.dtype[np.generic],
    limits: Limits,
    extra: Extra = Extra(),
    hold: Callable[[int], None] = lambda _: None,
) -> Plan:
    """The plan of a problem within the limits; `hold` is told of the bytes that planning takes, before it is done.

    Raises:
        TooCostlyError: with every limit that it is over: `too_many_elements`,
            `too_much_work`, `too_much_memory`, `too_many_step_elements`.
    """
    faults = [*_size_faults(problem, limits), *_work_faults(problem, dtype, limits, extra)]
    if extra.step_elements > limits.step_elements:
        message = say(
            "the steps would have {would_be} elements; the limit is {limit}: ask for fewer views or a smaller input",
            would_be=extra.step_elements,
            limit=limits.step_elements,
        )
        faults.append(_fault("steps", "too_many_step_elements", message, limits.step_elements, extra.step_elements))
    faults += _script_faults(limits, extra)
    if faults:
        raise TooCostlyError(faults)
    least = problem.input_elements + problem.kernel_elements + problem.output_elements
    tables = _TABLE_BYTES * sum(problem.kernel_size)
    check_memory(least * dtype.itemsize + tables + extra.bytes, limits)
    hold(least * dtype.itemsize + tables)
    plan = plan_of(problem, dtype)
    check_memory(plan.bytes + extra.bytes, limits)
    return plan


#: What making the table of one weight along a dimension takes at most.
_TABLE_BYTES = 96


def check_memory(needed: int, limits: Limits) -> None:
    """Refuse what needs too many bytes.

    Raises:
        TooCostlyError: `too_much_memory`.
    """
    if needed > limits.memory_bytes:
        message = say(
            "this needs {would_be} bytes of memory; the limit is {limit}", would_be=needed, limit=limits.memory_bytes
        )
        raise TooCostlyError([_fault("", "too_much_memory", message, limits.memory_bytes, needed)])


def _fault(field: str, code: str, message: Text, limit: int, would_be: int) -> Fault:
    return Fault((field,) if field else (), code, message, limit=limit, would_be=would_be)


def _size_faults(problem: Problem, limits: Limits) -> list[Fault]:
    counts = (
        ("input", say("input"), problem.input_elements),
        ("kernel", say("kernel"), problem.kernel_elements),
        ("", say("output"), problem.output_elements),
    )
    faults = []
    for field, name, elements in counts:
        if elements > limits.tensor_elements:
            message = say(
                "the {tensor} would have {would_be} elements; the limit is {limit}",
                tensor=name,
                would_be=given_number(elements),
                limit=limits.tensor_elements,
            )
            faults.append(_fault(field, "too_many_elements", message, limits.tensor_elements, elements))
    return faults


def _script_faults(limits: Limits, extra: Extra) -> list[Fault]:
    faults = []
    if extra.code_elements > limits.code_elements:
        message = say(
            "the script would have {would_be} numbers in it; the limit is {limit}: send a smaller input or kernel",
            would_be=given_number(extra.code_elements),
            limit=limits.code_elements,
        )
        faults.append(_fault("", "too_many_elements", message, limits.code_elements, extra.code_elements))
    if extra.script_tensor > limits.tensor_elements:
        message = say(
            "the script would make a tensor of {would_be} elements on its way; the limit is {limit}",
            would_be=given_number(extra.script_tensor),
            limit=limits.tensor_elements,
        )
        faults.append(_fault("", "too_many_elements", message, limits.tensor_elements, extra.script_tensor))
    return faults


def _work_faults(problem: Problem, dtype: np.dtype[np.generic], limits: Limits, extra: Extra) -> list[Fault]:
    limit = limits.int_macs if dtype.kind == "i" else limits.float_macs
    faults = []
    if problem.macs > limit:
        message = say(
            "this takes {would_be} multiply-adds; the limit for {dtype} is {limit}",
            would_be=given_number(problem.macs),
            dtype=dtype.name,
            limit=limit,
        )
        faults.append(_fault("", "too_much_work", message, limit, problem.macs))
    elif problem.macs + extra.step_work > limit:
        message = say(
            "the steps take up to {would_be} multiply-adds, the rank of the matrix most of all; the limit for "
            "{dtype} is {limit}: ask for fewer views or a smaller input",
            would_be=given_number(problem.macs + extra.step_work),
            dtype=dtype.name,
            limit=limit,
        )
        faults.append(_fault("steps", "too_much_work", message, limit, problem.macs + extra.step_work))
    return faults
