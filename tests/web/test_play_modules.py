"""What the play draws: held against the service's answers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.api.client import CONV, CONV_TRANSPOSE, answered
from tests.web.modules import evaluate, needs_node

pytestmark = needs_node

LINKS = [
    "in=5&k=3&s=2&p=1",
    "in=4,6&k=2,3&d=2,1&p=2,0;1,3&mode=replicate",
    "dims=1&in=7&k=3&p=2,0&flip=true",
    "ci=4&co=2&g=2&k=2&b=1,2&x=random&w=random",
    "op=conv_transpose&in=2&k=3&s=2&p=1&op_pad=1",
    "op=conv_transpose&in=3&k=3&s=2&p=3",
    "op=conv_transpose&in=2,3&k=2,3&s=3,2&d=2,1&p=0,2;1,0",
    "op=conv_transpose&dims=1&in=4&k=4&s=3&p=1&flip=true",
    "op=conv_transpose&ci=2&co=4&g=2&k=2&s=2&x=random&w=random&b=1,2,3,4",
]

ASKED = """
const { open, request, state } = await import("./js/state.js");
open(given);
answer = { ...request(), planes: state.input.planes, weights: state.weights.planes };
"""

FOLLOWED = """
const { mapOf, framesOf, tapsOf, related } = await import("./js/scenes.js");
const { elementAt } = await import("./js/stage.js");
const { planes, weights } = given.request;
const map = mapOf(given);
const padded = ([c, r, k]) => map.padded[c][r + map.around[0][0]][k + map.around[1][0]];
const wrong = [];
for (const window of map.windows) {
  let sum = 0;
  for (const { input, kernel: [plane, y, x], at: [c, a, b] } of tapsOf(map, window)) {
    const own = elementAt(map, input);
    const value = own ? planes[own[0]][own[1]][own[2]] : padded(input);
    const product = value * weights[plane][y][x];
    sum += product;
    const same = value === window.window[c][a][b] && product === window.products[c][a][b];
    if (!same) wrong.push(["tap", window.place, input]);
    const reached = related(map, { kind: "input", place: input }).output;
    if (!reached.has(String(window.place))) wrong.push(["reach", window.place, input]);
  }
  const [o, r, c] = window.place;
  if (sum !== map.outputs.before[o][r][c]) wrong.push(["sum", window.place]);
}
const frames = framesOf(map);
const scenes = [...new Set(frames.map(({ scene }) => scene))];
answer = { wrong, scenes, last: frames.at(-1), windows: map.windows.length };
"""


@pytest.mark.parametrize("link", LINKS)
def test_the_picture_has_every_number_where_the_service_has_it(link: str) -> None:
    """Taps, found from places alone, carry the windows of the answer, and the products of input and kernel."""
    request = evaluate(ASKED, link)
    path = CONV if request["op"] == "conv" else CONV_TRANSPOSE
    assert f"/{request['path']}" == path
    response = answered(path, request["body"] | {"steps": True})
    found = evaluate(FOLLOWED, {"request": request, "response": response})
    assert found["wrong"] == []
    assert found["windows"] == np.array(response["output"]).size
    assert found["last"]["window"] == found["windows"] - 1
    assert found["last"]["padded"]
    assert found["last"]["zeros"]
    if path == CONV_TRANSPOSE:
        assert found["scenes"][:4] == ["insert_zeros", "pad", "flip_kernel", "slide"]


def test_whole_numbers_stay_exact_beyond_doubles() -> None:
    script = """
    const n = await import("./js/numbers.js");
    const { value, exact } = n.parseJson(given);
    answer = n.EXACT ? [value.output, n.toJson(value), n.exactly(value.output[0])] : exact;
    """
    found = evaluate(script, '{"output": [-9007199254740993, 9223372036854775807, 12345678901234567.5]}')
    if found is False:
        return  # A node without the digits of numbers: then the page is told that they are not exact.
    assert found[0] == ["-9007199254740993n", "9223372036854775807n", 12345678901234567.5]
    assert json.loads(found[1])["output"][:2] == [-9007199254740993, 9223372036854775807]
    assert found[2] == "−9007199254740993"


FITTED = [
    (7, 3, "7"),
    (-12, 4, "−12"),
    (0.0625, 6, "0.0625"),
    (0.0625, 4, ".063"),
    (-0.5, 3, "−.5"),
    (123456, 4, "1e5"),
]


@pytest.mark.parametrize(("value", "room", "text"), [*FITTED, (1e-9, 6, "1e-9"), (2.0351562, 3, "2"), (0.5, 3, "0.5")])
def test_numbers_fit_their_cells(value: float, room: int, text: str) -> None:
    assert evaluate('answer = (await import("./js/numbers.js")).fitted(...given);', [value, room]) == text


def test_kernels_are_what_they_are_called() -> None:
    script = """
    const { PATTERNS, filled } = await import("./js/patterns.js");
    answer = Object.fromEntries(Object.entries(given).map(([name, [rows, columns]]) =>
      [name, filled(PATTERNS.weights[name], { count: 1, rows, columns, seed: 1 })[0]]));
    """
    sizes = {"sobel": (3, 3), "blur": (5, 4), "bilinear": (4, 4), "identity": (3, 5)}
    found = evaluate(script, sizes)
    weights = np.array([0.25, 0.75, 0.75, 0.25])
    assert found["sobel"] == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    assert np.sum(found["blur"]) == 1
    assert np.array_equal(found["bilinear"], np.outer(weights, weights))
    assert np.argwhere(found["identity"]).tolist() == [[1, 2]]
