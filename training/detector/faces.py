"""Pictures with face boxes, and the crops that the detector is trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.errors import FervidError

HELD_OUT_SOURCES = ("portraits", "caltech-faces", "coco-tiny")
"""Collections never trained on; the detector is scored on them."""

SURE = 0.6
"""Boxes with at least this score are faces; those below are ignored, neither face nor not."""

MAX_BOXES = 32
_FACE_HEIGHT = (9.0, 170.0)
_LEAST_HEIGHT = 7.0


@dataclass(frozen=True)
class Picture:
    """One gray picture.

    Attributes:
        source: the collection it is from.
        image: (H, W) uint8 luma.
        boxes: (n, 4) float32, left, top, width, height in pixels.
        scores: (n,) float32, confidence of the annotation.
    """

    source: str
    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]


def load(paths: Iterable[Path]) -> list[Picture]:
    """Read Parquet files with columns source, image (encoded), boxes (flat n x 4) and scores.

    Raises:
        FervidError: a file is missing or lacks a column.
    """
    pictures = []
    for path in paths:
        if not path.is_file():
            raise FervidError(f"no such file: {path}")
        table = pd.read_parquet(path, columns=["source", "image", "boxes", "scores"])
        for source, blob, boxes, scores in table.itertuples(index=False):
            image = cv2.imdecode(np.frombuffer(blob, np.uint8), cv2.IMREAD_GRAYSCALE)
            box_array = np.asarray(boxes, np.float32).reshape(-1, 4)
            score_array = np.asarray(scores, np.float32)
            pictures.append(Picture(source, np.asarray(image, np.uint8), box_array, score_array))
    return pictures


def training_part(pictures: Iterable[Picture]) -> list[Picture]:
    """The pictures of the sources that are trained on."""
    return [picture for picture in pictures if picture.source not in HELD_OUT_SOURCES]


def held_out_part(pictures: Iterable[Picture]) -> list[Picture]:
    """The pictures of the held-out sources."""
    return [picture for picture in pictures if picture.source in HELD_OUT_SOURCES]


MINED_SOURCE = "mined"
"""Surroundings of false boxes, by `training.detector.mine_negatives`."""

_WEIGHTS = {"youtube-faces": 0.5, "mask-detection": 0.5, "mask-observations": 0.5,
            "crowds-and-masks": 2.0, "clothing-photos": 1.5, "coco-mini": 2.0}  # fmt: skip


def sampling_weights(pictures: list[Picture]) -> NDArray[np.float64]:
    """(n,) chances: fewer neighbouring frames and tight crops, more crowds and small faces."""
    weights = np.array([_WEIGHTS.get(picture.source, 1.0) for picture in pictures])
    return np.asarray(weights / weights.sum(), np.float64)


Crop = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]


def cut(
    rng: np.random.Generator, picture: Picture, backdrop: Picture, height: int, width: int
) -> Crop:
    """A random view of a picture: scale, place, turn, flip, aspect.

    What lies outside the picture shows the faceless backdrop, one gray level, or the edge repeated.

    Returns:
        (height, width) uint8; (n, 4) float32 corners x0, y0, x1, y1 clipped to the view; (n,) bool,
        True for a face, False for a box to ignore.
    """
    image = picture.image
    center, scale = _aim(rng, picture)
    shrink = 2 ** int(max(0.0, np.floor(-np.log2(scale))))
    if shrink > 1:
        size = (max(1, image.shape[1] // shrink), max(1, image.shape[0] // shrink))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    ratio = np.array([image.shape[1], image.shape[0]]) / np.array(picture.image.shape[::-1])
    angle = np.deg2rad(rng.normal(0.0, 8.0))
    aspect = np.exp(rng.uniform(-0.12, 0.12))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = scale * np.array([aspect, 1.0]) * np.array([rng.choice([-1.0, 1.0]), 1.0])
    linear = turn * stretch[None, :]
    place = rng.uniform(0.1, 0.9, 2) * [width, height]
    offset = place - linear @ center
    matrix = np.concatenate([linear / ratio[None, :], offset[:, None]], axis=1)
    view = _surroundings(rng, backdrop, height, width)
    border = cv2.BORDER_REPLICATE if rng.random() < 0.25 else cv2.BORDER_TRANSPARENT
    cv2.warpAffine(image, matrix, (width, height), dst=view, borderMode=border)
    boxes, keep = _move_boxes(picture, linear, offset, np.abs(stretch), height, width)
    return view, boxes, keep


def _surroundings(
    rng: np.random.Generator, backdrop: Picture, height: int, width: int
) -> NDArray[np.uint8]:
    """(height, width) uint8: a random part of the backdrop, or one gray level."""
    if rng.random() < 0.3:
        return np.full((height, width), rng.integers(0, 256), np.uint8)
    h, w = backdrop.image.shape
    side = int(rng.uniform(0.4, 1.0) * min(h, w))
    top, left = int(rng.integers(0, h - side + 1)), int(rng.integers(0, w - side + 1))
    part = backdrop.image[top : top + side, left : left + side]
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _aim(rng: np.random.Generator, picture: Picture) -> tuple[NDArray[np.float64], float]:
    """The point of the picture to look at and the scale to look with."""
    sure = np.flatnonzero((picture.scores >= SURE) & (picture.boxes[:, 3] > 0))
    if len(sure) == 0 or rng.random() < 0.1:
        center = rng.uniform(0, 1, 2) * picture.image.shape[::-1]
        return center, float(np.exp(rng.uniform(np.log(0.3), np.log(1.6))))
    x, y, w, h = picture.boxes[rng.choice(sure)].astype(np.float64)
    target = np.exp(rng.uniform(*np.log(_FACE_HEIGHT)))
    return np.array([x + w / 2, y + h / 2]), float(np.clip(target / h, 0.04, 2.5))


def _move_boxes(
    picture: Picture,
    linear: NDArray[np.float64],
    offset: NDArray[np.float64],
    scale: NDArray[np.float64],
    height: int,
    width: int,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Boxes of the view: centres follow the map, sides only its scale (turns are small)."""
    centers = (picture.boxes[:, :2] + picture.boxes[:, 2:] / 2) @ linear.T + offset
    half = picture.boxes[:, 2:] * scale / 2
    whole = np.concatenate([centers - half, centers + half], axis=1)
    limit = np.array([width, height, width, height], np.float64)
    clipped = np.clip(whole, 0, limit)
    area = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1)
    share = area / np.maximum(np.prod(2 * half, axis=1), 1e-6)
    tall = 2 * half[:, 1]
    face = (picture.scores >= SURE) & (share >= 0.6) & (tall >= _LEAST_HEIGHT)
    seen = area > 4.0
    return clipped[seen].astype(np.float32), face[seen]


@dataclass(frozen=True)
class Pool:
    """What crops are made from: pictures with their chances, and those without any box."""

    pictures: list[Picture]
    chances: NDArray[np.float64]
    faceless: list[Picture]

    def view(self, rng: np.random.Generator, height: int, width: int) -> Crop:
        """A random view of a random picture before a random backdrop."""
        picture = self.pictures[rng.choice(len(self.pictures), p=self.chances)]
        backdrop = self.faceless[rng.integers(len(self.faceless))]
        return cut(rng, picture, backdrop, height, width)


def compose(rng: np.random.Generator, pool: Pool, size: int) -> Crop:
    """One training crop of size x size: a single view, or four views around a random point."""
    if rng.random() < 0.5:
        return pool.view(rng, size, size)
    x, y = (int(v) for v in rng.uniform(0.3, 0.7, 2) * size)
    canvas = np.empty((size, size), np.uint8)
    boxes, faces = [], []
    for top, bottom, left, right in (
        (0, y, 0, x),
        (0, y, x, size),
        (y, size, 0, x),
        (y, size, x, size),
    ):
        view, box, face = pool.view(rng, bottom - top, right - left)
        canvas[top:bottom, left:right] = view
        boxes.append(box + np.array([left, top, left, top], np.float32))
        faces.append(face)
    return canvas, np.concatenate(boxes), np.concatenate(faces)


def batches(
    pictures: list[Picture], *, batch: int, size: int, seed: int, first_step: int
) -> Iterator[dict[str, NDArray[np.generic]]]:
    """Endless training batches; the one of a step depends on seed and step only.

    Yields:
        images (batch, size, size) uint8; boxes (batch, 32, 4) float32 corners, zero-padded; kind
        (batch, 32) int32: 1 a face, -1 a region to ignore, 0 padding.
    """
    faceless = [picture for picture in pictures if len(picture.boxes) == 0]
    pool = Pool(pictures, sampling_weights(pictures), faceless or pictures)
    step = first_step
    while True:
        rng = np.random.default_rng([seed, step])
        images = np.empty((batch, size, size), np.uint8)
        boxes = np.zeros((batch, MAX_BOXES, 4), np.float32)
        kind = np.zeros((batch, MAX_BOXES), np.int32)
        for row in range(batch):
            images[row], found, face = compose(rng, pool, size)
            # Faces first, so that a crowd's overflow loses regions to ignore before faces.
            order = np.argsort(~face, kind="stable")[:MAX_BOXES]
            boxes[row, : len(order)] = found[order]
            kind[row, : len(order)] = np.where(face[order], 1, -1)
        yield {"images": images, "boxes": boxes, "kind": kind}
        step += 1
