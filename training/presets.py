"""The documented experiments with the expression classifier; each function returns a `Recipe`.

Each preset is run by `python -m training.train DATA --votes VOTES --preset NAME --run RUN`. Only
what is stated as measured was measured. On Linux, huge pages and no trimming make a CPU training
15% faster: GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.trim_threshold=17179869184:\
glibc.malloc.mmap_threshold=4294967296:glibc.malloc.top_pad=1073741824
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from fervid.models.expression_net import ExpressionNetConfig
from training.looks import Looks


@dataclass(frozen=True)
class Recipe:
    """The settings of a training, apart from data and teachers.

    Attributes:
        net: shape of the network.
        epochs, batch: number of epochs, and images per step over all devices.
        optimizer: "sgd" with Nesterov momentum .9, "adamw", "adam" or "rmsprop".
        rate: peak learning rate.
        schedule: after the warm-up, "cosine" to 0, or "plateau": times .75 whenever the training
            loss has not fallen for 5 epochs.
        warmup_epochs: linear rise of the rate from a twentieth.
        decay: weight decay of kernels.
        clip: greatest global norm of the gradient.
        smoothing: label smoothing of the FER-2013 cross-entropy (Szegedy et al. 2016).
        mixup: parameter of the Beta distribution of mixup (Zhang et al. 2018); 0 for none.
        votes_weight: weight of the FER+ soft cross-entropy beside the FER-2013 cross-entropy.
        balance: rare classes are drawn (`balance_by` "sampling") or weighted ("loss") by their
            frequency to the power of minus this: 0 not at all, 1 so that all classes count equally.
        distill_weight: share of the teachers in the loss, if there are teachers.
        distill_temperature: temperature of both softmaxes in distillation (Hinton et al. 2015).
        hidden, uneven, infrared: shares of faces with hidden parts, in uneven light, and as an
            infrared camera sees them, see `training.looks`.
        covered_weight: weight of the cross-entropy of a third head, which recognizes faces whose
            expression cannot be read because the mouth is hidden; 0: no such head.
        ema: decay of the averaged weights, which are the ones evaluated and shipped.
        precision: precision of the computation; parameters and statistics stay float32.
        patience: epochs without a better PublicTest accuracy after which to stop; 0: never.
        seed: seed of initial weights, order and augmentation.
    """

    net: ExpressionNetConfig = field(default_factory=ExpressionNetConfig)
    epochs: int = 50
    batch: int = 128
    optimizer: Literal["sgd", "adamw", "adam", "rmsprop"] = "sgd"
    rate: float = 0.08
    schedule: Literal["cosine", "plateau"] = "cosine"
    warmup_epochs: float = 2.0
    decay: float = 5e-4
    clip: float = 5.0
    smoothing: float = 0.1
    mixup: float = 0.0
    votes_weight: float = 0.5
    balance: float = 0.0
    balance_by: Literal["sampling", "loss"] = "loss"
    distill_weight: float = 0.7
    distill_temperature: float = 2.0
    hidden: float = 0.0
    uneven: float = 0.0
    infrared: float = 0.0
    covered_weight: float = 0.0
    ema: float = 0.999
    precision: Literal["float32", "bfloat16"] = "float32"
    patience: int = 0
    seed: int = 0

    @property
    def looks(self) -> Looks:
        """How often faces are hidden or badly lit."""
        return Looks(self.hidden, self.uneven, self.infrared)

    @property
    def shape(self) -> ExpressionNetConfig:
        """Shape of the network with all its heads."""
        return replace(self.net, covered=self.net.covered or self.covered_weight > 0)


SHIPPED = ExpressionNetConfig()
"""The shape of `expression`, the default: 20.7 million multiplications per face."""

TEACHER = ExpressionNetConfig(stages=((32, 32), (96, 96), (192, 192), (256,)))
"""Twice as costly: 43.8 million. The shape of `expression_accurate` until its version 0.3."""

FINE = ExpressionNetConfig(stages=((32, 32), (64, 64), (128, 128), (256, 256)), fold=1, dropout=0.3)
"""The shape of `expression_accurate`: 119 million, with all 48x48 pixels up to its first pool."""

SLIM = ExpressionNetConfig(stages=((20, 20), (40, 40), (80, 80), (160, 160)), fold=1)
"""The same with five eighths of the channels: 46 million."""


def smoke() -> Recipe:
    """Two epochs of a tiny network for tests; takes seconds and learns nothing useful."""
    net = ExpressionNetConfig(stages=((8,), (16,), (16,), (16,)))
    return Recipe(net=net, epochs=2, batch=8, warmup_epochs=0.5)


def cpu() -> Recipe:
    """The shipped network, on a CPU; give a model with `--teacher`.

    With `--teacher expression` of version 0.1: PublicTest 67.3% (FER-2013), 85.1% (FER+ majority)
    in one forward pass; 90 epochs of 100 s on one core of an AVX2 server, two and a half hours.
    """
    return Recipe(net=SHIPPED, epochs=90, smoothing=0.05, balance=0.25, distill_weight=0.5)


def cpu_teacher() -> Recipe:
    """A network twice as costly as the default, as a teacher.

    PublicTest 68.5% (FER-2013), 85.3% (FER+ majority) in one forward pass at the best epoch, 68.0%
    over the last five; 60 epochs of 140 s on one core of an AVX2 server, two and a half hours.
    """
    return Recipe(net=TEACHER, epochs=60, smoothing=0.05, balance=0.25)


def _long(net: ExpressionNetConfig) -> Recipe:
    return Recipe(
        net=net, epochs=150, smoothing=0.05, mixup=0.2, balance=0.25, warmup_epochs=4.0, ema=0.9995
    )


def patient() -> Recipe:
    """The shipped network, trained for many epochs on stored answers; give `--answers`, `--onednn`.

    After Beyer et al. 2022: many epochs, mixup, and teachers that count far more than labels. Not
    measured yet.
    """
    return replace(_long(SHIPPED), epochs=300, distill_weight=0.9)


def residual_teacher() -> Recipe:
    """A residual network of 237 million multiplications, as a teacher; use `--onednn` on a CPU.

    PublicTest 68.2% (FER-2013), 86.2% (FER+ majority) in one forward pass at the best of 50 epochs,
    of 270 to 400 s on one core of a server with AVX-512 BF16 that it shared with another training:
    four hours. It was planned for 150 epochs and shortened after the 31st.
    """
    net = ExpressionNetConfig(
        stages=((64, 64), (128, 128), (256, 256), (384,)), block="residual", dropout=0.3
    )
    return _long(net)


def fine_teacher() -> Recipe:
    """The network of `expression_accurate`, also a teacher; use `--onednn` on a CPU.

    PublicTest 69.4% (FER-2013), 86.9% (FER+ majority) in one forward pass at the best of 110
    epochs, of 95 to 180 s on one core of a server with AVX-512 BF16 that it shared with another
    training: five and a half hours. It was planned for 150 epochs and shortened after the 71st.
    """
    return replace(_long(FINE), seed=1)


def slim() -> Recipe:
    """A narrow form of the network of `expression_accurate`; give `--start`, `--answers`.

    Started from `expression_accurate`: PublicTest 68.2% (FER-2013), 85.3% (FER+ majority) in one
    forward pass at the best of 38 epochs, 40 minutes of two cores with `--onednn`.
    """
    return replace(_long(SLIM), epochs=60, distill_weight=0.9)


def vgg() -> Recipe:
    """Plain VGG after Khaireddin & Chen 2021, for comparison: 48x48 pixels to the first stage.

    Not measured, because it needs a GPU.
    """
    net = ExpressionNetConfig(
        stages=((64, 64), (128, 128), (256, 256), (512, 512)), fold=1, dropout=0.2
    )
    return Recipe(
        net=net,
        epochs=300,
        batch=64,
        rate=0.01,
        schedule="plateau",
        decay=1e-4,
        smoothing=0.0,
        precision="bfloat16",
    )


def resnet18() -> Recipe:
    """ResNet18 with a 3x3 stem (He et al. 2016), for comparison.

    Not measured, because it needs a GPU.
    """
    net = ExpressionNetConfig(
        stages=((64, 64), (128, 128), (256, 256), (512, 512)), block="residual", fold=1, stem=64
    )
    return Recipe(net=net, epochs=300, rate=0.1, mixup=0.2, precision="bfloat16")


def gpu_teacher() -> Recipe:
    """A wide residual network with channel attention, for an ensemble of teachers on a GPU.

    Not measured, because it needs a GPU.
    """
    net = ExpressionNetConfig(
        stages=((96, 96), (192, 192), (384, 384), (768, 768)),
        block="residual",
        fold=1,
        stem=64,
        squeeze_excite=True,
        dropout=0.4,
    )
    return Recipe(
        net=net,
        epochs=200,
        batch=256,
        rate=0.1,
        warmup_epochs=5.0,
        mixup=0.2,
        precision="bfloat16",
    )


def gpu() -> Recipe:
    """The shipped network, for one CUDA GPU; give teachers with `--teacher`.

    Not measured, because it needs a GPU.
    """
    return Recipe(net=SHIPPED, epochs=400, batch=256, rate=0.12, precision="bfloat16")


def colab_tpu() -> Recipe:
    """The shipped network, for the eight cores of a Colab TPU, with batches of 128 per core.

    Not measured, because it needs a TPU. Its notebook is tested with `smoke`.
    """
    return Recipe(
        net=SHIPPED,
        epochs=300,
        batch=1024,
        rate=0.3,
        warmup_epochs=10.0,
        ema=0.99,
        precision="bfloat16",
    )


PRESETS: dict[str, Callable[[], Recipe]] = {
    make.__name__: make
    for make in (
        smoke,
        cpu,
        cpu_teacher,
        patient,
        residual_teacher,
        fine_teacher,
        slim,
        vgg,
        resnet18,
        gpu_teacher,
        gpu,
        colab_tpu,
    )
}
