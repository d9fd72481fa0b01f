from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.sharding import AxisType, Mesh

from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from fervid.models.face_net import FaceNet, fold
from training.detector.presets import smoke
from training.devices import data_mesh
from training.onednn import onednn_forward

pytest.importorskip("torch", reason="oneDNN comes with PyTorch")


def nets() -> Iterator[Any]:
    """A network, what is computed of it, and the folded images it takes."""
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 128), np.uint8)
    yield pytest.param(
        lambda: FaceNet(smoke().net, rngs=nnx.Rngs(0)), FaceNet.outputs, images, id="faces"
    )
    small = {"stages": ((8, 8), (16,), (16,)), "stem": 4}
    kinds = {
        "conv": {"block": "conv"},
        "residual": {"block": "residual"},
        "attention": {"block": "conv", "squeeze_excite": True},
    }
    for name, kind in kinds.items():
        config = ExpressionNetConfig(**small, **kind)
        yield pytest.param(
            partial(lambda config: ExpressionNet(config, rngs=nnx.Rngs(0)), config),
            partial(ExpressionNet.trunk, stages=3),
            images[:, :48, :48],
            id=name,
        )


@pytest.mark.parametrize(("make", "method", "images"), list(nets()))
def test_layers_by_onednn_give_the_outputs_statistics_and_gradients_of_flax(
    make: Any, method: Any, images: np.ndarray
) -> None:
    model = make()
    model.train()
    graph, params, stats, rest = nnx.split(model, nnx.Param, nnx.BatchStat, ...)

    def flax(params: Any, stats: Any, images: jax.Array) -> Any:
        own = nnx.merge(graph, params, stats, rest, copy=True)
        return method(own, images), nnx.state(own, nnx.BatchStat)

    def loss(forward: Any, params: Any, stats: Any, images: jax.Array) -> Any:
        outputs, after = forward(params, stats, images)
        return sum(jnp.sin(part).mean() for part in jax.tree.leaves(outputs)), (outputs, after)

    mesh = Mesh(data_mesh().devices[:1], ("data",), axis_types=(AxisType.Auto,))
    ours = onednn_forward(model, method, mesh, bfloat16=False)
    found, known = (
        jax.jit(jax.value_and_grad(partial(loss, forward), has_aux=True))(
            params, stats, fold(jnp.asarray(images))
        )
        for forward in (ours, flax)
    )
    assert jax.tree.structure(found) == jax.tree.structure(known)
    for own, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(known), strict=True):
        np.testing.assert_allclose(own, theirs, rtol=2e-3, atol=5e-5)
