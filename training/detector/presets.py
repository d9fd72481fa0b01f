"""The documented experiments with the face detector: one function, one `Recipe`.

Each preset is run by `python -m training.detector.train DATA… --preset NAME --run RUN`. What is not
stated as measured was not measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fervid.models.face_net import FaceNetConfig


@dataclass(frozen=True)
class Recipe:
    """What a training does, apart from the pictures: AdamW, warm-up and cosine, averaged weights.

    Attributes:
        net: shape of the network.
        steps, batch: length of the run, and crops a step over all devices.
        size: side of the crops in pixels.
        rate: peak learning rate.
        warmup_steps: linear rise of the rate from 0.
        decay: weight decay of kernels.
        box_weight, point_weight: of the boxes' and the points' loss beside the centres'.
        ema: decay of the averaged weights, which are the ones evaluated and shipped.
        save_every: steps between checkpoints.
        seed: of initial weights, crops and augmentation.
    """

    net: FaceNetConfig = field(default_factory=FaceNetConfig)
    steps: int = 24_000
    batch: int = 32
    size: int = 192
    rate: float = 3e-3
    warmup_steps: int = 500
    decay: float = 1e-4
    box_weight: float = 1.0
    point_weight: float = 5.0
    ema: float = 0.999
    save_every: int = 250
    seed: int = 0


def smoke() -> Recipe:
    """Four steps of a tiny net, for tests."""
    net = FaceNetConfig(stem=4, widths=(8, 8, 8), depths=(1, 1, 1), head=8)
    return Recipe(net=net, steps=4, batch=4, size=64, warmup_steps=1, save_every=2)


def cpu() -> Recipe:
    """The net that ships, on a CPU."""
    return Recipe()


def cpu_finish() -> Recipe:
    """A second stage on a CPU, with false boxes that were mined from the first one's model.

    Give that model with `--start`.
    """
    return Recipe(steps=4_000, rate=5e-4, warmup_steps=200, seed=1)


def gpu() -> Recipe:
    """The net that ships, for one CUDA GPU, with larger crops and batches.

    Not measured: it takes a GPU.
    """
    return Recipe(steps=60_000, batch=128, size=320, rate=4e-3, warmup_steps=1_000, ema=0.9995)


PRESETS: dict[str, Callable[[], Recipe]] = {
    make.__name__: make for make in (smoke, cpu, cpu_finish, gpu)
}
