"""Lists of paths, as `find -print0`, `ls` and people write them."""

from __future__ import annotations

import contextlib
import os
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from fervid.errors import PlanError
from fervid.results.encodings import marked_encoding, text_of


def read_list(source: str) -> list[Path]:
    """Read the paths in a file, or on standard input for "-".

    Paths are separated by NULs, or by newlines if there is no NUL; empty ones are ignored. The list
    may have a byte order mark or be in UTF-16, as Windows writes it. If no file has a name as it is
    written, other encodings of its bytes are tried, and the name without blanks or quotes around
    it.

    Raises:
        PlanError: it cannot be read.
    """
    try:
        blob = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        if encoding := marked_encoding(blob):
            blob = os.fsencode(blob.decode(encoding))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PlanError(f"{source!r}: the list cannot be read ({reason})") from error
    lines = blob.split(b"\0") if b"\0" in blob else blob.splitlines()
    return [_path(line) for line in lines if line]


def _path(line: bytes) -> Path:
    as_it_stands = Path(os.fsdecode(line))
    return next((path for path in _readings(line) if os.path.lexists(path)), as_it_stands)


def _readings(line: bytes) -> Iterator[Path]:
    """The paths that a line may mean, likeliest first."""
    yield Path(os.fsdecode(line))
    texts = [os.fsdecode(line)]
    if not line.isascii():
        with contextlib.suppress(ValueError):
            texts.append(text_of(line))
    # macOS may store an accent apart from its letter.
    texts += [unicodedata.normalize(form, text) for text in texts for form in ("NFC", "NFD")]
    for text in texts:
        bare = text.strip()
        yield from (Path(text), Path(bare))
        if bare[:1] == bare[-1:] == '"':  # Windows' "Copy as path" adds quotes
            yield Path(bare[1:-1])
