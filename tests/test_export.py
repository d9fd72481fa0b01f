"""Weights that ship carry their digest."""

import hashlib
import json
from pathlib import Path

from flax import nnx

from fervid.models.expression_net import ExpressionNet
from training.presets import PRESETS
from training.release import save_candidate, ship


def test_shipped_weights_carry_their_digest(tmp_path: Path) -> None:
    recipe = PRESETS["smoke"]
    model = ExpressionNet(recipe.net, rngs=nnx.Rngs(0))
    save_candidate(tmp_path / "candidate.npz", model)
    ship("toy", tmp_path / "candidate.npz", {"version": "1"}, tmp_path)
    card = json.loads((tmp_path / "toy.json").read_text())
    digest = hashlib.sha256((tmp_path / "toy.npz").read_bytes()).hexdigest()
    assert card == {"name": "toy", "version": "1", "sha256": digest}
    assert {p.name for p in tmp_path.iterdir()} == {"candidate.npz", "toy.npz", "toy.json"}
