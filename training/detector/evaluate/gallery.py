"""The worst mistakes of a detector, as pictures."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.detector.evaluate.matching import Band, judge
from training.detector.evaluate.scores import Results
from training.pages import data_uri

_SIDE = 120
_CONTEXT = 2.2
_COUNTED = Band(16)


@dataclass(frozen=True)
class Mistake:
    """A missed face or a false box.

    Attributes:
        title: caption.
        uri: PNG of the surroundings with the box, as a data URI.
    """

    title: str
    uri: str


def worst(results: Results, score: float, count: int = 24) -> dict[str, list[Mistake]]:
    """The largest faces missed at a score ("missed"), and the false boxes with the highest scores
    ("false")."""
    missed, false = [], []
    for picture, found in results:
        kept = found[found.score >= score]
        verdict = judge(picture, kept, _COUNTED)
        missed += [(float(picture.boxes[row][3]), picture, row) for row in verdict.missed]
        false += [(float(kept.score[row]), picture, kept.xywh[row]) for row in verdict.false]
    missed.sort(key=lambda item: -item[0])
    false.sort(key=lambda item: -item[0])
    return {
        "missed": [
            Mistake(f"{picture.source}, {height:.0f} px", _uri(picture.image, picture.boxes[row]))
            for height, picture, row in missed[:count]
        ],
        "false": [
            Mistake(f"{picture.source}, score {value:.2f}", _uri(picture.image, box))
            for value, picture, box in false[:count]
        ],
    }


def _uri(image: NDArray[np.uint8], box: NDArray[np.float32]) -> str:
    x, y, w, h = box.tolist()
    side = _CONTEXT * max(w, h)
    scale = _SIDE / side
    patch = (max(1, round(side)), max(1, round(side)))
    view = cv2.getRectSubPix(image, patch, (x + w / 2 - 0.5, y + h / 2 - 0.5))
    view = cv2.resize(view, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    view = cv2.cvtColor(np.asarray(view, np.uint8), cv2.COLOR_GRAY2BGR)
    half = np.array([w, h]) * scale / 2
    low, high = (np.rint(_SIDE / 2 + sign * half).astype(int).tolist() for sign in (-1, 1))
    cv2.rectangle(view, low, high, (0, 94, 213), 1)
    return data_uri(cv2.imencode(".png", view)[1].tobytes())
