"""FER-2013 (Goodfellow et al. 2013) with FER+ votes (Barsoum et al. 2016) as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.records import EXPRESSIONS, FACE_SIZE

USAGES = ("Training", "PublicTest", "PrivateTest")
_VOTES = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprise": "surprise",
    "neutral": "neutral",
}
_OTHER_VOTES = ("contempt", "unknown", "nf")


@dataclass(frozen=True)
class Fer2013:
    """The data set or a part of it; N images.

    Attributes:
        images: (N, 48, 48) uint8 luma.
        labels: (N,) int32, FER-2013 labels in the order of `EXPRESSIONS`.
        votes: (N, 7) float32, FER+ votes in the order of `EXPRESSIONS`; all 0 when unknown.
        other_votes: (N, 3) float32, FER+ votes for contempt, unknown and not-a-face.
        usage: (N,) int8, index into `USAGES`.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int32]
    votes: NDArray[np.float32]
    other_votes: NDArray[np.float32]
    usage: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Fer2013:
        """The rows that a mask or an index array selects."""
        return Fer2013(
            self.images[rows],
            self.labels[rows],
            self.votes[rows],
            self.other_votes[rows],
            self.usage[rows],
        )

    def split(self, usage: str) -> Fer2013:
        """The rows of Training, PublicTest (choose on it) or PrivateTest (score once)."""
        return self[self.usage == USAGES.index(usage)]

    def vote_shares(self) -> NDArray[np.float32]:
        """(N, 7) float32 FER+ vote shares over the seven classes; rows without a vote are 0."""
        total = self.votes.sum(axis=1, keepdims=True)
        return np.asarray(self.votes / np.maximum(total, 1), np.float32)

    def ferplus_majority(self) -> NDArray[np.int64]:
        """(N,) int64 FER+ label by the rule of Barsoum et al. 2016, -1 for rows it drops.

        Single votes count as noise and are dropped; the first class must then hold more than half
        of the votes. Rows whose first class is contempt, unknown or not-a-face get -1 as well.
        """
        votes = np.concatenate([self.votes, self.other_votes], axis=1)
        votes = np.where(votes > 1, votes, 0)
        first = votes.argmax(axis=1)
        kept = (votes.max(axis=1) > 0.5 * votes.sum(axis=1)) & (first < len(EXPRESSIONS))
        return np.where(kept, first, -1)

    def ferplus_plurality(self) -> NDArray[np.int64]:
        """(N,) int64 class with most of the seven classes' votes, -1 where there is no vote."""
        return np.where(self.votes.sum(axis=1) > 0, self.votes.argmax(axis=1), -1)


def load(path: Path, votes: Path | None = None) -> Fer2013:
    """Read `fer2013.csv` (official) or a Parquet copy with columns emotion, image, usage, fp_*.

    Args:
        path: the official CSV (emotion, pixels, Usage) or the Parquet file.
        votes: FER+'s `fer2013new.csv`, joined by row position; only for the CSV.

    Raises:
        FervidError: a file is missing, a column is missing, or a row is malformed.
    """
    if not path.is_file():
        raise FervidError(f"no such file: {path}; get fer2013.csv from Kaggle's contest page")
    if path.suffix == ".parquet":
        return _from_parquet(path)
    return _from_csv(path, votes)


def _from_parquet(path: Path) -> Fer2013:
    table = pd.read_parquet(path)
    blobs = (np.frombuffer(blob, np.uint8) for blob in table["image"])
    images = np.stack([np.asarray(cv2.imdecode(b, cv2.IMREAD_GRAYSCALE), np.uint8) for b in blobs])
    votes = table[[f"fp_{_VOTES[name]}" for name in EXPRESSIONS]].to_numpy(np.float32)
    other = table[[f"fp_{name}" for name in _OTHER_VOTES]].to_numpy(np.float32)
    return Fer2013(
        images, table["emotion"].to_numpy(np.int32), votes, other, _usage(table["usage"])
    )


def _from_csv(path: Path, votes: Path | None) -> Fer2013:
    table = pd.read_csv(path)
    table.columns = [name.strip() for name in table.columns]
    missing = {"emotion", "pixels", "Usage"} - set(table.columns)
    if missing:
        raise FervidError(f"{path}: no column {', '.join(sorted(missing))}; is it fer2013.csv?")
    side = FACE_SIZE * FACE_SIZE
    rows = [np.array(text.split(), dtype=np.uint8) for text in table["pixels"]]
    for number, row in enumerate(rows):
        if row.size != side:
            raise FervidError(f"{path}: row {number} has {row.size} pixels, not {side}")
    images = np.stack(rows).reshape(-1, FACE_SIZE, FACE_SIZE)
    shares = np.zeros((len(rows), len(EXPRESSIONS)), np.float32)
    other = np.zeros((len(rows), len(_OTHER_VOTES)), np.float32)
    if votes is not None:
        counts = pd.read_csv(votes)
        counts.columns = [name.strip().lower() for name in counts.columns]
        if len(counts) != len(rows):
            raise FervidError(f"{votes}: {len(counts)} rows, but {path} has {len(rows)}")
        shares = counts[[_VOTES[name] for name in EXPRESSIONS]].to_numpy(np.float32)
        other = counts[list(_OTHER_VOTES)].to_numpy(np.float32)
    return Fer2013(
        images, table["emotion"].to_numpy(np.int32), shares, other, _usage(table["Usage"])
    )


def _usage(names: pd.Series) -> NDArray[np.int8]:
    codes = pd.Categorical(names.str.strip(), categories=list(USAGES)).codes
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise FervidError(f"row {row}: usage is {names.iloc[row]!r}, not one of {USAGES}")
    return np.asarray(codes, np.int8)


def without_leaks(data: Fer2013) -> Fer2013:
    """Training rows whose image is in neither test split (568 rows of FER-2013 leak)."""
    train = data.split("Training")
    tests = data[data.usage != USAGES.index("Training")]
    held_out = {image.tobytes() for image in tests.images}
    return train[np.array([image.tobytes() not in held_out for image in train.images])]


def unique_rows(data: Fer2013, usage: str) -> NDArray[np.bool_]:
    """Mask over the rows of one split: True where the image is in no other split."""
    own = data.split(usage)
    others = data[data.usage != USAGES.index(usage)]
    seen = {image.tobytes() for image in others.images}
    return np.array([image.tobytes() not in seen for image in own.images])
