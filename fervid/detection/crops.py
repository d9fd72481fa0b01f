"""Square crops with faces placed as in FER-2013; inference and training share this rule."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.detection.framing import squares
from fervid.records import FACE_SIZE, Detections, FaceCrops, FrameBatch

_MOST_SAMPLES = 4
"""Most samples per side of a crop's pixel; for larger faces, frames are halved first, which is
faster."""


def crop(batch: FrameBatch, detections: Detections, displayed: tuple[int, int]) -> FaceCrops:
    """Cut the detected faces out of a batch of frames.

    Args:
        batch: T frames of (H, W) at the working size.
        detections: N faces, in pixels of the displayed frame.
        displayed: width and height in pixels of the displayed frame.

    Returns:
        N crops of 48 x 48, in the order of the detections.
    """
    if len(detections) == 0:
        return FaceCrops.empty()
    _, height, width = batch.images.shape
    scale = np.array([width / displayed[0], height / displayed[1]], np.float32)
    images = np.stack(
        [
            _cut(batch.images[frame], *square)
            for frame, square in zip(
                detections.frame, squares(detections.points * scale).tolist(), strict=True
            )
        ]
    )
    return FaceCrops(images, np.arange(len(detections), dtype=np.int32))


def _cut(
    frame: NDArray[np.uint8], x: float, y: float, side: float, turn: float
) -> NDArray[np.uint8]:
    """Cut one square out of a frame as (48, 48) uint8: sub-pixel exact, area-averaged, edges
    replicated.

    One call per face, because a single call for all, with a table of sample positions, takes four
    times as long.
    """
    height, width = frame.shape
    if side > _MOST_SAMPLES * FACE_SIZE and height % 2 == width % 2 == 0:
        halved = cv2.resize(frame, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        frame = np.asarray(halved, np.uint8)
        x, y, side = x / 2, y / 2, side / 2
    oversample = max(1, int(np.ceil(side / FACE_SIZE - 1e-3)))  # 48.00001 pixels count as 48
    pixels = FACE_SIZE * oversample
    step = side / pixels
    # Pixel centres are at .5, so the middle of the output is pixel (pixels - 1) / 2.
    linear = step * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    offset = np.array([x - 0.5, y - 0.5]) - linear @ np.full(2, (pixels - 1) / 2)
    matrix = np.column_stack([linear, offset])
    fine = cv2.warpAffine(
        frame,
        matrix,
        (pixels, pixels),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if oversample > 1:
        fine = cv2.resize(fine, (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_AREA)
    return np.asarray(fine, np.uint8)
