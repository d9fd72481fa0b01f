"""Changes of nothing but the pixel aspect, as in television: ffmpeg reports only the first one.

A sequence header of MPEG-2 states the shape of the displayed picture (ISO/IEC 13818-2, 6.3.3).
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from fervid.video.tracks import Track

_SHAPES = {2: "4:3", 3: "16:9", 4: "2.21:1"}
_CHUNK_BYTES = 1 << 22
_HEADER_BYTES = 8
_LEAST_HEADERS = 2
"""A single header may be damaged."""


def aspect_change(path: Path, track: Track | None) -> str:
    """A warning if an MPEG-2 track changes its shape but not its size; empty if not.

    The whole file is searched for headers of pictures of this size.
    """
    if track is None or track.codec != "mpeg2video" or not track.pixels:
        return ""
    try:
        first, count = _shapes(path, track)
    except OSError:  # it could be read until now; the tables are worth more than this warning
        return ""
    sure = [code for code in first if count[code] >= _LEAST_HEADERS]
    if len(sure) < 2:
        return ""
    share = first[sure[1]] / max(1, path.stat().st_size)
    return (
        f"its shape changes from {_SHAPES[sure[0]]} to {_SHAPES[sure[1]]} about {share:.0%} into "
        "the file; all of it is analysed in the first shape, so later faces are squeezed"
    )


def _shapes(path: Path, track: Track) -> tuple[dict[int, int], Counter[int]]:
    """Codes of shapes, in order: where in the file each comes first, and how often it comes."""
    size = (track.width << 12 | track.height).to_bytes(3)
    header = re.compile(b"\0\0\x01\xb3" + re.escape(size) + b"(.)", re.DOTALL)
    first: dict[int, int] = {}
    count: Counter[int] = Counter()
    with path.open("rb") as file:
        kept, at = b"", 0
        while chunk := file.read(_CHUNK_BYTES):
            data = kept + chunk
            for match in header.finditer(data):
                if (code := match[1][0] >> 4) in _SHAPES:
                    first.setdefault(code, at + match.start())
                    count[code] += 1
            kept = data[1 - _HEADER_BYTES :]
            at += len(data) - len(kept)
    return first, count
