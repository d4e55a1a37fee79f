"""Warming up leaves nothing to compile, and says what it compiles."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numba
import numpy as np
import pytest

from app.core import warm
from app.core.jit import compiled
from app.core.warm import Step, helper, load_kept, steps, take_backwards, warm_up

#: Settings of everything through every algorithm, in a process that has only warmed up; it names what it compiles.
COMPILED_AFTERWARDS = """
from numba.core import event
from app.core.execute import execute
from app.core.warm import warm_up
warm_up()
import numpy as np
from hypothesis import given
from app.core import conv
from tests.core.strategies import Case, Numbers, cases, examples
from tests.core.test_algorithms import ALL, plan_for

def check(op, name, dtype):
    @given(cases(op, 1) | cases(op, 2) | cases(op, 3))
    @examples(30)
    def run(case):
        arrays = [None if a is None else (a % 64).astype(dtype) for a in case.arrays(Numbers("int64"))]
        plan = plan_for(case, *arrays, name)
        if plan is not None:
            execute(plan, *arrays)
    run()

with event.install_recorder("numba:compile") as recorder:
    for op, name in ALL:
        for dtype in ("int64", "float32", "float64"):
            check(op, name, dtype)
            for size, kernel, channels in (((99,), (77,), 1), ((40, 40), (9, 9), 2), ((9, 9, 9), (5, 5, 5), 3)):
                x = np.random.default_rng(0).normal(0, 99, (2, channels, *size)).astype(dtype)
                w = np.ones((channels, channels, *kernel), dtype)
                case = Case(op, x.shape, w.shape, channels, False, {}, 0)
                plan = plan_for(case, x, w, None, name)
                if plan is not None:
                    execute(plan, x, w)
    for dtype in ("int64", "float32", "float64"):
        conv(np.ones((1, 24, 64, 64), dtype), np.ones((24, 24, 3, 3), dtype), padding=1)
for _, compiled in recorder.buffer:
    print(compiled.data["dispatcher"].py_func.__qualname__, compiled.data["args"])
"""


def test_kernels_are_loaded_up_to_the_first_that_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who loads them for others compiles nothing meanwhile: that would take a minute of which nobody is told."""
    unknown, used = numba.njit(lambda x: x + 1), list[int]()
    uses: list[Callable[[], object]] = [partial(used.append, 1), partial(unknown, 1), partial(used.append, 2)]
    monkeypatch.setattr(warm, "steps", lambda: [Step("", n, 3, use) for n, use in enumerate(uses)])
    assert not load_kept()
    assert used == [1]
    assert not unknown.signatures
    assert unknown(1) == 2
    assert load_kept()
    assert used == [1, 1, 2]


#: Every kernel that there is, and how often it has been compiled, in such a process.
KERNELS = """
import json, pkgutil
from importlib import import_module
from numba.core.dispatcher import Dispatcher
import app.core
from app.core.warm import warm_up
warm_up()
modules = [import_module(found.name) for found in pkgutil.walk_packages(app.core.__path__, "app.core.")]
kernels = {value for module in modules for value in vars(module).values() if isinstance(value, Dispatcher)}
print(json.dumps({kernel.py_func.__qualname__: len(kernel.signatures) for kernel in kernels}))
"""

#: Those for tensors of one dtype, and of two; all others take three.
FOR_INTEGERS = {"_ends", "_stay_within", "_largest_row", "surely_fits", "_count", "_fill", "_sum_int64"}
FOR_NO_DTYPE = {"processor", "serve", "_rank_modulo"}
FOR_FLOATS = {
    *(
        "_loudest",
        "exceeds",
        "sum_few",
        "convolve_blocks",
        "transform_kernels",
        "_all_finite",
        "_sum_floats",
        "_multiply_alone",
    ),
    *(
        "_filter",
        "_map_blocks",
        "map_inputs",
        "is_told",
        "measure_strips",
        "sum_strips",
        "weigh_inputs",
        "weigh_kernels",
        "weigh_phases",
    ),
}


def test_every_kernel_is_warm_in_every_dtype() -> None:
    """One that small examples do not reach would be compiled for the first large request, and in an image each time."""
    ended = subprocess.run([sys.executable, "-c", KERNELS], capture_output=True, text=True, timeout=600, check=True)
    kernels: dict[str, int] = json.loads(ended.stdout)
    expected = dict.fromkeys(FOR_INTEGERS | FOR_NO_DTYPE, 1) | dict.fromkeys(FOR_FLOATS, 2)
    assert kernels == {name: expected.get(name, 3) for name in kernels}
    assert len(kernels) > len(expected)


def test_nothing_is_left_to_compile() -> None:
    program = [sys.executable, "-c", COMPILED_AFTERWARDS]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=600, check=False)
    assert (ended.stdout, ended.stderr) == ("", "")


def test_steps_are_counted_from_one() -> None:
    taken = steps()
    assert [step.number for step in taken] == list(range(1, len(taken) + 1))
    assert {step.count for step in taken} == {len(taken)}
    assert len({step.what for step in taken}) == len(taken)


def test_it_tells_of_each_step_that_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    def add_one(x):  # type: ignore[no-untyped-def]
        return x + 1

    kernel = compiled(add_one)
    kernel(np.float32(1))  # so this is compiled already, whatever is kept on disk
    arguments = {"old": np.float32(2), "new": np.zeros(3, np.complex64), "new again": np.zeros(3, np.complex64)}
    made = [Step(what, j, 3, partial(kernel, value)) for j, (what, value) in enumerate(arguments.items(), 1)]
    monkeypatch.setattr(warm, "steps", lambda: made)
    helpers: list[int] = []
    monkeypatch.setattr(warm, "helper", lambda: helpers.append(len(told)))
    kernel._cache.disable()  # type: ignore[attr-defined]
    told: list[str] = []
    warm_up(lambda step: told.append(str(step)))
    assert told == ["2 of 3: new"]
    assert helpers == [0]


def test_a_helper_begins_at_the_other_end(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    made = [Step(str(number), number, 3, partial(taken.append, number)) for number in (1, 2, 3)]
    monkeypatch.setattr(warm, "steps", lambda: made)
    take_backwards()
    assert taken == [3, 2, 1]


def test_a_helper_runs_from_any_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(warm, "available_threads", lambda: 2)
    process = helper.__wrapped__()
    assert process is not None
    assert process.wait(timeout=300) == 0


def test_without_a_processor_of_its_own_there_is_no_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "available_threads", lambda: 1)
    assert helper.__wrapped__() is None
