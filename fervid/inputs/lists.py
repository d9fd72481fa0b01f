"""Lists of paths, as `find -print0`, `ls` and people write them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fervid.errors import PlanError
from fervid.results.encodings import marked_encoding, text_of


def read_list(source: str) -> list[Path]:
    """The paths in a file, or, for "-", on standard input.

    They end in NUL, or in newlines if there is no NUL; empty ones are left out. The list may have a
    byte order mark or be in UTF-16, as Windows writes it; a name that is nowhere as it stands, and
    is there in another encoding of its bytes, is read in that one.

    Raises:
        PlanError: it cannot be read.
    """
    try:
        blob = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        if encoding := marked_encoding(blob):
            blob = os.fsencode(blob.decode(encoding))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PlanError(f"{source!a}: the list cannot be read ({reason})") from error
    lines = blob.split(b"\0") if b"\0" in blob else blob.splitlines()
    return [_path(line) for line in lines if line]


def _path(line: bytes) -> Path:
    path = Path(os.fsdecode(line))
    if line.isascii() or os.path.lexists(path):
        return path
    try:
        other = Path(text_of(line))
        return other if os.path.lexists(other) else path
    except ValueError:
        return path
