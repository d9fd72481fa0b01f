"""Single frames of a recording, without decoding what lies before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.records import VideoInfo
from fervid.video.command import FROM_FIRST_PACKET
from fervid.video.ffmpeg import Child


def glimpse(
    info: VideoInfo,
    at_s: float,
    scaling: Sequence[str],
    shape: tuple[int, int],
    reading: Mapping[str, Any] | None,
) -> NDArray[np.uint8] | None:
    """The key frame at or before a time.

    Args:
        scaling: ffmpeg's filters that make frames of `shape`, (H, W).
        reading: options of the demuxer; None for the usual ones.

    Returns:
        (H, W) uint8 luma; None if the container cannot jump there or the frame cannot be decoded.
    """
    child = Child(
        info.path,
        {"vf": ",".join(scaling), "f": "rawvideo", "pix_fmt": "gray", "frames:v": 1},
        threads=1,
        level="quiet",
        on_log=lambda *_: None,
        stream=str(info.stream),
        reading=dict(reading or FROM_FIRST_PACKET)
        | {"ss": f"{at_s:.3f}", "noaccurate_seek": None, "skip_frame": "nokey"},
    )
    image = np.empty(shape, np.uint8)
    try:
        return image if child.read(image.data.cast("B")) == image.size else None
    finally:
        child.close()
