"""The panel: layers that networks have, filters that pictures and sound get."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.cases import Case


def _conv(name: str, inside: int, outside: int, side: int, kernel: int, **options: int) -> Case:
    """A layer on a square picture."""
    return Case(name, "conv", (inside, outside), (side, side), kernel, **options)  # type: ignore[arg-type]


def _transposed(inside: int, outside: int, side: int, kernel: int, **options: int) -> Case:
    told = "".join(f" {key}{options[word]}" for key, word in _SHORT.items() if word in options)
    name = f"transposed {inside}→{outside} at {side}×{side}, k{kernel}{told}"
    return Case(name, "conv_transpose", (inside, outside), (side, side), kernel, **options)  # type: ignore[arg-type]


_SHORT = {"s": "stride", "p": "padding", "op": "output_padding"}

SMALL = (
    _conv("4×4, k3", 1, 1, 4, 3),
    Case("transposed 2×2, k3 s2", "conv_transpose", (1, 1), (2, 2), 3, stride=2),
)

PICTURES = (
    _conv("512×512, k3", 1, 1, 512, 3),
    _conv("512×512, k7", 1, 1, 512, 7),
    _conv("512×512, k31", 1, 1, 512, 31),
    Case("full HD depthwise, k3", "conv", (3, 3), (1080, 1920), 3, groups=3),
)

RESNET = (
    _conv("64→64 at 56×56, k3 p1", 64, 64, 56, 3, padding=1),
    _conv("256→256 at 14×14, k3 p1", 256, 256, 14, 3, padding=1),
    _conv("512→512 at 7×7, k3 p1", 512, 512, 7, 3, padding=1),
    _conv("3→64 at 224×224, k7 s2 p3", 3, 64, 224, 7, stride=2, padding=3),
    _conv("64→256 at 56×56, k1", 64, 256, 56, 1),
    _conv("64→64 at 56×56, k3 s2 p1", 64, 64, 56, 3, stride=2, padding=1),
    _conv("64→64 at 56×56, k3 d2 p2", 64, 64, 56, 3, padding=2, dilation=2),
)

#: More of what networks of today are made of.
OTHER_DENSE = (
    _conv("128→128 at 28×28, k3 p1", 128, 128, 28, 3, padding=1),
    _conv("256→64 at 56×56, k1", 256, 64, 56, 1),
    _conv("1024→256 at 14×14, k1", 1024, 256, 14, 1),
    _conv("512→2048 at 7×7, k1", 512, 2048, 7, 1),
    _conv("256→512 at 28×28, k1 s2", 256, 512, 28, 1, stride=2),
    _conv("64→128 at 112×112, k3 p1", 64, 128, 112, 3, padding=1),
    _conv("64→64 at 28×28, k5 p2", 64, 64, 28, 5, padding=2),
)

GROUPED = (_conv("128→128 at 28×28, groups 32, k3 p1", 128, 128, 28, 3, padding=1, groups=32),)

TRANSPOSED = (
    _transposed(512, 256, 4, 4, stride=2, padding=1),
    _transposed(128, 64, 16, 4, stride=2, padding=1),
    _transposed(64, 3, 64, 4, stride=2, padding=1),
    _transposed(256, 128, 32, 2, stride=2),
    _transposed(64, 32, 32, 3, stride=2, padding=1, output_padding=1),
)

SOUND = (
    Case("sound, 480000, k1025", "conv", (1, 1), (480_000,), 1025),
    Case("transposed sound 64→1, 16000, k16 s8", "conv_transpose", (64, 1), (16_000,), 16, stride=8),
)

VOLUMES = (Case("volume 16→32 at 32³, k3 p1", "conv", (16, 32), (32, 32, 32), 3, padding=1),)


def _in_dtype(dtype: str, *cases: Case) -> tuple[Case, ...]:
    return tuple(replace(case, name=f"{case.name}, {dtype}", dtype=dtype, dense=False) for case in cases)


def _in_batches(*cases: Case) -> tuple[Case, ...]:
    """Each layer alone and eight times at once, marked as dense."""
    alone = [replace(case, dense=True) for case in cases]
    return (*alone, *(replace(case, name=f"8 × {case.name}", batch=8) for case in alone))


PANEL = (
    *SMALL,
    *PICTURES,
    *_in_batches(*RESNET, *OTHER_DENSE),
    *GROUPED,
    *TRANSPOSED,
    *SOUND,
    *VOLUMES,
    *_in_dtype("float64", *PICTURES, RESNET[0], RESNET[4], GROUPED[0], TRANSPOSED[1], *SOUND, *VOLUMES),
    *_in_dtype("int64", SMALL[0], *PICTURES, RESNET[0], RESNET[4], GROUPED[0], TRANSPOSED[1], *SOUND, *VOLUMES),
)
