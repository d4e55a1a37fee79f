"""Send a photograph through three filters, in bulk, and write the pictures.

    python examples/filter_photograph.py [PHOTOGRAPH] [--url http://127.0.0.1:8000] [--out FOLDER]

Without a path it takes the photograph of a temple that scikit-learn ships. The picture goes
over as float32 safetensors: 3 channels, each filtered by itself (groups = 3).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load, save

Picture = NDArray[np.float32]

BULK = "application/vnd.safetensors"

FILTERS: dict[str, list[list[float]]] = {
    "blur": [[1 / 25] * 5] * 5,
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "edges": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
}


def load_picture(path: Path | None) -> Picture:
    """The photograph as (3, height, width), from 0 to 255."""
    if path is None:
        from sklearn.datasets import load_sample_image

        pixels = load_sample_image("china.jpg")
    else:
        pixels = np.asarray(Image.open(path).convert("RGB"))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)


def filter_picture(client: httpx.Client, picture: Picture, weights: list[list[float]]) -> Picture:
    """The picture under one kernel, each channel by itself, in its own size."""
    kernel = np.broadcast_to(np.array(weights, np.float32), (3, 1, len(weights), len(weights[0])))
    parameters = {"groups": 3, "padding": "same", "padding_mode": "reflect"}
    body = save(
        {"input": picture, "kernel": np.ascontiguousarray(kernel)}, metadata={"parameters": json.dumps(parameters)}
    )
    answer = client.post("/v1/conv", content=body, headers={"Content-Type": BULK, "Accept": BULK})
    answer.raise_for_status()
    return load(answer.content)["output"]


def save_picture(picture: Picture, file: Path, *, signed: bool) -> None:
    """Write a picture; where the kernel's sum is 0, zero is shown as mid-grey."""
    pixels = picture / 2 + 128 if signed else picture
    Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8).transpose(1, 2, 0)).save(file)


def run(client: httpx.Client, path: Path | None, out: Path) -> list[Path]:
    """Filter the photograph and say what was written."""
    out.mkdir(parents=True, exist_ok=True)
    picture, files = load_picture(path), []
    for name, weights in FILTERS.items():
        file = out / f"{name}.png"
        save_picture(filter_picture(client, picture, weights), file, signed=abs(np.sum(weights)) < 1e-6)
        print(f"{name}: {picture.shape[2]}×{picture.shape[1]} pixels → {file}")
        files.append(file)
    return files


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photograph", nargs="?", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--out", default=Path("filtered"), type=Path)
    arguments = parser.parse_args()
    with httpx.Client(base_url=arguments.url, timeout=60) as connection:
        run(connection, arguments.photograph, arguments.out)
