"""Layers of fervid's networks in PyTorch, which takes the place of Flax in some computations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from flax import nnx

from fervid.errors import FervidError
from fervid.models.blocks import ResidualBlock, SqueezeExcite

if TYPE_CHECKING:
    from torch import Tensor


class Mirror:
    """A network with other layers and its own methods.

    Attributes are the layers by name, callables or lists of these.
    """

    def __init__(self, kind: type[nnx.Module], layers: dict[str, Any]) -> None:
        self._kind = kind
        vars(self).update(layers)

    def __getattr__(self, name: str) -> Any:
        return MethodType(getattr(self._kind, name), self)


def parts_of(module: nnx.Module) -> list[tuple[str, nnx.Module]]:
    """The modules that a module contains, by name."""
    return [(name, part) for name, part in vars(module).items() if isinstance(part, nnx.Module)]


def refuse(kind: str, *_: Any, **__: Any) -> Tensor:
    """Stands for a layer that has no oneDNN form; raises FervidError when it is called."""
    raise FervidError(f"{kind} has no oneDNN form")


def residual_block(
    x: Tensor,
    *,
    first: Callable[[Tensor], Tensor],
    second: Callable[[Tensor], Tensor],
    shortcut: Sequence[Callable[[Tensor], Tensor]],
    pool: bool = False,
) -> Tensor:
    """What `ResidualBlock` computes, (N, C, H, W), from its layers."""
    import torch
    from torch.nn import functional

    y = second(first(x))
    for layer in shortcut:
        x = layer(x)
    y = torch.relu_(x + y)
    return functional.max_pool2d(y, 2) if pool else y


def squeeze_excite(
    x: Tensor,
    *,
    squeeze: Callable[[Tensor], Tensor],
    excite: Callable[[Tensor], Tensor],
    pool: bool = False,
) -> Tensor:
    """What `SqueezeExcite` computes, (N, C, H, W), from its layers."""
    import torch
    from torch.nn import functional

    gate = excite(torch.relu_(squeeze(x.mean((2, 3), keepdim=True))))
    y = x * torch.sigmoid(gate).to(x.dtype)
    return functional.max_pool2d(y, 2) if pool else y


COMPOSED: dict[type[nnx.Module], Callable[..., Tensor]] = {
    ResidualBlock: residual_block,
    SqueezeExcite: squeeze_excite,
}
"""What computes a layer that consists of other layers, from these by name."""


def up_sample(x: Tensor) -> Tensor:
    """What `UpSample` computes, (N, C, H, W)."""
    from torch.nn import functional

    return functional.interpolate(x, scale_factor=2)


def as_tensor(array: Any) -> Tensor:
    """An array of JAX or NumPy as a tensor; JAX's arrays are not copied."""
    import torch

    # Nothing here writes into JAX's arrays.
    if isinstance(array, jax.Array):
        return torch.utils.dlpack.from_dlpack(array)
    return torch.tensor(array)


def as_array(tensor: Tensor) -> np.ndarray:
    """A tensor's values, C-contiguous."""
    return np.ascontiguousarray(tensor.detach().numpy())
