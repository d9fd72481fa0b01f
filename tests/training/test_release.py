"""Models on disk: whole, named, and with the digest of what is there."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from flax import nnx

from fervid.models.cards import load_npz
from fervid.models.expression_net import ExpressionNet
from fervid.models.store import to_arrays
from training.presets import PRESETS
from training.release import write_model

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_model_on_disk_is_the_model(tmp_path: Path, dtype: type[np.floating]) -> None:
    model = ExpressionNet(PRESETS["smoke"]().net, rngs=nnx.Rngs(0))
    write_model(tmp_path / "toy-0.1", model, {"version": "1"}, dtype)
    card = json.loads((tmp_path / "toy-0.1.json").read_text())
    digest = hashlib.sha256((tmp_path / "toy-0.1.npz").read_bytes()).hexdigest()
    assert card == {"name": "toy-0.1", "version": "1", "sha256": digest}
    assert {path.name for path in tmp_path.iterdir()} == {"toy-0.1.npz", "toy-0.1.json"}
    stored, arrays = load_npz(tmp_path / "toy-0.1.npz"), to_arrays(model)
    assert stored.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(stored[name], array.astype(dtype).astype(np.float32))
