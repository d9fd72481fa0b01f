"""Measures how a detector's response depends on face size, with real faces in real scenes."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.detection.detector import Detector
from fervid.detection.framing import frontality
from fervid.errors import FervidError
from fervid.records import FrameBatch
from fervid.tracking.tracks import iou
from training.detector.compose import cut_head, oval
from training.detector.crops import Crop
from training.detector.evaluate.matching import MATCH
from training.detector.pictures import Picture

FRAME = (640, 384)
"""Width and height in pixels of the scenes."""

HEIGHTS = tuple(round(float(height), 1) for height in np.geomspace(16, FRAME[1], 16))
"""Heights of the faces in pixels, in steps of a fifth to a quarter, up to the frame's height."""

LONDON_BOX = (188.0, 159.0, 181.0, 250.0)
"""Left, top, width and height of the face in 560 px stills of the Face Research Lab London Set.

All faces of the set were photographed from the same distance. The box is the mean over 100 stills
of another detector's (YuNet's) boxes, which deviate by 6 px across and 17 px down.
"""

_STILL_SIDE = 560
_FRONTAL = 0.85
_LEAST_HEIGHT = 80
_MOST_ENLARGED = 2.0
_BATCH = 16


def load_stills(folder: Path) -> list[Picture]:
    """Stills of the Face Research Lab London Set, 560 px, with labels.csv (column image).

    Raises:
        FervidError: a file is missing, or of another size.
    """
    try:
        with (folder / "labels.csv").open(newline="") as file:
            names = [row["image"] for row in csv.DictReader(file)]
    except (OSError, KeyError) as error:
        raise FervidError(f"{folder}: no labels.csv with a column image") from error
    images = [cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE) for name in names]
    for name, image in zip(names, images, strict=True):
        if image is None or image.shape != (_STILL_SIDE, _STILL_SIDE):
            raise FervidError(f"{folder / name}: no picture of {_STILL_SIDE} px")
    box, score = np.array([LONDON_BOX], np.float32), np.ones(1, np.float32)
    points = np.full((1, 3, 2), np.nan, np.float32)
    return [Picture("london", np.asarray(image, np.uint8), box, score, points) for image in images]


def clear_faces(pictures: Sequence[Picture]) -> list[tuple[Picture, int]]:
    """Certain faces of at least 80 px that look at the camera and are completely in the picture."""
    chosen = []
    for picture in pictures:
        x, y, w, h = picture.boxes.T
        height, width = picture.image.shape
        inside = (x >= 0) & (y >= 0) & (x + w <= width) & (y + h <= height)
        front = frontality(picture.points) >= _FRONTAL
        rows = np.flatnonzero(picture.sure & inside & front & (h >= _LEAST_HEIGHT))
        chosen += [(picture, int(row)) for row in rows]
    return chosen


def size_response(
    detector: Detector,
    stills: Sequence[Picture],
    faces: Sequence[tuple[Picture, int]],
    scenes: Sequence[Picture],
) -> list[dict[str, Any]]:
    """The share of faces that a detector finds at its default threshold, by height.

    Args:
        detector: with the scores that it uses by default.
        stills: photographs of one face, put whole into the scene, like tiles of a video call.
        faces: pictures and rows of faces, which are cut out and blended into the scene, enlarged by
            at most 2.
        scenes: pictures without people.

    Returns:
        For each of `HEIGHTS`: "height" in pixels, "faces", and the share that was "found".
    """
    table = []
    for height in HEIGHTS:
        crops = _scenes_with_faces(height, stills, faces, scenes)
        hits: list[bool] = []
        while part := list(islice(crops, _BATCH)):
            hits += _found(detector, part)
        if hits:
            found = round(float(np.mean(hits)), 4)
            table.append({"height": height, "faces": len(hits), "found": found})
    return table


def _found(detector: Detector, crops: Sequence[Crop]) -> list[bool]:
    images = np.zeros((_BATCH, FRAME[1], FRAME[0]), np.uint8)
    images[: len(crops)] = [crop.image for crop in crops]
    index = np.arange(_BATCH)
    found = detector.detect(FrameBatch(images, index, index.astype(np.float64)), FRAME)
    found = found[found.score >= detector.start_score]
    hits = []
    for row, crop in enumerate(crops):
        corners = np.clip(crop.boxes[:1], 0, np.tile(np.array(FRAME, np.float32), 2))
        truth = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        hits.append(bool((iou(truth, found.xywh[found.frame == row]) >= MATCH).any()))
    return hits


def _scenes_with_faces(
    height: float,
    stills: Sequence[Picture],
    faces: Sequence[tuple[Picture, int]],
    scenes: Sequence[Picture],
) -> Iterator[Crop]:
    """Yield every face once in a scene, with its box first; the same for every detector."""
    rng = np.random.default_rng(0)
    for number, still in enumerate(stills):
        yield _laid(rng, _scene(scenes[number % len(scenes)]), _scaled(still, height), soft=False)
    for number, (picture, row) in enumerate(faces):
        if height <= _MOST_ENLARGED * picture.boxes[row, 3]:
            head = cut_head(rng, picture, row, height)
            yield _laid(rng, _scene(scenes[number % len(scenes)]), head, soft=True)


def _scene(picture: Picture) -> NDArray[np.uint8]:
    """The middle of a picture, scaled to fill the frame."""
    height, width = picture.image.shape
    scale = max(FRAME[0] / width, FRAME[1] / height)
    size = (max(FRAME[0], round(width * scale)), max(FRAME[1], round(height * scale)))
    image = cv2.resize(picture.image, size, interpolation=cv2.INTER_LINEAR)
    left, top = (size[0] - FRAME[0]) // 2, (size[1] - FRAME[1]) // 2
    return np.array(image[top : top + FRAME[1], left : left + FRAME[0]], np.uint8)


def _scaled(still: Picture, height: float) -> Crop:
    scale = height / float(still.boxes[0, 3])
    image = cv2.resize(still.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    x, y, w, h = still.boxes[0] * scale
    corners = np.array([[x, y, x + w, y + h]], np.float32)
    points = still.points * np.float32(scale)
    return Crop(np.asarray(image, np.uint8), corners, points, np.ones(1, bool))


def _laid(rng: np.random.Generator, scene: NDArray[np.uint8], head: Crop, *, soft: bool) -> Crop:
    """A head in the scene, with its face completely in the frame if possible."""
    h, w = head.image.shape
    low, high = head.boxes[0, :2], head.boxes[0, 2:]
    room = np.array(FRAME) - (high - low)
    left, top = (int(v) for v in np.rint(rng.uniform(0, 1, 2) * np.maximum(room, 0) - low))
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(FRAME[0], left + w), min(FRAME[1], top + h)
    part = head.image[y0 - top : y1 - top, x0 - left : x1 - left]
    share = oval(h, w)[y0 - top : y1 - top, x0 - left : x1 - left] if soft else np.float32(1)
    under = scene[y0:y1, x0:x1]
    scene[y0:y1, x0:x1] = np.rint(share * part + (1 - share) * under).astype(np.uint8)
    moved = head.moved(left, top)
    return Crop(scene, moved.boxes, moved.points, moved.face)
