"""Small pictures of people at their clearest."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from fervid.engine.face_rows import face_rows
from fervid.pipeline import Analyzer
from fervid.records import EXPRESSIONS, Expressions, FaceCrops, FrameBatch, Thumbnail
from fervid.report import write_report
from fervid.report.maker import ReportMaker
from fervid.results.files import read_thumbnails
from fervid.results.writer import ResultWriter
from fervid.settings import Settings
from fervid.tracking.portraits import SIDE, Portraits, portrait
from tests.conftest import SAMPLES
from tests.helpers.known_faces import NO_EPISODES, faces_at, tracked

HAPPY, SAD = EXPRESSIONS.index("happy"), EXPRESSIONS.index("sad")
EPISODES = pd.DataFrame(
    [(1, "happy", 0.0, 0.5), (1, "sad", 5.0, 6.0), (2, "happy", 0.0, 0.5)],
    columns=["face_id", "expression", "onset", "offset"],
)


def image_of(jpeg: bytes) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_UNCHANGED)
    return np.asarray(picture, np.uint8)


def crops_of(lumas: list[int]) -> FaceCrops:
    """Even ones."""
    images = np.repeat(np.array(lumas, np.uint8), 48 * 48).reshape(-1, 48, 48)
    return FaceCrops(images, np.arange(len(lumas), dtype=np.int32))


def look_at(
    portraits: Portraits, batch: FrameBatch, rows: NDArray[Any], crops: FaceCrops, shrunk: float
) -> None:
    """Show frames with the pictures of their faces."""
    faces = rows[rows["face_id"] > 0]

    def portrait_of(face: int) -> bytes:
        image = batch.images[int(np.searchsorted(batch.index, faces["frame"][face]))]
        return portrait(image, faces["xywh"][face] * shrunk)

    portraits.add(rows, shrunk, crops.images.__getitem__, portrait_of)


def seen(
    shares: list[float], *, height: float = 60.0, filled: bool = False
) -> tuple[list[Thumbnail], FaceCrops]:
    """Pictures of one happy face in frames that get brighter by 10, ten a second; and its crops."""
    count = len(shares)
    images = np.empty((count, 120, 160), np.uint8)
    images[:] = (50 + 10 * np.arange(count))[:, None, None]
    batch = FrameBatch(images, np.arange(count) + 7, np.arange(count) / 10)
    probs = np.full((count, 7), 1e-9, np.float32)
    probs[:, HAPPY] = shares
    probs[:, SAD] = 1 - probs[:, HAPPY]
    faces = faces_at(range(count), [[100, 60, height, height]] * count)
    who = tracked(faces, [4] * count, [filled] * count)
    rows = face_rows(batch, who, Expressions.of_free_faces(probs), np.ones(count, np.float32), 0.5)
    portraits = Portraits(np.log)
    for row in range(count):
        alone = slice(row, row + 1)
        part = FrameBatch(images[alone], batch.index[alone], batch.time_s[alone])
        look_at(portraits, part, rows[alone], crops_of([row]), 0.5)
    return portraits.chosen({4: 1}, EPISODES)


def test_the_clearest_frame_within_an_episode_is_kept() -> None:
    (one,), crops = seen([0.7, 0.95, 0.9, 0.7], height=100.0)
    assert (crops.images == 1).all()
    assert (one.face_id, one.expression, one.time_s) == (1, "happy", pytest.approx(0.1))
    picture = image_of(one.jpeg)
    assert picture.shape == (SIDE, SIDE)
    assert picture[SIDE // 2, SIDE // 2] == pytest.approx(60, abs=2)


def test_each_face_of_a_batch_keeps_its_own_crop() -> None:
    """Faces 4 and 9 beside each other in the second of two frames; nobody is in the first."""
    batch = FrameBatch(np.zeros((2, 99, 99), np.uint8), np.array([7, 8]), np.array([0.1, 0.2]))
    probs = np.full((2, 7), 0.01, np.float32)
    probs[:, HAPPY] = 0.94
    who = tracked(faces_at([1, 1], [[5, 5, 60, 60], [30, 5, 60, 60]]), [4, 9])
    rows = face_rows(batch, who, Expressions.of_free_faces(probs), np.ones(2, np.float32), 1.0)
    portraits = Portraits(np.log)
    look_at(portraits, batch, rows, crops_of([40, 90]), 1.0)
    thumbnails, crops = portraits.chosen({4: 1, 9: 2}, EPISODES)
    assert [one.face_id for one in thumbnails] == [1, 2]
    assert crops.images[:, 0, 0].tolist() == [40, 90]


def test_a_faint_smile_has_its_picture_too() -> None:
    (one,), _ = seen([0.02, 0.2, 0.05], height=100.0)
    assert (one.expression, one.time_s) == ("happy", pytest.approx(0.1))


@pytest.mark.parametrize(
    ("shares", "height", "filled"),
    [
        ([0.9], 70.0, False),
        ([0.9], 100.0, True),
    ],
)
def test_small_and_guessed_faces_give_none(
    shares: list[float], height: float, filled: bool
) -> None:
    thumbnails, crops = seen(shares, height=height, filled=filled)
    assert thumbnails == []
    assert len(crops) == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fervid.tracking.portraits._MOST", 3)
    portraits = Portraits(np.log)
    batch = FrameBatch(np.zeros((1, 100, 100), np.uint8), np.zeros(1, np.int64), np.zeros(1))
    for track in range(1, 30):
        probs = np.full((1, 7), (0.4 - track / 100) / 6, np.float32)
        probs[0, HAPPY] = 0.6 + track / 100
        who = tracked(faces_at([0], [[10, 10, 60, 60]]), [track])
        rows = face_rows(batch, who, Expressions.of_free_faces(probs), np.ones(1, np.float32), 1.0)
        look_at(portraits, batch, rows, crops_of([0]), 1.0)
        assert len(portraits._best) <= 6 * len(EXPRESSIONS)
    people = {track: track for track in range(1, 30)}
    spans = [(track, "happy", 0.0, 1.0) for track in people]
    episodes = pd.DataFrame(spans, columns=EPISODES.columns)
    assert {27, 28, 29} <= {one.face_id for one in portraits.chosen(people, episodes)[0]}


def test_which_pictures_are_kept_does_not_depend_on_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twenty tracks in turn, each getting clearer and fainter, with room for two pictures."""
    monkeypatch.setattr("fervid.tracking.portraits._MOST", 2)
    count, tracks = 240, 20
    batch = FrameBatch(
        np.zeros((count, 100, 100), np.uint8), np.arange(count), np.arange(count) / 1000
    )
    probs = np.random.default_rng(7).dirichlet(np.ones(7), count).astype(np.float32)
    ids = [1 + row % tracks for row in range(count)]
    who = tracked(faces_at(range(count), [[10, 10, 60, 60]] * count), ids)
    rows = face_rows(batch, who, Expressions.of_free_faces(probs), np.ones(count, np.float32), 1.0)
    people = {track: track for track in range(1, tracks + 1)}
    spans = [(track, name, 0.0, 1.0) for track in people for name in EXPRESSIONS]
    episodes = pd.DataFrame(spans, columns=EPISODES.columns)
    kept = []
    for size in (1, 7, count):
        portraits = Portraits(np.log)
        for start in range(0, count, size):
            own = slice(start, start + size)
            part = FrameBatch(batch.images[own], batch.index[own], batch.time_s[own])
            look_at(portraits, part, rows[own], crops_of([*range(count)[own]]), 1.0)
        pictures, crops = portraits.chosen(people, episodes)
        kept.append(
            (
                [(one.face_id, one.expression, one.time_s) for one in pictures],
                crops.images[:, 0, 0].tolist(),
            )
        )
    assert len(kept[0][0]) == 2 * len(EXPRESSIONS)
    assert kept[0] == kept[1] == kept[2]


@pytest.mark.slow
def test_pictures_of_a_clip_lie_in_its_episodes(results: dict[str, Path]) -> None:
    folder = results["two_speakers"]
    episodes = pd.read_csv(folder / "episodes.csv")
    pictures = read_thumbnails(folder)
    assert {p.face_id for p in pictures if p.expression == "angry"} == {1, 2}
    assert len({p.face_id for p in pictures if p.expression == "sad"}) == 1
    for one in pictures:
        same = (episodes["face_id"] == one.face_id) & (episodes["expression"] == one.expression)
        inside = (episodes["onset"] <= one.time_s + 5e-4) & (one.time_s < episodes["offset"])
        assert (same & inside).any()
        assert image_of(one.jpeg).std() > 10
    assert (folder / "report.html").read_text("utf-8").count("<img ") == len(pictures)


@pytest.mark.slow
def test_without_them_none_are_kept_and_earlier_ones_go(tmp_path: Path) -> None:
    folder = tmp_path / "r.fervid"
    with ResultWriter(folder, report=ReportMaker()) as writer:
        writer.finish(NO_EPISODES, {}, [Thumbnail(1, "happy", 0.5, b"jpeg")])
    assert read_thumbnails(folder) == [Thumbnail(1, "happy", 0.5, b"jpeg")]
    analyzer = Analyzer(Settings(thumbnails=False, fps=4, end=4.0))
    analyzer.analyze(SAMPLES / "expressions.mp4", folder, overwrite=True)
    assert not (folder / "thumbnails").exists()
    assert "<img " not in (folder / "report.html").read_text("utf-8")


def test_files_that_others_put_there_are_no_thumbnails(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    with ResultWriter(folder, report=ReportMaker()) as writer:
        writer.finish(NO_EPISODES, {}, [Thumbnail(1, "happy", 0.5, b"jpeg")])
    for name in ("face-1-bored-1.000.jpg", "face-x-happy-1.000.jpg", "<script>.jpg"):
        (folder / "thumbnails" / name).write_bytes(b"x")
    assert len(read_thumbnails(folder)) == 1
    write_report(folder)
