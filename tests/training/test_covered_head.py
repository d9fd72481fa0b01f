"""A third head is added to a trained model without changing its answers."""

from pathlib import Path

import jax
import numpy as np
import pytest

from fervid.expressions.classifier import load_model
from fervid.models.expression_net import ExpressionNetConfig
from tests.helpers.toy_data import toy_fer
from training.covered import covered_scores
from training.covered_head import with_covered_head

pytestmark = pytest.mark.slow


def test_the_head_finds_covered_faces_and_changes_no_answer(learned: Path) -> None:
    model, card = load_model(learned / "best")
    data = toy_fer(512)
    images = data.split("Training").images
    both = with_covered_head(model, ExpressionNetConfig.of_card(card), images, jax.random.key(1))
    for before, after in zip(model(images[:32]), both(images[:32]), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-5)
    scores = covered_scores(both, data.split("PublicTest").images)
    assert scores["public_covered"] + scores["public_free"] > 1.2  # 1 by chance; the net is tiny
