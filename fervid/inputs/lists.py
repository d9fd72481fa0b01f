"""Lists of paths, as `find -print0`, `ls` and people write them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fervid.errors import PlanError


def read_list(source: str) -> list[Path]:
    """The paths in a file, or, for "-", on standard input.

    They end in NUL, or in newlines if there is no NUL; empty ones are left out.

    Raises:
        PlanError: it cannot be read.
    """
    try:
        blob = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PlanError(f"{source!a}: the list cannot be read ({reason})") from error
    lines = blob.split(b"\0") if b"\0" in blob else blob.splitlines()
    return [Path(os.fsdecode(line)) for line in lines if line]
