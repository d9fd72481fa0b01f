"""Pictures with face boxes, from Parquet files and from WIDER FACE's own layout."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from fervid.errors import FervidError
from tests.helpers.toy_pictures import toy_picture, toy_pictures, write_parquet
from training.detector.pictures import (
    HELD_OUT_SOURCES,
    held_out_part,
    load,
    load_wider,
    training_part,
)


def test_a_parquet_file_gives_its_pictures_back(tmp_path: Path) -> None:
    pictures = toy_pictures()
    loaded = load([write_parquet(pictures, tmp_path / "faces.parquet")])
    assert len(loaded) == len(pictures)
    for one, other in zip(loaded, pictures, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_allclose(one.points, other.points)
        assert one.sure.all()


def test_the_teacher_s_faces_of_animals_are_no_faces(tmp_path: Path) -> None:
    path = write_parquet([toy_picture(True, source="cats-and-dogs")], tmp_path / "faces.parquet")
    (picture,) = load([path])
    assert picture.boxes.shape == (0, 4)
    assert picture.points.shape == (0, 3, 2)


def test_points_are_unknown_without_landmarks(tmp_path: Path) -> None:
    path = write_parquet([toy_picture(True)], tmp_path / "faces.parquet")
    pd.read_parquet(path).drop(columns="landmarks").to_parquet(path)
    assert np.isnan(load([path])[0].points).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scores": None}, "no column scores"),
        ({"image": [b"x"]}, "row 0: not a picture"),
        ({"image": [b""]}, "row 0: not a picture"),
        ({"scores": [[0.9, 0.8]]}, "row 0: 2 scores for 1 boxes"),
    ],
)
def test_a_wrong_parquet_file_is_one_clear_line(
    tmp_path: Path, change: dict[str, list[object] | None], words: str
) -> None:
    path = write_parquet([toy_picture(True)], tmp_path / "faces.parquet")
    table = pd.read_parquet(path)
    for name, values in change.items():
        table = table.drop(columns=name) if values is None else table.assign(**{name: values})
    table.to_parquet(path)
    with pytest.raises(FervidError, match=words):
        load([path])


def test_what_is_no_data_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FervidError, match="no such file"):
        load([tmp_path / "faces.parquet"])
    (tmp_path / "faces.parquet").write_text("boxes")
    with pytest.raises(FervidError, match="not a Parquet file"):
        load([tmp_path / "faces.parquet"])
    with pytest.raises(FervidError, match=r"no wider_face_train_bbx_gt\.txt"):
        load([tmp_path])


def wider(folder: Path, lines: list[str], names: list[str]) -> Path:
    """WIDER FACE in miniature: pictures of 1280 x 960."""
    for name in names:
        path = folder / "WIDER_train" / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.zeros((960, 1280), np.uint8))
    (folder / "wider_face_split").mkdir(parents=True)
    text = "\n".join(lines) + "\n"
    (folder / "wider_face_split" / "wider_face_train_bbx_gt.txt").write_text(text)
    return folder


def test_wider_face_is_read_in_its_own_layout(tmp_path: Path) -> None:
    folder = wider(
        tmp_path,
        [
            "0--Parade/a.jpg",
            "2",
            "100 200 40 60 0 0 0 0 0 0",
            "10 20 8 8 2 0 0 1 0 0",
            "",
            "1--Handshaking/b.jpg",
            "0",
            "0 0 0 0 0 0 0 0 0 0",
        ],
        ["0--Parade/a.jpg", "1--Handshaking/b.jpg"],
    )
    first, second = load([folder])
    assert first.image.shape == (480, 640)
    np.testing.assert_allclose(first.boxes[0], [50, 100, 20, 30])
    assert first.sure.tolist() == [True, False]
    assert np.isnan(first.points).all()
    assert len(second.boxes) == 0
    assert {picture.source for picture in (first, second)} == {"wider"}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["0--Parade/a.jpg", "one", "1 2 3 4 0 0 0 0 0 0"], "line 1: not as in WIDER FACE"),
        (["0--Parade/a.jpg", "1", "1 2 3 4"], "line 1: not as in WIDER FACE"),
        (["0--Parade/z.jpg", "1", "1 2 3 4 0 0 0 0 0 0"], "not a picture"),
    ],
)
def test_a_damaged_wider_face_is_one_clear_line(
    tmp_path: Path, lines: list[str], words: str
) -> None:
    with pytest.raises(FervidError, match=words):
        load_wider(wider(tmp_path, lines, ["0--Parade/a.jpg"]), "train")


def test_no_picture_is_both_trained_on_and_held_out() -> None:
    pictures = [
        *toy_pictures(6, HELD_OUT_SOURCES[0]),
        *(toy_picture(False, seed, "cats-and-dogs") for seed in range(200)),
        *toy_pictures(6, "crowds-and-masks"),
    ]
    train, held = training_part(pictures), held_out_part(pictures)
    assert len(train) + len(held) == len(pictures)
    assert {picture.source for picture in held} == {HELD_OUT_SOURCES[0], "cats-and-dogs"}
    assert HELD_OUT_SOURCES[0] not in {picture.source for picture in train}
    cats = [picture for picture in held if picture.source == "cats-and-dogs"]
    assert 1 <= len(cats) <= 30
