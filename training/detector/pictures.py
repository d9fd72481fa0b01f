"""Reads pictures with face boxes, from Parquet files and WIDER FACE, and splits them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.models.face_net import N_POINTS

HELD_OUT_SOURCES = ("flickr8k", "classrooms", "groups", "coco-tiny")
"""Collections that are never trained on: everyday scenes, lecture halls and groups."""

HELD_OUT_SHARES = {
    "sports": 12, "protests": 12,
    "caltech-objects": 20, "cats-and-dogs": 20, "imagenet-samples": 20, "bsds500": 20,
    "racing": 10, "signs": 10, "hands": 10, "drawings": 10, "animals-and-houses": 10,
}  # fmt: skip
"""Collections of independent pictures, of which one in this many is held out: crowded events, and
pictures that are mostly without faces."""

SURE = 0.6
"""Boxes with at least this score are faces; those below are ignored."""

_SURE_IN = {"imagenet-samples": 0.905, "bsds500": 0.87}
"""The same for collections in which the teacher mistakes many animals for faces; both chosen by
eye."""

_ANIMALS = "cats-and-dogs"
_ANIMALS_WITH_PEOPLE = {
    0x1983CE56, 0x279D9820, 0x3BA36166, 0x563C421A, 0x5B78F653, 0x7FD435C4,
    0x86CF5EE9, 0x89EAF629, 0x97EF55A9, 0xCF66B811, 0xD852028E, 0x0F435FBA,
}  # fmt: skip
"""CRC-32 of the encoded pictures of animals in which a box is a person's face; by eye.

In all others, the teacher's boxes are animals, so the boxes are removed.
"""

MINED_SOURCE = "mined"
"""Name of the surroundings of false boxes from `training.detector.mine_negatives`."""

WIDER_SOURCE = "wider"
"""Pictures of WIDER FACE (Yang et al. 2016)."""

_LONGEST_SIDE = 640


@dataclass(frozen=True)
class Picture:
    """One grey picture.

    Attributes:
        source: collection of the picture.
        image: (H, W) uint8 luma.
        boxes: (n, 4) float32, left, top, width, height in pixels.
        scores: (n,) float32, confidence of the annotation.
        points: (n, 3, 2) float32, right eye, left eye, mouth in pixels; NaN if unknown.
    """

    source: str
    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    points: NDArray[np.float32]

    @property
    def sure(self) -> NDArray[np.bool_]:
        """(n,) whether each box is a face; the others are ignored."""
        return self.scores >= _SURE_IN.get(self.source, SURE)


def load(paths: Iterable[Path]) -> list[Picture]:
    """Read Parquet files, and folders of WIDER FACE.

    Parquet: columns source, image (encoded), boxes (flat n x 4), scores, and optionally landmarks
    (flat n x 10: right eye, left eye, nose, right and left mouth corner).

    WIDER FACE: a folder with `WIDER_train/images` and `wider_face_train_bbx_gt.txt`, there or in
    `wider_face_split`.

    Raises:
        FervidError: a file is missing, lacks a column, or has invalid values.
    """
    pictures = []
    for path in paths:
        pictures += load_wider(path, "train") if path.is_dir() else _load_parquet(path)
    return pictures


def _load_parquet(path: Path) -> list[Picture]:
    if not path.is_file():
        raise FervidError(f"no such file: {path}")
    try:
        table = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise FervidError(f"{path} is not a Parquet file") from error
    missing = {"source", "image", "boxes", "scores"} - set(table.columns)
    if missing:
        raise FervidError(f"{path}: no column {', '.join(sorted(missing))}")
    marks = table["landmarks"] if "landmarks" in table else [()] * len(table)
    return [
        _picture(source, blob, boxes, scores, landmarks, f"{path}, row {row}")
        for row, (source, blob, boxes, scores, landmarks) in enumerate(
            zip(
                table["source"], table["image"], table["boxes"], table["scores"], marks, strict=True
            )
        )
    ]  # fmt: skip


def _picture(
    source: str,
    blob: bytes,
    boxes: Iterable[float],
    scores: Iterable[float],
    landmarks: Iterable[float],
    where: str,
) -> Picture:
    data = np.frombuffer(blob or b"\0", np.uint8)  # OpenCV refuses empty data with an exception
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise FervidError(f"{where}: not a picture")
    score = np.asarray(scores, np.float32)
    corners, five = np.asarray(boxes, np.float32), np.asarray(landmarks, np.float32)
    if source == _ANIMALS and zlib.crc32(blob) not in _ANIMALS_WITH_PEOPLE:
        score, corners, five = np.zeros((3, 0), np.float32)
    if corners.size != 4 * len(score) or five.size not in (0, 10 * len(score)):
        raise FervidError(f"{where}: {len(score)} scores for {corners.size / 4:g} boxes")
    points = np.full((len(score), N_POINTS, 2), np.nan, np.float32)
    if five.size:
        five = five.reshape(-1, 5, 2)
        points = np.concatenate([five[:, :2], five[:, 3:].mean(axis=1, keepdims=True)], axis=1)
    return Picture(source, np.asarray(image, np.uint8), corners.reshape(-1, 4), score, points)


def load_wider(folder: Path, part: str) -> list[Picture]:
    """The "train" or "val" part of WIDER FACE, longer sides scaled down to 640 px; 4 GB in memory.

    Faces that its authors marked as invalid are ignored.

    Raises:
        FervidError: a file is missing, or the annotation is not as WIDER FACE writes it.
    """
    name = f"wider_face_{part}_bbx_gt.txt"
    files = [path for path in (folder / name, folder / "wider_face_split" / name) if path.is_file()]
    if not files:
        raise FervidError(f"no {name} in {folder} or in its wider_face_split")
    lines = [line for line in files[0].read_text("utf-8").splitlines() if line.strip()]
    pictures, row = [], 0
    while row < len(lines):
        try:
            count = int(lines[row + 1])
            values = [line.split() for line in lines[row + 2 : row + 2 + max(count, 1)]]
            marks = np.array(values, np.float32).reshape(-1, 10)[:count]
        except (ValueError, IndexError) as error:
            raise FervidError(f"{files[0]}, line {row + 1}: not as in WIDER FACE") from error
        path = folder / f"WIDER_{part}" / "images" / lines[row].strip()
        pictures.append(_wider_picture(path, marks))
        row += 2 + max(count, 1)
    return pictures


def _wider_picture(path: Path, marks: NDArray[np.float32]) -> Picture:
    """A picture with (n, 10) marks: box, blur, expression, light, invalid, occlusion, pose."""
    full = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.is_file() else None
    if full is None:
        raise FervidError(f"not a picture: {path}")
    scale = min(1.0, _LONGEST_SIDE / max(full.shape))
    image = (
        full
        if scale == 1
        else cv2.resize(full, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    )
    valid = (marks[:, 7] == 0) & (marks[:, 2:4] > 0).all(axis=1)
    scores = np.where(valid, 1.0, 0.0).astype(np.float32)
    points = np.full((len(marks), N_POINTS, 2), np.nan, np.float32)
    boxes = marks[:, :4] * np.float32(scale)
    return Picture(WIDER_SOURCE, np.asarray(image, np.uint8), boxes, scores, points)


def training_part(pictures: Iterable[Picture]) -> list[Picture]:
    """The pictures for training."""
    return [picture for picture in pictures if not is_held_out(picture)]


def held_out_part(pictures: Iterable[Picture]) -> list[Picture]:
    """The pictures that are never trained on."""
    return [picture for picture in pictures if is_held_out(picture)]


def is_held_out(picture: Picture) -> bool:
    """Whether a picture is held out: whole collections, or single pictures of independent
    collections."""
    if picture.source in HELD_OUT_SHARES:
        return zlib.crc32(picture.image.tobytes()) % HELD_OUT_SHARES[picture.source] == 0
    return picture.source in HELD_OUT_SOURCES
