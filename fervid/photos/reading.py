"""Reads photos of any format and mode as upright pixels."""

from __future__ import annotations

import hashlib
import math
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fervid.errors import MediaError, quoted
from fervid.photos.heif import decode_heif, is_heif
from fervid.photos.webp import decode_webp
from fervid.records import FrameBatch
from fervid.video.executable import MAX_PIXELS, open_recording

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM")
"""Pillow's names of the formats that are read; its others are for scripts, fonts and rarities."""

MOST_SIDE = 2560
"""Longest side in pixels at which faces are cut out; larger photos are scaled down."""

SHOWN_SIDE = 1280
"""Longest side in pixels of the colour photo, which is only for viewing."""

MOST_BYTES = 500_000_000
"""Largest file that is read; 100 megapixels at three bytes per pixel have 300 MB."""

_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError, OverflowError),
    *(AttributeError, RuntimeError, MemoryError, struct.error, zlib.error),
)
"""What Pillow's readers may raise on cut-off or altered files; they define no common class."""

_CHUNK_BYTES = 1 << 20
_BAND_ROWS = 256
"""Rows of the scaled picture that are made at a time."""

_LARGE = 25_000_000
"""Photos with more pixels than this are decoded one at a time."""
_ROOM = threading.Lock()

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The operation that makes a picture upright, by EXIF orientation."""
_SIDEWAYS = tuple(turn for orientation, turn in _TURNS.items() if orientation >= 5)
_WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Photo:
    """A photo as displayed: orientation applied, transparency over white.

    Attributes:
        width, height: displayed size in pixels.
        luma: (h, w) uint8, scaled down so that the longer side is at most `MOST_SIDE`.
        colour: (h, w, 3) uint8 red, green, blue for viewing, at most `SHOWN_SIDE` pixels long.
        sha256: sha256 of the file in hexadecimal; empty for an array.
    """

    width: int
    height: int
    luma: NDArray[np.uint8]
    colour: NDArray[np.uint8]
    sha256: str = ""

    def as_frame(self) -> FrameBatch:
        """The luma as a frame with time NaN."""
        return FrameBatch(self.luma[None], np.zeros(1, np.int64), np.full(1, np.nan))

    @property
    def displayed(self) -> tuple[int, int]:
        """Displayed width and height; boxes are in these pixels."""
        return self.width, self.height


def read_photo(path: Path) -> Photo:
    """Read a photo file.

    Raises:
        MediaError: the file is not a readable photo, is cut off, or is too large.
        SetupError: the file is HEIC, and there is no usable ffmpeg.
    """
    with os.fdopen(open_recording(path), "rb") as file, without_notes():
        digest = _digest(file, path)
        if is_heif(_head(file)):
            image, size = decode_heif(path, file.read(), MOST_SIDE)
            _check_size(path, size)
            return _displayed(image, size, digest)
        return _photo(path, _opened(path, file, FORMATS), digest)


def check_photo(path: Path) -> None:
    """Raise MediaError if a photo would be refused, judged by its header; decodes no pixels."""
    with os.fdopen(open_recording(path), "rb") as file, without_notes():
        _check_length(file, path)
        if not is_heif(_head(file)):
            _check_kind(path, _opened(path, file, FORMATS))


def sha256_of(path: Path) -> str:
    """sha256 of a file in hexadecimal; empty if it cannot be read."""
    try:
        with os.fdopen(open_recording(path), "rb") as file:
            return _digest(file, path)
    except MediaError:
        return ""


def _check_length(file: IO[bytes], path: Path) -> None:
    if os.fstat(file.fileno()).st_size > MOST_BYTES:
        raise MediaError(f"{quoted(path)}: is larger than {MOST_BYTES // 1_000_000} MB")


def _digest(file: IO[bytes], path: Path) -> str:
    """sha256 of a file that is read piece by piece and then rewound."""
    _check_length(file, path)
    digest = hashlib.sha256()
    try:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
        file.seek(0)
    except OSError as error:
        raise MediaError(f"{quoted(path)}: cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _head(file: IO[bytes]) -> bytes:
    """The first bytes of a file, which is then rewound."""
    head = file.read(16)
    file.seek(0)
    return head


def photo_of(pixels: NDArray[np.uint8]) -> Photo:
    """Make a photo from pixels in memory.

    Args:
        pixels: (H, W) or (H, W, 1) uint8 grey, (H, W, 3) red, green, blue, or (H, W, 4) with alpha.

    Raises:
        ValueError: the shape or dtype is not supported, or the array is empty.
    """
    array = np.asarray(pixels)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    colours = array.shape[2] if array.ndim == 3 else 0
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or colours not in (0, 3, 4):
        raise ValueError(
            f"an image must be (H, W), (H, W, 3) or (H, W, 4) of uint8, not {array.shape} of "
            f"{array.dtype}"
        )
    if not array.size:
        raise ValueError(f"an image of {array.shape} has no pixels")
    image = Image.fromarray(array)
    return _displayed(image, image.size)


@contextmanager
def without_notes() -> Iterator[None]:
    """A context in which Pillow does not warn about what it ignores, such as odd metadata."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _opened(path: Path, file: IO[bytes], formats: tuple[str, ...]) -> Image.Image:
    """Open a file as an image; only its header is decoded yet."""
    try:
        image = Image.open(file, formats=formats)
        size = image.size
    except Image.DecompressionBombError:
        raise MediaError(f"{quoted(path)}: {_TOO_LARGE}") from None
    except UnidentifiedImageError:
        raise MediaError(
            f"{quoted(path)}: is not a photo, or is of a kind that fervid does not read"
        ) from None
    except _DAMAGE as error:
        raise MediaError(f"{quoted(path)}: {_damaged(error)}") from error
    _check_size(path, size)
    return image


def _check_size(path: Path, size: tuple[int, int]) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise MediaError(f"{quoted(path)}: {_TOO_LARGE}")


_TOO_LARGE = f"is larger than {MAX_PIXELS // 1_000_000} megapixels"


def _check_kind(path: Path, image: Image.Image) -> None:
    if image.mode == "F":
        raise MediaError(
            f"{quoted(path)}: has floating-point pixels; save it with 8 or 16 bits per channel"
        )


def _photo(path: Path, image: Image.Image, digest: str) -> Photo:
    _check_kind(path, image)
    with _ROOM if image.width * image.height > _LARGE else nullcontext():
        try:
            size = image.size
            if (small := _small_webp(path, image)) is not None:
                return _displayed(small, size, digest)
            # JPEGs are decoded at 1/2, 1/4 or 1/8 where that is enough.
            is_reduced = image.draft(None, (MOST_SIDE, MOST_SIDE)) is not None
            image.load()
            return _displayed(image, size if is_reduced else image.size, digest)
        except _DAMAGE as error:
            raise MediaError(f"{quoted(path)}: {_damaged(error)}") from error


def _small_webp(path: Path, image: Image.Image) -> Image.Image | None:
    """A large still WebP picture, scaled down by ffmpeg: Pillow needs four times its memory.

    None for other pictures, and if ffmpeg cannot decode it.
    """
    is_large = image.width * image.height > _LARGE
    if image.format != "WEBP" or not is_large or getattr(image, "is_animated", False):
        return None
    small = decode_webp(path, _small_size(image.size, MOST_SIDE))
    if small is not None:
        small.getexif().update(image.getexif())
    return small


def _displayed(image: Image.Image, size: tuple[int, int], digest: str = "") -> Photo:
    """A photo from a decoded image, made upright.

    Args:
        image: the image, at this or a smaller size.
        size: width and height of the stored picture.
    """
    turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    whole = _plain(image, _small_size(image.size, MOST_SIDE))
    if turn is not None:
        whole = whole.transpose(turn)
    width, height = size[::-1] if turn in _SIDEWAYS else size
    colour = np.asarray(_plain(whole, _small_size(whole.size, SHOWN_SIDE)).convert("RGB"))
    return Photo(width, height, np.asarray(whole.convert("L")), colour, digest)


def _plain(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Convert an image to grey or RGB over white, scaled down to this width and height.

    It is scaled band by band, so that a large picture is never in memory twice.
    """
    if size == image.size:
        return _over_white(_eight_bits(image))
    rows = image.height / size[1]
    whole: Image.Image | None = None
    for top in range(0, size[1], _BAND_ROWS):
        count = min(_BAND_ROWS, size[1] - top)
        first, last = math.floor(top * rows), min(math.ceil((top + count) * rows), image.height)
        band = _eight_bits(image.crop((0, first, image.width, last)))
        box = (0, top * rows - first, image.width, min((top + count) * rows, last) - first)
        band = _over_white(band.resize((size[0], count), Image.Resampling.BOX, box=box))
        whole = whole or Image.new(band.mode, size)
        whole.paste(band, (0, top))
    assert whole is not None
    return whole


def _small_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Width and height, scaled down so that the longer side has at most this many pixels."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _eight_bits(image: Image.Image) -> Image.Image:
    """Convert to a mode with 8 bits per channel that can be scaled."""
    if image.mode.startswith("I"):  # 16 bits, which some readers store in 32
        values = np.asarray(image)
        return Image.fromarray((values.clip(0, 0xFFFF) >> 8).astype(np.uint8))
    if image.mode in ("P", "PA") or (image.mode != "RGBA" and "transparency" in image.info):
        return image.convert("RGBA")
    return image.convert("L") if image.mode == "1" else image


def _over_white(image: Image.Image) -> Image.Image:
    """Convert to grey or RGB, with white where the image is transparent."""
    if image.mode in ("LA", "La", "RGBA", "RGBa"):
        image = image.convert("RGBA")
        below = Image.new("RGBA", image.size, (*_WHITE, 255))
        return Image.alpha_composite(below, image).convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _damaged(error: BaseException) -> str:
    """What is wrong with a file, by Pillow's error."""
    words = str(error)
    if "truncated" in words.lower() or isinstance(error, EOFError):
        return "is cut off: the file ends before the picture does"
    if isinstance(error, MemoryError):
        return "needs more memory than is available"
    why = "".join(c if c.isprintable() else " " for c in words)[:100]
    return f"is damaged, or is of a kind that fervid does not read ({why or type(error).__name__})"
