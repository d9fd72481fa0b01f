"""Random views of pictures with marked faces, for the detector's training crops."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.detection.framing import frontality
from fervid.models.face_net import N_POINTS
from training.detector.pictures import MINED_SOURCE, WIDER_SOURCE, Picture

_LEAST_AIM, _MOST_AIM = 9.0, 1.05
"""Range of heights, log-uniform, of the face that a view aims at: from pixels to a share of the
view's height."""

_SCENE_SCALE = (0.45, 1.5)
"""Scales of views that show a scene as it is, including crowds and small faces."""

_SCENES = 0.45
_MOST_ENLARGED = 3.0
_LEAST_HEIGHT = 8.0
_MIRRORED = [1, 0, 2]
_PROFILE = 0.51
_WEIGHTS = {"youtube-faces": 0.4, "mask-detection": 0.4, "crowds-and-masks": 1.5,
            "caltech-faces": 0.5, "caltech-objects": 0.6, "bsds500": 0.7, "coco-mini": 2.5,
            "imagenet-samples": 1.2, "sports": 2.0, "protests": 2.5, "crowds": 2.5, "hands": 2.0,
            "cats-and-dogs": 3.0, "animals-and-houses": 2.5, "drawings": 2.0, "racing": 2.0,
            WIDER_SOURCE: 2.0}  # fmt: skip


@dataclass(frozen=True)
class Crop:
    """A picture with marked faces.

    Attributes:
        image: (H, W) uint8.
        boxes: (n, 4) float32 corners x0, y0, x1, y1 in pixels.
        points: (n, 3, 2) float32 right eye, left eye, mouth; NaN if unknown.
        face: (n,) bool; False for a box to ignore.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]
    face: NDArray[np.bool_]

    def moved(self, left: int, top: int) -> Crop:
        """The same marks in a larger picture, at this place."""
        shift = np.array([left, top], np.float32)
        return replace(self, boxes=self.boxes + np.tile(shift, 2), points=self.points + shift)


NO_MARKS = (
    np.zeros((0, 4), np.float32), np.zeros((0, N_POINTS, 2), np.float32), np.zeros(0, np.bool_)
)  # fmt: skip
"""Boxes, points and kinds of a crop without any."""


@dataclass(frozen=True)
class Pool:
    """The material for crops.

    Attributes:
        pictures: all pictures.
        chances: (n,) float64, cumulative probabilities of drawing each picture.
        faceless: backdrops, which have no box.
        decoys: things that a detector mistook for faces, with their surroundings.
        cutouts: certain faces completely inside a picture: index in `pictures`, and index of the
            box.
    """

    pictures: list[Picture]
    chances: NDArray[np.float64]
    faceless: list[Picture]
    decoys: list[Picture]
    cutouts: list[tuple[int, int]]

    @classmethod
    def of(cls, pictures: list[Picture]) -> Pool:
        """Make a pool with fewer neighbouring frames and tight crops, and more crowds, small faces
        and profiles."""
        decoys = [picture for picture in pictures if picture.source == MINED_SOURCE]
        pictures = [picture for picture in pictures if picture.source != MINED_SOURCE]
        weights = np.array([_WEIGHTS.get(picture.source, 1.0) for picture in pictures])
        weights *= [3.0 if _shows_a_profile(picture) else 1.0 for picture in pictures]
        faceless = [picture for picture in pictures if len(picture.boxes) == 0]
        cutouts = [
            (row, int(box))
            for row, picture in enumerate(pictures)
            for box in np.flatnonzero(_fit_to_paste(picture))
        ]
        return cls(
            pictures, np.cumsum(weights / weights.sum()), faceless or pictures, decoys, cutouts
        )

    def view(self, rng: np.random.Generator, height: int, width: int) -> Crop:
        """A random view of a random picture before a random backdrop."""
        row = int(np.searchsorted(self.chances, rng.random(), side="right"))
        picture = self.pictures[min(row, len(self.pictures) - 1)]
        return cut(rng, picture, self.backdrop(rng), height, width)

    def backdrop(self, rng: np.random.Generator) -> Picture:
        """A picture without faces."""
        return self.faceless[rng.integers(len(self.faceless))]


def _shows_a_profile(picture: Picture) -> bool:
    return bool((picture.sure & (frontality(picture.points) < _PROFILE)).any())


def _fit_to_paste(picture: Picture) -> NDArray[np.bool_]:
    """Certain, large enough faces with known points, completely inside the picture."""
    x, y, w, h = picture.boxes.T
    height, width = picture.image.shape
    inside = (x >= 0) & (y >= 0) & (x + w <= width) & (y + h <= height)
    known = np.isfinite(picture.points).all(axis=(1, 2))
    return np.asarray(picture.sure & inside & known & (h >= 32))


def cut(
    rng: np.random.Generator, picture: Picture, backdrop: Picture, height: int, width: int
) -> Crop:
    """A random view of a picture: scale, place, turn, flip, aspect; (height, width).

    Outside the picture is the faceless backdrop, a grey level, or the repeated edge.
    """
    image = picture.image
    center, scale = _aim(rng, picture, height)
    shrink = 2 ** int(max(0.0, np.floor(-np.log2(scale))))
    if shrink > 1:
        size = (max(1, image.shape[1] // shrink), max(1, image.shape[0] // shrink))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    ratio = np.array([image.shape[1], image.shape[0]]) / np.array(picture.image.shape[::-1])
    turned = rng.uniform(-30.0, 30.0) if rng.random() < 0.2 else rng.normal(0.0, 7.0)
    angle, mirrored = np.deg2rad(turned), rng.random() < 0.5
    aspect = np.exp(rng.uniform(-0.12, 0.12))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = scale * np.array([aspect, 1.0])
    linear = turn * (stretch * [-1.0 if mirrored else 1.0, 1.0])[None, :]
    offset = rng.uniform(0.15, 0.85, 2) * [width, height] - linear @ center
    # Pixel centres lie at .5, OpenCV's at whole numbers.
    of_pixels = linear / ratio[None, :]
    matrix = np.column_stack([of_pixels, offset + of_pixels @ [0.5, 0.5] - 0.5])
    view = surroundings(rng, backdrop, height, width)
    border = cv2.BORDER_REPLICATE if rng.random() < 0.25 else cv2.BORDER_TRANSPARENT
    cv2.warpAffine(image, matrix, (width, height), dst=view, borderMode=border)
    return with_marks(view, picture, linear, offset, stretch, mirrored)


def surroundings(
    rng: np.random.Generator, backdrop: Picture, height: int, width: int
) -> NDArray[np.uint8]:
    """(height, width) uint8: a random part of the backdrop, or one grey level."""
    if rng.random() < 0.3:
        return np.full((height, width), rng.integers(0, 256), np.uint8)
    h, w = backdrop.image.shape
    side = int(rng.uniform(0.4, 1.0) * min(h, w))
    top, left = int(rng.integers(0, h - side + 1)), int(rng.integers(0, w - side + 1))
    part = backdrop.image[top : top + side, left : left + side]
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _aim(
    rng: np.random.Generator, picture: Picture, tall: int
) -> tuple[NDArray[np.float64], float]:
    """The point of the picture to look at, and the scale, for a view of this height."""
    heights = np.where(picture.sure, picture.boxes[:, 3], 0.0)
    target = np.exp(rng.uniform(np.log(_LEAST_AIM), np.log(max(_MOST_AIM * tall, 2 * _LEAST_AIM))))
    sharp = np.flatnonzero(heights * _MOST_ENLARGED >= target)
    as_it_is = rng.random() < _SCENES or len(sharp) == 0
    chosen = np.flatnonzero(heights > 0) if as_it_is else sharp
    scale = float(np.exp(rng.uniform(*np.log(_SCENE_SCALE))))
    if len(chosen) == 0 or (as_it_is and rng.random() < 0.2):
        return rng.uniform(0, 1, 2) * picture.image.shape[::-1], scale
    x, y, w, h = picture.boxes[rng.choice(chosen)].astype(np.float64)
    middle = np.array([x + w / 2, y + h / 2])
    return middle, scale if as_it_is else float(np.clip(target / h, 0.04, _MOST_ENLARGED))


def with_marks(
    view: NDArray[np.uint8],
    picture: Picture,
    linear: NDArray[np.float64],
    offset: NDArray[np.float64],
    stretch: NDArray[np.float64],
    mirrored: bool,
) -> Crop:
    """The view with its marks: points and centres follow the map, sides only its scale."""
    centers = (picture.boxes[:, :2] + picture.boxes[:, 2:] / 2) @ linear.T + offset
    half = picture.boxes[:, 2:] * stretch / 2
    whole = np.concatenate([centers - half, centers + half], axis=1)
    clipped = np.clip(whole, 0, np.tile(np.array(view.shape[::-1], np.float64), 2))
    area = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1)
    share = area / np.maximum(np.prod(2 * half, axis=1), 1e-6)
    face = picture.sure & (share >= 0.6) & (2 * half[:, 1] >= _LEAST_HEIGHT)
    points = picture.points @ linear.T + offset
    points = points[:, _MIRRORED] if mirrored else points
    seen = area > 4.0
    return Crop(view, clipped[seen].astype(np.float32), points[seen].astype(np.float32), face[seen])
