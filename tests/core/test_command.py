"""`python -m app.core`: what each algorithm would cost, and which is taken."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from app.core import conv, conv_transpose
from app.core.__main__ import main
from app.core.algorithms import ALGORITHMS
from app.core.geometry import Op

LAYER = "conv 1,8,20,20 12,8,3,3 --padding 1 --dtype float32"
UPSAMPLING = "conv_transpose 2,6,9 6,2,4 --stride 2 --groups 3 --dtype int64"


def table(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, list[dict[str, str]]]:
    """What stands above the table, and its rows by the names of their columns."""
    main(command.split())
    above, _, below = capsys.readouterr().out.partition("\n\n")
    heading, *lines = below.splitlines()
    columns = [(found[0], found.start(), found.end()) for found in re.finditer(r"\S+(?: \S+)*", heading)]
    names = [name for name, _, _ in columns]
    rows = []
    for line in lines:
        mark, *cells = line[0], *line[1:].split()
        rows.append({"mark": mark, **dict(zip(names, cells, strict=False))})
    return above, rows


@pytest.mark.parametrize("command", [LAYER, UPSAMPLING, "conv 1,1,4 1,1,2", "conv 1,3,5,5,5 4,3,2,2,2 --dtype float64"])
def test_the_cheapest_that_fits_is_taken(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    op: Op = "conv" if command.startswith("conv ") else "conv_transpose"
    _, rows = table(command, capsys)
    assert [row["algorithm"] for row in rows] == [algorithm.name for algorithm in ALGORITHMS[op]]
    prices = {row["algorithm"]: float(row["price, ms"]) for row in rows if row["fits"] == "yes"}
    assert [row["fits"] for row in rows if row["algorithm"] not in prices] == ["no"] * (len(rows) - len(prices))
    [taken] = [row["algorithm"] for row in rows if row["mark"] == "*"]
    assert prices[taken] == min(prices.values())


def test_it_tells_the_problem(capsys: pytest.CaptureFixture[str]) -> None:
    above, _ = table("conv 1,3,224,224 64,3,7,7 --stride 2 --padding 3", capsys)
    assert "1×64×112×112" in above
    assert "(224 + 3 + 3 - 1*(7 - 1) - 1)/2) + 1 = 112" in above
    assert f"{64 * 112 * 112 * 3 * 7 * 7:,} multiply-adds" in above


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ("--padding same --dilation 2", {"padding": "same", "dilation": 2}),
        ("--padding 1,2 --stride 2,1", {"padding": (1, 2), "stride": (2, 1)}),
        ("--padding 1:2,0:1 --padding-mode reflect", {"padding": ((1, 2), (0, 1)), "padding_mode": "reflect"}),
    ],
)
def test_settings_mean_what_they_mean_to_conv(
    options: str, settings: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    above, _ = table(f"conv 1,2,8,9 3,2,3,3 {options}", capsys)
    output = conv(np.zeros((1, 2, 8, 9)), np.zeros((3, 2, 3, 3)), **settings)  # type: ignore[arg-type]
    assert above.splitlines()[0].endswith(": " + "×".join(map(str, output.shape)))


def test_settings_mean_what_they_mean_to_conv_transpose(capsys: pytest.CaptureFixture[str]) -> None:
    for options, settings in (
        ("--output-size 9,12", {"output_size": (9, 12)}),
        ("--output-padding 0,1", {"output_padding": (0, 1)}),
    ):
        above, _ = table(f"conv_transpose 1,2,4,5 2,3,3,3 --stride 2 {options}", capsys)
        output = conv_transpose(np.zeros((1, 2, 4, 5)), np.zeros((2, 3, 3, 3)), stride=2, **settings)  # type: ignore[arg-type]
        assert above.splitlines()[0].endswith(": " + "×".join(map(str, output.shape)))


def test_what_is_taken_for_kernels_of_rank_one_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    main(["conv", "1,1,300,300", "1,1,31,31"])
    lines = capsys.readouterr().out.splitlines()
    assert any(re.match(r"\+  separable +rank-one ", line) for line in lines)
    assert lines[-1] == "+ is taken instead of * where every kernel is of rank one."
    main(["conv", "1,1,300,300", "1,1,31,31", "--method", "direct"])
    assert "separable" not in capsys.readouterr().out


def test_method_direct_leaves_out_those_that_transform(capsys: pytest.CaptureFixture[str]) -> None:
    _, rows = table(f"{LAYER} --method direct", capsys)
    sums = {algorithm.name: algorithm.sums_products for algorithm in ALGORITHMS["conv"]}
    assert all(sums[row["algorithm"]] for row in rows if row["fits"] == "yes")


@pytest.mark.parametrize("command", [LAYER, UPSAMPLING])
def test_each_that_fits_is_measured(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, rows = table(f"{command} --measure", capsys)
    assert all(("measured, ms" in row) == (row["fits"] == "yes") for row in rows)
    assert all(float(row["measured, ms"]) > 0 for row in rows if row["fits"] == "yes")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("conv 1,1,2,2 1,1,3,3", "the kernel reaches over 3 rows"),
        ("conv 1,4,5 1,3,3", "must be 4"),
        ("conv 1,4,5 1,4,3,3", "kernel_size has length 2"),
    ],
)
def test_faults_are_told_as_everywhere(command: str, expected: str) -> None:
    with pytest.raises(SystemExit, match=expected):
        main(command.split())


@pytest.mark.parametrize("shape", ["5", "1,1", "1,1,0", "1,x,3", "1,1,2,3,4,5", "1,1,-3"])
def test_shapes_that_are_none(shape: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["conv", "1,1,3", shape])
    assert f"invalid shape value: '{shape}'" in capsys.readouterr().err


def test_it_runs_as_a_module() -> None:
    program = [sys.executable, "-m", "app.core", *LAYER.split()]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=120, check=True)
    assert "* " in ended.stdout
