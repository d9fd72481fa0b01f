"""Losses of the classifier: from labels, votes and teachers."""

from __future__ import annotations

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


def distillation(
    logits: Logits, teachers: list[Logits], temperature: float, votes_weight: float
) -> jax.Array:
    """Divergence from the mean of the teachers' distributions (Hinton et al. 2015), a scalar.

    Both softmaxes are taken at `temperature`; its square keeps the size of the gradient.
    """

    def divergence(head: int) -> jax.Array:
        soft = [jax.nn.softmax(teacher[head] / temperature) for teacher in teachers]
        target = jnp.stack(soft).mean(axis=0)
        student = jax.nn.log_softmax(logits[head] / temperature)
        kl: jax.Array = optax.kl_divergence(student, target)
        return kl.mean() * temperature**2

    return divergence(0) + votes_weight * divergence(1)
