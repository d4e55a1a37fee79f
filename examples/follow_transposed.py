"""Follow a transposed convolution step by step, in the terminal.

    python examples/follow_transposed.py [--url http://127.0.0.1:8000]

A 2×2 input, a 3×3 kernel, stride 2 and padding 1: the four steps, the same result as
stamps that overlap, and why convolving back does not give the input again.
"""

from __future__ import annotations

import argparse
from typing import Any

import httpx

INPUT = [[1, 2], [3, 4]]
KERNEL = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
SETTING = {"stride": 2, "padding": 1}


def table(rows: Any) -> str:
    """A picture of whole numbers, right-aligned."""
    width = max(len(str(value)) for row in rows for value in row)
    return "\n".join("    " + " ".join(f"{value:>{width}}" for value in row) for row in rows)


def ask(client: httpx.Client, path: str, **request: Any) -> dict[str, Any]:
    """One request to the service.

    Raises:
        httpx.HTTPStatusError: it was refused; the answer's `errors` say why.
    """
    answer = client.post(path, json=request)
    answer.raise_for_status()
    result: dict[str, Any] = answer.json()
    return result


def run(client: httpx.Client) -> list[list[int]]:
    """Print the steps; the result of the transposed convolution."""
    answer = ask(
        client, "/v1/conv-transpose", input=INPUT, kernel=KERNEL, **SETTING, steps=["sliding_window", "scatter"]
    )
    view = ""
    for step in answer["steps"]:
        if step["view"] != view:
            view = step["view"]
            print(f"\n=== {view.replace('_', ' ')} ===")
        print(f"\n{step['title']}\n  {step['detail']}")
        if len(step["shape"]) == 2:
            print(table(step["tensor"]))
    back = ask(client, "/v1/conv", input=answer["output"], kernel=KERNEL, **SETTING)
    print("\n=== and back? ===\n\nConvolved with the same kernel and setting the size returns, the values do not:")
    print(table(back["output"]))
    output: list[list[int]] = answer["output"]
    return output


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    with httpx.Client(base_url=parser.parse_args().url) as connection:
        run(connection)
