"""Score a face detector on held-out pictures.

python -m training.detector.evaluate faces-*.parquet --candidate runs/detector/candidate.npz
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from fervid.detector import FaceDetector
from fervid.model_cards import load_npz
from fervid.models.face_net import FaceNet, FaceNetConfig
from fervid.models.store import restore
from fervid.records import Detections, FrameBatch
from fervid.tracks import iou
from training.detector import faces

_CANVAS = 448
_BATCH = 16
_MATCH = 0.5


@dataclass(frozen=True)
class Match:
    """Detections of many pictures against their boxes.

    Attributes:
        score: (N,) float32 of every detection that counts.
        right: (N,) bool, whether it took a face.
        n_faces: faces there were.
        false_faceless: (M,) float32 scores of detections in pictures without any box.
        n_faceless: pictures without any box.
    """

    score: NDArray[np.float32]
    right: NDArray[np.bool_]
    n_faces: int
    false_faceless: NDArray[np.float32]
    n_faceless: int

    def average_precision(self) -> float:
        """Area under the interpolated precision-recall curve (PASCAL VOC 2010)."""
        precision, recall = self.curve()
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(np.diff(recall, prepend=0.0) * envelope))

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Precision and recall after each detection, by falling score."""
        hits = np.cumsum(self.right[np.argsort(-self.score, kind="stable")])
        return hits / np.arange(1, len(hits) + 1), hits / max(self.n_faces, 1)

    def at(self, score: float) -> dict[str, float]:
        """Precision, recall and false boxes a faceless picture at a threshold."""
        chosen = self.score >= score
        return {
            "score": score,
            "precision": round(float(self.right[chosen].mean()) if chosen.any() else 1.0, 4),
            "recall": round(float(self.right[chosen].sum()) / max(self.n_faces, 1), 4),
            "false_boxes_a_faceless_picture": round(
                float((self.false_faceless >= score).sum()) / max(self.n_faceless, 1), 4
            ),
        }


def load_net(path: Path, config: FaceNetConfig | None = None) -> FaceNet:
    """The network with the weights of a training run."""
    return restore(lambda rngs: FaceNet(config or FaceNetConfig(), rngs=rngs), load_npz(path))


def load_candidate(path: Path, *, min_score: float = 0.05) -> FaceDetector:
    """A detector with the weights of a training run, reporting low scores too."""
    return FaceDetector(load_net(path), {}, min_score=min_score)


def detect_pictures(
    detector: FaceDetector, pictures: list[faces.Picture]
) -> Iterator[tuple[faces.Picture, Detections]]:
    """Each picture with its detections, in the picture's pixels."""
    for start in range(0, len(pictures), _BATCH):
        part = pictures[start : start + _BATCH]
        canvas = np.zeros((_BATCH, _CANVAS, _CANVAS), np.uint8)
        for row, picture in enumerate(part):
            height, width = picture.image.shape
            canvas[row, :height, :width] = picture.image
        index = np.arange(_BATCH)
        batch = FrameBatch(canvas, index, index.astype(np.float64))
        found = detector.detect(batch, (_CANVAS, _CANVAS))
        for row, picture in enumerate(part):
            yield picture, found[found.frame == row]


def match(results: list[tuple[faces.Picture, Detections]], least_height: float) -> Match:
    """Match by falling score at IoU .5; faces below `least_height` and unsure ones are ignored."""
    scores: list[float] = []
    right: list[bool] = []
    false_faceless: list[float] = []
    n_faces = n_faceless = 0
    for picture, found in results:
        counts = (picture.scores >= faces.SURE) & (picture.boxes[:, 3] >= least_height)
        n_faces += int(counts.sum())
        for score, verdict in _verdicts(picture, found, counts, least_height):
            scores.append(score)
            right.append(verdict)
        if len(picture.boxes) == 0:
            n_faceless += 1
            false_faceless.extend(found.score.tolist())
    return Match(
        np.array(scores, np.float32),
        np.array(right, bool),
        n_faces,
        np.array(false_faceless, np.float32),
        n_faceless,
    )


def _verdicts(
    picture: faces.Picture, found: Detections, counts: NDArray[np.bool_], least_height: float
) -> Iterator[tuple[float, bool]]:
    """Score and rightness of each detection of a picture that is to be judged."""
    free = np.ones(len(picture.boxes), bool)
    for place in np.argsort(-found.score):
        overlap = iou(found.xywh[place : place + 1], picture.boxes)[0]
        open_overlap = np.where(free, overlap, 0.0)
        if len(free) and open_overlap.max() >= _MATCH:
            best = int(open_overlap.argmax())
            free[best] = False
            if counts[best]:
                yield float(found.score[place]), True
            continue
        near_ignored = bool((overlap[~counts] >= 0.3).any())
        if not near_ignored and found.xywh[place, 3] >= least_height:
            yield float(found.score[place]), False


def evaluate(detector: FaceDetector, pictures: list[faces.Picture]) -> dict[str, Any]:
    """What the model card states: average precision and operating points by face height."""
    results = list(detect_pictures(detector, pictures))
    by_height = {f"faces of {h} px and more": match(results, h) for h in (16, 24, 48)}
    return {
        "average_precision_iou_50": {
            name: round(m.average_precision(), 4) for name, m in by_height.items()
        },
        "operating_points_24_px": [
            by_height["faces of 24 px and more"].at(score) for score in (0.3, 0.4, 0.5, 0.6)
        ],
        "pictures": len(pictures),
        "faces_24_px": by_height["faces of 24 px and more"].n_faces,
    }


@click.command(help=__doc__)
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--candidate", type=click.Path(path_type=Path), help="Default: the shipped one.")
def main(data: tuple[Path, ...], candidate: Path | None) -> None:
    """Print the scores on the held-out sources as JSON."""
    detector = load_candidate(candidate) if candidate else FaceDetector.load(min_score=0.05)
    click.echo(json.dumps(evaluate(detector, faces.held_out_part(faces.load(data))), indent=2))


if __name__ == "__main__":
    main()
