"""Clips that ffmpeg makes, whose frames say their number, and how to read them back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from fervid.records import FrameBatch
from fervid.video.reader import VideoReader

MakeClip = Callable[..., Path]

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-qp", "4", "-pix_fmt", "yuv420p")

COUNTER = "geq=lum='16+4*N':cb=128:cr=128"
"""Draws frame N as an even gray of limited-range luma 16 + 4 N (N up to 54)."""


def counter(frames: int, *, rate: int = 25, size: str = "64x48", extra: str = "") -> list[str]:
    """Arguments for a source of `frames` frames drawn by COUNTER, then filtered by `extra`."""
    chain = ",".join(filter(None, (f"color=black:s={size}:r={rate}", COUNTER, extra)))
    return ["-f", "lavfi", "-i", chain, "-frames:v", str(frames), "-fps_mode", "passthrough"]


def read(path: Path, **options: object) -> tuple[FrameBatch, VideoReader]:
    """Every frame as one batch, and the reader after it has been closed."""
    with VideoReader(path, **options) as reader:
        batches = list(reader)
    empty = FrameBatch(
        np.zeros((0, *reader.shape), np.uint8), np.zeros(0, np.int64), np.zeros(0, np.float64)
    )
    parts = [empty, *batches]
    joined = FrameBatch(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.index for part in parts]),
        np.concatenate([part.time_s for part in parts]),
    )
    return joined, reader


def drawn_numbers(frames: FrameBatch) -> list[int]:
    """The number that COUNTER drew into each frame."""
    return [round(float(image.mean()) * 219 / 255 / 4) for image in frames.images]


def children() -> list[psutil.Process]:
    """The processes that this one has started and that still are there."""
    return psutil.Process().children()
