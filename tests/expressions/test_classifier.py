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
