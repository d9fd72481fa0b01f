"""What the maps of an explanation promise, and that they pass the usual sanity checks."""

from pathlib import Path

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from numpy.typing import NDArray
from scipy.stats import spearmanr

from fervid.detection.crops import crop
from fervid.detection.detector import FaceDetector
from fervid.explanations import Explanations, explain
from fervid.expressions.classifier import ExpressionClassifier, load_model
from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from fervid.models.saliency import explained_stage, hires_cam
from fervid.records import EXPRESSIONS, FaceCrops
from fervid.video.reader import VideoReader
from training import fer2013
from training.release import write_model

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "sample_media"
Maps = NDArray[np.float32]


def crops_of(images: NDArray[np.uint8]) -> FaceCrops:
    return FaceCrops(images, np.arange(len(images), dtype=np.int32))


@pytest.fixture(scope="module")
def classifier() -> ExpressionClassifier:
    return ExpressionClassifier()


@pytest.fixture(scope="module")
def sample_faces() -> FaceCrops:
    """Faces of both clips, about two a second."""
    detector, images = FaceDetector(), []
    for clip in ("expressions", "two_speakers"):
        with VideoReader(SAMPLES / f"{clip}.mp4", fps=1) as reader:
            for batch in reader:
                found = detector.detect(batch, reader.info.displayed)
                found = found[found.score >= detector.start_score]
                images.append(crop(batch, found, reader.info.displayed).images)
    return crops_of(np.concatenate(images))


@pytest.fixture(scope="module")
def explained(sample_faces: FaceCrops, classifier: ExpressionClassifier) -> Explanations:
    return explain(sample_faces, classifier)


def test_what_is_explained_is_what_is_reported(
    sample_faces: FaceCrops, classifier: ExpressionClassifier, explained: Explanations
) -> None:
    reported = classifier.classify(sample_faces).probs
    np.testing.assert_allclose(explained.probs, reported, atol=1e-5)
    np.testing.assert_array_equal(explained.expression, reported.argmax(axis=1))
    for maps in (explained.gradient, explained.occlusion):
        assert maps.shape == (len(sample_faces), 48, 48)
        assert maps.dtype == np.float32
    sad = explain(crops_of(sample_faces.images[:5]), classifier, "sad")
    assert (sad.expression == EXPRESSIONS.index("sad")).all()
    assert not np.allclose(sad.gradient, explained.gradient[:5], atol=1e-3)
    each = explain(crops_of(sample_faces.images[:2]), classifier, ["sad", "happy"])
    np.testing.assert_array_equal(each.gradient[0], sad.gradient[0])
    assert EXPRESSIONS[each.expression[1]] == "happy"


def test_a_face_alone_and_mirrored_gets_the_same_maps(
    sample_faces: FaceCrops, classifier: ExpressionClassifier, explained: Explanations
) -> None:
    alone = explain(crops_of(sample_faces.images[2:3]), classifier)
    turned = np.ascontiguousarray(sample_faces.images[2:3, :, ::-1])
    mirrored = explain(crops_of(turned), classifier)
    for name in ("gradient", "occlusion"):
        maps = getattr(explained, name)[2]
        np.testing.assert_allclose(getattr(alone, name)[0], maps, atol=1e-4)
        np.testing.assert_allclose(getattr(mirrored, name)[0, :, ::-1], maps, atol=1e-4)


def test_a_model_that_is_used_without_mirror_images(
    sample_faces: FaceCrops, explained: Explanations, tmp_path: Path
) -> None:
    network, card = load_model("expression")
    kept = {name: card[name] for name in ("version", "config", "calibration")}
    kept["calibration"] = kept["calibration"] | {"mirrored": False}
    write_model(tmp_path / "once", network, kept)
    once = ExpressionClassifier(tmp_path / "once")
    faces = crops_of(sample_faces.images[:5])
    turned = crops_of(np.ascontiguousarray(faces.images[:, :, ::-1]))
    plain, mirrored = (once.classify(crops).probs for crops in (faces, turned))
    assert not np.allclose(plain, mirrored, atol=0.01)
    np.testing.assert_allclose((plain + mirrored) / 2, explained.probs[:5], atol=1e-5)
    maps = [explain(crops, once, "happy") for crops in (faces, turned)]
    np.testing.assert_allclose(maps[0].probs, plain, atol=1e-5)
    assert not np.allclose(maps[0].gradient, maps[1].gradient[:, :, ::-1], atol=0.01)


def test_no_face_no_map_and_no_other_expression(classifier: ExpressionClassifier) -> None:
    assert len(explain(FaceCrops.empty(), classifier)) == 0
    with pytest.raises(ValueError, match="expression must be one of angry"):
        explain(FaceCrops.empty(), classifier, "joy")
    with pytest.raises(ValueError, match="0 faces, 1 expressions"):
        explain(FaceCrops.empty(), classifier, ["sad"])


def test_occlusion_is_what_hiding_squares_costs(
    sample_faces: FaceCrops, classifier: ExpressionClassifier, explained: Explanations
) -> None:
    face, which = sample_faces.images[0], explained.expression[0]
    total, times = np.zeros((48, 48)), np.zeros((48, 48))
    # Crops are whole numbers here, so the mean that hides is rounded.
    for top in range(0, 37, 4):
        images = np.repeat(face[None], 10, axis=0)
        for number in range(10):
            left = 4 * number
            images[number, top : top + 12, left : left + 12] = round(float(face.mean()))
        logs = np.log(classifier.classify(crops_of(images)).probs[:, which])
        for number, log in enumerate(logs.tolist()):
            square = np.s_[top : top + 12, 4 * number : 4 * number + 12]
            total[square] += np.log(explained.probs[0, which]) - log
            times[square] += 1
    np.testing.assert_allclose(explained.occlusion[0], total / times, atol=0.02)


def test_cells_sum_up_to_the_slope_of_the_probability(sample_faces: FaceCrops) -> None:
    """The features scaled up by a share raise the logarithm by that share of the map's sum."""
    network, _ = load_model("expression")
    images = jnp.asarray(sample_faces.images[:4])

    def mix(fer: jax.Array, ferplus: jax.Array) -> jax.Array:
        return 0.3 * jax.nn.softmax(fer) + 0.7 * jax.nn.softmax(ferplus)

    stages = explained_stage(network)
    features = network.features(jnp.concatenate([images, images[:, :, ::-1]]), stages)
    assert features.shape[1:3] == (12, 12)

    def logs(features: jax.Array) -> jax.Array:
        return jnp.log(mix(*network.answers(features, stages)).reshape(2, 4, 7).mean(axis=0))

    slope = jax.jit(lambda f: jax.jvp(logs, (f,), (f,))[1])(features)
    _, maps = jax.jit(lambda images: hires_cam(network, mix, images))(images)
    np.testing.assert_allclose(maps.sum(axis=(2, 3)), slope, atol=1e-3)


@pytest.mark.parametrize(("fold", "stages", "stage"), [(2, 4, 2), (1, 4, 3), (4, 2, 1), (8, 1, 1)])
def test_the_last_map_that_is_fine_enough_is_explained(fold: int, stages: int, stage: int) -> None:
    config = ExpressionNetConfig(stages=((4,),) * stages, fold=fold)
    network = nnx.eval_shape(lambda: ExpressionNet(config, rngs=nnx.Rngs(0)))
    assert explained_stage(network) == stage


def shuffled(folder: Path, prefix: str) -> ExpressionClassifier:
    """The shipped model with the values of the arrays of this prefix in disorder."""
    network, card = load_model("expression")
    random = np.random.default_rng(0)
    flat = nnx.to_flat_state(nnx.state(network))
    for path, leaf in flat:
        if ".".join(map(str, path)).startswith(prefix):
            values = np.asarray(leaf[...])
            leaf.set_value(jnp.asarray(random.permutation(values.ravel()).reshape(values.shape)))
    nnx.update(network, nnx.from_flat_state(flat))
    kept = {name: card[name] for name in ("version", "config", "calibration")}
    write_model(folder / "shuffled", network, kept)
    return ExpressionClassifier(folder / "shuffled")


@pytest.mark.parametrize("prefix", ["fer", ""], ids=["heads", "everything"])
def test_maps_of_a_model_that_knows_nothing_are_others(
    sample_faces: FaceCrops, explained: Explanations, tmp_path: Path, prefix: str
) -> None:
    """Adebayo et al. 2018: a map that stays as it is shows the face, not the model's answer."""
    other = shuffled(tmp_path, prefix)
    alike: dict[str, list[float]] = {"gradient": [], "occlusion": []}
    for which in np.unique(explained.expression):
        rows = np.flatnonzero(explained.expression == which)[:6]
        maps = explain(crops_of(sample_faces.images[rows]), other, EXPRESSIONS[which])
        for name, values in alike.items():
            pairs = zip(getattr(explained, name)[rows], getattr(maps, name), strict=True)
            values += [spearmanr(a.ravel(), b.ravel()).statistic for a, b in pairs]
    assert np.mean(alike["gradient"]) < 0.3
    assert np.mean(alike["occlusion"]) < 0.3


def cost_of_hiding(
    maps: Maps, crops: FaceCrops, classifier: ExpressionClassifier, explained: Explanations
) -> NDArray[np.float32]:
    """(N,) by how much the probability falls without the fifth of each face that is marked most."""
    count = len(crops)
    pixels = crops.images.reshape(count, -1).copy()
    hidden = np.argsort(-maps.reshape(count, -1), axis=1)[:, : pixels.shape[1] // 5]
    mean = pixels.mean(axis=1).round().astype(np.uint8)[:, None]
    np.put_along_axis(pixels, hidden, mean, axis=1)
    each = (np.arange(count), explained.expression)
    left = classifier.classify(crops_of(pixels.reshape(-1, 48, 48))).probs[each]
    return np.asarray(explained.probs[each] - left)


def random_maps(count: int) -> Maps:
    """Smooth ones, whose highest fifth is a few blots, as in the real ones."""
    coarse = np.random.default_rng(0).random((count, 6, 6)).astype(np.float32)
    return np.stack([cv2.resize(m, (48, 48), interpolation=cv2.INTER_CUBIC) for m in coarse])


def check_that_marked_places_matter(
    crops: FaceCrops, classifier: ExpressionClassifier, explained: Explanations
) -> None:
    def cost(maps: Maps) -> NDArray[np.float32]:
        return cost_of_hiding(maps, crops, classifier, explained)

    anywhere = cost(random_maps(len(crops)))
    for maps in (explained.gradient, explained.occlusion):
        gain = cost(maps) - anywhere
        assert gain.mean() > 3 * gain.std() / np.sqrt(len(gain))
        assert cost(maps).mean() > 1.8 * anywhere.mean()
        assert cost(-maps).mean() < anywhere.mean()


def test_marked_places_of_the_sample_faces_matter(
    sample_faces: FaceCrops, classifier: ExpressionClassifier, explained: Explanations
) -> None:
    check_that_marked_places_matter(sample_faces, classifier, explained)


def test_marked_places_of_real_faces_matter(
    fer2013_path: Path, classifier: ExpressionClassifier
) -> None:
    images = fer2013.load(fer2013_path).split("PublicTest").images
    images = images[images.std(axis=(1, 2)) > 5]  # some are black
    crops = crops_of(images[:: len(images) // 80][:80])
    check_that_marked_places_matter(crops, classifier, explain(crops, classifier))
