"""Text of tables and lists, however the program that wrote it encodes it."""

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
"""Share of zeros in every other byte from which text is UTF-16 without a mark."""


def marked_encoding(blob: bytes) -> str | None:
    """The encoding that bytes tell of by themselves: a mark, or the zeros of UTF-16; else None."""
    for mark, name in _MARKS:
        if blob.startswith(mark):
            return name
    # A list with NULs between names of one letter has no newlines, wide or not.
    if len(blob) % 2 or not (b"\n\0" in blob or b"\0\n" in blob):
        return None
    zeros = [blob[first::2].count(0) / (len(blob) // 2) for first in (0, 1)]
    if min(zeros) < 0.01 and max(zeros) > _WIDE_SHARE:
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    return None


def text_of(blob: bytes) -> str:
    """Text in UTF-8, UTF-16 or UTF-32, or else in the encoding that fits it best.

    Raises:
        UnicodeError: none does.
    """
    if known := marked_encoding(blob):
        return blob.decode(known)
    try:
        return blob.decode()
    except UnicodeDecodeError:
        # A tenth of a second to load, for files of old programs only.
        from charset_normalizer import from_bytes

        # Western Windows first: of short texts, others are told from it by chance only.
        best = from_bytes(blob, cp_isolation=["cp1252"]).best() or from_bytes(blob).best()
        if best is None:
            raise
        return str(best)
