"""Makes a narrower network from a trained one by keeping its most important channels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from fervid.models.store import restore, to_arrays

_HEADS = ("fer", "ferplus")


def narrow(
    source: ExpressionNet, wide: ExpressionNetConfig, config: ExpressionNetConfig
) -> ExpressionNet:
    """A network of shape `config` with the most important channels of a trained one.

    The importance of a channel is its scale in normalisation times the norm of the kernels that
    read it (structured pruning as in Li et al. 2017, here by both sides of a channel).

    Args:
        source: the trained network.
        wide: its shape, with plain blocks.
        config: the same but for narrower stages.

    Returns:
        The narrow network in evaluation mode; it needs training.

    Raises:
        FervidError: the two shapes differ in more than the widths of blocks.
    """
    if (
        replace(config, stages=wide.stages, dropout=wide.dropout) != wide
        or config.block != "conv"
        or config.squeeze_excite
        or config.stem
        or not config.normalized
        or [len(stage) for stage in config.stages] != [len(stage) for stage in wide.stages]
        or any(np.concatenate(config.stages) > np.concatenate(wide.stages))
    ):
        raise FervidError(
            "a network can start only from one of the same shape, or from one with "
            "wider plain blocks"
        )
    heads = (*_HEADS, "covered.0") if config.covered else _HEADS
    old, new = to_arrays(source), dict[str, NDArray[Any]]()
    blocks = [
        (f"stages.{stage}.{place}", width)
        for stage, widths in enumerate(config.stages)
        for place, width in enumerate(widths)
    ]
    readers = [[f"{name}.conv.kernel"] for name, _ in blocks[1:]]
    readers.append([f"{head}.kernel" for head in heads])
    kept = np.arange(config.fold**2)
    for (block, width), read_by in zip(blocks, readers, strict=True):
        chosen = _strongest(old, block, read_by, width)
        new[f"{block}.conv.kernel"] = old[f"{block}.conv.kernel"][:, :, kept][..., chosen]
        for name in ("scale", "bias", "mean", "var"):
            new[f"{block}.norm.{name}"] = old[f"{block}.norm.{name}"][chosen]
        kept = chosen
    for head in heads:
        new[f"{head}.kernel"] = old[f"{head}.kernel"][kept]
        new[f"{head}.bias"] = old[f"{head}.bias"]
    return restore(lambda rngs: ExpressionNet(config, rngs=rngs), new)


def _strongest(
    arrays: dict[str, NDArray[Any]], block: str, read_by: list[str], count: int
) -> NDArray[np.intp]:
    """The `count` most important channels of a block, in their old order."""
    passed = np.hypot(arrays[f"{block}.norm.scale"], arrays[f"{block}.norm.bias"])
    kernels = [arrays[name].reshape(-1, len(passed), arrays[name].shape[-1]) for name in read_by]
    norm = np.sqrt(sum(np.square(kernel).sum(axis=(0, 2)) for kernel in kernels))
    return np.sort(np.argsort(passed * norm)[::-1][:count])
