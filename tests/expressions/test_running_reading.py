"""Resting faces that are learned while a stream is watched."""

import numpy as np

from fervid.expressions.running_reading import RunningReading
from fervid.records import EXPRESSIONS
from tests.expressions.test_resting import changed, reading, rows_of

HAPPY, NEUTRAL = EXPRESSIONS.index("happy"), EXPRESSIONS.index("neutral")


def read(running: RunningReading, rows: np.ndarray) -> np.ndarray:
    """The rows, read one frame after the other."""
    pieces = [rows[k : k + 1].copy() for k in range(len(rows))]
    for piece in pieces:
        running.read(piece)
    return np.concatenate(pieces)


def test_a_face_is_compared_as_soon_as_its_rest_is_known_and_says_since_when() -> None:
    rest = reading(neutral=0.6, sad=0.3, happy=0.01)
    rows = rows_of([(rest, 6.0), (changed(rest, "happy", 2.0), 1.0)])
    running = RunningReading()
    got = read(running, rows)
    since_s = running.since_s[1]
    assert 3.9 < since_s < 4.2
    np.testing.assert_array_equal(got["compared"], rows["time_s"] >= since_s)
    before, smile = got["time_s"] < since_s, got["time_s"] >= 6.0
    np.testing.assert_array_equal(got["adjusted"][before], rows["probs"][before])
    assert (rows["probs"][smile].argmax(axis=1) == NEUTRAL).all()
    assert (got["adjusted"][smile].argmax(axis=1) == HAPPY).mean() > 0.9


def test_what_was_taken_for_rest_is_corrected_when_more_is_seen() -> None:
    rest, smile = reading(neutral=0.8), changed(reading(neutral=0.8), "happy", 1.5)
    running = RunningReading()
    got = read(running, rows_of([(smile, 6.0), (rest, 8.0), (smile, 2.0)]))
    assert (got["adjusted"][-25:].argmax(axis=1) == HAPPY).mean() > 0.9
    assert (got["adjusted"][-90:-60].argmax(axis=1) == NEUTRAL).mean() > 0.9


def test_of_who_left_long_ago_nothing_is_kept() -> None:
    running = RunningReading()
    read(running, rows_of([(reading(neutral=0.8), 5.0)]))
    assert running.since_s
    read(running, rows_of([(reading(neutral=0.8), 0.2)], track=2, start_s=70.0))
    assert not running.since_s
    assert list(running._seen_s) == [2]
