"""Everything in a recording that may be a face, for hiding faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fervid.detection.detector import Detector, load_detector
from fervid.results.rows import ROW
from fervid.video.reader import VideoReader
from fervid.video.shapes import ShapeChangesError

SCORE = 0.25
"""Far below the score of a face that is followed, because a box too many does no harm here."""

_BATCH = 8


def faces_everywhere(
    recording: Path, track: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Search every frame, without tracking.

    Args:
        recording: path of the recording.
        track: number of the video track, from 1; None: the one that players show.

    Returns:
        Times (N,) in seconds, ascending, and boxes (N, 4) as left, top, width and height in pixels
        of the picture displayed at that time.

    Raises:
        MediaError: the recording cannot be read.
        ModelError, SetupError: the shipped detector cannot be used.
    """
    detector = load_detector("fervid", start_score=SCORE, batch_size=_BATCH)
    try:
        return _found(recording, track, detector, square=False)
    except ShapeChangesError:
        return _found(recording, track, detector, square=True)


def _found(
    recording: Path, track: int | None, detector: Detector, *, square: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    pieces = []
    with VideoReader(recording, track=track, square=square, batch_size=_BATCH) as reader:
        for batch in reader:
            found = detector.detect(batch, reader.displayed)
            rows = np.zeros(len(found.frame), ROW)
            rows["frame"], rows["time_s"] = batch.index[found.frame], batch.time_s[found.frame]
            rows["xywh"] = found.xywh
            pieces.append(reader.in_own_pixels(rows))
    rows = np.concatenate([np.zeros(0, ROW), *pieces])
    rows = rows[np.argsort(rows["time_s"], kind="stable")]
    return rows["time_s"].astype(np.float64), rows["xywh"].astype(np.float64)
