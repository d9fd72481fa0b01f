"""Computes a trained expression net's answers by oneDNN in bfloat16: for teachers, on CPUs.

Unlike in `training.onednn`, which trains, normalisation is folded into the convolutions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh, PartitionSpec

from fervid.errors import FervidError
from fervid.models.blocks import fold_luma
from fervid.models.expression_net import ExpressionNet
from fervid.models.inference import FoldedConvBlock, for_inference
from training.losses import Logits
from training.torch_layers import COMPOSED, Mirror, as_array, as_tensor, parts_of, refuse

if TYPE_CHECKING:
    from torch import Tensor


def onednn_answers(
    model: ExpressionNet, mesh: Mesh, *, bfloat16: bool = True
) -> Callable[[jax.Array], Logits]:
    """Make a function for use inside jit that computes `model(images)` in evaluation mode.

    Args:
        model: a network in evaluation mode.
        mesh: CPU devices; each works on its share of the images on one core.
        bfloat16: whether the convolutions compute in bfloat16 instead of float32.

    Returns:
        A function from (N, 48, 48) luma to logits of both heads, each (N, 7) float32.

    Raises:
        FervidError: PyTorch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise FervidError("oneDNN comes with PyTorch: pip install torch") from error
    torch.set_num_threads(1)
    dtype = torch.bfloat16 if bfloat16 else torch.float32
    folded = for_inference(model, winograd_from=sys.maxsize)
    mirror = Mirror(
        ExpressionNet, {name: _mirrored(part, dtype) for name, part in parts_of(folded)}
    )
    stages = len(model.stages)
    width = model.fer.in_features

    def run(images: Any) -> np.ndarray:
        with torch.inference_mode():
            x = as_tensor(images).permute(0, 3, 1, 2).to(dtype)
            return as_array(mirror.trunk(x, stages).float().mean(dim=(2, 3)))

    split = PartitionSpec("data")

    @partial(jax.shard_map, mesh=mesh, in_specs=split, out_specs=split, check_vma=False)
    def by_device(images: jax.Array) -> jax.Array:
        like = jax.ShapeDtypeStruct((len(images), width), jnp.float32)
        pooled: jax.Array = jax.pure_callback(run, like, images)
        return pooled

    def answers(images: jax.Array) -> Logits:
        pooled = by_device(fold_luma(images, model.fold))
        return model.fer(pooled), model.ferplus(pooled)

    return answers


def _mirrored(layer: Any, dtype: Any) -> Any:
    if isinstance(layer, nnx.List):
        return [_mirrored(part, dtype) for part in layer]
    if isinstance(layer, FoldedConvBlock):
        return _folded_block(layer, dtype)
    if compute := COMPOSED.get(type(layer)):
        return partial(compute, **{name: _mirrored(part, dtype) for name, part in parts_of(layer)})
    if isinstance(layer, nnx.Linear):
        return _linear(layer)
    return partial(refuse, type(layer).__name__)


def _linear(layer: nnx.Linear) -> Callable[[Tensor], Tensor]:
    import torch
    from torch.nn import functional

    kernel = torch.tensor(np.array(layer.kernel[...])).T[:, :, None, None]
    assert layer.bias is not None
    bias = torch.tensor(np.array(layer.bias[...]))
    return lambda x: functional.conv2d(x.float(), kernel, bias)


def _folded_block(block: FoldedConvBlock, dtype: Any) -> Callable[..., Tensor]:
    import torch
    from torch.nn import functional

    # Copied, because PyTorch warns about arrays that cannot be written to, such as JAX's.
    kernel = torch.tensor(np.array(block.kernel[...])).permute(3, 2, 0, 1)
    kernel = kernel.to(dtype, memory_format=torch.channels_last)
    bias = torch.tensor(np.array(block.bias[...])).to(dtype)
    padding = kernel.shape[-1] // 2

    def call(x: Tensor, *, pool: bool = False) -> Tensor:
        y = functional.conv2d(x, kernel, bias, padding=padding)
        y = torch.relu_(y) if block.activation else y
        return functional.max_pool2d(y, 2) if pool else y

    return call
