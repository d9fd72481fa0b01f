"""Cuts faces without labels from the detector's pictures, as fervid cuts faces from frames."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fervid.detection.crops import crop
from fervid.records import Detections, FrameBatch
from training.answers import NO_FACES
from training.detector.pictures import Picture, load, training_part

LEAST_HEIGHT = 40.0
"""Smallest height in pixels; smaller faces show too little."""


def unlabelled_faces(paths: Iterable[Path]) -> NDArray[np.uint8]:
    """(M, 48, 48) uint8 certain faces of the training part, in the order of files and pictures.

    Raises:
        FervidError: a file is missing or malformed.
    """
    faces = [cut_faces(picture) for picture in training_part(load(paths))]
    return np.concatenate([NO_FACES, *faces])


def cut_faces(picture: Picture) -> NDArray[np.uint8]:
    """(n, 48, 48) uint8 certain faces, at least `LEAST_HEIGHT` high, with known eyes and mouth."""
    known = np.isfinite(picture.points).all(axis=(1, 2))
    rows = np.flatnonzero(picture.sure & known & (picture.boxes[:, 3] >= LEAST_HEIGHT))
    height, width = picture.image.shape
    frame = FrameBatch(picture.image[None], np.zeros(1, np.int64), np.zeros(1))
    found = Detections(
        np.zeros(len(rows), np.int32),
        picture.boxes[rows],
        picture.scores[rows],
        picture.points[rows].astype(np.float32),
    )
    return crop(frame, found, (width, height)).images
