"""Draws faces into photos."""

from __future__ import annotations

import cv2
import numpy as np

from fervid.exports.drawing import draw
from fervid.exports.sampled_frames import SampledFrame
from fervid.photos.faces import PhotoFaces
from fervid.photos.reading import Photo
from fervid.photos.tables import states

_QUALITY = 88


def annotated(photo: Photo, found: PhotoFaces, min_confidence: float) -> bytes:
    """A JPEG of the photo with box, number, expression and probabilities of each face.

    Args:
        photo: the photo; its pixels are not changed.
        found: its faces.
        min_confidence: probability below which a face is labelled "uncertain".
    """
    image = np.ascontiguousarray(photo.colour[:, :, ::-1])
    unit = image.shape[1] / photo.width
    shown = SampledFrame(
        0.0,
        0.0,
        np.arange(1, len(found) + 1),
        found.faces.xywh.astype(np.float64) * unit,
        found.expressions.probs.astype(np.float64),
        states(found, min_confidence),
    )
    draw(image, shown)
    _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return jpeg.tobytes()
