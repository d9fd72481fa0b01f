"""Converts between Flax modules and named arrays, the form in which weights are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from fervid.errors import ModelError
from fervid.models.program import find_devices

Model = TypeVar("Model", bound=nnx.Module)


def to_arrays(model: nnx.Module) -> dict[str, NDArray[Any]]:
    """Parameters and batch statistics by dotted path, as NumPy arrays."""
    flat = nnx.to_flat_state(nnx.state(model))
    return {".".join(map(str, path)): np.asarray(leaf[...]) for path, leaf in flat}


def restore(make: Callable[[nnx.Rngs], Model], arrays: Mapping[str, NDArray[Any]]) -> Model:
    """Make a model with these arrays, in evaluation mode.

    Args:
        make: builds the model; it is only traced, because drawing initial weights takes seconds.
        arrays: what `to_arrays` returned.

    Raises:
        ModelError: a name or a shape does not fit the model.
        SetupError: JAX finds no device.
    """
    find_devices()  # raises SetupError if there is no device
    model: Model = nnx.eval_shape(lambda: make(nnx.Rngs(0)))
    flat = nnx.to_flat_state(nnx.state(model))
    leaves = {".".join(map(str, path)): leaf for path, leaf in flat}
    shapes = {name: leaf.shape for name, leaf in leaves.items()}
    for name in sorted(shapes.keys() | arrays.keys()):
        if name not in arrays or shapes.get(name) != arrays[name].shape:
            raise ModelError(f"weights do not fit the network at {name}")
    for name, leaf in leaves.items():
        leaf.set_value(jnp.asarray(arrays[name], jnp.float32))
    nnx.update(model, nnx.from_flat_state(flat))
    set_evaluation(model)
    return model


def set_evaluation(model: nnx.Module) -> None:
    """Switch to running averages instead of batch statistics, without dropout."""
    model.set_attributes(deterministic=True, use_running_average=True, raise_if_not_found=False)
