"""What is decided before a recording is decoded: valid arguments, threads, expected frames."""

from __future__ import annotations

import math
import os

from fervid.records import VideoInfo

_FULL_HD = 1920 * 1088


def usable_cores() -> int:
    """Number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def decoder_threads(info: VideoInfo) -> int:
    """Half of the usable cores, at most 4, and all of them for pictures larger than 1080p."""
    cores = usable_cores()
    return min(4, cores if info.width * info.height > _FULL_HD else max(1, cores // 2))


def check_arguments(
    working_size: int,
    scale: float | None,
    batch_size: int,
    fps: float | None,
    start: float | None,
    end: float | None,
) -> None:
    """Check the arguments of a reader.

    Raises:
        ValueError: an argument is out of range.
    """
    if working_size < 2 or batch_size < 1:
        raise ValueError("working_size must be at least 2, and batch_size at least 1")
    if scale is not None and not 0 < scale <= 1:
        raise ValueError("scale must be above 0 and at most 1")
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise ValueError("fps must be a positive number")
    for name, edge in (("start", start), ("end", end)):
        if edge is not None and not (math.isfinite(edge) and edge >= 0):
            raise ValueError(f"{name} must be a number of seconds, 0 or more")
    if start is not None and end is not None and start >= end:
        raise ValueError("start must be before end")


def estimate_frames(
    info: VideoInfo, fps: float | None, start: float | None, end: float | None
) -> int | None:
    """Estimated number of frames that will be kept; None if the length or rate is unknown."""
    rate = min(float(info.fps), fps or math.inf)
    if info.duration_s is None or not rate:
        return None
    stop = info.duration_s if end is None else min(end, info.duration_s)
    return max(0, round((stop - (start or 0.0)) * rate))
