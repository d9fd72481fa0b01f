"""Losses of the classifier: from labels, votes and teachers."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import optax

Logits = tuple[jax.Array, jax.Array]
"""FER-2013 and FER+ logits, each (N, 7) float32."""


def supervised(
    logits: Logits, labels: jax.Array, votes: jax.Array, weights: jax.Array, votes_weight: float
) -> jax.Array:
    """Cross-entropy of both heads, in nats, a scalar.

    Args:
        logits: logits of both heads.
        labels: (N, 7) float32 smoothed or blended FER-2013 labels.
        votes: (N, 7) float32 shares of FER+ votes; rows of zeros are ignored.
        weights: (N,) float32 weight of each label, 1 on average.
        votes_weight: weight of the FER+ head.
    """
    hard: jax.Array = (optax.softmax_cross_entropy(logits[0], labels) * weights).mean()
    soft: jax.Array = optax.softmax_cross_entropy(logits[1], votes).mean()
    return hard + votes_weight * soft


def softened(teachers: Sequence[Logits], temperature: float) -> Logits:
    """Mean of the teachers' distributions at `temperature`, (N, 7) for each head."""

    def mean(head: int) -> jax.Array:
        soft = [jax.nn.softmax(teacher[head] / temperature) for teacher in teachers]
        return jnp.stack(soft).mean(axis=0)

    return mean(0), mean(1)


def divergence(
    logits: Logits, taught: Logits, temperature: float, votes_weight: float
) -> jax.Array:
    """Divergence from what `softened` returns (Hinton et al. 2015), in nats, a scalar.

    Both softmaxes are taken at `temperature`; its square keeps the size of the gradient.
    """

    def of_head(head: int) -> jax.Array:
        student = jax.nn.log_softmax(logits[head] / temperature)
        kl: jax.Array = optax.kl_divergence(student, taught[head])
        return kl.mean() * temperature**2

    return of_head(0) + votes_weight * of_head(1)
