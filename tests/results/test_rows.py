"""The frame table and its summary, against numbers worked out by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fervid.records import EXPRESSIONS, Expressions, FrameBatch
from fervid.results.codebook import FRAME_COLUMNS, PEOPLE_COLUMNS, SUMMARY_COLUMNS
from fervid.results.rows import frame_table, lost_rows
from fervid.results.summaries import summarize
from tests.helpers.known_faces import NO_EPISODES, faces_at, rows_of, settled, tracked

HAPPY = [0.1, 0.0, 0.05, 0.7, 0.05, 0.05, 0.05]
SAD = [0.1, 0.0, 0.1, 0.2, 0.5, 0.0, 0.1]


def settled_of(n_frames, faces, *, first=0, fps=10.0):
    """Rows and episodes of (row in the batch, face id, seven probabilities) triples."""
    index = np.arange(first, first + n_frames)
    batch = FrameBatch(np.zeros((n_frames, 2, 2), np.uint8), index, index / fps)
    n = len(faces)
    found = faces_at([f[0] for f in faces], np.arange(4 * n).reshape(n, 4))
    probs = np.array([f[2] for f in faces], np.float32).reshape(n, 7)
    rows = rows_of(batch, tracked(found, [f[1] for f in faces]), Expressions.of_free_faces(probs))
    return settled(rows, frame_s=1 / fps)


def table_of(*given, **options):
    """Their frame table."""
    return frame_table(settled_of(*given, **options)[0])


def summaries_of(*tables, episodes=None):
    """People by their number, and the one row of the summary."""
    found = NO_EPISODES if episodes is None else episodes
    people, summary = summarize(tables, found, "clip.mp4")
    assert tuple(people.columns) == PEOPLE_COLUMNS
    assert tuple(summary.columns) == SUMMARY_COLUMNS
    assert len(summary) == 1
    return people.set_index("face_id"), summary.iloc[0]


def test_columns_are_the_documented_ones():
    assert ",".join(FRAME_COLUMNS) == (
        "frame,timestamp,face_id,success,confidence,face_x,face_y,face_w,face_h,angry,disgust,fear,"
        "happy,sad,surprise,neutral,emotion,emotion_confidence,valence,frontality,filled,duration,"
        "sharpness,covered,weight,smooth_angry,smooth_disgust,smooth_fear,smooth_happy,"
        "smooth_sad,smooth_surprise,smooth_neutral,smooth_valence,intensity,change_angry,change_disgust,"
        "change_fear,change_happy,change_sad,change_surprise,state,status"
    )


def test_one_row_a_face_and_one_for_a_frame_without():
    table = table_of(3, [(0, 5, HAPPY), (0, 2, SAD), (2, 2, HAPPY)], first=4)
    assert tuple(table.columns) == FRAME_COLUMNS
    assert table["frame"].tolist() == [4, 4, 5, 6]
    assert table["timestamp"].tolist() == [0.4, 0.4, 0.5, 0.6]
    assert table["face_id"].fillna(-1).tolist() == [2, 5, -1, 2]
    assert table["success"].tolist() == [1, 1, 0, 1]
    assert table["emotion"].astype(object).fillna("").tolist() == ["sad", "happy", "", "happy"]
    np.testing.assert_allclose(table["valence"], [-0.3, 0.6, np.nan, 0.6], atol=1e-6)
    np.testing.assert_allclose(table["emotion_confidence"], [0.5, 0.7, np.nan, 0.7], atol=1e-6)
    np.testing.assert_array_equal(table["face_x"], [4, 0, np.nan, 8])
    np.testing.assert_array_equal(table["face_h"], [7, 3, np.nan, 11])


def test_a_frame_without_a_face_is_empty_and_never_zero():
    row = table_of(1, []).iloc[0]
    known = {"frame": 0, "timestamp": 0.0, "success": 0, "status": "ok"}
    assert row[list(known)].to_dict() == known
    assert row.drop(list(known)).isna().all()


def test_a_lost_frame_says_so_and_nothing_else():
    row = frame_table(lost_rows(np.array([7]), np.array([0.28]))).iloc[0]
    known = {"frame": 7, "timestamp": 0.28, "success": 0, "status": "lost"}
    assert row[list(known)].to_dict() == known
    assert row.drop(list(known)).isna().all()


def test_lengths_must_agree():
    batch = FrameBatch(np.zeros((1, 2, 2), np.uint8), np.zeros(1, np.int64), np.zeros(1))
    with pytest.raises(ValueError, match="1 faces, 0 expressions"):
        rows_of(batch, tracked(faces_at([0], [0, 0, 9, 9]), [1]), Expressions.empty())


@st.composite
def batches(draw):
    n_frames = draw(st.integers(0, 12))
    at = st.integers(0, max(n_frames - 1, 0))
    frames = sorted(draw(st.lists(at, max_size=30))) if n_frames else []
    ids = draw(st.lists(st.integers(1, 99), min_size=len(frames), max_size=len(frames)))
    seed = draw(st.integers(0, 2**32 - 1))
    probs = np.random.default_rng(seed).dirichlet(np.ones(7), len(frames))
    return n_frames, list(zip(frames, ids, probs.tolist(), strict=True))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(batches())
def test_every_frame_and_every_face_has_its_row_in_order(made):
    n_frames, faces = made
    table = table_of(n_frames, faces)
    faceless = n_frames - len({f for f, *_ in faces})
    assert len(table) == len(faces) + faceless
    assert table["frame"].unique().tolist() == list(range(n_frames))
    keys = list(zip(table["frame"], table["face_id"].fillna(-1), strict=True))
    assert keys == sorted(keys)
    assert table["success"].sum() == len(faces)
    found = table[table["success"] == 1]
    np.testing.assert_allclose(found[list(EXPRESSIONS)].sum(axis=1), 1, atol=1e-5)
    assert table[table["success"] == 0].iloc[:, 4:-1].isna().all(axis=None)
    assert (table["status"] == "ok").all()


@settings(max_examples=30, deadline=None)
@given(batches(), st.lists(st.integers(0, 40), max_size=4))
def test_the_summary_does_not_depend_on_how_the_table_is_cut(made, cuts):
    table = table_of(*made)
    edges = [0, *sorted(min(c, len(table)) for c in cuts), len(table)]
    pieces = [table.iloc[a:b] for a, b in itertools.pairwise(edges)]
    (people, summary), (again, whole) = summaries_of(*pieces), summaries_of(table)
    pd.testing.assert_frame_equal(people, again, atol=1e-9)
    pd.testing.assert_series_equal(summary, whole, atol=1e-9)


def test_summary_by_hand():
    faces = [(1, 7, HAPPY), (2, 7, HAPPY), (2, 8, SAD), (3, 7, SAD), (5, 7, SAD)]
    rows, episodes = settled_of(10, faces)
    people, everyone = summaries_of(frame_table(rows), episodes=episodes)
    assert people.index.tolist() == [7, 8]
    seven, eight = people.loc[7], people.loc[8]

    assert everyone[["recording", "people"]].tolist() == ["clip.mp4", 2]
    assert everyone[["frames", "frames_with_face", "faces"]].tolist() == [10, 4, 5]
    assert everyone["detection_rate"] == pytest.approx(0.4)
    assert everyone["happy_mean"] == pytest.approx((0.7 + 0.7 + 0.2 + 0.2 + 0.2) / 5)
    assert everyone["happy_dominant"] == pytest.approx(2 / 5)
    assert everyone["sad_dominant"] == pytest.approx(3 / 5)
    assert everyone["sad_max"] == pytest.approx(0.5)
    assert everyone["valence_mean"] == pytest.approx((2 * 0.6 - 3 * 0.3) / 5)
    assert everyone["seen_s"] == pytest.approx(0.5)

    assert seven[["frames", "frames_with_face", "faces"]].tolist() == [5, 4, 4]
    assert seven[["first_seen", "last_seen"]].tolist() == [0.1, 0.5]
    assert seven["detection_rate"] == pytest.approx(4 / 5)
    assert seven["happy_sd"] == pytest.approx(np.std([0.7, 0.7, 0.2, 0.2], ddof=1))
    assert seven["happy_median"] == pytest.approx(0.45)
    assert seven[["happy_dominant", "happy_time", "sad_time"]].tolist() == pytest.approx([0.5] * 3)
    assert seven["uncertain_time"] == 0
    # Sad goes on over the frame in which nobody is seen: the track does.
    assert seven[["episodes", "transitions"]].tolist() == [2, 1]

    assert eight[["frames", "faces", "episodes", "transitions"]].tolist() == [1, 1, 1, 0]
    assert np.isnan(eight["happy_sd"])


def test_lost_frames_are_counted_apart_from_those_without_a_face():
    faces = [(0, 7, HAPPY), (3, 7, HAPPY)]
    rows, episodes = settled_of(4, faces)
    rows["frame"][1:] += 5  # five were lost behind the first one
    lost = lost_rows(np.arange(1, 6), np.arange(1, 6) / 10)
    table = frame_table(np.concatenate([rows[:1], lost, rows[1:]]))
    people, everyone = summaries_of(table[:3], table[3:], episodes=episodes)
    assert everyone[["frames", "frames_with_face", "lost_frames"]].tolist() == [4, 2, 5]
    assert everyone["detection_rate"] == pytest.approx(0.5)
    assert people.loc[7, ["frames", "frames_with_face"]].tolist() == [4, 2]
    whole, everyone = summaries_of(frame_table(settled_of(4, faces)[0]))
    assert everyone["lost_frames"] == 0
    assert whole.loc[7, "detection_rate"] == people.loc[7, "detection_rate"]


def test_summary_agrees_with_pandas():
    rng = np.random.default_rng(0)
    faces = [(f, i, rng.dirichlet(np.ones(7))) for f in range(51) for i in range(1, 4)]
    table = table_of(51, faces)
    people, everyone = summaries_of(table)
    each = table.groupby(table["face_id"].astype(int))
    for name in EXPRESSIONS:
        for what, column in (("mean", "mean"), ("std", "sd"), ("max", "max")):
            expected = each[f"smooth_{name}"].agg(what)
            np.testing.assert_allclose(people[f"{name}_{column}"], expected, atol=1e-9)
        np.testing.assert_allclose(
            people[f"{name}_median"], each[f"smooth_{name}"].median(), atol=6e-4
        )
        assert everyone[f"{name}_sd"] == pytest.approx(table[f"smooth_{name}"].std())
        assert everyone[f"{name}_median"] == pytest.approx(
            table[f"smooth_{name}"].median(), abs=6e-4
        )
    states = [*EXPRESSIONS, "uncertain"]
    np.testing.assert_allclose(
        people[[f"{name}_time" for name in states[:-1]]].sum(axis=1) + people["uncertain_time"], 1
    )


def test_covered_faces_are_left_out_of_means():
    rows, _ = settled_of(4, [(0, 1, HAPPY), (1, 1, HAPPY), (2, 1, SAD), (3, 2, SAD)])
    is_free = [True, True, False, False]
    rows["covered"] = np.where(is_free, 0.1, 0.9)
    rows["smooth"] = np.where(np.array(is_free)[:, None], rows["smooth"], 1 / 7)
    people, summary = summaries_of(frame_table(rows))
    assert people.loc[1, "happy_mean"] == pytest.approx(0.7, abs=1e-4)
    assert summary["happy_mean"] == pytest.approx(0.7, abs=1e-4)
    assert summary["faces"] == 4
    assert people.loc[2, "happy_mean"] == pytest.approx(1 / 7)
    assert people.loc[2, [f"{name}_dominant" for name in EXPRESSIONS]].sum() == 0


def test_summary_of_nothing_and_of_no_faces():
    for tables, frames in (([], 0), ([table_of(4, [])], 4)):
        people, summary = summaries_of(*tables)
        assert len(people) == 0
        assert summary[["people", "frames", "faces"]].tolist() == [0, frames, 0]
        assert np.isnan(summary["happy_mean"])
    assert summary["detection_rate"] == 0
