"""Between Flax modules and plain arrays by name, the form in which weights are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from fervid.errors import SetupError

_STORED = nnx.Any(nnx.Param, nnx.BatchStat)


def to_arrays(model: nnx.Module) -> dict[str, NDArray[Any]]:
    """Parameters and batch statistics by dotted path, as NumPy arrays."""
    flat = nnx.to_flat_state(nnx.state(model, _STORED))
    return {".".join(map(str, path)): np.asarray(leaf[...]) for path, leaf in flat}


def from_arrays(model: nnx.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Set the model's parameters and batch statistics in place.

    Raises:
        SetupError: a name or a shape does not fit the model.
    """
    flat = nnx.to_flat_state(nnx.state(model, _STORED))
    leaves = {".".join(map(str, path)): leaf for path, leaf in flat}
    shapes = {name: leaf.shape for name, leaf in leaves.items()}
    differing = {n for n in shapes.keys() | arrays.keys() if n not in arrays or n not in shapes}
    differing |= {n for n in shapes.keys() & arrays.keys() if shapes[n] != arrays[n].shape}
    if differing:
        raise SetupError(f"weights do not fit the network at {sorted(differing)[0]}")
    for name, leaf in leaves.items():
        leaf.set_value(jnp.asarray(arrays[name], jnp.float32))
    nnx.update(model, nnx.from_flat_state(flat))
