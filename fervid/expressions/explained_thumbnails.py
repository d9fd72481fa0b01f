"""Small maps of what the classifier reacts to in the thumbnails of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jax.errors import JaxRuntimeError

from fervid.errors import ModelError, SetupError
from fervid.expressions.map_pictures import Picture, gradient_tile, occlusion_tile
from fervid.expressions.maps import explain
from fervid.records import FaceCrops, Thumbnail

if TYPE_CHECKING:
    from fervid.expressions.classifier import ExpressionClassifier

SIDE, GAP = 96, 8
"""Side of each of the two maps, and the gap between them, in pixels."""

_QUALITY = [
    *(int(cv2.IMWRITE_JPEG_QUALITY), 85),
    # Colours carry the information, so they get the same resolution as brightness.
    *(int(cv2.IMWRITE_JPEG_SAMPLING_FACTOR), int(cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)),
]


def with_maps(
    thumbnails: Sequence[Thumbnail], crops: FaceCrops, classifier: ExpressionClassifier
) -> tuple[list[Thumbnail], list[str]]:
    """Add maps of what raises the probability of their expression to thumbnails.

    Args:
        thumbnails: N thumbnails.
        crops: the N classified crops that belong to them.
        classifier: the classifier that classified them.

    Returns:
        The thumbnails, and warnings: if the model cannot be explained, the thumbnails are
        unchanged.
    """
    names = [one.expression for one in thumbnails]
    try:
        maps = explain(crops, classifier, names)
    except (ModelError, SetupError, JaxRuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return list(thumbnails), [f"there are no maps of what the model reacts to: {reason}"]
    found = zip(crops.images, maps.gradient, maps.occlusion, strict=True)
    pairs = ((gradient_tile(c, g, SIDE), occlusion_tile(c, o, SIDE)) for c, g, o in found)
    return [
        replace(one, maps=_jpeg(*pair)) for one, pair in zip(thumbnails, pairs, strict=True)
    ], []


def _jpeg(gradient: Picture, occlusion: Picture) -> bytes:
    """Both maps side by side."""
    gap = np.full((SIDE, GAP, 3), 255, np.uint8)
    picture = np.concatenate([gradient, gap, occlusion], axis=1)
    return cv2.imencode(".jpg", picture, _QUALITY)[1].tobytes()
