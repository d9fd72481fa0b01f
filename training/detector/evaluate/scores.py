"""Scores of a face detector on pictures with known faces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fervid.detection.detector import Detector
from fervid.records import PAD_MULTIPLE, Detections, FrameBatch
from training.detector.evaluate.calibration import reliability
from training.detector.evaluate.matching import Band, Match, judge
from training.detector.pictures import Picture

LEAST_SCORE = 0.005
"""Lowest score of evaluated detections."""

_BATCH = 16
_PRECISION = 0.95
_LEAST_FACES = 20
_THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

FROM_24 = Band(24)
BANDS = (Band(16, 24), Band(24, 48), Band(48, 96), Band(96), FROM_24, Band(48))

Results = list[tuple[Picture, Detections]]


def detect_pictures(
    detector: Detector, pictures: Sequence[Picture]
) -> Iterator[tuple[Picture, Detections]]:
    """Yield each picture with its detections, in the picture's pixels."""
    sides = np.array([picture.image.shape for picture in pictures]).reshape(-1, 2).max(axis=0)
    height, width = (int(-(-side // PAD_MULTIPLE) * PAD_MULTIPLE) for side in sides)
    for start in range(0, len(pictures), _BATCH):
        part = pictures[start : start + _BATCH]
        canvas = np.zeros((_BATCH, height, width), np.uint8)
        for row, picture in enumerate(part):
            h, w = picture.image.shape
            canvas[row, :h, :w] = picture.image
        index = np.arange(_BATCH)
        batch = FrameBatch(canvas, index, index.astype(np.float64))
        found = detector.detect(batch, (width, height))
        for row, picture in enumerate(part):
            yield picture, found[found.frame == row]


def score_results(results: Results, start_score: float) -> dict[str, Any]:
    """The scores for a model card and the evaluation page, ready for JSON.

    Args:
        results: detections with at least `LEAST_SCORE` in pictures that were not trained on.
        start_score: the default threshold.
    """
    matches = {band: Match.of(results, band) for band in BANDS}
    return {
        "pictures": len(results),
        "faceless": sum(len(picture.boxes) == 0 for picture, _ in results),
        "bands": [_band(band, match, start_score) for band, match in matches.items()],
        "collections": _by_collection(results),
        "operating_points": [
            _operating_point(matches[FROM_24], results, score) for score in _THRESHOLDS
        ],
        "default": _operating_point(matches[FROM_24], results, start_score),
        "points": point_errors(results),
        "reliability": reliability(Match.of(results, Band(12))),
    }


def _by_collection(results: Results) -> list[dict[str, Any]]:
    """Average precision by collection, for collections with enough faces."""
    table = []
    for source in sorted({picture.source for picture, _ in results}):
        own = [(picture, found) for picture, found in results if picture.source == source]
        match = Match.of(own, FROM_24)
        if match.n_faces >= _LEAST_FACES:
            precision = round(match.average_precision(), 4)
            table.append(
                {
                    "source": source,
                    "pictures": len(own),
                    "faces": match.n_faces,
                    "average_precision": precision,
                }
            )
    return table


def _band(band: Band, match: Match, score: float) -> dict[str, Any]:
    precision, recall = match.curve()
    at_score = match.at(score)
    rows = np.unique(np.linspace(0, max(len(recall) - 1, 0), 200).astype(int))[: len(recall)]
    return {
        "title": band.title,
        "faces": match.n_faces,
        "average_precision": round(match.average_precision(), 4),
        "recall_at_95": round(match.recall_at(_PRECISION), 4),
        "default": {"precision": round(at_score[0], 4), "recall": round(at_score[1], 4)},
        "curve": {
            "precision": [round(float(precision[row]), 4) for row in rows],
            "recall": [round(float(recall[row]), 4) for row in rows],
        },
    }


def _operating_point(match: Match, results: Results, score: float) -> dict[str, float]:
    precision, recall = match.at(score)
    return {
        "score": score,
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "false_boxes_per_faceless_picture": round(false_in_faceless(results, score), 4),
    }


def false_in_faceless(results: Results, score: float) -> float:
    """Mean number of boxes with at least this score in pictures without marked faces."""
    counts = [(found.score >= score).sum() for picture, found in results if not len(picture.boxes)]
    return float(np.mean(counts)) if counts else 0.0


def point_errors(results: Results) -> dict[str, float]:
    """Median errors of points, as shares of the distance between the eyes.

    They are over found faces of at least 24 px with known points.
    """
    errors = [np.zeros((0, 3))]
    for picture, found in results:
        verdict = judge(picture, found, FROM_24)
        true, own = picture.points[verdict.face], found.points[verdict.right]
        apart = np.linalg.norm(true[:, 1] - true[:, 0], axis=-1, keepdims=True)
        errors.append(np.linalg.norm(own - true, axis=-1) / np.maximum(apart, 1e-6))
    every = np.concatenate(errors)
    every = every[np.isfinite(every).all(axis=1)]
    if not len(every):
        return {"faces": 0}
    return {
        "faces": len(every),
        "eyes": round(float(np.median(every[:, :2].mean(axis=1))), 4),
        "mouth": round(float(np.median(every[:, 2])), 4),
    }
