"""From a training run to weights that ship: arrays, and a model card with their sha256."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from flax import nnx

from fervid.models.store import to_arrays


def save_candidate(path: Path, model: nnx.Module) -> None:
    """Write a model's arrays as float32 .npz, under a temporary name first."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as file:
        np.savez(file, **to_arrays(model))
    temporary.replace(path)
