"""How a training of the expression classifier begins: its first weights, and what identifies it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from training.answers import NO_FACES, StoredAnswers, digest
from training.narrow import narrow
from training.presets import Recipe

LoadedModel = tuple[ExpressionNet, dict[str, Any]]
"""A model and its card, as `fervid.expressions.classifier.load_model` returns them."""


def copy_weights(start: LoadedModel, target: ExpressionNet, config: ExpressionNetConfig) -> None:
    """Copy the weights of a network to another one of the same shape or a narrower one.

    If `start` has no head for covered faces, that head of `target` is not changed.

    Raises:
        FervidError: the start is neither of this shape nor wider.
    """
    source, card = start
    wide = ExpressionNetConfig.of_card(card)
    config = replace(config, covered=wide.covered)
    if replace(config, dropout=wide.dropout) != wide:
        source = narrow(source, wide, config)
    source = nnx.clone(source)
    if not target.covered:
        source.covered = nnx.List()
    weights = nnx.state(source, nnx.Any(nnx.Param, nnx.BatchStat))
    nnx.update(target, jax.tree.map(jnp.copy, weights))  # the training step donates its state


def beginning(
    recipe: Recipe,
    teachers: Sequence[LoadedModel] = (),
    answers: StoredAnswers | None = None,
    start: LoadedModel | None = None,
    faces: NDArray[np.uint8] = NO_FACES,
) -> dict[str, Any]:
    """What identifies a run, as plain JSON; models are given by the digest of their files."""
    began = asdict(recipe) | {
        "teachers": [card["sha256"] for _, card in teachers],
        "answers": answers.identity if answers else None,
        "start": start[1]["sha256"] if start else None,
        "faces": digest(faces) if len(faces) else None,
    }
    return dict(json.loads(json.dumps(began)))


def before() -> dict[str, Any]:
    """The same for runs that are older than some settings: these settings' defaults."""
    return beginning(Recipe())
