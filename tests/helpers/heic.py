"""HEIC files as phones write them: a grid of tiles that are coded apart, and a turn to be applied.

Layout after ISO/IEC 23008-12 (HEIF), clauses 6.5.10 (irot) and 6.6.2.3 (grid).
"""

from __future__ import annotations

import io
import struct
from functools import lru_cache
from pathlib import Path

import pillow_heif
from PIL import Image


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def _full(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *content)


@lru_cache(maxsize=16)
def _coded(pixels: bytes, side: int) -> tuple[bytes, bytes]:
    """The decoder's configuration (hvcC) and the coded picture of a tile in RGB."""
    file = io.BytesIO()
    pillow_heif.from_bytes("RGB", (side, side), pixels).save(file, quality=90)
    blob = file.getvalue()
    begin = blob.index(b"hvcC") - 4
    (length,) = struct.unpack_from(">I", blob, begin)
    media = blob.index(b"mdat") + 4
    return blob[begin : begin + length], blob[media:]


def _tiles(image: Image.Image, side: int) -> list[tuple[bytes, bytes]]:
    corners = [(x, y) for y in range(0, image.height, side) for x in range(0, image.width, side)]
    return [_coded(image.crop((x, y, x + side, y + side)).tobytes(), side) for x, y in corners]


def write_tiled(
    path: Path, image: Image.Image, side: int, turns: int = 0, before: Image.Image | None = None
) -> None:
    """Write an RGB picture, whose sides are multiples of `side`, as a grid of square tiles.

    Args:
        turns: by so many right angles counterclockwise readers are to turn it.
        before: another grid, such as a gain map, which comes first but is not the main picture.
    """
    items: list[tuple[bytes, bytes]] = []
    made_of, sizes, own = [], [], []
    for number, one in enumerate([image] if before is None else [before, image]):
        tiles = _tiles(one, side)
        first = len(items) + 1
        whole = first + len(tiles)
        columns, rows = one.width // side, one.height // side
        grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, one.width, one.height)
        items += [(b"hvc1", data) for _, data in tiles] + [(b"grid", grid)]
        each = range(first, whole)
        refers = struct.pack(f">HH{len(tiles)}H", whole, len(tiles), *each)
        made_of.append(_box(b"dimg", refers))
        sizes.append(_full(b"ispe", struct.pack(">II", one.width, one.height)))
        own += [struct.pack(">HBBB", tile, 2, 0x81, 2) for tile in each]
        own.append(struct.pack(">HBBB", whole, 2, 4 + number, 0x83))
    head = _box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    config, size = tiles[0][0], _full(b"ispe", struct.pack(">II", side, side))

    def meta(first: int) -> bytes:
        infos = [
            _full(b"infe", struct.pack(">HH", number, 0), kind, b"\0", version=2)
            for number, (kind, _) in enumerate(items, 1)
        ]
        turn = _box(b"irot", bytes([turns]))
        places, offset = [], first
        for number, (_, data) in enumerate(items, 1):
            places.append(struct.pack(">HHHII", number, 0, 1, offset, len(data)))
            offset += len(data)
        return _full(
            b"meta",
            _full(b"hdlr", bytes(4), b"pict", bytes(13)),
            _full(b"pitm", struct.pack(">H", len(items))),
            _full(b"iloc", b"\x44\0", struct.pack(">H", len(items)), *places),
            _full(b"iinf", struct.pack(">H", len(items)), *infos),
            _full(b"iref", *made_of),
            _box(
                b"iprp",
                _box(b"ipco", config, size, turn, *sizes),
                _full(b"ipma", struct.pack(">I", len(own)), *own),
            ),
        )

    media = b"".join(data for _, data in items)
    at = len(head) + len(meta(0)) + 8
    path.write_bytes(head + meta(at) + _box(b"mdat", media))
