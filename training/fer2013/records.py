"""FER-2013 in memory: the record, the rules of FER+, and which images leak between splits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.records import EXPRESSIONS

USAGES = ("Training", "PublicTest", "PrivateTest")
"""The splits by their names in the official csv: for training, for choices, and for a single final
score."""

OTHER_VOTES = ("contempt", "unknown", "nf")
"""FER+'s classes besides the seven; nf is not-a-face."""


@dataclass(frozen=True)
class Fer2013:
    """The data set or a part of it; N images.

    Attributes:
        images: (N, 48, 48) uint8 luma.
        labels: (N,) int32, FER-2013 labels in the order of `EXPRESSIONS`.
        votes: (N, 7) float32, FER+ votes in the order of `EXPRESSIONS`; all 0 if unknown.
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

    @property
    def has_votes(self) -> bool:
        """Whether FER+ votes are known."""
        return bool(self.votes.any() or self.other_votes.any())

    def split(self, usage: str) -> Fer2013:
        """The rows of Training, PublicTest (for choices) or PrivateTest (for one final score)."""
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


def record(
    path: Path,
    images: Sequence[NDArray[np.uint8]],
    emotions: Iterable[object],
    usages: Iterable[object],
) -> Fer2013:
    """A `Fer2013` without votes from N (48, 48) uint8 images, labels 0 to 6 and split names.

    Raises:
        FervidError: there is no row, or a row of `path` has an unknown label or usage.
    """
    if not len(images):
        raise FervidError(f"{path}: contains no images; get the data set again")
    labels = _places(path, "emotion", emotions, [str(i) for i in range(len(EXPRESSIONS))])
    usage = _places(path, "usage", usages, USAGES)
    votes = np.zeros((len(images), len(EXPRESSIONS)), np.float32)
    other = np.zeros((len(images), len(OTHER_VOTES)), np.float32)
    return Fer2013(np.stack(images), labels.astype(np.int32), votes, other, usage.astype(np.int8))


def _places(
    path: Path, what: str, values: Iterable[object], names: Sequence[str]
) -> NDArray[np.int64]:
    """The index of each value in `names`."""
    places = {name: place for place, name in enumerate(names)}
    found = []
    for row, value in enumerate(values):
        place = places.get(str(value).strip())
        if place is None:
            known = ", ".join(names)
            raise FervidError(f"{path}: row {row}: {what} is {str(value)!r}, not one of {known}")
        found.append(place)
    return np.array(found, np.int64)


def without_leaks(data: Fer2013) -> Fer2013:
    """Training rows whose image is in neither test split (568 images of PublicTest and PrivateTest
    are also in Training)."""
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
