"""The forms that evaluation takes are the functions that training fitted."""

import jax
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from fervid.models.blocks import max_pool_2x2
from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from fervid.models.inference import FoldedConvBlock, for_inference, in_chunks
from fervid.models.store import set_evaluation
from fervid.models.winograd import conv3x3, transform_kernel

pytestmark = pytest.mark.slow

CONV = jax.jit(conv3x3, static_argnames="pool")


@settings(max_examples=8, deadline=None)
@given(
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    features=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_winograd_is_a_convolution(height: int, width: int, features: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(2, height, width, features)).astype(np.float32)
    kernel = draw.normal(size=(3, 3, features, 2)).astype(np.float32)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    expected = np.einsum("nhwcij,ijco->nhwo", windows, kernel)
    np.testing.assert_allclose(CONV(x, transform_kernel(kernel)), expected, atol=1e-4)


def test_winograd_pools() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(2, 6, 4, 3)).astype(np.float32)
    kernel = transform_kernel(draw.normal(size=(3, 3, 3, 5)).astype(np.float32))
    pooled = max_pool_2x2(CONV(x, kernel))
    np.testing.assert_allclose(CONV(x, kernel, pool=True), pooled, atol=1e-5)


@pytest.mark.parametrize(
    "config",
    [
        ExpressionNetConfig(stages=((8, 64), (64, 72), (64,)), stem=4),
        ExpressionNetConfig(stages=((8,), (64,)), fold=4, block="residual"),
        ExpressionNetConfig(stages=((64,), (64,)), fold=4, squeeze_excite=True),
    ],
    ids=["conv", "residual", "squeeze_excite"],
)
def test_the_inference_form_computes_the_same(config: ExpressionNetConfig) -> None:
    model = nnx.jit(lambda: ExpressionNet(config, rngs=nnx.Rngs(0)))()
    set_evaluation(model)
    _trained_statistics(model)
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    fast = for_inference(model)
    folded = [node for _, node in nnx.iter_graph(fast) if isinstance(node, FoldedConvBlock)]
    assert any(block.winograd for block in folded) == (jax.default_backend() == "cpu")
    assert not any(isinstance(node, nnx.BatchNorm) for _, node in nnx.iter_graph(fast))
    assert any(isinstance(node, nnx.BatchNorm) for _, node in nnx.iter_graph(model))
    expected, got = (nnx.jit(type(net).__call__)(net, faces) for net in (model, fast))
    for logits, ours in zip(expected, got, strict=True):
        assert np.ptp(np.asarray(logits)) > 0.1
        np.testing.assert_allclose(ours, logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("count", [16, 20, 48])
def test_chunks_are_the_whole(count: int) -> None:
    images = np.random.default_rng(0).normal(size=(count, 4, 4)).astype(np.float32)
    got = jax.jit(lambda x: in_chunks(lambda y: (y.sum((1, 2)), y[:, 0]), x))(images)
    np.testing.assert_allclose(got[0], images.sum((1, 2)), atol=1e-5)
    np.testing.assert_array_equal(got[1], images[:, 0])


def _trained_statistics(model: ExpressionNet) -> None:
    """Averages, scales and biases as training leaves them, some scales below zero."""
    draw = np.random.default_rng(1)
    for _, node in nnx.iter_graph(model):
        if isinstance(node, nnx.BatchNorm):
            for part, low, high in (
                (node.mean, -1, 1),
                (node.var, 0.5, 2),
                (node.scale, -1, 2),
                (node.bias, -1, 1),
            ):
                part.set_value(draw.uniform(low, high, part.shape).astype(np.float32))
