"""The rows of the training set, as the training step reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import numpy as np
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.records import EXPRESSIONS
from training import fer2013
from training.answers import NO_FACES, StoredAnswers, check_augmentation, digest
from training.presets import Recipe
from training.views import sample_of_views, view_keys

UNLABELLED = -1


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainingSet:
    """The training rows, on every device; N rows.

    Attributes:
        images: (N, 48, 48) uint8.
        labels: (N,) int32, `UNLABELLED` if there is none.
        votes: (N, 7) float32 shares of FER+ votes, 0 if there are none.
        weights: (N,) float32 weight of each row's label, 1 on average, 0 if there is none.
        keys: (N,) random keys of the view that the teachers saw, see `training.views`, or None.
        answers: (N, 2, 7) float16 log of the teachers' mean distribution by head, or None.
    """

    images: jax.Array | NDArray[np.uint8]
    labels: jax.Array | NDArray[np.int32]
    votes: jax.Array | NDArray[np.float32]
    weights: jax.Array | NDArray[np.float32]
    keys: jax.Array | None = None
    answers: jax.Array | NDArray[np.float16] | None = None

    @classmethod
    def of(
        cls, rows: fer2013.Fer2013, weights: NDArray[np.float64], faces: NDArray[np.uint8]
    ) -> TrainingSet:
        """The rows with their weights, then faces without labels."""
        more = len(faces)
        return cls(
            np.concatenate([rows.images, faces]),
            np.pad(rows.labels, (0, more), constant_values=UNLABELLED),
            np.pad(rows.vote_shares(), ((0, more), (0, 0))),
            np.pad(weights.astype(np.float32), (0, more)),
        )

    def seen_by_teachers(self, stored: StoredAnswers, epoch: int) -> TrainingSet:
        """The rows with one view's answers; every epoch has the next view."""
        view = epoch % stored.header.views
        keys = view_keys(stored.header.seed, view, len(self.images))
        return replace(self, keys=keys, answers=stored.view(view))


def row_weights(labels: NDArray[np.int32], power: float) -> NDArray[np.float64]:
    """(N,) float64, class frequency to the power of `-power`, 1 on average."""
    frequency = np.bincount(labels, minlength=len(EXPRESSIONS)) / len(labels)
    weights = np.maximum(frequency, 1e-9)[labels] ** -power
    return np.asarray(weights / weights.mean(), np.float64)


def training_rows(
    data: fer2013.Fer2013,
    recipe: Recipe,
    stored: StoredAnswers | None,
    faces: NDArray[np.uint8] = NO_FACES,
) -> tuple[TrainingSet, NDArray[np.float64] | None]:
    """The rows, and the chance of drawing each; None: every row is used once per epoch.

    Args:
        data: the training images.
        recipe: how classes are balanced.
        stored: teachers' answers to these images, and possibly to further faces; None: none.
        faces: (M, 48, 48) uint8 without labels, if there are no stored answers.

    Raises:
        FervidError: the answers belong to other images or views.
    """
    if stored and stored.header.looks != recipe.looks:
        options = " ".join(
            f"--set {name}={value}" for name, value in vars(stored.header.looks).items()
        )
        raise FervidError(f"{stored.folder}: the answers are for other views; give {options}")
    if stored:
        check_augmentation(stored.folder, stored.header, sample_of_views(recipe.looks))
    weights = row_weights(data.labels, recipe.balance)
    drawn = None
    faces = stored.faces() if stored else faces
    if recipe.balance > 0 and recipe.balance_by == "sampling":
        drawn = np.pad(weights, (0, len(faces)), constant_values=1.0)
        drawn, weights = drawn / drawn.sum(), np.ones_like(weights)
    rows = TrainingSet.of(data, weights, faces)
    if stored and digest(np.asarray(rows.images)) != stored.header.images:
        raise FervidError(f"{stored.folder}: the answers are for other images than these")
    return rows, drawn
