"""Memory that is free for us but still taken from the system's point of view."""

from __future__ import annotations

import ctypes
import sys


def release_memory() -> None:
    """Hand freed memory back to the system, where the C library can (glibc).

    What the decoding and searching threads freed stays in their heaps: about 100 MB, on top of
    which the tables and the report of a long recording would be made.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
