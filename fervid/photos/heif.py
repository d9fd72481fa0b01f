"""Reads HEIC and HEIF photos, as phones take them, with ffmpeg."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path

from fervid.errors import MediaError, quoted
from fervid.video.ffmpeg import Child

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")
_CHUNK = 1 << 20


def is_heif(content: bytes) -> bool:
    """Whether a file begins like a HEIF picture; AVIF pictures are left to Pillow."""
    return content[4:8] == b"ftyp" and content[8:12] in _BRANDS


def decode_heif(path: Path, content: bytes) -> io.BytesIO:
    """Decode a file's content to an upright picture, as a PPM file with 8 bits per channel.

    Raises:
        MediaError: ffmpeg cannot read the picture.
        SetupError: there is no usable ffmpeg.
    """
    log: list[str] = []
    output = {"f": "image2pipe", "c:v": "ppm", "pix_fmt": "rgb24", "frames:v": 1}
    # ffmpeg rotates a tiled picture as a whole; if asked to rotate streams, it also rotates each
    # tile.
    reading = {"noautorotate": None} if _is_tiled(content) else {}
    child = Child(
        path,
        output,
        threads=1,
        level="error",
        on_log=lambda line, _: log.append(line),
        reading=reading,
        stream=None,
    )
    try:
        picture = io.BytesIO()
        view = memoryview(bytearray(_CHUNK))
        while count := child.read(view):
            picture.write(view[:count])
        code = child.wait()
    finally:
        child.close()
    if code or not picture.tell():
        why = "is damaged" if any("Invalid data" in line for line in log) else "cannot be decoded"
        raise MediaError(f"{quoted(path)}: {why} (HEIC, by ffmpeg)")
    picture.seek(0)
    return picture


def _is_tiled(content: bytes) -> bool:
    """Whether the file's main picture is made of tiles.

    Decided by the primary item (pitm) and its entry (infe) in the box meta; ISO/IEC 14496-12,
    8.11.4 and 8.11.6.
    """
    meta = _meta(content)
    primary = re.search(rb"pitm(?:\0...(..)|\x01...(....))", meta, re.DOTALL)
    if primary is None:
        return False
    number = int.from_bytes(primary[1] or primary[2])
    entries = re.finditer(rb"infe(?:\x02...(..)|\x03...(....))..(....)", meta, re.DOTALL)
    return any(int.from_bytes(one[1] or one[2]) == number and one[3] == b"grid" for one in entries)


def _meta(content: bytes) -> bytes:
    """The box that describes the file's contents; empty if there is none."""
    start = 0
    while start + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, start)
        if length == 1 and start + 16 <= len(content):
            (length,) = struct.unpack_from(">Q", content, start + 8)
        length = length or len(content) - start
        if kind == b"meta":
            return content[start : start + length]
        start += max(8, length)
    return b""
