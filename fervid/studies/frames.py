"""Cuts single frames and clips out of recordings, with ffmpeg."""

from __future__ import annotations

import subprocess
from pathlib import Path

from fervid.errors import MediaError
from fervid.video.executable import find_ffmpeg

_HEIGHT = 180
"""Height of the picture of a face in pixels."""


def face_jpeg(
    recording: Path, time_s: float, size: tuple[int, int], box: tuple[float, float, float, float]
) -> bytes | None:
    """A face at a time, with a margin, as JPEG; None if there is no frame.

    Args:
        recording: path of the recording.
        time_s: time in seconds.
        size: width and height of the displayed frame.
        box: x, y, w, h of the face, in pixels of the displayed frame.
    """
    x, y, w, h = box
    side = max(w, h) * 1.8
    left, top = max(x + w / 2 - side / 2, 0), max(y + h / 2 - side / 2, 0)
    wide, high = min(side, size[0] - left), min(side, size[1] - top)
    if wide < 4 or high < 4:
        return None
    views = (
        f"scale={size[0]}:{size[1]},crop={wide:.0f}:{high:.0f}:{left:.0f}:{top:.0f},"
        f"scale=-2:{_HEIGHT}"
    )
    at = ["-ss", f"{max(time_s, 0):.3f}", "-i", _name(recording), "-frames:v", "1", "-an"]
    done = _run(*at, "-vf", views, "-c:v", "mjpeg", "-f", "image2pipe", "-")
    return done.stdout or None


def cut(recording: Path, start_s: float, end_s: float, out: Path) -> None:
    """Cut a clip out of a recording, re-encoded so that its times are exact.

    Raises:
        MediaError: ffmpeg fails.
    """
    at = ["-ss", f"{start_s:.3f}", "-i", _name(recording), "-t", f"{end_s - start_s:.3f}"]
    picture = ["-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2", "-c:v", "libx264", "-crf", "20"]
    sound = ["-c:a", "aac", "-sn", "-dn", "-map_metadata", "-1"]
    done = _run(*at, *picture, *sound, "-pix_fmt", "yuv420p", "-y", str(out))
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise MediaError(f"{recording}: an excerpt cannot be cut ({said[-1]})")


def _name(recording: Path) -> str:
    return f"file:{recording}"


def _run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [find_ffmpeg(), "-nostdin", "-v", "error", *arguments]
    return subprocess.run(command, capture_output=True, check=False)
