"""HEIC and HEIF photos, as phones take them, by way of ffmpeg."""

from __future__ import annotations

from pathlib import Path

from fervid.errors import MediaError
from fervid.video.ffmpeg import Child, quoted

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")
_CHUNK, _HEAD = 1 << 20, 1 << 16


def is_heif(content: bytes) -> bool:
    """Whether a file begins as a HEIF picture does; AVIF pictures are left to Pillow."""
    return content[4:8] == b"ftyp" and content[8:12] in _BRANDS


def decode_heif(path: Path, content: bytes) -> bytes:
    """The picture of a file with this content, upright, as a PPM file with 8 bits a channel.

    Raises:
        MediaError: it is none that ffmpeg can read.
        SetupError: no usable ffmpeg.
    """
    log: list[str] = []
    output = {"f": "image2pipe", "c:v": "ppm", "pix_fmt": "rgb24", "frames:v": 1}
    # ffmpeg turns a picture of tiles as a whole; told to turn streams, it turns each tile, too.
    reading = {"noautorotate": None} if b"grid" in content[:_HEAD] else {}
    child = Child(
        path,
        output,
        threads=1,
        level="error",
        on_log=lambda line, _: log.append(line),
        reading=reading,
        whole_picture=True,
    )
    try:
        picture = bytearray()
        view = memoryview(bytearray(_CHUNK))
        while count := child.read(view):
            picture += view[:count]
        code = child.wait()
    finally:
        child.close()
    if code or not picture:
        why = "is damaged" if any("Invalid data" in line for line in log) else "cannot be decoded"
        raise MediaError(f"{quoted(path)}: {why} (HEIC, by ffmpeg)")
    return bytes(picture)
