"""Evaluates a face detector on clips with known faces, with the tracking of `analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from fervid.detection.detector import Detector
from fervid.errors import FervidError
from fervid.records import Detections
from fervid.settings import Settings
from fervid.tracking.cuts import CutFinder
from fervid.tracking.flicker import FlickerFilter
from fervid.tracking.frame_faces import Changes, FrameFaces
from fervid.tracking.tracks import Tracker, iou
from fervid.video.reader import VideoReader

_MATCH = 0.3
"""Smallest overlap of a match; boxes of the truth go from eyebrows to chin and from ear to ear."""

_COLUMNS = ["frame", "x", "y", "w", "h", "visible"]


def clips_in(folder: Path) -> list[tuple[Path, Path]]:
    """The recordings of a folder that have a NAME.truth.csv beside them.

    Raises:
        FervidError: there is none.
    """
    truths = [path for path in sorted(folder.glob("*.truth.csv")) if not _is_of_tiles(path)]
    pairs = [
        (recording, truth)
        for truth in truths
        for recording in sorted(folder.glob(truth.name.removesuffix("truth.csv") + "*"))
        if recording != truth
    ]
    if not pairs:
        raise FervidError(f"{folder}: no recording with its NAME.truth.csv")
    return pairs


def _is_of_tiles(truth: Path) -> bool:
    """Whether a table gives the part of the picture that people are in, not boxes of faces."""
    with truth.open(encoding="utf-8") as file:
        return "x0" in file.readline().strip().split(",")


def _tall(faces: Detections, least: float) -> Detections:
    """The faces that `analyze` does not ignore by default."""
    return faces[faces.xywh[:, 3] >= least]


def score_clip(detector: Detector, recording: Path, truth_csv: Path) -> dict[str, Any]:
    """The share of visible faces found, and of false boxes.

    Args:
        detector: the detector, with its default scores.
        recording: the clip.
        truth_csv: columns frame, x, y, w, h (pixels of the displayed frame) and visible (1, or 0
            for a face that may be found or not, where its box is known); one row a face and frame.

    Raises:
        FervidError: the table lacks a column, or the clip cannot be read.
    """
    truth = pd.read_csv(truth_csv)
    missing = set(_COLUMNS) - set(truth.columns)
    if missing:
        raise FervidError(f"{truth_csv}: no column {', '.join(sorted(missing))}")
    visible = found = boxes = false = 0
    with VideoReader(recording) as reader:
        displayed = (reader.info.width, reader.info.height)
        follower = FlickerFilter(Tracker(start_score=detector.start_score))
        least = Settings().min_face / reader.shrunk
        changes = Changes()
        searched = (
            FrameFaces.of(
                batch, _tall(detector.detect(batch, displayed), least), displayed, changes.of(batch)
            )
            for batch in reader
        )
        for batch, tracked, _ in follower.follow(CutFinder().follow(searched)):
            for row, frame in enumerate(batch.index):
                faces = truth[truth["frame"] == frame]
                mine = tracked.faces.xywh[tracked.faces.frame == row]
                overlap = iou(faces[["x", "y", "w", "h"]].to_numpy(np.float32), mine)
                face, box = linear_sum_assignment(np.where(overlap >= _MATCH, -overlap, 0.0))
                taken = face[overlap[face, box] >= _MATCH]
                seen = faces["visible"].to_numpy() == 1
                visible += int(seen.sum())
                found += int(seen[taken].sum())
                boxes += len(mine)
                false += len(mine) - len(taken)
    return {
        "clip": recording.name,
        "visible": visible,
        "found": round(found / max(visible, 1), 4),
        "boxes": boxes,
        "false": round(false / max(boxes, 1), 4),
        "filled": follower.filled,
        "dropped": follower.dropped,
    }
