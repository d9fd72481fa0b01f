"""A narrower net keeps the channels that count."""

import dataclasses

import jax
import numpy as np
import pytest
from flax import nnx

from fervid.errors import FervidError
from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from fervid.models.store import set_evaluation
from training.narrow import narrow

pytestmark = pytest.mark.slow

WIDE = ExpressionNetConfig(stages=((6, 8), (8,)), fold=4)
FACES = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)


@pytest.fixture
def wide() -> ExpressionNet:
    net = nnx.jit(lambda: ExpressionNet(WIDE, rngs=nnx.Rngs(0)))()
    set_evaluation(net)
    draw = np.random.default_rng(1)
    for _, node in nnx.iter_graph(net):
        if isinstance(node, nnx.BatchNorm):
            count = node.mean[...].size
            node.mean[...] = draw.normal(0, 0.2, count).astype(np.float32)
            node.scale[...] = draw.uniform(0.5, 2, count).astype(np.float32)
            node.bias[...] = draw.normal(0, 0.5, count).astype(np.float32)
    return net


def logits(net: ExpressionNet) -> list[np.ndarray]:
    return [np.asarray(head) for head in jax.jit(lambda faces: net(faces))(FACES)]


def unreadable(net: ExpressionNet) -> np.ndarray:
    stages = len(net.stages)
    return np.asarray(jax.jit(lambda faces: net.unreadable(net.features(faces, stages)))(FACES))


def test_the_same_widths_are_the_same_net(wide: ExpressionNet) -> None:
    for one, other in zip(logits(narrow(wide, WIDE, WIDE)), logits(wide), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_head_for_covered_faces_is_kept() -> None:
    config = dataclasses.replace(WIDE, covered=True)
    net = nnx.jit(lambda: ExpressionNet(config, rngs=nnx.Rngs(0)))()
    set_evaluation(net)
    same = narrow(net, config, config)
    for one, other in zip(unreadable(same), unreadable(net), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_channels_that_nothing_reads_go_first(wide: ExpressionNet) -> None:
    first, second = wide.stages[0]
    second.conv.kernel[...] = second.conv.kernel[...].at[:, :, np.array([0, 4])].set(0)
    first.norm.scale[...] = first.norm.scale[...].at[4].set(9.0)
    for head in (wide.fer, wide.ferplus):
        head.kernel[...] = head.kernel[...].at[np.array([1, 2, 7])].set(0)
    slim = ExpressionNetConfig(stages=((4, 8), (5,)), fold=4)
    for one, other in zip(logits(narrow(wide, WIDE, slim)), logits(wide), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    "config",
    [
        ExpressionNetConfig(stages=((6, 9), (8,)), fold=4),
        ExpressionNetConfig(stages=((6,), (8,)), fold=4),
        ExpressionNetConfig(stages=((6, 8), (8,)), fold=2),
        ExpressionNetConfig(stages=((6, 8), (8,)), fold=4, stem=4),
        ExpressionNetConfig(stages=((6, 8), (8,)), fold=4, block="residual"),
    ],
)
def test_other_shapes_are_refused(wide: ExpressionNet, config: ExpressionNetConfig) -> None:
    with pytest.raises(FervidError, match="of the same shape, or from one with wider plain blocks"):
        narrow(wide, WIDE, config)
