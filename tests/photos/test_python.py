"""Photos and arrays from Python."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fervid
from fervid.errors import MediaError, PlanError, ResultError
from fervid.photos.canvas import lay_out
from fervid.photos.columns import FACES
from fervid.photos.reading import photo_of
from fervid.records import EXPRESSIONS, Detections
from tests.helpers.photo_runs import PORTRAIT, SPEAKERS, shows_happy

pytestmark = pytest.mark.slow


def test_python_gives_the_tables(album: Path, tmp_path: Path) -> None:
    seen = []
    photos = fervid.analyze_photos(album, progress=seen.append)
    assert (len(photos.photos), len(photos.faces), photos.folder) == (9, 6, None)
    assert [outcome.status for outcome in seen].count("refused") == 2
    assert repr(photos) == "<Photos: 9 photos, 6 faces>"
    some = fervid.analyze_photos([PORTRAIT, album / "a.png"], out=tmp_path)
    assert some.folder == tmp_path / "photos.fervid"
    assert fervid.Photos.read(some.folder).faces.equals(some.faces)
    with pytest.raises(MediaError, match="only recordings"):
        fervid.analyze_photos(SPEAKERS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(PlanError, match="no recording or photo"):
        fervid.analyze_photos(tmp_path / "empty")
    with pytest.raises(MediaError, match="is a photo; use"):
        fervid.analyze(PORTRAIT)
    with pytest.raises(ResultError, match="not a result of photos"):
        fervid.Photos.read(tmp_path)


def test_an_array_gives_what_its_file_gives(tmp_path: Path) -> None:
    picture = np.asarray(Image.open(PORTRAIT).convert("RGB"))
    faces = fervid.analyze_image(picture)
    assert shows_happy(faces)
    Image.fromarray(picture).save(tmp_path / "same.png")
    of_file = fervid.analyze_photos(tmp_path / "same.png").faces
    numbers = [column.name for column in FACES if column.kind in ("share", "number")]
    assert np.allclose(faces[numbers], of_file[numbers], atol=1e-4)
    assert fervid.analyze_image(np.zeros((480, 640), np.uint8)).empty
    assert list(fervid.analyze_image(picture[:1, :1]).columns) == list(faces.columns)
    none = fervid.analyze_image(picture, min_face=400)
    assert none.empty


def test_what_is_found_does_not_depend_on_other_photos() -> None:
    from fervid.photos.faces import PhotoAnalyzer
    from fervid.settings import Settings

    picture = np.asarray(Image.open(PORTRAIT).convert("RGB"))
    sizes: Sequence[tuple[int, int]] = [(416, 520), (300, 300), (800, 500), (640, 480), (90, 90)]
    photos = [photo_of(np.asarray(Image.fromarray(picture).resize(size))) for size in sizes]
    analyzer = PhotoAnalyzer(Settings())
    together, alone = analyzer.find(photos), [analyzer.find([one])[0] for one in photos]
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one.faces.xywh, other.faces.xywh)
        assert np.allclose(one.expressions.probs, other.expressions.probs, atol=1e-5)


def test_boxes_on_a_canvas_come_back_to_the_photo() -> None:
    photo = photo_of(np.zeros((3000, 1000), np.uint8))
    canvas = lay_out(photo, 1280)
    assert canvas.used == (1280, 427)
    assert canvas.image.shape == (1280, 960)
    points = np.zeros((2, 3, 2), np.float32)
    boxes = np.array([[0, 0, 427, 1280], [430, 10, 100, 100]], np.float32)
    score, row = np.ones(2, np.float32), np.zeros(2, np.int32)
    (box,) = canvas.displayed(Detections(row, boxes, score, points), photo.displayed).xywh
    assert np.allclose(box, [0, 0, 1000, 3000])  # the other one lies beside the photo


def test_few_sizes_of_canvas_hold_photos_of_every_size() -> None:
    random = np.random.default_rng(3)
    shapes = set()
    for _ in range(300):
        height, width = random.integers(1, 4000, 2).tolist()
        canvas = lay_out(photo_of(np.zeros((min(height, 400), min(width, 400)), np.uint8)), 1280)
        shapes.add(canvas.image.shape)
        photo = photo_of(np.broadcast_to(np.uint8(7), (height, width)))
        canvas = lay_out(photo, 1280)
        shapes.add(canvas.image.shape)
        assert canvas.used[0] <= canvas.image.shape[0]
        assert canvas.used[1] <= canvas.image.shape[1]
        assert (canvas.image == 7).all()
    assert len(shapes) <= 9


def test_faces_that_are_cut_out_are_classified() -> None:
    picture = np.asarray(Image.open(PORTRAIT).convert("RGB"))
    crop = picture[100:320, 110:320]
    found = fervid.predict([crop, crop[:, :, 0], crop[::4, ::4]])
    assert (found.probs.argmax(axis=1) == EXPRESSIONS.index("happy")).all()
    both = fervid.predict(np.stack([crop, crop[:, ::-1]]))
    assert both.probs.shape == (2, 7)
    assert np.allclose(both.probs[0], found.probs[0], atol=1e-5)
    assert len(fervid.predict([])) == 0
    with pytest.raises(ValueError, match="images must be"):
        fervid.predict(crop[:, 0])
    with pytest.raises(ValueError, match="an image must be"):
        fervid.predict([crop.astype(float)])
