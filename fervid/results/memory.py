"""Returns freed memory to the operating system."""

from __future__ import annotations

import ctypes
import sys


def release_memory() -> None:
    """Return freed memory to the system, where the C library can (glibc).

    About 100 MB freed by the decoding and searching threads would otherwise stay in their heaps
    while the tables and the report of a long recording are made.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
