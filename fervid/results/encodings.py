"""Decodes the text of tables and lists, whichever encoding it is in."""

from __future__ import annotations

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE_SHARE = 0.2
"""Share of zeros in every other byte at which text counts as UTF-16 without a mark."""


def marked_encoding(blob: bytes) -> str | None:
    """The encoding shown by a byte order mark or by the zeros of UTF-16, else None."""
    for mark, name in _MARKS:
        if blob.startswith(mark):
            return name
    # A list of one-letter names separated by NULs looks like UTF-16, but has no newlines.
    if len(blob) % 2 or not (b"\n\0" in blob or b"\0\n" in blob):
        return None
    zeros = [blob[first::2].count(0) / (len(blob) // 2) for first in (0, 1)]
    if min(zeros) < 0.01 and max(zeros) > _WIDE_SHARE:
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    return None


def text_of(blob: bytes) -> str:
    """Decode text in UTF-8, UTF-16 or UTF-32, or else in the encoding that fits best.

    Raises:
        UnicodeError: no encoding fits.
    """
    if known := marked_encoding(blob):
        return blob.decode(known)
    try:
        return blob.decode()
    except UnicodeDecodeError:
        # Loaded here because it takes a tenth of a second and only files of old programs need it.
        from charset_normalizer import from_bytes

        # Western Windows first, because in short texts other encodings win only by chance.
        best = from_bytes(blob, cp_isolation=["cp1252"]).best() or from_bytes(blob).best()
        if best is None:
            raise
        return str(best)
