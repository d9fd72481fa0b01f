"""The documented experiments with the expression classifier."""

from __future__ import annotations

from dataclasses import dataclass, field

from fervid.models.expression_net import ExpressionNetConfig


@dataclass(frozen=True)
class Recipe:
    """One documented experiment.

    Attributes:
        epochs, batch: length of the run and images a step.
        rate: peak learning rate of SGD with Nesterov momentum .9; warm-up, then cosine to 0.
        decay: decoupled from biases and normalisation.
        smoothing: label smoothing of the FER-2013 cross-entropy.
        votes_weight: weight of the FER+ soft cross-entropy beside it.
        ema: decay of the averaged weights, which are the ones evaluated and shipped.
    """

    net: ExpressionNetConfig = field(default_factory=ExpressionNetConfig)
    epochs: int = 50
    batch: int = 128
    rate: float = 0.08
    warmup_epochs: float = 2.0
    decay: float = 5e-4
    smoothing: float = 0.1
    votes_weight: float = 0.5
    mixup: float = 0.0
    ema: float = 0.999
    seed: int = 0


PRESETS = {
    "smoke": Recipe(
        net=ExpressionNetConfig(stages=((8,), (16,), (16,), (16,))),
        epochs=2,
        batch=8,
        warmup_epochs=0.5,
    ),
    "cpu": Recipe(),
    "t1": Recipe(
        net=ExpressionNetConfig(
            stages=((32,), (64, 64), (160, 160), (256, 256)), squeeze_excite=True
        ),
        epochs=55,
        smoothing=0.05,
    ),
    "t2": Recipe(
        net=ExpressionNetConfig(
            stages=((32,), (64, 64), (160, 160), (256, 256)), squeeze_excite=True
        ),
        epochs=55,
        smoothing=0.05,
        mixup=0.2,
        seed=1,
    ),
    "a": Recipe(net=ExpressionNetConfig(stages=((32,), (64, 64), (128, 128), (256,))), epochs=10),
    "d": Recipe(
        net=ExpressionNetConfig(
            stages=((32,), (48, 48), (96, 128), (192, 192)), squeeze_excite=True
        ),
        epochs=10,
    ),
}
