"""The command line of a decoding: what ffmpeg may open."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import ffmpeg

from fervid.video.executable import MAX_BLOCK_BYTES, MAX_PIXELS

MAX_STREAMS, MAX_TILES = 100, 1000
"""Most streams of a recording, and most tiles and other pictures of a photo, as each costs memory.
"""

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,flv,asf,gif,apng,webp_anim,ogg,mxf,"
    "wtv,rm,dv,ivf,nut,h261,h263,h264,hevc,vvc,obu,av1,vc1,yuv4mpegpipe,dhav,gxf,nsv,"
    "aac,aiff,flac,mp3,wav"
)
"""Demuxers that may be used: those of recordings, and of plain audio, so that an error can say what
it is. Play lists, scripts and devices are excluded because they open other files, still images
because they are not recordings."""

PICTURES = f"{CONTAINERS},webp_pipe"
"""The same for pictures."""

FROM_FIRST_PACKET: dict[str, Any] = {"copyts": None, "start_at_zero": None}
"""Time starts with the recording; in a transport stream, with the video, even if sound is first."""

FIRST_VIDEO = "V:0"
"""The first video track that is not a cover."""

_WINDOWS = sys.platform == "win32"


def decoding_command(
    binary: str,
    path: Path,
    fd: int,
    output: dict[str, Any],
    reading: dict[str, Any],
    level: str,
    chosen: str | None,
) -> list[str]:
    """The command line. The protocol `fd:` can open only the descriptor; ffmpeg sees no file name.

    Args:
        chosen: the stream to decode; None: ffmpeg chooses.
    """
    name, protocol = (f"file:{path.absolute()}", "file") if _WINDOWS else ("fd:", "fd")
    options: dict[str, Any] = {} if _WINDOWS else {"fd": fd}
    source = ffmpeg.input(
        name,
        protocol_whitelist=protocol,
        format_whitelist=CONTAINERS if chosen else PICTURES,
        max_pixels=MAX_PIXELS,
        max_streams=MAX_STREAMS if chosen else MAX_TILES,
        **reading,
        **options,
    )
    stream = ffmpeg.output(
        source[chosen] if chosen else source, "pipe:1", fps_mode="passthrough", **output
    )
    flags = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", f"repeat+level+{level}"]
    flags += ["-max_alloc", str(MAX_BLOCK_BYTES)]
    return [binary, *flags, *stream.compile(cmd=binary)[1:]]
