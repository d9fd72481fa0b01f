"""Large WebP pictures, decoded and scaled down by ffmpeg."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from fervid.video.ffmpeg import Child


def decode_webp(path: Path, size: tuple[int, int]) -> Image.Image | None:
    """Decode a still WebP file to RGBA of this width and height, without rotation.

    Returns None if ffmpeg cannot decode it.

    Raises:
        MediaError: the file cannot be opened.
        SetupError: there is no usable ffmpeg.
    """
    width, height = size
    output = {"vf": f"scale={width}:{height}:flags=area", "f": "rawvideo", "pix_fmt": "rgba"}
    child = Child(
        path,
        {**output, "frames:v": 1},
        threads=1,
        level="quiet",
        on_log=lambda *_: None,
        reading={"f": "webp_pipe", "noautorotate": None},
        stream=None,
    )
    pixels = np.empty((height, width, 4), np.uint8)
    try:
        is_whole = child.read(pixels.data.cast("B")) == pixels.size
    finally:
        child.close()
    return Image.fromarray(pixels) if is_whole else None
