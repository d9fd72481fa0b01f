"""Large WebP pictures, decoded and scaled down by ffmpeg."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from fervid.video.ffmpeg import Child


def decode_webp(path: Path, size: tuple[int, int]) -> Image.Image | None:
    """Decode a still WebP file to RGBA of this width and height, without rotation.

    Returns None if ffmpeg cannot decode it.

    Raises:
        MediaError: the file cannot be opened.
        SetupError: there is no usable ffmpeg.
    """
    width, height = size
    output = {"vf": f"scale={width}:{height}:flags=area", "f": "rawvideo", "pix_fmt": "rgba"}
    child = Child(
        path,
        {**output, "frames:v": 1},
        threads=1,
        level="quiet",
        on_log=lambda *_: None,
        reading={"f": "webp_pipe", "noautorotate": None},
        stream=None,
    )
    pixels = bytearray(4 * width * height)
    try:
        is_whole = child.read(memoryview(pixels)) == len(pixels)
    finally:
        child.close()
    if not is_whole:
        return None
    return Image.frombuffer("RGBA", size, pixels, "raw", "RGBA", 0, 1)
