from dataclasses import asdict

import numpy as np
import pytest

from fervid.expressions.classifier import Calibration, ExpressionClassifier
from fervid.records import EXPRESSIONS, FaceCrops

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def classifier() -> ExpressionClassifier:
    return ExpressionClassifier(batch_size=4)


def random_crops(count: int) -> FaceCrops:
    images = np.random.default_rng(0).integers(0, 256, (count, 48, 48)).astype(np.uint8)
    return FaceCrops(images, np.arange(count, dtype=np.int32))


@pytest.mark.parametrize("count", [1, 4, 9])
def test_batches_and_padding_do_not_change_a_face(
    classifier: ExpressionClassifier, count: int
) -> None:
    crops = random_crops(9)
    whole = classifier.classify(crops).probs
    part = classifier.classify(FaceCrops(crops.images[:count], crops.row[:count])).probs
    np.testing.assert_allclose(part, whole[:count], atol=1e-5)


def test_no_face_no_row(classifier: ExpressionClassifier) -> None:
    assert classifier.classify(FaceCrops.empty()).probs.shape == (0, len(EXPRESSIONS))


def test_a_face_and_its_mirror_image_read_the_same(classifier: ExpressionClassifier) -> None:
    crops = random_crops(3)
    mirrored = FaceCrops(np.ascontiguousarray(crops.images[:, :, ::-1]), crops.row)
    np.testing.assert_allclose(
        classifier.classify(crops).probs, classifier.classify(mirrored).probs, atol=1e-5
    )


def test_calibration_mixes_the_heads() -> None:
    fer, ferplus = np.zeros((1, 7), np.float32), np.zeros((1, 7), np.float32)
    fer[0, 3] = np.log(6)
    even = np.full(7, 1 / 7)
    tilted = np.where(np.arange(7) == 3, 0.5, 0.5 / 6)
    mixed = np.asarray(Calibration(ferplus_share=0.25).mix(fer, ferplus))[0]
    np.testing.assert_allclose(mixed, 0.75 * tilted + 0.25 * even, atol=1e-6)
    hot = np.asarray(Calibration(fer_temperature=1e6, ferplus_share=0.0).mix(fer, ferplus))[0]
    np.testing.assert_allclose(hot, even, atol=1e-5)


def test_priors_are_divided_out_of_the_mixture_alone() -> None:
    logits = np.zeros((1, 7), np.float32)
    prior = (0.05, 0.05, 0.05, 0.3, 0.05, 0.1, 0.4)
    half = Calibration(prior_power=0.5, fer_prior=prior, ferplus_prior=prior)
    wanted = np.array(prior) ** -0.5
    mixed = np.asarray(half.mix(logits, logits))[0]
    np.testing.assert_allclose(mixed, wanted / wanted.sum(), atol=1e-6)
    for labels in ("fer2013", "ferplus"):
        alone = np.asarray(half.of_labels(labels).mix(logits, logits))[0]
        np.testing.assert_allclose(alone, np.full(7, 1 / 7), atol=1e-6)
    assert half.of_labels("mixture") == half
    assert Calibration.of_card({"calibration": asdict(half)}) == half
    for broken in ({"fer_prior": prior[:6]}, {"fer_prior": (0.0, *prior[1:])}):
        with pytest.raises(ValueError, match="a prior must be 7 numbers above 0"):
            Calibration(prior_power=0.5, **{"ferplus_prior": prior, **broken})
    with pytest.raises(ValueError, match="prior_power must be between 0 and 1"):
        Calibration(prior_power=1.5)
