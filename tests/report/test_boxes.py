"""Boxes of the page: few points tell all of them."""

from __future__ import annotations

import base64

import numpy as np
import pandas as pd
import pytest

from fervid.report.boxes import MAX_POINTS, BoxPoints, points_kept, sizes_of


def table(time_s: np.ndarray, boxes: np.ndarray, face_id: int = 1) -> pd.DataFrame:
    """Frames with one face each; (N, 4) x, y, w, h, NaN where there is none."""
    known = ~np.isnan(boxes[:, 0])
    columns = dict(zip(("face_x", "face_y", "face_w", "face_h"), boxes.T, strict=True))
    ids = pd.array(np.where(known, face_id, 0), dtype="Int64")
    told = {"frame": np.arange(len(time_s)), "timestamp": time_s, "face_id": ids}
    return pd.DataFrame({**told, **columns, "duration": 0.04})


def unpacked(packed: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    t, hold, box = (
        np.frombuffer(base64.b64decode(packed[name]["bdata"]), packed[name]["dtype"])
        for name in ("t", "hold", "box")
    )
    return t / 1e4, hold / 1e3, box.reshape(-1, 4) / 65535


def test_even_movement_takes_two_points_and_a_gap_ends_a_run() -> None:
    time_s = np.arange(100) * 0.04
    boxes = np.column_stack([100 + np.arange(100), np.full((100, 3), 50.0)])
    boxes[40:50] = np.nan
    points = BoxPoints([1], [(0.0, 640, 360)])
    assert len(list(points.watch([table(time_s, boxes)]))) == 1
    t, hold, box = unpacked(points.packed()[0])
    assert t[hold > 0] == pytest.approx([39 * 0.04, 99 * 0.04])
    assert hold[hold > 0] == pytest.approx(0.04)
    assert len(t) <= 6
    assert box[0] == pytest.approx([100 / 640, 50 / 360, 150 / 640, 100 / 360], abs=1e-4)


def test_every_box_is_told_within_the_tolerance() -> None:
    rng = np.random.default_rng(0)
    time_s = np.cumsum(rng.uniform(0.01, 0.2, 500))
    corners = np.array([0.3, 0.3, 0.6, 0.7]) + np.cumsum(rng.normal(0, 0.004, (500, 4)), axis=0)
    run = np.repeat([1, 2], 250)
    kept = points_kept(run, time_s, corners, 0.04)
    assert kept[[0, 249, 250, 499]].all()
    for stretch in (slice(0, 250), slice(250, 500)):
        of = kept[stretch]
        for k in range(4):
            told = np.interp(time_s[stretch], time_s[stretch][of], corners[stretch][of, k])
            limit = 0.04 * (corners[:, 2:] - corners[:, :2]).max(axis=1)
            assert (np.abs(told - corners[stretch][:, k]) <= limit[stretch] + 1e-9).all()


def test_very_many_boxes_stay_within_the_budget() -> None:
    rng = np.random.default_rng(1)
    points = BoxPoints([1], [(0.0, 640, 360)])
    for part in range(4):
        time_s = (np.arange(30_000) + 30_000 * part) / 15
        boxes = np.column_stack([rng.uniform(0, 500, (30_000, 2)), np.full((30_000, 2), 60.0)])
        for _ in points.watch([table(time_s, boxes)]):
            pass
    t, _, _ = unpacked(points.packed()[0])
    assert 0 < len(t) <= MAX_POINTS
    assert (np.diff(t) > 0).all()


def test_boxes_are_shares_of_the_picture_of_their_time() -> None:
    sizes = sizes_of(
        {
            "sizes": [
                {"start_s": 0.0, "width": 640, "height": 360},
                {"start_s": 1.0, "width": 360, "height": 640},
            ]
        }
    )
    points = BoxPoints([1], sizes)
    boxes = np.full((2, 4), [90.0, 90.0, 90.0, 90.0])
    for _ in points.watch([table(np.array([0.5, 1.0]), boxes)]):
        pass
    _, _, box = unpacked(points.packed()[0])
    assert box[0, :2] == pytest.approx([90 / 640, 90 / 360], abs=1e-4)
    assert box[-1, :2] == pytest.approx([90 / 360, 90 / 640], abs=1e-4)
    assert sizes_of({}) == []
    assert BoxPoints([1], []).packed()[0]["t"]["bdata"] == ""
