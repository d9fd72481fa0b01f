"""Batch normalisation normalises what it is evaluated on."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from fervid.models.blocks import normalize_luma, space_to_depth
from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from fervid.models.store import to_arrays
from training.statistics import recompute_statistics, spread


@pytest.mark.slow
def test_statistics_are_those_of_the_images() -> None:
    net = ExpressionNet(ExpressionNetConfig(stages=((3,), (4,)), fold=4), rngs=nnx.Rngs(0))
    before = to_arrays(net)
    # Sorted like image folders are: each half is dark or bright throughout.
    images = np.random.default_rng(0).integers(0, 40, (600, 48, 48)).astype(np.uint8)
    images[300:] += 200
    recompute_statistics(net, spread(images))
    first = net.stages[0][0]
    maps = np.asarray(first.conv(space_to_depth(normalize_luma(jnp.asarray(images))[..., None], 4)))
    expected = maps.reshape(-1, 3)
    np.testing.assert_allclose(first.norm.mean[...], expected.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(first.norm.var[...], expected.var(axis=0), rtol=0.02)
    after = to_arrays(net)
    assert {name for name in after if not np.array_equal(after[name], before[name])} == {
        name for name in after if name.endswith((".mean", ".var"))
    }
    np.testing.assert_array_equal(net(images[:2])[0], net(images[:2])[0])
    assert first.norm.momentum == 0.95
