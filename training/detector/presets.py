"""The documented experiments with the face detector; each function returns a `Recipe`.

Each preset is run by `python -m training.detector.train DATA… --preset NAME --run RUN`. Only what
is stated as measured was measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fervid.models.face_net import FaceNetConfig


@dataclass(frozen=True)
class Recipe:
    """The settings of a training, apart from the pictures: AdamW and averaged weights.

    Attributes:
        net: shape of the network.
        steps, batch: length of the run, and crops per step over all devices.
        size: side of the crops in pixels.
        rate: peak learning rate.
        warmup_steps: linear rise of the rate from 0.
        cooldown_steps: linear fall of the rate to 0 at the end; a run without one may be stopped
            at any time and finished by another that starts from its weights.
        decay: weight decay of kernels.
        box_weight, point_weight: weights of the losses of boxes and points; that of centres is 1.
        ema: decay of the averaged weights, which are the ones evaluated and shipped.
        save_every: steps between checkpoints.
        seed: seed of initial weights, crops and augmentation.
    """

    net: FaceNetConfig = field(default_factory=FaceNetConfig)
    steps: int = 400_000
    batch: int = 32
    size: int = 320
    rate: float = 2e-3
    warmup_steps: int = 1_000
    cooldown_steps: int = 0
    decay: float = 1e-4
    box_weight: float = 1.0
    point_weight: float = 5.0
    ema: float = 0.9995
    save_every: int = 1_000
    seed: int = 0


def smoke() -> Recipe:
    """Four steps of a tiny network, for tests."""
    net = FaceNetConfig(stem=4, widths=(8, 8, 8, 8), depths=(1, 1, 1, 1), head=8)
    return Recipe(net=net, steps=4, batch=4, size=64, warmup_steps=1, save_every=2)


def cpu() -> Recipe:
    """The shipped network, on a CPU, for as long as there is time; then use `cpu_finish`."""
    return Recipe()


def cpu_finish() -> Recipe:
    """The last stage on a CPU, with larger crops and a falling rate.

    Give the model of the first stage with `--start`.
    """
    return Recipe(steps=12_000, batch=16, size=448, warmup_steps=200, cooldown_steps=11_800, seed=1)


def gpu() -> Recipe:
    """The shipped network, for one CUDA GPU, with larger crops and batches.

    Not measured, because it needs a GPU.
    """
    return Recipe(steps=100_000, batch=128, size=448, rate=4e-3, cooldown_steps=30_000, ema=0.9998)


PRESETS: dict[str, Callable[[], Recipe]] = {
    make.__name__: make for make in (smoke, cpu, cpu_finish, gpu)
}
