"""Senders of live streams, as ffmpeg makes them of a sample clip."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from fervid.video.executable import find_ffmpeg

CAMERA = ("-t", 8, "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-g", 6)
"""Encodes as a camera does: no picture refers to a later one; a whole one comes twice a second."""


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port that nobody uses at the moment."""
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def sender(clip: Path, *output: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
    """ffmpeg sending a clip again and again, as fast as it would be shown."""
    command = [find_ffmpeg(), "-v", "quiet", "-nostdin", "-re", "-stream_loop", "-1"]
    command += ["-i", str(clip), "-c", "copy", "-f", "mpegts", *output]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout)


@contextlib.contextmanager
def sending(clip: Path, *output: str) -> Iterator[subprocess.Popen[bytes]]:
    """The same while the context lasts."""
    process = sender(clip, *output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
