"""64 threads at a barrier, and then all at once in the same kernel: in a process that must outlive it."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np

from app.core import conv, conv_transpose
from app.core.parallel import team
from tests.trust.figures import Figure
from tests.trust.forks import forks

#: Rounds.
SHORT, FULL = 12, 200

THREADS = 64


class Call(NamedTuple):
    """One operation, large enough for helpers; `algorithm` is the one whose kernels do it."""

    algorithm: str
    run: Any
    input: tuple[int, ...]
    kernel: tuple[int, ...]
    options: dict[str, Any]
    dtype: str = "float32"


#: The kernels that do the most work, each by a call that its plan gives to it.
CALLS = (
    Call("tiles", conv, (1, 16, 40, 40), (32, 16, 3, 3), {"padding": 1}),
    Call("tiles", conv, (1, 16, 30, 30), (32, 16, 3, 3), {"padding": 1}, "int64"),
    Call("winograd", conv, (1, 64, 28, 28), (64, 64, 3, 3), {"padding": 1}),
    Call("fourier", conv, (1, 1, 128, 128), (1, 1, 41, 41), {}, "float64"),
    Call("polyphase_tiles", conv_transpose, (1, 32, 20, 20), (32, 32, 4, 4), {"stride": 2}),
    Call("col2im", conv_transpose, (1, 64, 4, 4), (64, 48, 8, 8), {"stride": 8}),
    Call("rows", conv, (1, 32, 112, 112), (32, 1, 3, 3), {"padding": 1, "groups": 32}),
    Call("dots", conv, (1, 64, 12, 12), (256, 64, 12, 11), {}),
)


def measure(rounds: int) -> list[Figure]:
    """Rounds that ended in a process that was alive, and answers that were another."""
    with forks() as pool:
        wrong = pool.apply_async(rounds_of, (rounds,)).get(600)
    return [
        Figure(
            f"{rounds} rounds of {THREADS} threads at a barrier into one of {len(CALLS)} kernels: answers that "
            "are not, bit for bit, the one of a thread alone",
            f"{wrong} of {rounds * THREADS}, same process alive",
            "0",
            wrong == 0,
        )
    ]


def rounds_of(rounds: int) -> int:
    """How many answers are wrong, in this very process."""
    team.resize(2)
    return sum(_round(CALLS[number % len(CALLS)], number) for number in range(rounds))


def _round(call: Call, seed: int) -> int:
    rng = np.random.default_rng(seed)
    x, w = (_numbers(rng, shape, call.dtype) for shape in (call.input, call.kernel))
    right: bytes = call.run(x, w, **call.options).tobytes()
    barrier, answers = threading.Barrier(THREADS), [b""] * THREADS

    def work(number: int) -> None:
        barrier.wait()
        answers[number] = call.run(x, w, **call.options).tobytes()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return THREADS - answers.count(right)


def _numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    if dtype == "int64":
        return rng.integers(-999, 1000, shape)
    return rng.standard_normal(shape).astype(dtype)
