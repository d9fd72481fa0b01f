"""Renders recordings for measurements: faces that move over a changing background."""

from __future__ import annotations

import subprocess
from pathlib import Path

from fervid.video.executable import find_ffmpeg

PORTRAIT = Path(__file__).parent.parent / "sample_media" / "portrait.jpg"

_PLACES = ((0.1, 0.1), (0.42, 0.06), (0.74, 0.12), (0.14, 0.55), (0.46, 0.52), (0.76, 0.56))
"""Upper left corners of up to six faces, as fractions of the frame."""


def make_clip(
    path: Path,
    *,
    seconds: float,
    size: tuple[int, int] = (1920, 1080),
    fps: int = 30,
    faces: int = 1,
) -> Path:
    """Render an H.264 recording with faces that sway, before a slow gradient with some noise.

    Args:
        path: path of the MP4 file.
        seconds: length.
        size: width and height in pixels.
        fps: frames per second.
        faces: 1 to 6.

    Raises:
        ValueError: more faces than there are places.
        subprocess.CalledProcessError: ffmpeg cannot render it.
    """
    if not 1 <= faces <= len(_PLACES):
        raise ValueError(f"1 to {len(_PLACES)} faces")
    width, height = size
    tall = height * (0.7 if faces == 1 else 0.38)
    inputs = ["-f", "lavfi", "-i", f"gradients=s={width}x{height}:r={fps}:d={seconds}:speed=0.01"]
    graph = [
        f"[0]noise=alls=6:allf=t[b0];[1]scale=-2:{tall:.0f},split={faces}"
        + "".join(f"[f{number}]" for number in range(faces))
    ]
    for number, (x, y) in enumerate(_PLACES[:faces]):
        sway = f"{width * x:.0f}+{width * 0.02:.0f}*sin(t*1.3+{number})"
        bob = f"{height * y:.0f}+{height * 0.02:.0f}*sin(t*0.9+{number})"
        graph.append(f"[b{number}][f{number}]overlay=x={sway}:y={bob}[b{number + 1}]")
    encoder = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "22", "-pix_fmt", "yuv420p"]
    command = [
        *(find_ffmpeg(), "-v", "error", "-y", *inputs, "-loop", "1", "-i", str(PORTRAIT)),
        *("-filter_complex", ";".join(graph), "-map", f"[b{faces}]", "-t", str(seconds)),
        *(*encoder, str(path)),
    ]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def repeat(recording: Path, path: Path, times: int) -> Path:
    """Repeat a recording in one file, without re-encoding."""
    loop = ("-stream_loop", str(times - 1), "-i", str(recording), "-c", "copy", str(path))
    subprocess.run(
        [find_ffmpeg(), "-v", "error", "-y", *loop], check=True, stdin=subprocess.DEVNULL
    )
    return path
