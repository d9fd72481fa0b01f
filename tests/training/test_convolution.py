"""The faster gradients are the gradients."""

from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from training.convolution import speed_up_gradients
from training.devices import data_mesh, replicate, shard_batch

pytestmark = pytest.mark.slow

SHAPES = {
    "vgg": ExpressionNetConfig(((4, 4), (8,)), dropout=0.0),
    "residual": ExpressionNetConfig(((4,), (8,)), block="residual", stem=4, dropout=0.0),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [8, 6])
def test_gradients_equal_those_of_the_plain_net(shape: str, count: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (count, 48, 48)).astype(np.uint8)
    mesh = data_mesh()

    def loss_and_gradients(fast: bool) -> Any:
        model = ExpressionNet(SHAPES[shape], rngs=nnx.Rngs(0))
        if fast:
            speed_up_gradients(model, mesh)
        graph, params, rest = nnx.split(model, nnx.Param, ...)

        def loss(params: Any, rest: Any, images: Any) -> Any:
            fer, ferplus = nnx.merge(graph, params, rest, copy=True)(images)
            return (fer**2).sum() + (ferplus**2).sum()

        params, rest = replicate(mesh, (params, rest))
        value, grads = jax.jit(jax.value_and_grad(loss))(params, rest, shard_batch(mesh, images))
        return value, jax.tree.leaves(grads)

    (plain_loss, plain), (fast_loss, fast) = map(loss_and_gradients, (False, True))
    np.testing.assert_allclose(plain_loss, fast_loss, rtol=1e-6)
    assert len(plain) == len(fast) > 6
    for expected, got in zip(plain, fast, strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(got / scale, expected / scale, atol=2e-5)
