"""Square crops framed as FER-2013 frames its faces; the one crop rule of inference and training."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.records import FACE_SIZE, Detections, FaceCrops, FrameBatch

SIDE_BY_HEIGHT = 1.003
"""Side of the crop as a multiple of the detected box's height."""

SHIFT_X = 0.0
"""The crop's centre right of the box's centre, as a share of the box's height; 0 by symmetry."""

SHIFT_Y = 0.006
"""The crop's centre below the box's centre, as a share of the box's height."""


def squares(xywh: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frame boxes as FER-2013 frames faces.

    The three constants above were fitted by running the detector over FER-2013 images pasted into
    larger canvases (`python -m training.detector.fit_framing`).

    Args:
        xywh: (N, 4) float32 detected boxes; left, top, width, height.

    Returns:
        (N, 3) float32: left, top and side of each square, in the same unit; may leave the frame.
    """
    x, y, w, h = np.moveaxis(np.asarray(xywh, np.float32), -1, 0)
    side = SIDE_BY_HEIGHT * h
    left = x + w / 2 + SHIFT_X * h - side / 2
    top = y + h / 2 + SHIFT_Y * h - side / 2
    return np.stack([left, top, side], axis=-1)


def crop(batch: FrameBatch, detections: Detections, displayed: tuple[int, int]) -> FaceCrops:
    """Cut the detected faces out of a batch.

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
    xywh = detections.xywh * np.tile(scale, 2)
    images = np.stack(
        [
            _cut(batch.images[frame], *square)
            for frame, square in zip(detections.frame, squares(xywh).tolist(), strict=True)
        ]
    )
    return FaceCrops(images, np.arange(len(detections), dtype=np.int32))


def _cut(frame: NDArray[np.uint8], left: float, top: float, side: float) -> NDArray[np.uint8]:
    """One square of a frame as (48, 48) uint8: sub-pixel place, area-averaged, edges replicated."""
    oversample = max(1, int(np.ceil(side / FACE_SIZE)))
    pixels = FACE_SIZE * oversample
    step = side / pixels
    # Pixel centres lie at .5: output pixel i is centred on left + (i + .5) * step.
    matrix = np.array(
        [[step, 0, left + step / 2 - 0.5], [0, step, top + step / 2 - 0.5]], np.float64
    )
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
