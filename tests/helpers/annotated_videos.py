"""Annotated videos of made results."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from fervid.exports import export
from tests.helpers.made_results import made_frames, made_result

SAMPLES = Path(__file__).parents[2] / "sample_media"


BOX = (8, 8, 24, 24)


def frame_times(path: Path) -> list[Fraction]:
    """Presentation time of every frame in seconds, as the container says it."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [frame.pts * stream.time_base for frame in container.decode(stream)]


def start_of(path: Path) -> Fraction:
    """When the recording begins, in whole units of its video's time base."""
    with av.open(str(path)) as container:
        base = container.streams.video[0].time_base
        assert base is not None
        return round(Fraction(container.start_time or 0, 1_000_000) / base) * base


def sound_of(path: Path) -> list[tuple[Fraction, bytes]]:
    """Time and bytes of every packet of sound."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        packets = [p for p in container.demux(stream) if p.pts is not None]
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in packets]


def pictures(path: Path) -> list[NDArray[np.uint8]]:
    """Every frame as it is stored, red first."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def annotated(clip: Path, folder: Path, *, suffix: str = ".mp4", **frames: object) -> Path:
    """The annotated video of a made result; a face in the first frame unless told."""
    faces = [(0, 1, BOX)]
    table = made_frames(**{"times": [0.0], "faces": faces, **frames})  # type: ignore[arg-type]
    about = {"name": clip.name, "size_bytes": clip.stat().st_size}
    result = made_result(folder / "made.fervid", frames=table, recording=about)
    (out,) = export(result, "video", folder / f"out{suffix}", recording=clip)
    return out
