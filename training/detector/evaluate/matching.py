"""Matches detections with the boxes of a picture: right, false, missed or ignored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fervid.records import Detections
from fervid.tracking.tracks import iou
from training.detector.pictures import Picture

MATCH = 0.45
"""Smallest intersection over union of a detection and its face."""

_NEAR_IGNORED = 0.3

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Band:
    """Faces of some height: `low` <= height < `high`, in pixels of the picture."""

    low: float
    high: float = np.inf

    def contains(self, heights: Floats) -> NDArray[np.bool_]:
        """Whether each height is in the band."""
        return np.asarray((heights >= self.low) & (heights < self.high))

    @property
    def title(self) -> str:
        """The band's name in tables."""
        if np.isinf(self.high):
            return f"{self.low:g} px and more"
        return f"{self.low:g} to {self.high:g} px"


@dataclass(frozen=True)
class Verdict:
    """The judgement of a picture's detections.

    Attributes:
        right: rows of detections that match a face that counts, by falling score.
        face: rows of those faces.
        false: rows of false detections.
        missed: rows of faces that count and have no match.
    """

    right: NDArray[np.intp]
    face: NDArray[np.intp]
    false: NDArray[np.intp]
    missed: NDArray[np.intp]


def judge(picture: Picture, found: Detections, band: Band) -> Verdict:
    """Match detections by falling score, at an IoU of at least 0.45.

    Faces outside the band and uncertain ones are ignored: matching one is neither right nor false.
    A detection without a match is false if its height is in the band and it is far from ignored
    boxes.
    """
    counts = picture.sure & band.contains(picture.boxes[:, 3])
    overlap = iou(found.xywh, picture.boxes)
    free = np.ones(len(picture.boxes), bool)
    right: list[int] = []
    face: list[int] = []
    false: list[int] = []
    for row in np.argsort(-found.score, kind="stable").tolist():
        open_overlap = np.where(free, overlap[row], 0.0)
        if len(free) and open_overlap.max() >= MATCH:
            best = int(open_overlap.argmax())
            free[best] = False
            if counts[best]:
                right.append(row)
                face.append(best)
        elif (
            band.contains(found.xywh[row, 3]) and not (overlap[row, ~counts] >= _NEAR_IGNORED).any()
        ):
            false.append(row)
    taken, faces, others = (np.array(rows, np.intp) for rows in (right, face, false))
    return Verdict(taken, faces, others, np.flatnonzero(counts & free))


@dataclass(frozen=True)
class Match:
    """The detections that count, over many pictures.

    Attributes:
        score: (N,) float32.
        right: (N,) bool, whether it matches a face.
        n_faces: number of faces that count.
    """

    score: NDArray[np.float32]
    right: NDArray[np.bool_]
    n_faces: int

    @classmethod
    def of(cls, results: Sequence[tuple[Picture, Detections]], band: Band) -> Match:
        """Match the results of all pictures of a data set."""
        scores: list[NDArray[np.float32]] = [np.zeros(0, np.float32)]
        right, n_faces = [np.zeros(0, bool)], 0
        for picture, found in results:
            verdict = judge(picture, found, band)
            rows = np.concatenate([verdict.right, verdict.false])
            scores.append(found.score[rows])
            right.append(np.arange(len(rows)) < len(verdict.right))
            n_faces += len(verdict.right) + len(verdict.missed)
        return cls(np.concatenate(scores), np.concatenate(right), n_faces)

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Precision and recall after each detection, by falling score."""
        hits = np.cumsum(self.right[np.argsort(-self.score, kind="stable")])
        return hits / np.arange(1, len(hits) + 1), hits / max(self.n_faces, 1)

    def average_precision(self) -> float:
        """Area under the interpolated precision-recall curve (PASCAL VOC 2010)."""
        precision, recall = self.curve()
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(np.diff(recall, prepend=0.0) * envelope))

    def recall_at(self, precision: float) -> float:
        """The greatest recall at which the precision is at least this."""
        precisions, recalls = self.curve()
        return float(recalls[precisions >= precision].max(initial=0.0))

    def at(self, score: float) -> tuple[float, float]:
        """Precision and recall of the detections of at least this score."""
        chosen = self.score >= score
        precision = float(self.right[chosen].mean()) if chosen.any() else 1.0
        return precision, float(self.right[chosen].sum()) / max(self.n_faces, 1)
