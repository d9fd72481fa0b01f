"""Miniature pictures with faces of a kind, for tests of the detector's training."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from training.detector.pictures import Picture

BOX = (45.0, 28.0, 50.0, 64.0)
POINTS = ((60.0, 52.0), (80.0, 52.0), (70.0, 76.0))


def toy_picture(face: bool, seed: int = 0, source: str = "toy") -> Picture:
    """Noise of 150 x 120 pixels, and on it a bright oval with two eyes and a mouth."""
    image = np.random.default_rng(seed).integers(0, 60, (120, 150)).astype(np.uint8)
    if not face:
        none = np.zeros(0, np.float32)
        return Picture(source, image, none.reshape(0, 4), none, none.reshape(0, 3, 2))
    cv2.ellipse(image, (70, 60), (25, 32), 0, 0, 360, 220, -1)
    for x, y in POINTS:
        cv2.circle(image, (int(x), int(y)), 4, 20, -1)
    box, score = np.array([BOX], np.float32), np.full(1, 0.9, np.float32)
    return Picture(source, image, box, score, np.array([POINTS], np.float32))


def toy_pictures(count: int = 6, source: str = "toy") -> list[Picture]:
    """Every third one without a face."""
    return [toy_picture(number % 3 > 0, number, source) for number in range(count)]


def write_parquet(pictures: list[Picture], path: Path) -> Path:
    """The pictures as a data file, landmarks with the mouth's corners 16 pixels apart."""
    rows = []
    for picture in pictures:
        eyes, mouth = picture.points[:, :2], picture.points[:, 2]
        nose = picture.points.mean(axis=1)
        corners = [mouth - np.array([8, 0]), mouth + np.array([8, 0])]
        marks = np.stack([*eyes.swapaxes(0, 1), nose, *corners], axis=1)
        rows.append(
            {
                "source": picture.source,
                "image": cv2.imencode(".png", picture.image)[1].tobytes(),
                "boxes": picture.boxes.ravel().tolist(),
                "landmarks": marks.astype(np.float32).ravel().tolist(),
                "scores": picture.scores.tolist(),
            }
        )
    pd.DataFrame(rows).to_parquet(path)
    return path
