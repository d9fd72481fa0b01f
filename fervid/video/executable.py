"""The ffmpeg of this machine: which one is run, how it is started, what it is given."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg

from fervid.errors import MediaError, SetupError, quoted

OLDEST_VERSION = 7
"""Oldest major version of ffmpeg whose options and time stamp statistics are known to work."""

MAX_PIXELS = 100_000_000
"""Largest picture that is decoded, because a small file can claim one that fills the memory."""

MAX_BLOCK_BYTES = 1 << 29
"""Largest block of memory that ffmpeg may allocate: twice the index of ten hours at 240 frames per
second. A small file can contain a packed or repeating index that would fill the memory."""

_PIPE_BYTES = 1 << 20
"""Large enough for several frames, where the system allows such a pipe."""

_WINDOWS = sys.platform == "win32"


@functools.cache
def find_ffmpeg() -> str:
    """Find the ffmpeg to run: the one on PATH if it is new enough, else the bundled one.

    Raises:
        SetupError: both are missing or too old.
    """
    bundled: str = ""
    system = shutil.which("ffmpeg")
    if system and _major_version(system) >= OLDEST_VERSION:
        return system
    with contextlib.suppress(RuntimeError):
        bundled = imageio_ffmpeg.get_ffmpeg_exe()
    if bundled and _major_version(bundled) >= OLDEST_VERSION:
        return bundled
    raise SetupError(
        f"no ffmpeg {OLDEST_VERSION}.0 or newer was found; install ffmpeg, or reinstall the "
        "package imageio-ffmpeg"
    )


def _major_version(binary: str) -> int:
    """Major version that `binary -version` prints; 0 if it prints none or cannot be run."""
    try:
        text = subprocess.run(
            [binary, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            env=_environment(),
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.match(rb"ffmpeg version n?(\d+)\.", text)
    return int(match[1]) if match else 0


def _environment() -> dict[str, str]:
    """Our environment without the variables that make ffmpeg load libraries from the current
    folder, write a report file or colour its log."""
    dropped = ("FFREPORT", "AV_LOG_FORCE_COLOR", "LD_LIBRARY_PATH")
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    # Importing OpenCV adds an empty entry, which means the current folder.
    folders = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    absolute = [folder for folder in folders if Path(folder).is_absolute()]
    return kept | ({"LD_LIBRARY_PATH": ":".join(absolute)} if absolute else {})


def start(
    command: list[str], fds: list[int], stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start ffmpeg with these descriptors open and with unbuffered pipes.

    Raises:
        SetupError: it cannot be started.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=_environment(),
            pass_fds=() if _WINDOWS else fds,
            start_new_session=not _WINDOWS,
        )
    except OSError as error:
        raise SetupError(f"ffmpeg cannot be started: {error.strerror}") from None
    if sys.platform == "linux":
        import fcntl

        assert process.stdout is not None
        with contextlib.suppress(OSError):  # the system limits the size of a user's pipes
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return process


def open_recording(path: Path) -> int:
    """Open a non-empty regular file for reading; return its descriptor.

    Raises:
        MediaError: the path is missing, unreadable, empty, a folder, a pipe or a device.
    """
    try:
        # O_NONBLOCK, because opening a named pipe without a writer would wait for ever.
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a valid file name"
        raise MediaError(f"{quoted(path)}: cannot be opened: {reason}") from None
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode) and status.st_size:
        return fd
    os.close(fd)
    kind = "an empty file" if stat.S_ISREG(status.st_mode) else "not a regular file"
    if stat.S_ISDIR(status.st_mode):
        kind = "a folder"
    raise MediaError(f"{quoted(path)}: is {kind}; give the path of a recording or photo")
