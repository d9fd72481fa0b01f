"""The crops that the detector is trained on: views, mosaics, pasted crowds, hidden parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.detection.framing import frontality
from fervid.models.face_net import N_POINTS
from training.detector.pictures import WIDER_SOURCE, Picture

MAX_BOXES = 48
"""Boxes a crop at most; of a crowd, regions to ignore go before faces, small before large."""

_FACE_HEIGHT = (8.0, 170.0)
_LEAST_HEIGHT = 7.0
_MIRRORED = [1, 0, 2]
_HEAD = 1.35
_LETTERS = "ABCDEGMOQRSUWXabcdegmoqsw02345689&@%=:"
_PROFILE = 0.51
_WEIGHTS = {"youtube-faces": 0.5, "mask-detection": 0.5, "mask-observations": 0.5,
            "crowds-and-masks": 2.0, "clothing-photos": 1.5, "coco-mini": 2.0,
            WIDER_SOURCE: 2.0}  # fmt: skip


@dataclass(frozen=True)
class Crop:
    """A part of the world with faces in it.

    Attributes:
        image: (H, W) uint8.
        boxes: (n, 4) float32 corners x0, y0, x1, y1 in pixels.
        points: (n, 3, 2) float32 right eye, left eye, mouth; NaN where unknown.
        face: (n,) bool, False for a box to ignore.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]
    face: NDArray[np.bool_]

    def moved(self, left: int, top: int) -> Crop:
        """The same marks, seen from the corner of a larger picture."""
        shift = np.array([left, top], np.float32)
        return replace(self, boxes=self.boxes + np.tile(shift, 2), points=self.points + shift)


@dataclass(frozen=True)
class Pool:
    """What crops are made from.

    Attributes:
        pictures: all of them.
        chances: (n,) float64 of drawing each.
        faceless: backdrops, without any box.
        cutouts: sure faces that lie wholly in a picture: its row in `pictures`, and the box's row.
    """

    pictures: list[Picture]
    chances: NDArray[np.float64]
    faceless: list[Picture]
    cutouts: list[tuple[int, int]]

    @classmethod
    def of(cls, pictures: list[Picture]) -> Pool:
        """Fewer neighbouring frames and tight crops; more crowds, small faces and profiles."""
        weights = np.array([_WEIGHTS.get(picture.source, 1.0) for picture in pictures])
        weights *= [3.0 if _shows_a_profile(picture) else 1.0 for picture in pictures]
        faceless = [picture for picture in pictures if len(picture.boxes) == 0]
        cutouts = [
            (row, int(box))
            for row, picture in enumerate(pictures)
            for box in np.flatnonzero(_fit_to_paste(picture))
        ]
        return cls(pictures, weights / weights.sum(), faceless or pictures, cutouts)

    def view(self, rng: np.random.Generator, height: int, width: int) -> Crop:
        """A random view of a random picture before a random backdrop."""
        picture = self.pictures[rng.choice(len(self.pictures), p=self.chances)]
        return cut(rng, picture, self.backdrop(rng), height, width)

    def backdrop(self, rng: np.random.Generator) -> Picture:
        """A picture without faces."""
        return self.faceless[rng.integers(len(self.faceless))]


def _shows_a_profile(picture: Picture) -> bool:
    return bool((picture.sure & (frontality(picture.points) < _PROFILE)).any())


def _fit_to_paste(picture: Picture) -> NDArray[np.bool_]:
    """Sure faces with known points that lie wholly in the picture and are large enough."""
    x, y, w, h = picture.boxes.T
    height, width = picture.image.shape
    inside = (x >= 0) & (y >= 0) & (x + w <= width) & (y + h <= height)
    known = np.isfinite(picture.points).all(axis=(1, 2))
    return np.asarray(picture.sure & inside & known & (h >= 32))


def cut(
    rng: np.random.Generator, picture: Picture, backdrop: Picture, height: int, width: int
) -> Crop:
    """A random view of a picture: scale, place, turn, flip, aspect; (height, width).

    What lies outside the picture shows the faceless backdrop, one gray level, or the edge repeated.
    """
    image = picture.image
    center, scale = _aim(rng, picture)
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
    offset = rng.uniform(0.1, 0.9, 2) * [width, height] - linear @ center
    # Pixel centres lie at .5, OpenCV's at whole numbers.
    of_pixels = linear / ratio[None, :]
    matrix = np.column_stack([of_pixels, offset + of_pixels @ [0.5, 0.5] - 0.5])
    view = _surroundings(rng, backdrop, height, width)
    border = cv2.BORDER_REPLICATE if rng.random() < 0.25 else cv2.BORDER_TRANSPARENT
    cv2.warpAffine(image, matrix, (width, height), dst=view, borderMode=border)
    return _with_marks(view, picture, linear, offset, stretch, mirrored)


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
    sure = np.flatnonzero(picture.sure & (picture.boxes[:, 3] > 0))
    if len(sure) == 0 or rng.random() < 0.1:
        center = rng.uniform(0, 1, 2) * picture.image.shape[::-1]
        return center, float(np.exp(rng.uniform(np.log(0.3), np.log(1.6))))
    x, y, w, h = picture.boxes[rng.choice(sure)].astype(np.float64)
    target = np.exp(rng.uniform(*np.log(_FACE_HEIGHT)))
    return np.array([x + w / 2, y + h / 2]), float(np.clip(target / h, 0.04, 2.5))


def _with_marks(
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


def mosaic(rng: np.random.Generator, pool: Pool, size: int) -> Crop:
    """Four views around a random point, which makes crowds and cut-off faces."""
    x, y = (int(v) for v in rng.uniform(0.3, 0.7, 2) * size)
    canvas, parts = np.empty((size, size), np.uint8), []
    for top, bottom, left, right in (
        (0, y, 0, x),
        (0, y, x, size),
        (y, size, 0, x),
        (y, size, x, size),
    ):
        part = pool.view(rng, bottom - top, right - left)
        canvas[top:bottom, left:right] = part.image
        parts.append(part.moved(left, top))
    return _joined(canvas, parts)


def _joined(image: NDArray[np.uint8], parts: Sequence[Crop]) -> Crop:
    return Crop(
        image,
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.face for part in parts]),
    )


def paste_crowd(rng: np.random.Generator, pool: Pool, crop: Crop) -> Crop:
    """Blend up to twelve small heads from other pictures in where no box is yet."""
    size = crop.image.shape[0]
    image, parts = crop.image.copy(), [crop]
    taken = crop.boxes
    height = np.exp(rng.uniform(np.log(8), np.log(40)))
    for _ in range(rng.integers(1, 13)):
        row, box = pool.cutouts[rng.integers(len(pool.cutouts))]
        tall = float(height * np.exp(rng.normal(0, 0.15)))
        head = _head(rng, pool.pictures[row], box, tall)
        h, w = head.image.shape
        if max(h, w) >= size:
            continue
        left, top = (int(v) for v in rng.integers(0, [size - w, size - h]))
        placed = head.moved(left, top)
        x0, y0, x1, y1 = placed.boxes[0]
        if (
            (taken[:, 0] < x1) & (x0 < taken[:, 2]) & (taken[:, 1] < y1) & (y0 < taken[:, 3])
        ).any():
            continue
        part = image[top : top + h, left : left + w]
        share = _oval(h, w)
        part[:] = np.rint(share * head.image + (1 - share) * part).astype(np.uint8)
        taken = np.concatenate([taken, placed.boxes])
        parts.append(placed)
    return _joined(image, parts)


def _head(rng: np.random.Generator, picture: Picture, row: int, tall: float) -> Crop:
    """A face with what surrounds it by a third, scaled to `tall` pixels of face height."""
    x, y, w, h = picture.boxes[row].astype(np.float64)
    scale = tall / h
    width, height = (max(8, round(_HEAD * side * scale)) for side in (w, h))
    middle = np.array([x + w / 2, y + h / 2])
    patch = (max(1, round(width / scale)), max(1, round(height / scale)))
    # Pixel centres lie at .5, OpenCV's at whole numbers.
    image = cv2.getRectSubPix(picture.image, patch, tuple(middle - 0.5))
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    mirrored = rng.random() < 0.5
    image = cv2.flip(image, 1) if mirrored else image
    stretch = np.array([width, height]) / patch
    linear = np.diag(stretch * [-1.0 if mirrored else 1.0, 1.0])
    offset = np.array([width, height]) / 2 - linear @ middle
    only = replace(
        picture,
        boxes=picture.boxes[row : row + 1],
        scores=picture.scores[row : row + 1],
        points=picture.points[row : row + 1],
    )
    return _with_marks(np.asarray(image, np.uint8), only, linear, offset, stretch, mirrored)


def _oval(height: int, width: int) -> NDArray[np.float32]:
    """(height, width) float32: 1 in the middle, 0 outside of the oval, soft at its edge."""
    y = np.linspace(-1, 1, height)[:, None]
    x = np.linspace(-1, 1, width)[None, :]
    return np.clip((1 - np.sqrt(x**2 + y**2)) / 0.15, 0, 1).astype(np.float32)


def hide_parts(rng: np.random.Generator, pool: Pool, crop: Crop) -> Crop:
    """Cover a side or the lower part of some faces, as hands, microphones and masks do."""
    image = crop.image.copy()
    for box in crop.boxes[crop.face & (rng.random(len(crop.face)) < 0.3)]:
        x0, y0, x1, y1 = (int(v) for v in box)
        w, h = x1 - x0, y1 - y0
        share = rng.uniform(0.2, 0.45)
        side = rng.integers(3)
        if side == 0:
            y0 = int(y1 - share * h)
        elif side == 1:
            x0 = int(x1 - share * w)
        else:
            x1 = int(x0 + share * w)
        if x1 - x0 >= 2 and y1 - y0 >= 2:
            image[y0:y1, x0:x1] = _surroundings(rng, pool.backdrop(rng), y1 - y0, x1 - x0)
    return replace(crop, image=image)


def write_on(rng: np.random.Generator, crop: Crop) -> Crop:
    """Letters and rings where no box is: titles, logos and wheels are easily taken for faces."""
    image = crop.image.copy()
    size = image.shape[0]
    for _ in range(rng.integers(1, 5)):
        mask = np.zeros_like(image)
        x, y = (int(v) for v in rng.integers(0, size, 2))
        thick = int(np.exp(rng.uniform(0, np.log(14))))
        if rng.random() < 0.3:
            axes = tuple(int(v) for v in rng.integers(4, size // 3, 2))
            cv2.ellipse(mask, (x, y), axes, rng.uniform(0, 180), 0, 360, 255, thick, cv2.LINE_AA)
        else:
            text = "".join(rng.choice(list(_LETTERS), rng.integers(1, 7)))
            font = int(rng.integers(8))  # OpenCV's Hershey fonts have these numbers
            scale = float(np.exp(rng.uniform(np.log(0.4), np.log(size / 30))))
            cv2.putText(mask, text, (x - size // 4, y), font, scale, 255, thick, cv2.LINE_AA)
        for x0, y0, x1, y1 in crop.boxes.astype(int):
            mask[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2] = 0
        share = mask / np.float32(255)
        image = np.rint(image * (1 - share) + rng.integers(0, 256) * share).astype(np.uint8)
    return replace(crop, image=image)


def compose(rng: np.random.Generator, pool: Pool, size: int) -> Crop:
    """One training crop of size x size."""
    crop = pool.view(rng, size, size) if rng.random() < 0.5 else mosaic(rng, pool, size)
    if pool.cutouts and rng.random() < 0.25:
        crop = paste_crowd(rng, pool, crop)
    if rng.random() < 0.3:
        crop = hide_parts(rng, pool, crop)
    if rng.random() < 0.15:
        crop = write_on(rng, crop)
    return compress(rng, crop) if rng.random() < 0.2 else crop


def compress(rng: np.random.Generator, crop: Crop) -> Crop:
    """The crop after JPEG compression of a random quality."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 80))]
    blob = cv2.imencode(".jpg", crop.image, quality)[1]
    return replace(crop, image=np.asarray(cv2.imdecode(blob, cv2.IMREAD_GRAYSCALE), np.uint8))


def batches(
    pictures: list[Picture], *, batch: int, size: int, seed: int, first_step: int
) -> Iterator[dict[str, NDArray[np.generic]]]:
    """Endless training batches; the one of a step depends on seed and step only.

    Yields:
        images (batch, size, size) uint8; boxes (batch, 48, 4) float32 corners, zero-padded; points
        (batch, 48, 3, 2) float32, NaN where unknown; kind (batch, 48) int32: 1 a face, -1 a region
        to ignore, 0 padding.
    """
    pool, step = Pool.of(pictures), first_step
    while True:
        rng = np.random.default_rng([seed, step])
        images = np.empty((batch, size, size), np.uint8)
        boxes = np.zeros((batch, MAX_BOXES, 4), np.float32)
        points = np.full((batch, MAX_BOXES, N_POINTS, 2), np.nan, np.float32)
        kind = np.zeros((batch, MAX_BOXES), np.int32)
        for row in range(batch):
            crop = compose(rng, pool, size)
            area = np.prod(crop.boxes[:, 2:] - crop.boxes[:, :2], axis=1)
            order = np.lexsort([-area, ~crop.face])[:MAX_BOXES]
            images[row] = crop.image
            boxes[row, : len(order)] = crop.boxes[order]
            points[row, : len(order)] = crop.points[order]
            kind[row, : len(order)] = np.where(crop.face[order], 1, -1)
        yield {"images": images, "boxes": boxes, "points": points, "kind": kind}
        step += 1
