"""Calibration and scores."""

import numpy as np
import pytest

from fervid.classifier import Calibration
from training import fer2013
from training.evaluate import Logits, calibration_error, fit_calibration


def test_calibration_finds_the_temperature_that_was_used() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 7))
    odds = np.exp(logits - logits.max(1, keepdims=True))
    probs = odds / odds.sum(1, keepdims=True)
    labels = np.array([rng.choice(7, p=p) for p in probs]).astype(np.int32)
    data = fer2013.Fer2013(
        np.zeros((4000, 48, 48), np.uint8),
        labels,
        np.eye(7, dtype=np.float32)[labels],
        np.zeros((4000, 3), np.float32),
        np.zeros(4000, np.int8),
    )
    sharp = Logits(np.stack([logits, logits]) * 3, np.stack([logits, logits]) * 0.5)
    found = fit_calibration(sharp, data)
    assert found.fer_temperature == pytest.approx(3, rel=0.08)
    assert found.ferplus_temperature == pytest.approx(0.5, rel=0.08)
    raw = sharp.probs(Calibration(ferplus_share=0.0))
    assert calibration_error(sharp.probs(found), labels) < 0.03 < calibration_error(raw, labels)
