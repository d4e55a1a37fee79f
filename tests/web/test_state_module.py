"""The page's state: the link that holds it, the request that it stands for, and numbers that are pasted into it."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from tests.web.modules import evaluate, needs_node

pytestmark = needs_node

STATE = """
const s = await import("./js/state.js");
const exact = (_key, value) => (typeof value === "bigint" ? String(value) : value);
const asked = () => JSON.stringify(s.request(), exact);
"""

#: Links, and the requests that they stand for but for tensors.
LINKS: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("k=2&s=2&p=1&d=3", {"stride": 2, "padding": 1, "dilation": 3}),
    ("s=2,1&p=0,1;2,3&d=1,2", {"stride": [2, 1], "padding": [[0, 1], [2, 3]], "dilation": [1, 2]}),
    ("p=1,1;2,2", {"padding": [1, 2]}),
    ("dims=1&p=2,0&s=1,3", {"padding": [[2, 0]], "stride": 3}),
    ("pad=same&mode=reflect&b=7", {"padding": "same", "padding_mode": "reflect", "bias": 7}),
    ("op=conv_transpose&s=2&op_pad=1", {"stride": 2, "output_padding": 1}),
    (
        "ci=2&co=2&g=2&b=1,-2.5&flip=true",
        {"groups": 2, "bias": [1, -2.5], "flip_kernel": True},
    ),
]
MORE_LINKS = [
    "in=2&k=1&x=1,2;3,-4.5e-7&w=9007199254740993",
    "f=3&pin=output-0-1-1&speed=4&lang=zh&theme=dark&x=random.17",
    "note.=a%20b%26c",
]


@pytest.mark.parametrize(("link", "fields"), LINKS)
def test_a_link_stands_for_its_request(link: str, fields: dict[str, Any]) -> None:
    body = evaluate(f"{STATE} s.open(given); answer = s.request().body;", link)
    assert {name: value for name, value in body.items() if name not in {"input", "kernel"}} == fields


@pytest.mark.parametrize("link", [link for link, _ in LINKS] + MORE_LINKS)
def test_a_link_gives_itself_back(link: str) -> None:
    script = """
    s.open(given);
    const [first, question] = [s.link(), asked()];
    s.open("");
    s.open(`#${first}`);
    answer = [first, s.link(), question === asked()];
    """
    first, again, same = evaluate(STATE + script, link)
    assert first == again
    assert same
    if "dims=1" not in link:
        assert set(first.split("&")) == set(link.split("&"))


def test_hostile_links_leave_a_setting_that_can_be_asked() -> None:
    rng = random.Random(5)  # noqa: S311
    names = ["op", "dims", "in", "k", "s", "p", "pad", "d", "op_pad", "ci", "co", "g", "b", "x", "w", "f", "pin", "tab"]
    names += ["__proto__", "constructor", "extra", "a."]
    values = ["", "0", "-1", "1e99", "NaN", "9" * 40, "3,4;5,6", ",;/", "conv_transpose", "random.x", "%E0%A4%A", "<b>"]
    links = ["&".join(f"{rng.choice(names)}={rng.choice(values)}" for _ in range(6)) for _ in range(400)]
    script = """
    answer = given.map((link) => {
      s.open(link);
      const { size, kernel, stride, inChannels, outChannels, groups } = s.state;
      return { pairs: [size, kernel, stride], counts: [inChannels, outChannels, groups], body: s.request().body,
        polluted: Object.keys({}).length + Object.keys([]).length };
    });
    """
    for found in evaluate(STATE + script, links):
        assert all(1 <= n <= most for pair, most in zip(found["pairs"], (32, 9, 8), strict=True) for n in pair)
        assert all(1 <= n <= 4 for n in found["counts"])
        assert np.array(found["body"]["input"]).size > 0
        assert np.array(found["body"]["kernel"]).size > 0
        assert found["polluted"] == 0


def test_a_transposed_kernel_swaps_channels_inside_groups() -> None:
    script = """
    answer = ["conv", "conv_transpose"].map((op) => {
      s.open(`op=${op}&in=1&k=1&ci=4&co=4&g=2&w=1/2/3/4/5/6/7/8`);
      return s.request().body.kernel;
    });
    """
    gathered, scattered = (np.array(kernel).reshape(4, 2) for kernel in evaluate(STATE + script))
    # (output, input of its group) → value: the same weight in both, whichever way the operation goes.
    for o in range(4):
        for c in range(2):
            group = o // 2
            assert gathered[o, c] == scattered[group * 2 + c, o % 2]


ARRAY = np.array([[1.5, -2.0, 3e-7], [4.0, 5.0, 60.0]])
TORCH = "tensor([[ 1.5000e+00, -2.0000e+00, 3.0000e-07],\n [4., 5.0000e+00, 6.0000e+01]], requires_grad=True)"
PASTED = [
    *(repr(ARRAY), str(ARRAY), json.dumps(ARRAY.tolist()), repr(ARRAY.astype(np.float32)), TORCH),
    *("1.5\t-2\t3e-7\r\n4\t5\t60\r\n", "1.5, −2, 3e-7\n4, 5, 60", "1.5 -2 3e-7\n4 5 60", "1.5;-2;3e-7\n4;5;60"),
]
PASTE = STATE + 'const { takeTensor } = await import("./js/paste.js"); const t = (key, values) => [key, values];'


@pytest.mark.parametrize("text", PASTED)
def test_arrays_are_read_as_others_write_them(text: str) -> None:
    found = evaluate(f"{PASTE} answer = takeTensor(given, 'input', t);", text)
    assert np.array(found["patch"]["input"]["planes"]).tolist() == [ARRAY.tolist()]
    assert found["shape"] == [2, 3]


UNREADABLE = [
    ("[[1, 2], [3]]", "uneven"),
    ("[[1, 2], 3]", "uneven"),
    ("[1 ... 3]", "shortened"),
    ("[[1, 2]", "unclosed"),
    ("[1, nan]", "notNumber"),
    ("a b", "notNumber"),
    ("[]", "nothing"),
    ("[[[[[1]]]]]", "rank"),
    (json.dumps(np.ones((17, 2)).tolist()), "tooLarge"),
    (json.dumps(np.ones((5, 2, 2)).tolist()), "tooLarge"),
]


@pytest.mark.parametrize(("text", "code"), UNREADABLE)
def test_what_cannot_be_pasted_is_explained(text: str, code: str) -> None:
    found = evaluate(f"{PASTE} answer = takeTensor(given, 'input', t);", text)
    assert found["problem"][0] == f"paste.{code}"


def test_pasted_weights_of_a_layer_become_its_request() -> None:
    """PyTorch's layouts, there and back: (C_out, C_in/groups, …) and (C_in, C_out/groups, …)."""
    kernels = np.arange(1, 17).reshape(4, 1, 2, 2).tolist(), np.arange(1, 25).reshape(3, 2, 2, 2).tolist()
    script = """
    answer = ["g=2&ci=2&co=2", "op=conv_transpose"].map((link, at) => {
      s.open(link);
      s.set(takeTensor(JSON.stringify(given[at]), "kernel", t).patch);
      return s.request().body;
    });
    """
    grouped, transposed = evaluate(PASTE + script, kernels)
    assert grouped["kernel"] == kernels[0]
    assert grouped["groups"] == 2
    assert len(grouped["input"]) == 2
    assert transposed["kernel"] == kernels[1]
    assert len(transposed["input"]) == 3


SUGGESTIONS = [
    ("s=2,1", {"pointer": "/stride/0", "value": 1}, {}),
    ("p=3", {"pointer": "/padding", "value": 1}, {"padding": 1}),
    ("p=0,1;2,3", {"pointer": "/padding/1/0", "value": 5}, {"padding": [[0, 1], [5, 3]]}),
    ("p=3", {"pointer": "/padding", "value": [1, 2]}, {"padding": [1, 2]}),
    ("dims=1&p=0,4", {"pointer": "/padding", "value": [[0, 1]]}, {"padding": [[0, 1]]}),
    ("pad=full", {"pointer": "/padding", "value": "same"}, {"padding": "same"}),
    ("ci=3&co=2&g=2", {"pointer": "/groups", "value": 1}, {}),
]


@pytest.mark.parametrize(("link", "suggestion", "fields"), SUGGESTIONS)
def test_a_suggestion_changes_what_it_points_at(link: str, suggestion: dict[str, Any], fields: dict[str, Any]) -> None:
    script = "s.open(given[0]); s.set(s.patchOf(given[1])); answer = s.request().body;"
    body = evaluate(STATE + script, [link, suggestion])
    assert {name: value for name, value in body.items() if name not in {"input", "kernel"}} == fields
