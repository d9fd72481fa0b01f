"""Reads HEIC and HEIF photos, as phones take them, with ffmpeg."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path
from typing import Any

from PIL import Image

from fervid.errors import MediaError, quoted
from fervid.video.ffmpeg import LOG_PICTURES, Child

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")
_OF_TILES = (b"grid", b"iovl")
"""Kinds of pictures that ffmpeg takes for groups of tiles."""

_CHUNK = 1 << 20
_GIVEN = {"f": "image2pipe", "c:v": "ppm", "pix_fmt": "rgb24", "frames:v": 1}


def is_heif(content: bytes) -> bool:
    """Whether a file begins like a HEIF picture; AVIF pictures are left to Pillow."""
    return content[4:8] == b"ftyp" and content[8:12] in _BRANDS


def decode_heif(path: Path, content: bytes, longest: int) -> tuple[Image.Image, tuple[int, int]]:
    """Decode a file's content to an upright RGB picture, scaled down by ffmpeg.

    ffmpeg decodes all tiles of a picture at once: 100 megapixels take it about 700 MB.

    Args:
        path: the file.
        content: all its bytes.
        longest: longest side of the decoded picture in pixels.

    Returns:
        The picture, and the width and height of the upright picture before it was scaled down.

    Raises:
        MediaError: ffmpeg cannot read the picture.
        SetupError: there is no usable ffmpeg.
    """
    log: list[str] = []
    group = _group(content)
    child = Child(
        path,
        _GIVEN | _scaled(group, longest),
        threads=1,
        level="info",
        on_log=lambda line, _: log.append(line),
        frame_stats=True,
        # ffmpeg rotates a tiled picture as a whole; if asked to rotate streams, it also rotates
        # each tile.
        reading={} if group is None else {"noautorotate": None},
        stream=None,
    )
    try:
        picture = io.BytesIO()
        view = memoryview(bytearray(_CHUNK))
        while count := child.read(view):
            picture.write(view[:count])
        code, frame = child.wait(), child.next_frame()
    finally:
        child.close()
    if code or frame is None or not picture.tell():
        why = "is damaged" if any("Invalid data" in line for line in log) else "cannot be decoded"
        raise MediaError(f"{quoted(path)}: {why} (HEIC, by ffmpeg)")
    return Image.open(picture, formats=("PPM",)), frame[3][:2]


def _scaled(group: int | None, longest: int) -> dict[str, Any]:
    """Output options that tell the size of the picture, and then scale it down."""
    scale = f"min(1,{longest}/max(iw,ih))"
    sides = ":".join(f"'max(1,round({side}*{scale}))'" for side in ("iw", "ih"))
    filters = f"{LOG_PICTURES},scale={sides}:flags=area"
    if group is None:
        return {"vf": filters}
    return {"filter_complex": f"[0:g:{group}]{filters}[whole]", "map": "[whole]"}


def _group(content: bytes) -> int | None:
    """Which of the file's groups of tiles is its main picture, from 0; None: it has no tiles.

    Decided by the primary item (pitm), its entry (infe) and the groups (dimg) in the box meta;
    ISO/IEC 14496-12, 8.11.4, 8.11.6 and 8.11.12.
    """
    meta = _meta(content)
    kinds = {
        int.from_bytes(one[1] or one[2]): one[3]
        for one in re.finditer(rb"infe(?:\x02...(..)|\x03...(....))..(....)", meta, re.DOTALL)
    }
    primary = re.search(rb"pitm(?:\0...(..)|\x01...(....))", meta, re.DOTALL)
    number = int.from_bytes(primary[1] or primary[2]) if primary else -1
    if kinds.get(number) != b"grid":
        return None
    bytes_each = 4 if re.search(rb"iref\x01", meta) else 2
    made = re.finditer(rb"dimg(%b)" % (b"." * bytes_each), meta, re.DOTALL)
    groups = [item for one in made if kinds.get(item := int.from_bytes(one[1])) in _OF_TILES]
    return groups.index(number) if number in groups else 0


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
