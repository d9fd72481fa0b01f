"""The figures of face detectors, against numbers worked out by hand, and their page."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.special import expit

from fervid.errors import FervidError
from fervid.records import Detections, FrameBatch
from tests.helpers.known_faces import faces_at
from tests.helpers.toy_pictures import toy_picture, toy_pictures, write_parquet
from training.detector.evaluate.calibration import calibrated, fit_scores, reliability
from training.detector.evaluate.clips import clips_in, score_clip
from training.detector.evaluate.gallery import worst
from training.detector.evaluate.matching import Band, Match, judge
from training.detector.evaluate.scores import false_in_faceless, point_errors
from training.detector.evaluate.size_response import (
    HEIGHTS,
    LONDON_BOX,
    clear_faces,
    size_response,
)
from training.detector.pictures import HELD_OUT_SOURCES, Picture
from training.evaluate_detector import main

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "sample_media"


def picture_with(boxes: list[list[float]], scores: list[float]) -> Picture:
    faces = faces_at([0] * len(boxes), boxes)
    image = np.zeros((200, 200), np.uint8)
    return Picture("toy", image, faces.xywh, np.array(scores, np.float32), faces.points)


def found_at(boxes: list[list[float]], scores: list[float]) -> Detections:
    parts = [faces_at([0], [box], score) for box, score in zip(boxes, scores, strict=True)]
    return Detections.concatenate([Detections.empty(), *parts])


def test_each_face_is_taken_once_by_its_strongest_box() -> None:
    picture = picture_with([[10, 10, 40, 40], [100, 10, 40, 40]], [0.9, 0.9])
    found = found_at([[12, 10, 40, 40], [10, 10, 40, 40], [10, 100, 40, 40]], [0.8, 0.6, 0.7])
    verdict = judge(picture, found, Band(24))
    assert verdict.right.tolist() == [0]
    assert verdict.face.tolist() == [0]
    assert verdict.false.tolist() == [2, 1]
    assert verdict.missed.tolist() == [1]


def test_unsure_faces_and_other_heights_do_not_count() -> None:
    picture = picture_with([[10, 10, 40, 40], [100, 10, 20, 20]], [0.4, 0.9])
    found = found_at(
        [[10, 10, 40, 40], [20, 20, 40, 40], [100, 10, 20, 20], [10, 150, 20, 20]], [0.9] * 4
    )
    verdict = judge(picture, found, Band(24, 48))
    assert [len(rows) for rows in (verdict.right, verdict.false, verdict.missed)] == [0, 0, 0]
    verdict = judge(picture, found, Band(16, 24))
    assert verdict.right.tolist() == [2]
    assert verdict.false.tolist() == [3]


def test_average_precision_and_recall_by_hand() -> None:
    result = Match(
        np.array([0.9, 0.8, 0.7, 0.6], np.float32), np.array([True, False, True, False]), 4
    )
    # Recall .25 at precision 1, recall .5 at precision 2/3: the area is .25 + .25 * 2/3.
    assert result.average_precision() == pytest.approx(0.25 + 0.25 * 2 / 3)
    assert result.recall_at(0.95) == 0.25
    assert result.recall_at(0.6) == 0.5
    assert result.at(0.65) == (pytest.approx(2 / 3), 0.5)
    assert result.at(0.95) == (1.0, 0.0)


def test_a_match_sums_up_its_pictures() -> None:
    pictures = [picture_with([[10, 10, 40, 40]], [0.9]), picture_with([], [])]
    results = [
        (pictures[0], found_at([[10, 10, 40, 40]], [0.8])),
        (pictures[1], found_at([[50, 50, 30, 30]], [0.3])),
    ]
    match = Match.of(results, Band(24))
    assert match.n_faces == 1
    assert match.average_precision() == 1
    assert false_in_faceless(results, 0.5) == 0
    assert false_in_faceless(results, 0.2) == 1


def test_errors_of_points_are_shares_of_the_eyes_distance() -> None:
    picture = picture_with([[10, 10, 40, 40]], [0.9])
    found = found_at([[10, 10, 40, 40]], [0.8])
    found.points[0, 0] += [0, 4]
    found.points[0, 2] += [8, 0]
    # The eyes of the known face are 16 pixels apart.
    errors = point_errors([(picture, found)])
    assert errors == {"faces": 1, "eyes": 0.125, "mouth": 0.5}
    assert point_errors([]) == {"faces": 0}


def test_calibrated_scores_mean_what_they_say() -> None:
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 2, 40_000)
    right = draw.random(len(logits)) < expit(0.5 * logits - 1)
    raw = Match(expit(logits).astype(np.float32), right, len(logits))
    fit = fit_scores(raw)
    assert fit["scale"] == pytest.approx(0.5, abs=0.05)
    assert fit["shift"] == pytest.approx(-1, abs=0.05)
    bins = reliability(calibrated(raw, fit))
    assert sum(each["boxes"] for each in bins) == len(logits)
    for each in bins:
        if each["boxes"] > 1000:
            assert each["faces"] == pytest.approx(each["score"], abs=0.04)


def test_the_worst_mistakes_come_first() -> None:
    picture = picture_with([[10, 10, 40, 40], [100, 100, 60, 60]], [0.9, 0.9])
    found = found_at([[10, 150, 40, 40], [150, 10, 40, 40]], [0.7, 0.9])
    mistakes = worst([(picture, found)], 0.5)
    assert [m.title for m in mistakes["missed"]] == ["toy, 60 px", "toy, 40 px"]
    assert [m.title for m in mistakes["false"]] == ["toy, score 0.90", "toy, score 0.70"]
    assert all(m.uri.startswith("data:image/png;base64,") for m in mistakes["false"])


class Twice:
    """Finds the same face two times in every frame."""

    card: dict[str, object] = {}  # noqa: RUF012
    start_score, min_score = 0.5, 0.25

    def detect(self, batch: FrameBatch, displayed: tuple[int, int], **_: object) -> Detections:
        assert displayed == (640, 360)
        frames = np.repeat(np.arange(len(batch)), 2).tolist()
        return faces_at(frames, [[100, 100, 80, 80], [120, 100, 80, 80]] * len(batch))


def test_a_face_of_a_clip_is_found_once(tmp_path: Path) -> None:
    rows = [f"{frame},100,100,80,80,{int(frame < 200)}" for frame in range(264)]
    truth = tmp_path / "x.truth.csv"
    truth.write_text("\n".join(["frame,x,y,w,h,visible", *rows]))
    score = score_clip(Twice(), SAMPLES / "two_speakers.mp4", truth)
    assert (score["visible"], score["found"]) == (200, 1.0)
    assert (score["boxes"], score["false"]) == (528, 0.5)


class Bright:
    """Finds what is brighter than its surroundings, if it is 40 px high or more."""

    card: dict[str, object] = {}  # noqa: RUF012
    start_score, min_score = 0.5, 0.25

    def detect(self, batch: FrameBatch, displayed: tuple[int, int], **_: object) -> Detections:
        frames, boxes = [], []
        for frame, image in enumerate(batch.images):
            rows, columns = np.nonzero(image > 150)
            if len(rows) and np.ptp(rows) >= 40:
                frames.append(frame)
                boxes.append([columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1])
        return faces_at(frames, boxes) if frames else Detections.empty()


def test_the_size_response_tells_from_which_height_faces_are_found() -> None:
    """Up to the height of the frame, whole stills and cut-out faces alike."""
    image = np.full((560, 560), 20, np.uint8)
    box = np.array([LONDON_BOX], np.float32)
    x, y, w, h = (int(v) for v in LONDON_BOX)
    image[y : y + h, x : x + w] = 220
    points = np.array([[[250, 250], [320, 250], [285, 330]]], np.float32)
    still = Picture("toy", image, box, np.ones(1, np.float32), points)
    scene = toy_picture(False)
    for table in (
        size_response(Bright(), [still] * 3, [], [scene]),
        size_response(Bright(), [], clear_faces([still]), [scene]),
    ):
        assert [row["height"] for row in table] == list(HEIGHTS)[: len(table)]
        assert [row["found"] for row in table] == [float(row["height"] >= 40.5) for row in table]
    assert clear_faces([toy_picture(True)]) == []  # too low


def test_clips_need_their_truth(tmp_path: Path) -> None:
    names = {recording.name for recording, _ in clips_in(SAMPLES)}
    assert names == {"expressions.mp4", "two_speakers.mp4"}
    with pytest.raises(FervidError, match=r"no recording with its NAME\.truth\.csv"):
        clips_in(tmp_path)


def test_the_command_writes_a_page_with_every_part(tmp_path: Path) -> None:
    pictures = [*toy_pictures(4, HELD_OUT_SOURCES[0]), toy_picture(False, 9, HELD_OUT_SOURCES[0])]
    data = write_parquet(pictures, tmp_path / "faces.parquet")
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in ("two_speakers.mp4", "two_speakers.truth.csv"):
        shutil.copy(SAMPLES / name, clips / name)
    out = tmp_path / "out"
    done = CliRunner().invoke(main, [str(data), "--clips", str(clips), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "two_speakers.mp4: " in done.output
    document = json.loads((out / "evaluation.json").read_text())
    (detector,) = document["detectors"]
    assert detector["held_out"]["pictures"] == 5
    assert detector["held_out"]["faceless"] == 3
    (clip,) = detector["clips"]
    assert clip["found"] > 0.95
    page = (out / "evaluation.html").read_text()
    for words in ("Precision and recall", "What a score means", "two_speakers.mp4", "worst"):
        assert words in page
    assert "default-src 'none'" in page
    assert not re.search(r"""<[^>]* (src|href)=["']?http""", page.split("<script")[0])


def test_what_cannot_be_evaluated_is_one_clear_line(tmp_path: Path) -> None:
    data = write_parquet(toy_pictures(3), tmp_path / "faces.parquet")
    for arguments, words in (
        ([str(data)], "no picture of a held-out collection"),
        ([str(tmp_path / "x.parquet")], "no such file"),
        ([str(data), "--model", str(tmp_path / "x")], "no model"),
    ):
        done = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "out")])
        assert done.exit_code == 1
        assert done.output.startswith("Error: ")
        assert words in done.output
        assert len(done.output.splitlines()) == 1
