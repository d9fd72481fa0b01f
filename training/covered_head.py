"""Give a trained model a third head, which says whether the mouth is hidden.

    python -m training.covered_head fer2013.csv --model expression --out runs/with_head

The rest of the network stays as it is, and so do its answers. The head is a logistic regression on
the pooled features of training images, with masks, hands, microphones and dark glasses painted on
some of them (see `training.looks`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.expressions.classifier import load_model
from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from fervid.models.store import restore, to_arrays
from training import fer2013
from training.augment import augment_faces
from training.command_line import PATH, fer2013_argument, help_of
from training.covered import covered_scores
from training.looks import Looks
from training.release import today, write_model

_BATCH, _STEPS = 256, 300
_RIDGE = 1e-4
_PAINTED = Looks(hidden=0.6)
"""Half of what is painted on faces hides the mouth, so that a third of all are covered."""


def with_covered_head(
    model: ExpressionNet, config: ExpressionNetConfig, images: NDArray[np.uint8], key: jax.Array
) -> ExpressionNet:
    """A copy of a model with the head, in evaluation mode.

    Args:
        model: in evaluation mode; a head that it has already is replaced.
        config: its shape.
        images: (N, 48, 48) uint8 of the training set.
        key: draws what is painted on them.
    """
    kernel, bias = _fitted(*_features(model, images, key))
    arrays = to_arrays(model) | {"covered.0.kernel": kernel, "covered.0.bias": bias}
    wider = replace(config, covered=True)
    return restore(lambda rngs: ExpressionNet(wider, rngs=rngs), arrays)


def _features(
    model: ExpressionNet, images: NDArray[np.uint8], key: jax.Array
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pooled features (N, C) of augmented images, and (N,) whether each mouth is hidden."""
    graph, state = nnx.split(model)

    @jax.jit
    def look(key: jax.Array, faces: jax.Array) -> tuple[jax.Array, jax.Array]:
        shown, covered = augment_faces(key, faces, _PAINTED)
        network = nnx.merge(graph, state)
        features = network.features(shown, len(network.stages))
        return features.astype(jnp.float32).mean(axis=(1, 2)), covered

    whole = images[: max(len(images) // _BATCH, 1) * _BATCH]
    parts = [
        look(jax.random.fold_in(key, first), jnp.asarray(whole[first : first + _BATCH]))
        for first in range(0, len(whole), _BATCH)
    ]
    features, covered = zip(*parts, strict=True)
    return np.concatenate(features), np.concatenate(covered)


def _fitted(
    features: NDArray[np.float32], covered: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernel (C, 1) and bias (1,) of the logistic regression, by L-BFGS on scaled features."""
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    x, y = jnp.asarray((features - mean) / spread), jnp.asarray(covered)

    def loss(weights: jax.Array) -> jax.Array:
        each = optax.sigmoid_binary_cross_entropy(x @ weights[:-1] + weights[-1], y)
        return jnp.asarray(each.mean() + _RIDGE * jnp.square(weights[:-1]).sum())

    weights = np.asarray(_least(loss, jnp.zeros(features.shape[1] + 1)))
    kernel = (weights[:-1, None] / spread[:, None]).astype(np.float32)
    return kernel, (weights[-1:] - mean @ kernel).astype(np.float32)


def _least(loss: Callable[[jax.Array], jax.Array], start: jax.Array) -> jax.Array:
    solver = optax.lbfgs()
    value_and_grad = optax.value_and_grad_from_state(loss)

    def step(carry: tuple[jax.Array, Any], _: None) -> tuple[tuple[jax.Array, Any], None]:
        weights, state = carry
        value, grad = value_and_grad(weights, state=state)
        updates, state = solver.update(grad, state, weights, value=value, grad=grad, value_fn=loss)
        return (optax.apply_updates(weights, updates), state), None

    steps = jax.jit(lambda carry: jax.lax.scan(step, carry, length=_STEPS)[0][0])
    return jnp.asarray(steps((start, solver.init(start))))


@click.command(help=help_of(__doc__))
@fer2013_argument
@click.option("--model", default="expression", show_default=True, help="Name, or path of a pair.")
@click.option("--out", type=PATH, required=True, help="Path of the new pair.")
def main(data: Path, model: str, out: Path) -> None:
    """Fit the head, write the model, and print how well the head does on PublicTest."""
    try:
        network, card = load_model(model)
        given = fer2013.load(data)
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    images = fer2013.without_leaks(given).images
    config = ExpressionNetConfig.of_card(card)
    network = with_covered_head(network, config, images, jax.random.key(0))
    scores = covered_scores(network, given.split("PublicTest").images)
    card |= {"version": version("fervid"), "config": card["config"] | {"covered": True}}
    card["covered_head"] = {
        "date": today(),
        "command": f"python -m training.covered_head {data.name} --model {Path(model).name}",
        **{name: round(value, 4) for name, value in scores.items()},
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    write_model(out, network, {**card, "name": out.name}, np.float16)
    click.echo(json.dumps(scores))


if __name__ == "__main__":
    main()
