"""Pictures in memory: `fervid.analyze_image` and `fervid.predict`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.photos.faces import PhotoAnalyzer
from fervid.photos.reading import photo_of
from fervid.photos.tables import face_table
from fervid.records import FACE_SIZE, Expressions
from fervid.settings import Settings
from fervid.settings.keywords import settings_of


def analyze_image(image: NDArray[np.uint8], **settings: Any) -> pd.DataFrame:
    """Find the faces in a picture and classify their expressions.

    The models are loaded at the first call and kept for later calls with the same settings.

    Args:
        image: (H, W) uint8 grey, (H, W, 3) red, green, blue (OpenCV uses the reverse order), or (H,
            W, 4) with alpha; upright.
        **settings: the fields of `fervid.settings.Settings` that do not concern time, such as
            `weights`, `labels`, `min_score` or `working_size`. A picture is searched at twice the
            size of a frame of a recording.

    Returns:
        One row for each face, from left to right, with the columns of `faces.csv` except `photo`:
        face, confidence, face_x, face_y, face_w and face_h in pixels, the seven probabilities,
        emotion, emotion_confidence, state, valence, frontality, sharpness, covered.

    Raises:
        TypeError: a setting is unknown or has the wrong type.
        ValueError: the shape or dtype is not supported, or a setting is out of range.
        ModelError: the model that `weights` or `detector` names is missing, damaged or unfit.
        SetupError: the shipped weights or a device is missing.
    """
    photo = photo_of(image)
    analyzer = _analyzer(settings_of(settings))
    (found,) = analyzer.find([photo])
    return face_table(found, analyzer.settings.min_confidence)


def predict(
    images: NDArray[np.uint8] | Sequence[NDArray[np.uint8]], **settings: Any
) -> Expressions:
    """Classify the expressions of faces that are already cut out.

    Args:
        images: N pictures of one face each, of any size, cut out about as in FER-2013 (from the
            brows to the chin, nearly square): (N, H, W) or (N, H, W, 3) uint8, or a sequence of (H,
            W) or (H, W, 3) arrays. They are scaled to 48 x 48 pixels of luma.
        **settings: `weights`, `labels` and `device`; see `fervid.settings.Settings`.

    Returns:
        `probs`, (N, 7) in the order of `fervid.records.EXPRESSIONS`, and `covered`, (N,)
        probabilities that the mouth is hidden.

    Raises:
        TypeError: a setting is unknown or has the wrong type.
        ValueError: the shape or dtype is not supported, or a setting is out of range.
        ModelError, SetupError: as in `analyze_image`.
    """
    if isinstance(images, np.ndarray) and images.ndim not in (3, 4):
        raise ValueError(
            f"images must be (N, H, W) or (N, H, W, 3), not {images.shape}; pass a single image "
            "as images[None]"
        )
    crops = [_scaled(photo_of(image).luma) for image in images]
    if not crops:
        return Expressions.empty()
    return _analyzer(settings_of(settings)).engine.classify(np.stack(crops))


def _scaled(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shrinks = min(luma.shape) >= FACE_SIZE
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(luma, (FACE_SIZE, FACE_SIZE), interpolation=how), np.uint8)


@lru_cache(maxsize=2)
def _analyzer(settings: Settings) -> PhotoAnalyzer:
    return PhotoAnalyzer(settings)
