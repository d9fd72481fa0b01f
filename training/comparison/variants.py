"""The compared variants: each makes one change to a small network or its recipe."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fervid.models.expression_net import ExpressionNetConfig
from fervid.records import EXPRESSIONS, FACE_SIZE
from training.presets import Recipe

BASE = "base"
"""Name of the variant that all others change."""

SMALL = ExpressionNetConfig(stages=((24, 24), (48, 48), (96, 96), (160,)))
"""Shape of the base: 13.7 million multiplications per face."""

VGG = ExpressionNetConfig(stages=((32, 16), (32, 32), (64, 64), (128, 128)), fold=1)
"""Shape of a plain VGG that sees all 48x48 pixels: 35.3 million multiplications."""

STARTED = "start"
"""Name of the variant that begins with the weights of a given model."""


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        group: what is varied, for the reader.
        name: name of the variant and of its folder.
        title: description for the reader.
        recipe: settings of the training.
    """

    group: str
    name: str
    title: str
    recipe: Recipe


def variants(epochs: int, batch: int, seed: int) -> list[Variant]:
    """All variants, the base first, with the same number of epochs and of images per step."""
    base = Recipe(
        net=SMALL, epochs=epochs, batch=batch, seed=seed, warmup_epochs=min(2.0, epochs / 4)
    )

    def net(group: str, name: str, title: str, **changes: object) -> Variant:
        return Variant(group, name, title, replace(base, net=replace(SMALL, **changes)))  # type: ignore[arg-type]

    def recipe(group: str, name: str, title: str, **changes: object) -> Variant:
        return Variant(group, name, title, replace(base, **changes))  # type: ignore[arg-type]

    return [
        Variant("Base", BASE, "VGG of 7 convolutions, 3x3, dropout .2, SGD", base),
        net("Depth", "shallow", "4 convolutions", stages=((24,), (48,), (96,), (160,))),
        net(
            *("Depth", "deep", "11 convolutions"),
            stages=((24, 24, 24), (48, 48, 48), (96, 96, 96), (160, 160)),
        ),
        net("Width", "narrow", "half as wide", stages=((12, 12), (24, 24), (48, 48), (80,))),
        net("Width", "wide", "1.5 times as wide", stages=((36, 36), (72, 72), (144, 144), (240,))),
        net("Kernel size", "kernel1", "1x1", kernel=1),
        net("Kernel size", "kernel5", "5x5", kernel=5),
        net("Dropout", "dropout0", "none", dropout=0.0),
        net("Dropout", "dropout5", ".5", dropout=0.5),
        net("Batch normalisation", "unnormalized", "none", normalized=False),
        recipe("Optimiser", "adam", "Adam, rate .001", optimizer="adam", rate=1e-3),
        recipe("Optimiser", "adamw", "AdamW, rate .002", optimizer="adamw", rate=2e-3, decay=0.05),
        recipe("Optimiser", "rmsprop", "RMSprop, rate .0005", optimizer="rmsprop", rate=5e-4),
        recipe("Class weights", "balance5", "root of the inverse frequency", balance=0.5),
        recipe("Class weights", "balance10", "inverse frequency", balance=1.0),
        recipe(
            *("Class weights", "sampling", "classes drawn equally often"),
            balance=1.0, balance_by="sampling",
        ),
        net("Architecture", "vgg", "plain VGG from 48x48 pixels on", **vars(VGG)),
        net(
            *("Architecture", "resnet", "ResNet, two convolutions per block"),
            block="residual", stages=((24,), (48,), (96,), (160,)),
        ),
        net(
            *("Architecture", "squeeze", "channel attention at the end of each stage"),
            squeeze_excite=True,
        ),
    ]  # fmt: skip


def started(every: list[Variant], net: ExpressionNetConfig, title: str) -> Variant:
    """The variant that starts from a model: like the variant of the model's shape, else the base.

    Args:
        every: what `variants` returned.
        net: shape of the model to start from.
        title: name of the model.
    """
    alike = (v for v in every if replace(v.recipe.net, dropout=net.dropout) == net)
    like = next(alike, every[0])
    title = f"as {like.name}, started from {title}"
    return replace(like, group="Transfer", name=STARTED, title=title)


def multiplications(net: ExpressionNetConfig) -> int:
    """Multiplications in the forward pass of one face, in convolutions and heads."""
    side, features, total = FACE_SIZE // net.fold, net.fold**2, 0
    if net.stem:
        total += side**2 * net.kernel**2 * features * net.stem
        features = net.stem
    for number, stage in enumerate(net.stages):
        side = side // 2 if number else side
        for width in stage:
            taps = net.kernel**2 * features
            if net.block == "residual":
                taps += net.kernel**2 * width + (features if features != width else 0)
            total, features = total + side**2 * taps * width, width
    return total + 2 * features * len(EXPRESSIONS)
