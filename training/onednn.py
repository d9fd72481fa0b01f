"""Runs a Flax network's layers by oneDNN in bfloat16, two to four times as fast as XLA on some
CPUs.

XLA's convolutions leave most of a processor with AVX-512 BF16 or AMX idle; those of oneDNN, which
comes with PyTorch (`pip install torch`), do not. Parameters, loss and optimiser stay in JAX, in
float32. The wiring of a network stays that of its Flax class: its method is called with these
layers in place of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from flax import nnx
from jax.experimental import io_callback
from jax.sharding import Mesh, PartitionSpec

from fervid.errors import FervidError
from fervid.models.blocks import ConvBlock, UpSample
from training.state import split_model
from training.torch_layers import (
    COMPOSED,
    Mirror,
    as_array,
    as_tensor,
    parts_of,
    refuse,
    up_sample,
)

if TYPE_CHECKING:
    from torch import Tensor

Tree = Any
Forward = Callable[[Tree, Tree, jax.Array], tuple[Tree, Tree]]
"""From parameters, statistics and images to outputs, and the statistics after."""

Rows = dict[tuple[Any, ...], int]
"""The leaf number of each path in a state."""


def onednn_forward(
    model: nnx.Module, method: Callable[..., Tree], mesh: Mesh, *, bfloat16: bool = True
) -> Forward:
    """Make a differentiable function of `method(model, images)` in training mode.

    Each device of the mesh handles its share of the images on one core, with batch normalisation
    over that share.

    Args:
        model: the model; the layers that `method` calls must be `ConvBlock`, `ResidualBlock`,
            `SqueezeExcite`, `nnx.Linear`, `UpSample` or lists of these.
        method: method of the model's class, from (N, H, W, C) float32 to a tree of such arrays; it
            may only call layers and add their outputs.
        mesh: CPU devices; the images are split over its "data" axis.
        bfloat16: whether the layers compute in bfloat16 instead of float32.

    Returns:
        A function for use inside jit. Gradients flow to the parameters only.

    Raises:
        FervidError: PyTorch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise FervidError(
            "oneDNN comes with PyTorch; install it with: pip install torch"
        ) from error
    torch.set_num_threads(1)
    dtype = torch.bfloat16 if bfloat16 else torch.float32
    graph, params, stats, rest = split_model(model)
    rows = _rows(params), _rows(stats)
    as_params, as_stats = jax.tree.structure(params), jax.tree.structure(stats)
    split, whole = PartitionSpec("data"), PartitionSpec()
    shard_map = partial(jax.shard_map, mesh=mesh, check_vma=False)
    numbers = count()
    pending: dict[int, tuple[list[Tensor], list[Tensor]]] = {}

    def flax(params: Tree, stats: Tree, images: jax.Array) -> Tree:
        return method(nnx.merge(graph, params, stats, rest, copy=True), images)

    def run(weights: Sequence[Any], stats: Sequence[Any], images: Any) -> tuple[Any, ...]:
        leaves = [as_tensor(leaf).requires_grad_() for leaf in weights]
        layers = _Layers(model, rows, leaves, [as_tensor(leaf) for leaf in stats])
        found = layers(method, as_tensor(images).permute(0, 3, 1, 2).to(dtype))
        number = next(numbers)
        pending[number] = leaves, found
        after = [as_array(part) for part in layers.after]
        return [as_array(part) for part in found], after, np.array([number], np.int32)

    def pull(number: Any, grads: Sequence[Any]) -> list[np.ndarray]:
        # JAX must compute nothing in here, because its threads may be waiting for this call.
        leaves, found = pending.pop(np.asarray(number).item())
        back = torch.autograd.grad(
            found,
            leaves,
            [as_tensor(grad) for grad in grads],
            allow_unused=True,  # the method may leave out layers
            materialize_grads=True,
        )
        return [as_array(part) for part in back]

    @jax.custom_vjp
    def call(params: Tree, stats: Tree, images: jax.Array) -> tuple[Tree, Tree]:
        outputs, after = forward(params, stats, images)[0]
        return outputs, after

    def forward(params: Tree, stats: Tree, images: jax.Array) -> tuple[Any, Any]:
        weights, before = jax.tree.leaves(params), jax.tree.leaves(stats)

        @partial(shard_map, in_specs=(whole, whole, split), out_specs=(split, whole, split))
        def by_device(weights: Any, before: Any, images: jax.Array) -> Any:
            like = jax.eval_shape(flax, params, stats, images)
            shapes = jax.tree.leaves(like), list(map(_shape, before)), _shape(np.zeros(1, np.int32))
            # Not a pure call, because PyTorch keeps what the backward pass needs.
            found, after, number = io_callback(run, shapes, weights, before, images)
            outputs = jax.tree.unflatten(jax.tree.structure(like), found)
            return outputs, jax.lax.pmean(after, "data"), number

        outputs, after, number = by_device(weights, before, images)
        return (outputs, jax.tree.unflatten(as_stats, after)), (number, weights)

    def backward(saved: Any, grads: Any) -> tuple[Tree, None, None]:
        number, weights = saved

        @partial(shard_map, in_specs=(split, split), out_specs=whole)
        def by_device(number: jax.Array, grads: Any) -> Any:
            shapes = list(map(_shape, weights))
            return jax.lax.psum(io_callback(pull, shapes, number, grads), "data")

        found = by_device(number, jax.tree.leaves(grads[0]))
        return jax.tree.unflatten(as_params, found), None, None

    call.defvjp(forward, backward)
    return call


class _Layers:
    """A network's layers in PyTorch, channels last, for one call."""

    def __init__(
        self,
        model: nnx.Module,
        rows: tuple[Rows, Rows],
        weights: list[Tensor],
        stats: list[Tensor],
    ) -> None:
        self._weight_rows, self._stat_rows = rows
        self._weights, self._stats, self.after = weights, stats, list(stats)
        children = {name: self._mirrored(child, (name,)) for name, child in parts_of(model)}
        self._mirror = Mirror(type(model), children)

    def __call__(self, method: Callable[..., Tree], x: Tensor) -> list[Tensor]:
        """Leaves (N, H, W, C) float32 of the method's output, from (N, C, H, W)."""
        found = jax.tree.leaves(method(self._mirror, x))
        return [part.permute(0, 2, 3, 1).float() for part in found]

    def _mirrored(self, layer: Any, path: tuple[Any, ...]) -> Any:
        if isinstance(layer, nnx.List):
            return [self._mirrored(child, (*path, row)) for row, child in enumerate(layer)]
        if isinstance(layer, ConvBlock):
            return partial(self._conv_block, path, layer)
        if compute := COMPOSED.get(type(layer)):
            parts = {name: self._mirrored(child, (*path, name)) for name, child in parts_of(layer)}
            return partial(compute, **parts)
        if isinstance(layer, nnx.Linear):
            return partial(self._linear, path)
        if isinstance(layer, UpSample):
            return up_sample
        return partial(refuse, type(layer).__name__)

    def _conv_block(
        self, path: tuple[Any, ...], block: ConvBlock, x: Tensor, *, pool: bool = False
    ) -> Tensor:
        import torch
        from torch.nn import functional

        kernel = self._weight(*path, "conv", "kernel").permute(3, 2, 0, 1)
        kernel = kernel.to(x.dtype, memory_format=torch.channels_last)
        # With stride 2, Flax's "SAME" pads even sides only below and to the right.
        both = [max(size - block.stride, 0) for size in kernel.shape[2:]]
        if block.stride == 1:
            y = functional.conv2d(x, kernel, padding=both[0] // 2)
        else:
            y = functional.conv2d(functional.pad(x, (0, both[1], 0, both[0])), kernel, stride=2)
        y = self._normalized((*path, "norm"), block, y) if block.norm else self._biased(path, y)
        y = torch.relu_(y) if block.activation else y
        return functional.max_pool2d(y, 2) if pool else y

    def _normalized(self, path: tuple[Any, ...], block: ConvBlock, y: Tensor) -> Tensor:
        import torch

        assert block.norm is not None
        scale, bias = (self._weight(*path, name) for name in ("scale", "bias"))
        epsilon, momentum = block.norm.epsilon, block.norm.momentum
        y, mean, deviation = torch.native_batch_norm(y, scale, bias, None, None, True, 0.0, epsilon)
        self._follow((*path, "mean"), mean, momentum)
        self._follow((*path, "var"), deviation**-2 - epsilon, momentum)
        return y

    def _biased(self, path: tuple[Any, ...], y: Tensor) -> Tensor:
        return y + self._weight(*path, "conv", "bias").to(y.dtype)[:, None, None]

    def _linear(self, path: tuple[Any, ...], x: Tensor) -> Tensor:
        from torch.nn import functional

        kernel = self._weight(*path, "kernel").T[:, :, None, None]
        return functional.conv2d(x.float(), kernel, self._weight(*path, "bias"))

    def _weight(self, *path: Any) -> Tensor:
        return self._weights[self._weight_rows[path]]

    def _follow(self, path: tuple[Any, ...], value: Tensor, momentum: float) -> None:
        row = self._stat_rows[path]
        self.after[row] = momentum * self._stats[row] + (1 - momentum) * value.detach()


def _rows(state: Tree) -> Rows:
    structure = jax.tree.structure(state)
    numbered = jax.tree.unflatten(structure, list(np.arange(len(jax.tree.leaves(state)))))
    return {path: int(leaf[...]) for path, leaf in nnx.to_flat_state(numbered)}


def _shape(array: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(np.shape(array), array.dtype)
