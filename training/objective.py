"""The input of the network in a training step, and the loss of its output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

from fervid.records import EXPRESSIONS
from training.augment import augment_faces, mixup
from training.losses import Logits, divergence, softened, supervised
from training.presets import Recipe
from training.rows import UNLABELLED, TrainingSet
from training.views import replay


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Shown:
    """One batch as the network sees it.

    Attributes:
        images: (N, 48, 48) float32, 0 to 255, augmented and blended.
        labels: (N, 7) float32 smoothed and blended labels, 0 where there are none.
        votes: (N, 7) float32 blended shares of FER+ votes.
        weights: (N,) float32 of the labels.
        covered: (N,) float32 blended, 1 where a face cannot be read.
        taught: the teachers' blended distributions by head, (N, 7) float32; None if not stored.
    """

    images: jax.Array
    labels: jax.Array
    votes: jax.Array
    weights: jax.Array
    covered: jax.Array
    taught: Logits | None


def show(recipe: Recipe, batch: TrainingSet, augment_key: jax.Array, mixup_key: jax.Array) -> Shown:
    """Augment a batch, or make the views that its teachers saw; with mixup, blend it."""
    if batch.keys is None:
        images, covered = augment_faces(augment_key, jnp.asarray(batch.images), recipe.looks)
    else:
        images, covered = replay(batch.keys, jnp.asarray(batch.images), recipe.looks)
    known = jnp.asarray(batch.labels) != UNLABELLED
    one_hot = jax.nn.one_hot(batch.labels, len(EXPRESSIONS))
    labels = optax.smooth_labels(one_hot, recipe.smoothing) * known[:, None]
    targets = [labels, jnp.asarray(batch.votes), covered, *_stored(recipe, batch)]
    if recipe.mixup:
        images, targets = mixup(mixup_key, images, targets, recipe.mixup)
    labels, votes, covered, *taught = targets
    stored = (taught[0], taught[1]) if taught else None
    return Shown(images, labels, votes, jnp.asarray(batch.weights), covered, stored)


def _stored(recipe: Recipe, batch: TrainingSet) -> Sequence[jax.Array]:
    if batch.answers is None:
        return ()
    answers = jnp.asarray(batch.answers, jnp.float32)
    return softened([(answers[:, 0], answers[:, 1])], recipe.distill_temperature)


def objective(
    recipe: Recipe,
    logits: Logits,
    shown: Shown,
    teachers: Sequence[Callable[[jax.Array], Logits]] = (),
    unreadable: jax.Array | None = None,
) -> jax.Array:
    """The loss, a scalar: against labels, votes, and the teachers' distributions, if there are any.

    Args:
        recipe: weights of the parts.
        logits: logits of both heads for the images of `shown`.
        shown: images and targets.
        teachers: teachers whose answers are computed now, instead of stored ones.
        unreadable: (N,) logits of the head for covered faces; its cross-entropy is added.
    """
    loss = _of_expressions(recipe, logits, shown, teachers)
    if unreadable is None:
        return loss
    apart: jax.Array = optax.sigmoid_binary_cross_entropy(unreadable, shown.covered).mean()
    return loss + recipe.covered_weight * apart


def _of_expressions(
    recipe: Recipe,
    logits: Logits,
    shown: Shown,
    teachers: Sequence[Callable[[jax.Array], Logits]],
) -> jax.Array:
    loss = supervised(logits, shown.labels, shown.votes, shown.weights, recipe.votes_weight)
    taught = shown.taught
    if teachers:
        asked = [teacher(shown.images) for teacher in teachers]
        taught = softened(asked, recipe.distill_temperature)
    if taught is None:
        return loss
    apart = divergence(logits, taught, recipe.distill_temperature, recipe.votes_weight)
    return (1 - recipe.distill_weight) * loss + recipe.distill_weight * apart


def share_right(logits: Logits, labels: jax.Array) -> jax.Array:
    """Share of known labels (N,) that the FER-2013 head predicts, a scalar; 0 if none is known."""
    known = labels != UNLABELLED
    right: jax.Array = (logits[0].argmax(axis=1) == labels).sum() / jnp.maximum(known.sum(), 1)
    return right
