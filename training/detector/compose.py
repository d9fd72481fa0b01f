"""Composes the detector's training crops: views, mosaics, crowds, hidden parts, writing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fervid.models.face_net import N_POINTS
from training.detector.crops import NO_MARKS, Crop, Pool, surroundings, with_marks
from training.detector.degrade import degrade
from training.detector.pictures import Picture

MAX_BOXES = 48
"""Most boxes per crop; in crowds, regions to ignore are dropped before faces, and small boxes
before large ones."""

_HEAD = 1.35
_LETTERS = "ABCDEGMOQRSUWXabcdegmoqsw02345689&@%=:"


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
    """Blend in up to twelve small heads from other pictures where there is no box."""
    height = np.exp(rng.uniform(np.log(8), np.log(40)))

    def head() -> Crop:
        row, box = pool.cutouts[rng.integers(len(pool.cutouts))]
        tall = float(height * np.exp(rng.normal(0, 0.15)))
        return cut_head(rng, pool.pictures[row], box, tall)

    return paste(rng, crop, head)


def paste_decoys(rng: np.random.Generator, pool: Pool, crop: Crop) -> Crop:
    """Blend in up to twelve things that a detector mistook for faces, where there is no box."""

    def decoy() -> Crop:
        image = pool.decoys[rng.integers(len(pool.decoys))].image
        scale = np.exp(rng.normal(0, 0.25))
        h, w = (max(8, round(side * scale)) for side in image.shape)
        image = np.asarray(cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA), np.uint8)
        image = np.asarray(cv2.flip(image, 1), np.uint8) if rng.random() < 0.5 else image
        return Crop(image, *NO_MARKS)

    return paste(rng, crop, decoy)


def paste(rng: np.random.Generator, crop: Crop, make: Callable[[], Crop]) -> Crop:
    """Blend in up to twelve smaller crops, each where it hides no box and no other crop."""
    size = crop.image.shape[0]
    image, parts = crop.image.copy(), [crop]
    taken = crop.boxes
    for _ in range(rng.integers(1, 13)):
        part = make()
        h, w = part.image.shape
        if max(h, w) >= size:
            continue
        left, top = (int(v) for v in rng.integers(0, [size - w, size - h]))
        part = part.moved(left, top)
        x0, y0, x1, y1 = part.boxes[0] if len(part.boxes) else (left, top, left + w, top + h)
        if (
            (taken[:, 0] < x1) & (x0 < taken[:, 2]) & (taken[:, 1] < y1) & (y0 < taken[:, 3])
        ).any():
            continue
        under = image[top : top + h, left : left + w]
        share = oval(h, w)
        under[:] = np.rint(share * part.image + (1 - share) * under).astype(np.uint8)
        taken = np.concatenate([taken, np.array([[x0, y0, x1, y1]], np.float32)])
        parts.append(part)
    return _joined(image, parts)


def cut_head(rng: np.random.Generator, picture: Picture, row: int, tall: float) -> Crop:
    """A face with a margin of a third, scaled so that the face is `tall` pixels high."""
    x, y, w, h = picture.boxes[row].astype(np.float64)
    scale = tall / h
    width, height = (max(8, round(_HEAD * side * scale)) for side in (w, h))
    middle = np.array([x + w / 2, y + h / 2])
    patch = (max(1, round(width / scale)), max(1, round(height / scale)))
    # Pixel centres are at .5, in OpenCV at whole numbers.
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
    return with_marks(np.asarray(image, np.uint8), only, linear, offset, stretch, mirrored)


def oval(height: int, width: int) -> NDArray[np.float32]:
    """(height, width) float32: 1 in the middle, 0 outside the oval, soft at its edge."""
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
            image[y0:y1, x0:x1] = surroundings(rng, pool.backdrop(rng), y1 - y0, x1 - x0)
    return replace(crop, image=image)


def write_on(rng: np.random.Generator, crop: Crop) -> Crop:
    """Draw letters and rings where there is no box, as titles, logos and wheels look like faces."""
    image = crop.image.copy()
    size = len(image)
    for _ in range(rng.integers(1, 5)):
        x, y = (int(v) for v in rng.integers(0, size, 2))
        if rng.random() < 0.3:
            mask = ring(rng, (size, size), (x, y))
        else:
            mask = letters(rng, (size, size), (x - size // 4, y))
        for x0, y0, x1, y1 in crop.boxes.astype(int):
            mask[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2] = 0
        share = mask / np.float32(255)
        image = np.rint(image * (1 - share) + rng.integers(0, 256) * share).astype(np.uint8)
    return replace(crop, image=image)


def ring(
    rng: np.random.Generator, shape: tuple[int, int], at: tuple[int, int]
) -> NDArray[np.uint8]:
    """A mask of this shape with an ellipse."""
    mask = np.zeros(shape, np.uint8)
    axes = tuple(int(v) for v in rng.integers(4, shape[0] // 3, 2))
    thick = int(np.exp(rng.uniform(0, np.log(14))))
    cv2.ellipse(mask, at, axes, rng.uniform(0, 180), 0, 360, 255, thick, cv2.LINE_AA)
    return mask


def letters(
    rng: np.random.Generator, shape: tuple[int, int], at: tuple[int, int]
) -> NDArray[np.uint8]:
    """A mask of this shape with a line of text of random height, weight and filling."""
    text = "".join(rng.choice(list(_LETTERS), rng.integers(1, 7)))
    tall = float(np.exp(rng.uniform(np.log(10), np.log(0.7 * shape[0]))))
    canvas = Image.new("L", shape[::-1])
    fill = 0 if rng.random() < 0.2 else 255
    bold = tall * rng.uniform(0.0, 0.1)
    ImageDraw.Draw(canvas).text(
        at, text, fill, _font(round(tall)), stroke_width=bold, stroke_fill=255
    )
    return np.array(canvas)


@lru_cache(maxsize=256)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def compose(rng: np.random.Generator, pool: Pool, size: int) -> Crop:
    """One training crop of size x size."""
    crop = pool.view(rng, size, size) if rng.random() < 0.65 else mosaic(rng, pool, size)
    if pool.cutouts and rng.random() < 0.2:
        crop = paste_crowd(rng, pool, crop)
    if pool.decoys and rng.random() < 0.15:
        crop = paste_decoys(rng, pool, crop)
    if rng.random() < 0.25:
        crop = hide_parts(rng, pool, crop)
    if rng.random() < 0.12:
        crop = write_on(rng, crop)
    return replace(crop, image=degrade(rng, crop.image))


def batches(
    pictures: list[Picture], *, batch: int, size: int, seed: int, first_step: int
) -> Iterator[dict[str, NDArray[np.generic]]]:
    """Yield training batches without end; a batch depends only on seed and step.

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
