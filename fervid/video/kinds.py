"""Recognises recordings and photos by their first bytes, as the program `file` does."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Literal

Kind = Literal["recording", "photo"]

_HEAD_BYTES = 4096

_SIGNATURES: tuple[tuple[int, bytes], ...] = (
    (0, b"\x1aE\xdf\xa3"),  # Matroska, WebM
    (0, b"FLV\x01"),
    (0, b"0&\xb2u\x8ef\xcf\x11"),  # ASF, WMV
    (0, b"\x12\x00\x0a"),  # AV1, a temporal delimiter and a sequence header
    (0, b"DKIF"),  # IVF
    (0, b"YUV4MPEG2"),
    (0, b"nut/multimedia container\x00"),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01"),  # MXF
    (0, b"\xb7\xd8\x00\x20\x37\x49\xda\x11\xa6\x4e\x00\x07\xe9\x5e\xad\x8d"),  # WTV
    (0, b".RMF"),
    (0, b"\x1f\x07\x00"),  # DV
    (0, b"DHAV"),
    (0, b"\x00\x00\x00\x00\x01\xbc"),  # GXF
    (4, b"moov"),
    (4, b"mdat"),
    (4, b"wide"),
    (4, b"free"),
    (4, b"skip"),
)
_START_CODES = re.compile(
    rb"\0{2,3}\x01("
    rb"[\xb0\xb3\xba]|"  # MPEG-4 video, MPEG video, MPEG program stream
    rb"[\x27\x47\x67]|\x09[\x10\x30\x50\x70\x90\xb0\xd0\xf0]|"  # H.264: parameters, delimiter
    rb"[\x40\x46]\x01|"  # H.265: parameters, delimiter
    rb"\0[\x71\x79\xa1])"  # H.266: parameters of two kinds, delimiter
)
_AUDIO_BRANDS = (b"M4A ", b"M4B ", b"M4P ")
_PICTURE_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"crx ")
_PHOTO_SIGNATURES = (b"\xff\xd8\xff", b"II*\0", b"MM\0*")
_BITMAP = re.compile(rb"BM....\0\0\0\0", re.DOTALL)
_GIF = (b"GIF87a", b"GIF89a")
_ANYMAP = re.compile(rb"P[1-6]\s+(#[^\n]*\n\s*)*[0-9]+\s+[0-9]+\s")
_ANIMATED_WEBP = 0x02
"""A bit of the first byte of the VP8X chunk."""

_OGG_VIDEO = (b"\x80theora", b"OVP80", b"BBCD\x00", b"\x01video")
_PACKETS = (188, 192, 204)
"""Bytes per MPEG-TS packet: plain, with a time stamp before it, and with check bytes."""

_SUFFIXES = (
    *(".264", ".265", ".266", ".3g2", ".3gp", ".asf", ".avi", ".dv", ".f4v", ".flv", ".gxf"),
    *(".h261", ".h263", ".h264", ".h265", ".hevc", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov"),
    *(".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".rm", ".vob", ".webm", ".wmv", ".wtv"),
)
"""Suffixes of recordings; a file with such a name but other content is refused with an error."""


_PHOTO_SUFFIXES = (
    *(".avif", ".bmp", ".heic", ".heif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm"),
    *(".tif", ".tiff", ".webp"),
)


def kind_of(path: Path) -> Kind | None:
    """How to treat a file; None: as neither recording nor photo.

    The first bytes decide, or else the suffix, so that a broken or unreadable recording gives an
    error instead of being skipped.
    """
    try:
        # O_NONBLOCK: opening a named pipe nobody writes to would wait for ever.
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError:
        return _kind_by_name(path)
    try:
        regular = stat.S_ISREG(os.fstat(fd).st_mode)
        head = os.read(fd, _HEAD_BYTES) if regular else b""
    except OSError:
        return _kind_by_name(path)
    finally:
        os.close(fd)
    if not regular:
        return None
    if head[:6] in _GIF:
        return "recording" if _is_animated(path) else "photo"
    if _is_recording(head):
        return "recording"
    if _is_photo(head):
        return "photo"
    # A transport stream may begin with something else; a program in TypeScript is text.
    return "recording" if path.suffix.lower() == ".ts" and b"\0" in head else _kind_by_name(path)


def _kind_by_name(path: Path) -> Kind | None:
    suffix = path.suffix.lower()
    if suffix in _SUFFIXES:
        return "recording"
    return "photo" if suffix in _PHOTO_SUFFIXES else None


def _is_animated(gif: Path) -> bool:
    """Whether a GIF has several pictures; a damaged one counts as if it had."""
    from PIL import Image

    try:
        with Image.open(gif, formats=("GIF",)) as image:
            return bool(getattr(image, "is_animated", False))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return True


def _is_photo(head: bytes) -> bool:
    if head[4:8] == b"ftyp":
        return head[8:12] in _PICTURE_BRANDS
    if head[:4] == b"RIFF":
        return head[8:12] == b"WEBP"
    if head[:8] == _PNG:
        return True
    if head.startswith(_PHOTO_SIGNATURES):
        return True
    return bool(_BITMAP.match(head) or _ANYMAP.match(head))


def _is_recording(head: bytes) -> bool:
    if head[4:8] == b"ftyp":
        return head[8:12] not in _AUDIO_BRANDS + _PICTURE_BRANDS
    if head[:4] == b"RIFF":
        animated = head[12:16] == b"VP8X" and head[20:21] and head[20] & _ANIMATED_WEBP
        return head[8:12] in (b"AVI ", b"AVIX") or (head[8:12] == b"WEBP" and bool(animated))
    if head[:4] == b"OggS":
        return any(sign in head for sign in _OGG_VIDEO)
    if head[:8] == _PNG:
        return b"acTL" in head
    if _START_CODES.match(head) or _is_transport_stream(head):
        return True
    return any(head[start : start + len(sign)] == sign for start, sign in _SIGNATURES)


_PNG = b"\x89PNG\r\n\x1a\n"


def _is_transport_stream(head: bytes) -> bool:
    """Whether each packet begins as it should; the file may begin in the middle of one."""
    signs = (head[first::length] for length in _PACKETS for first in range(length))
    return any(len(sign) >= 5 and set(sign) == {0x47} for sign in signs)
