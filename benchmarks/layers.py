"""Layers of well-known networks, of which `unseen` draws those that it measures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.cases import Case


def _layer(network: str, inside: int, outside: int, size: tuple[int, ...], kernel: Any, **options: Any) -> Case:
    return Case(network, "conv", (inside, outside), size, kernel, **options)


def _up(network: str, inside: int, outside: int, size: tuple[int, ...], kernel: int, **options: int) -> Case:
    return Case(network, "conv_transpose", (inside, outside), size, kernel, **options)  # type: ignore[arg-type]


def classifiers() -> Iterator[Case]:
    """VGG, AlexNet, ResNet, ResNeXt, Inception."""
    for inside, outside, side in [(3, 64, 224), (64, 128, 112), (128, 256, 56), (256, 512, 28), (512, 512, 14)]:
        yield _layer("VGG-16", inside, outside, (side, side), 3, padding=1)
    yield _layer("AlexNet", 3, 64, (224, 224), 11, stride=4, padding=2)
    yield _layer("AlexNet", 64, 192, (27, 27), 5, padding=2)
    for width, side in [(64, 56), (128, 28), (256, 14), (512, 7)]:
        yield _layer("ResNet-50", 4 * width, width, (side, side), 1)
        yield _layer("ResNet-50", width, width, (side, side), 3, padding=1)
        yield _layer("ResNet-50", width, 4 * width, (side, side), 1)
        yield _layer("ResNeXt-50", 2 * width, 2 * width, (side, side), 3, padding=1, groups=32)
    for width, side in [(64, 56), (128, 28), (256, 14)]:
        yield _layer("ResNet-18", width, 2 * width, (side, side), 3, stride=2, padding=1)
        yield _layer("ResNet-18", width, 2 * width, (side, side), 1, stride=2)
    yield _layer("Inception-v3", 128, 128, (17, 17), (1, 7), padding=(0, 3))
    yield _layer("Inception-v3", 160, 192, (17, 17), (7, 1), padding=(3, 0))
    yield _layer("Inception-v3", 48, 64, (35, 35), 5, padding=2)


def mobile() -> Iterator[Case]:
    """MobileNet, EfficientNet, ConvNeXt, transformers' patches."""
    yield _layer("MobileNet-v2", 3, 32, (224, 224), 3, stride=2, padding=1)
    for inside, wide, outside, side, stride in [
        *[(16, 96, 24, 112, 2), (24, 144, 32, 56, 2), (32, 192, 64, 28, 2)],
        *[(64, 384, 96, 14, 1), (160, 960, 320, 7, 1)],
    ]:
        yield _layer("MobileNet-v2", inside, wide, (side, side), 1)
        yield _layer("MobileNet-v2", wide, wide, (side, side), 3, stride=stride, padding=1, groups=wide)
        yield _layer("MobileNet-v2", wide, outside, (side // stride, side // stride), 1)
    for wide, side, kernel, stride in [(144, 56, 5, 2), (240, 28, 3, 2), (480, 14, 5, 1), (672, 14, 5, 2)]:
        padding = kernel // 2
        yield _layer("EfficientNet-B0", wide, wide, (side, side), kernel, stride=stride, padding=padding, groups=wide)
        yield _layer("EfficientNet-B0", wide, wide // 6, (side // stride, side // stride), 1)
    for wide, side in [(96, 56), (192, 28), (384, 14), (768, 7)]:
        yield _layer("ConvNeXt-T", wide, wide, (side, side), 7, padding=3, groups=wide)
        yield _layer("ConvNeXt-T", wide, 4 * wide, (side, side), 1)
    yield _layer("ConvNeXt-T", 3, 96, (224, 224), 4, stride=4)
    yield _layer("ConvNeXt-T", 192, 384, (28, 28), 2, stride=2)
    yield _layer("ViT-S", 3, 384, (224, 224), 16, stride=16)


def pictures() -> Iterator[Case]:
    """U-Net, DeepLab, YOLO, super-resolution, generators."""
    for width, side in [(64, 128), (128, 64), (256, 32), (512, 16)]:
        yield _layer("U-Net", 2 * width, width, (side, side), 3, padding=1)
        yield _up("U-Net", 2 * width, width, (side // 2, side // 2), 2, stride=2)
    yield _layer("U-Net", 64, 2, (128, 128), 1)
    for dilation in (6, 12):
        yield _layer("DeepLab-v3", 512, 256, (33, 33), 3, padding=dilation, dilation=dilation)
    yield _layer("YOLOv5-S", 3, 32, (320, 320), 6, stride=2, padding=2)
    yield _layer("YOLOv5-S", 64, 128, (80, 80), 3, stride=2, padding=1)
    yield _layer("SRCNN", 1, 64, (256, 256), 9, padding=4)
    yield _layer("SRCNN", 32, 1, (256, 256), 5, padding=2)
    yield _up("FSRCNN", 56, 1, (64, 64), 9, stride=3, padding=4, output_padding=2)
    yield _up("DCGAN", 100, 512, (1, 1), 4)
    for inside, outside, side in [(512, 256, 8), (256, 128, 8), (128, 64, 32), (64, 3, 32)]:
        yield _up("DCGAN", inside, outside, (side, side), 4, stride=2, padding=1)
    for width, side in [(256, 16), (64, 64)]:
        yield _up("StyleGAN", width, width // 2, (side, side), 3, stride=2)
    yield _layer("CycleGAN", 3, 32, (128, 128), 7, padding=3)
    yield _up("CycleGAN", 128, 64, (64, 64), 3, stride=2, padding=1, output_padding=1)


def sound() -> Iterator[Case]:
    """WaveNet, HiFi-GAN, wav2vec, Whisper, Conformer, TextCNN."""
    for dilation in (1, 16, 512):
        yield _layer("WaveNet", 64, 128, (16_000,), 2, dilation=dilation)
    yield _layer("WaveNet", 64, 256, (16_000,), 1)
    for inside, length, kernel, stride in [(512, 32, 16, 8), (256, 256, 16, 8), (128, 2048, 4, 2), (64, 4096, 4, 2)]:
        padding = (kernel - stride) // 2
        yield _up("HiFi-GAN", inside, inside // 2, (length,), kernel, stride=stride, padding=padding)
    for width, length, kernel, dilation in [(256, 256, 3, 1), (128, 2048, 7, 3), (32, 8192, 11, 5), (32, 8192, 3, 3)]:
        reach = dilation * (kernel - 1) // 2
        yield _layer("HiFi-GAN", width, width, (length,), kernel, padding=reach, dilation=dilation)
    yield _layer("HiFi-GAN", 32, 1, (8192,), 7, padding=3)
    yield _layer("wav2vec 2.0", 1, 512, (16_000,), 10, stride=5)
    yield _layer("wav2vec 2.0", 512, 512, (1599,), 3, stride=2)
    yield _layer("Whisper", 80, 384, (3000,), 3, padding=1)
    yield _layer("Whisper", 384, 384, (3000,), 3, stride=2, padding=1)
    yield _layer("Conformer", 256, 256, (400,), 31, padding=15, groups=256)
    yield _layer("TextCNN", 300, 100, (64,), 5)


def volumes() -> Iterator[Case]:
    """3-D U-Net, C3D, R(2+1)D."""
    yield _layer("3-D U-Net", 1, 32, (32, 64, 64), 3, padding=1)
    for width, side in [(32, 32), (64, 16), (128, 8)]:
        yield _layer("3-D U-Net", width, 2 * width, (side, side, side), 3, padding=1)
        yield _up("3-D U-Net", 2 * width, width, (side // 2,) * 3, 2, stride=2)
    yield _layer("C3D", 64, 128, (8, 28, 28), 3, padding=1)
    yield _layer("R(2+1)D", 3, 45, (8, 112, 112), (1, 7, 7), stride=(1, 2, 2), padding=(0, 3, 3))
    yield _layer("R(2+1)D", 144, 64, (8, 28, 28), (3, 1, 1), padding=(1, 0, 0))


def heads() -> Iterator[Case]:
    """What looks at all of a map: squeeze and excitation, classifiers, LeNet."""
    for wide, narrow in [(64, 16), (96, 24), (672, 168), (960, 240)]:
        yield _layer("MobileNet-v3", wide, narrow, (1, 1), 1)
        yield _layer("MobileNet-v3", narrow, wide, (1, 1), 1)
    yield _layer("SENet", 512, 32, (1, 1), 1)
    yield _layer("ResNet-18", 512, 1000, (1, 1), 1)
    yield _layer("ResNet-50", 2048, 1000, (1, 1), 1)
    yield _layer("LeNet-5", 16, 120, (5, 5), 5)
    yield _layer("MobileFaceNet", 512, 512, (7, 7), 7, groups=512)


def signals() -> Iterator[Case]:
    """Speech, codecs, short-time Fourier transforms."""
    yield _layer("DeepSpeech 2", 1, 32, (161, 200), (41, 11), stride=(2, 2), padding=(20, 5))
    yield _layer("QuartzNet", 256, 256, (500,), 33, padding=16, groups=256)
    yield _layer("Jasper", 256, 256, (500,), 11, padding=5)
    yield _layer("Demucs", 2, 64, (44_100,), 8, stride=4)
    yield _layer("EnCodec", 32, 64, (24_000,), 4, stride=2, padding=1)
    yield _up("EnCodec", 64, 32, (12_000,), 4, stride=2, padding=1)
    yield _layer("STFT", 1, 258, (16_000,), 256, stride=64)
    yield _up("Vocos", 514, 1, (100,), 512, stride=128)
    yield _up("Conv-TasNet", 512, 1, (3200,), 16, stride=8)


def games() -> Iterator[Case]:
    """Small pictures, often many at once."""
    yield _layer("Atari", 4, 32, (84, 84), 8, stride=4)
    yield _layer("Atari", 32, 64, (20, 20), 4, stride=2)
    yield _layer("AlphaZero", 256, 256, (19, 19), 3, padding=1)
    yield _layer("AlphaZero", 256, 2, (19, 19), 1)
    yield _layer("MNIST", 1, 32, (28, 28), 3)
    yield _layer("MNIST", 32, 64, (26, 26), 3)


def video() -> Iterator[Case]:
    """I3D, SlowFast, X3D."""
    yield _layer("I3D", 3, 64, (8, 112, 112), 7, stride=2, padding=3)
    yield _layer("SlowFast", 3, 64, (8, 112, 112), (1, 7, 7), stride=(1, 2, 2), padding=(0, 3, 3))
    yield _layer("SlowFast", 64, 64, (8, 28, 28), (1, 3, 3), padding=(0, 1, 1))
    yield _layer("X3D", 54, 54, (13, 40, 40), 3, padding=1, groups=54)


def styles() -> Iterator[Case]:
    """Fast style transfer and CycleGAN, whose pictures go on as in a mirror."""
    for inside, outside, side, kernel, stride in [
        *[(3, 32, 256, 9, 1), (32, 64, 256, 3, 2), (64, 128, 128, 3, 2), (128, 128, 64, 3, 1)],
        *[(128, 64, 128, 3, 1), (64, 32, 256, 3, 1), (32, 3, 256, 9, 1)],
    ]:
        options = {"stride": stride, "padding": kernel // 2}
        yield _layer("style transfer", inside, outside, (side, side), kernel, padding_mode="reflect", **options)
    for inside, outside, side, kernel in [(3, 64, 256, 7), (256, 256, 64, 3), (64, 3, 256, 7)]:
        yield _layer("CycleGAN", inside, outside, (side, side), kernel, padding=kernel // 2, padding_mode="reflect")


def layers() -> list[Case]:
    """All of them, one sample each."""
    known = (classifiers, mobile, pictures, sound, volumes, heads, signals, games, video, styles)
    return [layer for of_networks in known for layer in of_networks()]
