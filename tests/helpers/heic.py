"""HEIC files as phones write them: a grid of tiles that are coded apart, and a turn to be applied.

Layout after ISO/IEC 23008-12 (HEIF), clauses 6.5.10 (irot) and 6.6.2.3 (grid).
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pillow_heif
from PIL import Image


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def _full(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *content)


def _coded(tile: Image.Image) -> tuple[bytes, bytes]:
    """The decoder's configuration (hvcC) and the coded picture of a tile."""
    file = io.BytesIO()
    pillow_heif.from_pillow(tile).save(file, quality=90)
    blob = file.getvalue()
    begin = blob.index(b"hvcC") - 4
    (length,) = struct.unpack_from(">I", blob, begin)
    media = blob.index(b"mdat") + 4
    return blob[begin : begin + length], blob[media:]


def write_tiled(path: Path, image: Image.Image, side: int, turns: int = 0) -> None:
    """Write an RGB picture, whose sides are multiples of `side`, as a grid of square tiles.

    Args:
        turns: by so many right angles counterclockwise readers are to turn it.
    """
    columns, rows = image.width // side, image.height // side
    corners = [(x * side, y * side) for y in range(rows) for x in range(columns)]
    tiles = [_coded(image.crop((x, y, x + side, y + side))) for x, y in corners]
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, image.width, image.height)
    items = [(b"hvc1", data) for _, data in tiles] + [(b"grid", grid)]
    whole = len(items)
    head = _box(b"ftyp", b"heic", bytes(4), b"mif1heic")

    def meta(first: int) -> bytes:
        infos = [
            _full(b"infe", struct.pack(">HH", number, 0), kind, b"\0", version=2)
            for number, (kind, _) in enumerate(items, 1)
        ]
        made_of = struct.pack(f">HH{len(tiles)}H", whole, len(tiles), *range(1, whole))
        size = _full(b"ispe", struct.pack(">II", side, side))
        whole_size = _full(b"ispe", struct.pack(">II", image.width, image.height))
        turn = _box(b"irot", bytes([turns]))
        own = [struct.pack(">HBBB", number, 2, 0x81, 2) for number in range(1, whole)]
        own.append(struct.pack(">HBBB", whole, 2, 3, 0x84))
        places, offset = [], first
        for number, (_, data) in enumerate(items, 1):
            places.append(struct.pack(">HHHII", number, 0, 1, offset, len(data)))
            offset += len(data)
        return _full(
            b"meta",
            _full(b"hdlr", bytes(4), b"pict", bytes(13)),
            _full(b"pitm", struct.pack(">H", whole)),
            _full(b"iloc", b"\x44\0", struct.pack(">H", len(items)), *places),
            _full(b"iinf", struct.pack(">H", len(items)), *infos),
            _full(b"iref", _box(b"dimg", made_of)),
            _box(
                b"iprp",
                _box(b"ipco", tiles[0][0], size, whole_size, turn),
                _full(b"ipma", struct.pack(">I", len(own)), *own),
            ),
        )

    media = b"".join(data for _, data in items)
    before = len(head) + len(meta(0)) + 8
    path.write_bytes(head + meta(before) + _box(b"mdat", media))
