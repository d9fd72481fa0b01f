"""A photo file as pixels: upright, as people see it, whatever its format and mode."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fervid.errors import MediaError
from fervid.photos.heif import decode_heif, is_heif
from fervid.video.ffmpeg import MAX_PIXELS, open_recording, quoted

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM")
"""Pillow's names of what is read; its other readers are for scripts, fonts and rarities."""

MOST_SIDE = 2560
"""Longer side in pixels at which a photo's faces are cut out; larger photos are scaled down."""

MOST_BYTES = 500_000_000
"""Largest file that is read; a photo of 100 megapixels in three bytes a pixel has 300 MB."""

_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError, OverflowError),
    *(AttributeError, RuntimeError, MemoryError, struct.error, zlib.error),
)
"""What Pillow's readers raise on files that are cut off or altered; they promise no one class."""

_ORIENTATION = 0x0112
_WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Photo:
    """A photo as displayed: orientation applied, transparency over white.

    Attributes:
        width, height: in pixels, as displayed.
        luma: (h, w) uint8, scaled down so that the longer side is at most `MOST_SIDE`.
        colour: (h, w, 3) uint8 red, green, blue of the same pixels.
        sha256: of the file, in hexadecimal; empty if it was an array.
    """

    width: int
    height: int
    luma: NDArray[np.uint8]
    colour: NDArray[np.uint8]
    sha256: str = ""

    @property
    def displayed(self) -> tuple[int, int]:
        """Width and height, the pixels in which boxes are told."""
        return self.width, self.height


def read_photo(path: Path) -> Photo:
    """Read a photo file.

    Raises:
        MediaError: it is no photo that can be read, is cut off, or is too large.
        SetupError: it is a HEIC file, and there is no usable ffmpeg.
    """
    with os.fdopen(open_recording(path), "rb") as file:
        if os.fstat(file.fileno()).st_size > MOST_BYTES:
            raise MediaError(f"{quoted(path)}: larger than {MOST_BYTES // 1_000_000} MB")
        try:
            content = file.read()
        except OSError as error:
            raise MediaError(f"{quoted(path)}: cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    with without_notes():
        if is_heif(content):
            image = _opened(path, decode_heif(path, content), ("PPM",))
        else:
            image = _opened(path, content, FORMATS)
        return _photo(path, image, digest)


def photo_of(image: NDArray[np.uint8]) -> Photo:
    """The same of pixels in memory.

    Args:
        image: (H, W) or (H, W, 1) uint8 gray, (H, W, 3) red, green, blue, or (H, W, 4) with alpha.

    Raises:
        ValueError: another shape or dtype, or nothing in it.
    """
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    colours = array.shape[2] if array.ndim == 3 else 0
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or colours not in (0, 3, 4):
        raise ValueError(
            f"an image is (H, W), (H, W, 3) or (H, W, 4) of uint8, not {array.shape} of {array.dtype}"
        )
    if not array.size:
        raise ValueError(f"an image of {array.shape} has no pixels")
    return _displayed(Image.fromarray(array))


@contextmanager
def without_notes() -> Iterator[None]:
    """Within, Pillow says nothing of what it passes over in files, such as odd metadata."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _opened(path: Path, content: bytes, formats: tuple[str, ...]) -> Image.Image:
    """The image of a file's content; nothing but its head is decoded yet."""
    try:
        image = Image.open(io.BytesIO(content), formats=formats)
        pixels = image.width * image.height
    except Image.DecompressionBombError:
        raise MediaError(f"{quoted(path)}: {_TOO_LARGE}") from None
    except Image.UnidentifiedImageError:
        raise MediaError(
            f"{quoted(path)}: is not a photo (or of a kind that is not read)"
        ) from None
    except _DAMAGE as error:
        raise MediaError(f"{quoted(path)}: {_damaged(error)}") from error
    if pixels > MAX_PIXELS:
        raise MediaError(f"{quoted(path)}: {_TOO_LARGE}")
    return image


_TOO_LARGE = f"is larger than {MAX_PIXELS // 1_000_000} megapixels"


def _photo(path: Path, image: Image.Image, digest: str) -> Photo:
    width, height = image.size
    try:
        turned = _orientation(image) >= 5
        # JPEGs are decoded at 1/2, 1/4 or 1/8 where that is enough.
        image.draft(None, (MOST_SIDE, MOST_SIDE))
        image.load()
        displayed = (height, width) if turned else (width, height)
        return _displayed(ImageOps.exif_transpose(image), displayed, digest)
    except _DAMAGE as error:
        raise MediaError(f"{quoted(path)}: {_damaged(error)}") from error


def _orientation(image: Image.Image) -> int:
    """How the camera was held, by EXIF: 1 upright, from 5 on the sides are exchanged."""
    value = image.getexif().get(_ORIENTATION, 1)
    return value if isinstance(value, int) else 1


def _displayed(
    image: Image.Image, displayed: tuple[int, int] | None = None, digest: str = ""
) -> Photo:
    width, height = displayed or image.size
    scale = MOST_SIDE / max(width, height)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = _eight_bits(image).resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    colour = _over_white(_eight_bits(image))
    luma = np.asarray(colour.convert("L"))
    return Photo(width, height, luma, np.asarray(colour.convert("RGB")), digest)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Of a mode that holds 8 bits a channel and can be resized."""
    if image.mode.startswith(("I;16", "I")):
        return Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("it holds real numbers, of which black and white are not known")
    if image.mode in ("P", "PA") or (image.mode != "RGBA" and "transparency" in image.info):
        return image.convert("RGBA")
    return image.convert("L") if image.mode == "1" else image


def _over_white(image: Image.Image) -> Image.Image:
    """Gray or red, green and blue, with white where it is transparent."""
    if image.mode in ("LA", "La", "RGBA", "RGBa"):
        image = image.convert("RGBA")
        below = Image.new("RGBA", image.size, (*_WHITE, 255))
        return Image.alpha_composite(below, image).convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _damaged(error: BaseException) -> str:
    """What is wrong, by what Pillow says of it."""
    words = str(error)
    if "truncated" in words or isinstance(error, EOFError):
        return "is cut off: the file is shorter than its picture"
    if isinstance(error, MemoryError):
        return "needs more memory than there is"
    told = "".join(c if c.isprintable() else " " for c in words)[:100]
    return f"is damaged, or of a kind that is not read ({told or type(error).__name__})"
