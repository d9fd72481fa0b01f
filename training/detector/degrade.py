"""Simulates cameras, light and compression on single uint8 luma pictures, before batching."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]

_GRAIN = np.random.default_rng(0).normal(0.0, 1.0, (1024, 1024)).astype(np.float32)
"""Precomputed noise of unit deviation, of which random parts are used."""


def degrade(rng: np.random.Generator, image: Luma) -> Luma:
    """Degrade (H, W) luma as in recordings: soft, shaken, uneven, dark, noisy, compressed."""
    if rng.random() < 0.12:
        image = resample(rng, image)
    elif rng.random() < 0.15:
        image = blur(rng, image)
    if rng.random() < 0.2:
        image = light(rng, image, strength=1.2)
    image = tone(rng, image, contrast=0.3, brightness=25.0, gamma=0.4)
    if rng.random() < 0.25:
        image = noise(rng, image, sigma=15.0)
    return compress(rng, image) if rng.random() < 0.2 else image


def resample(rng: np.random.Generator, image: Luma) -> Luma:
    """Shrink by up to 2.5 and enlarge again, as in recordings of low resolution."""
    scale = rng.uniform(0.4, 0.9)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    size = image.shape[::-1]
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def blur(rng: np.random.Generator, image: Luma) -> Luma:
    """Blur as when out of focus, or along a line."""
    if rng.random() < 0.6:
        sigma = float(np.exp(rng.uniform(np.log(0.5), np.log(2.0))))
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
    length = int(rng.integers(3, 12))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    way = (length - 1) / 2 * np.array([np.cos(angle), np.sin(angle)])
    ends = np.rint((length - 1) / 2 + np.array([-way, way])).astype(int)
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 1.0)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def light(rng: np.random.Generator, image: Luma, *, strength: float) -> Luma:
    """Uneven light, as from a window, a lamp or infrared diodes.

    The gain is the exponential of a plane plus a bowl around a random place; its mean logarithm is
    0, and over the image it changes by up to about e**`strength`.
    """
    y, x = np.mgrid[-0.5:0.5:16j, -0.5:0.5:16j]
    slope, bowl = rng.uniform(-strength, strength, 2), rng.uniform(-strength, strength)
    place = rng.uniform(-0.5, 0.5, 2)
    field = slope[0] * x + slope[1] * y
    field -= 2 * bowl * (np.square(x - place[0]) + np.square(y - place[1]))
    gain = np.exp(field - field.mean()).astype(np.float32)
    gain = cv2.resize(gain, image.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.multiply(image, gain, dtype=cv2.CV_8U), np.uint8)


def tone(
    rng: np.random.Generator, image: Luma, *, contrast: float, brightness: float, gamma: float
) -> Luma:
    """Gamma, contrast (both log-uniform) and brightness, by a table of 256 levels."""
    level = np.arange(256) / 255.0
    curve = 255.0 * level ** np.exp(rng.uniform(-gamma, gamma))
    curve = (curve - 127.5) * np.exp(rng.uniform(-contrast, contrast)) + 127.5
    curve += rng.uniform(-brightness, brightness)
    return np.asarray(cv2.LUT(image, np.clip(np.rint(curve), 0, 255).astype(np.uint8)), np.uint8)


def noise(rng: np.random.Generator, image: Luma, *, sigma: float) -> Luma:
    """Grain of up to `sigma` levels, of single pixels or twice as coarse."""
    height, width = image.shape
    coarse = 1 + int(rng.random() < 0.3)
    h, w = -(-height // coarse), -(-width // coarse)
    top, left = rng.integers(0, _GRAIN.shape[0] - h), rng.integers(0, _GRAIN.shape[1] - w)
    grain = _GRAIN[top : top + h, left : left + w] * np.float32(sigma * rng.random())
    if coarse > 1:
        size = (width, height)
        grain = np.asarray(cv2.resize(grain, size, interpolation=cv2.INTER_LINEAR), np.float32)
    return np.asarray(cv2.add(image, grain, dtype=cv2.CV_8U), np.uint8)


def compress(rng: np.random.Generator, image: Luma) -> Luma:
    """JPEG of a random quality."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 80))]
    blob = cv2.imencode(".jpg", image, quality)[1]
    return np.asarray(cv2.imdecode(blob, cv2.IMREAD_GRAYSCALE), np.uint8)
