"""People whom the detector hardly ever took for faces."""

from __future__ import annotations

import numpy as np

from fervid.records import Detections, TrackedFaces
from fervid.results.rows import ROW, one_a_frame, without_tracks
from fervid.tracking.doubtful import Evidence


def seen(track: int, scores: list[float], *, filled: bool = False) -> TrackedFaces:
    """One track, frame after frame."""
    count = len(scores)
    faces = Detections(
        np.arange(count, dtype=np.int32),
        np.ones((count, 4), np.float32),
        np.array(scores, np.float32),
        np.ones((count, 3, 2), np.float32),
    )
    return TrackedFaces(faces, np.full(count, track), np.full(count, filled))


def doubtful(people: dict[int, int], *parts: TrackedFaces, turn: float = 1.0) -> set[int]:
    """Who is doubtful; `turn` is the frontality of all faces."""
    evidence = Evidence(0.7)
    for part in parts:
        evidence.add(part, np.full(len(part), turn, np.float32))
    return evidence.doubtful(people)


def test_one_strong_score_that_nothing_confirms() -> None:
    assert doubtful({1: 1}, seen(1, [0.75, 0.5, 0.4, 0.45, 0.5])) == {1}


def test_a_face_that_turns_away_for_most_of_the_time_stays() -> None:
    assert not doubtful({1: 1}, seen(1, [0.95, 0.97, 0.96] + [0.4] * 100))


def test_the_back_of_a_head_is_taken_for_a_face_now_and_then() -> None:
    back = seen(1, [0.79, 0.92, 0.67, 0.85, 0.88, 0.58, 0.91] + [0.79, 0.67, 0.82, 0.85, 0.76] * 4)
    assert doubtful({1: 1}, back, turn=0.6) == {1}


def test_a_profile_that_is_mostly_certain_stays() -> None:
    assert not doubtful({1: 1}, seen(1, [0.97, 0.99, 0.76, 0.58, 0.93, 0.81] * 3), turn=0.3)


def test_someone_who_looks_up_for_a_moment_stays() -> None:
    down, up = seen(1, [0.75, 0.6, 0.5, 0.8] * 20), seen(1, [0.96] * 4)
    evidence = Evidence(0.7)
    evidence.add(down, np.full(len(down), 0.5, np.float32))
    assert evidence.doubtful({1: 1}) == {1}
    evidence.add(up, np.ones(len(up), np.float32))
    assert not evidence.doubtful({1: 1})


def test_a_small_face_that_is_seldom_in_doubt_stays() -> None:
    assert not doubtful({1: 1}, seen(1, [0.72, 0.75, 0.6, 0.71, 0.74]))


def test_the_tracks_of_a_person_are_judged_together() -> None:
    strong, weak = seen(1, [0.99] * 5), seen(2, [0.75, 0.4, 0.4])
    assert not doubtful({1: 1, 2: 1}, strong, weak)
    assert doubtful({1: 1, 2: 2}, strong, weak) == {2}


def test_boxes_that_are_guesses_confirm_nothing() -> None:
    assert doubtful({1: 1}, seen(1, [0.75, 0.4, 0.4]), seen(1, [0.95] * 4, filled=True)) == {1}


def test_each_frame_keeps_a_row() -> None:
    rows = np.zeros(6, ROW)
    rows["frame"], rows["face_id"] = [0, 0, 1, 2, 2, 3], [1, 2, 2, 2, 3, 0]
    rows["time_s"], rows["score"] = rows["frame"] / 10, 0.8 * (rows["face_id"] > 0)
    without_tracks(rows, np.array([1]))
    left = one_a_frame(rows)
    assert left["frame"].tolist() == [0, 1, 2, 3]
    assert left["face_id"].tolist() == [1, 0, 0, 0]
    assert left["score"][1:].max() == 0
    np.testing.assert_array_equal(left["time_s"], [0, 0.1, 0.2, 0.3])
