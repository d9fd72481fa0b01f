"""The official `fer2013.csv`, and Kaggle's `icml_face_data.csv` with spaces in its header."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.records import FACE_SIZE
from training.atomic import whole_file
from training.fer2013.records import USAGES, Fer2013, record

OFFICIAL_SHA256 = "3b8d9617d1017f34733c8f2474d7784c563ce86c40a86ac12c2d37cc968f871b"
"""sha256 of the contest's `fer2013.csv`, 301,072,766 bytes."""

_COLUMNS = ("emotion", "pixels", "Usage")
_N_PIXELS = FACE_SIZE * FACE_SIZE
_SPACE = ord(" ")


def read(path: Path) -> Fer2013:
    """Read a csv with the columns emotion, pixels and Usage in any order.

    Raises:
        FervidError: a column is missing or a row is invalid; rows are counted from 0.
        OSError: the file cannot be read.
    """
    images, emotions, usages = [], [], []
    for row, (emotion, pixels, usage) in enumerate(_rows(path)):
        images.append(_parse_pixels(pixels, f"{path}: row {row}"))
        emotions.append(emotion)
        usages.append(usage)
    return record(path, images, emotions, usages)


def write(data: Fer2013, path: Path) -> str:
    """Write the official form, byte for byte the contest's file if `data` is all of FER-2013.

    Returns:
        The sha256 of the file in hexadecimal.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    digest = hashlib.sha256()
    with whole_file(path) as file:
        for line in _lines(data):
            file.write(line)
            digest.update(line)
    return digest.hexdigest()


def _lines(data: Fer2013) -> Iterator[bytes]:
    yield f"{','.join(_COLUMNS)}\n".encode()
    digits = [str(value) for value in range(256)]
    for image, label, usage in zip(data.images, data.labels, data.usage, strict=True):
        pixels = " ".join([digits[value] for value in image.tobytes()])
        yield f"{label},{pixels},{USAGES[usage]}\n".encode()


def _rows(path: Path) -> Iterator[tuple[str, str, str]]:
    """Emotion, pixels and usage of each row, as text."""
    row = -1
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file)
            names = [name.strip() for name in next(lines, [])]
            missing = [name for name in _COLUMNS if name not in names]
            if missing:
                raise FervidError(
                    f"{path}: no column {', '.join(missing)}; give the contest's fer2013.csv or "
                    "Kaggle's icml_face_data.csv"
                )
            emotion, pixels, usage = (names.index(name) for name in _COLUMNS)
            for fields in filter(None, lines):
                row += 1
                if len(fields) != len(names):
                    raise FervidError(
                        f"{path}: row {row} has {len(fields)} fields, not {len(names)}; the file "
                        "is damaged or cut off: get it again"
                    )
                yield fields[emotion], fields[pixels], fields[usage]
    except (csv.Error, UnicodeDecodeError) as error:
        raise FervidError(
            f"{path}: row {row + 1} is not csv text ({error}); give the contest's fer2013.csv, "
            "unpacked"
        ) from error


def _place_values(factor: int, space: int) -> NDArray[np.int16]:
    """The value of each of 256 characters at a place; characters that are not digits make it
    negative."""
    values = np.full(256, -9999, np.int16)
    values[ord("0") : ord("9") + 1] = factor * np.arange(10)
    values[_SPACE] = space
    return values


_ONES, _TENS, _HUNDREDS = _place_values(1, -9999), _place_values(10, 0), _place_values(100, 0)


def _parse_pixels(text: str, where: str) -> NDArray[np.uint8]:
    """Parse 2,304 numbers from 0 to 255, separated by spaces, to (48, 48) uint8."""
    # Four characters in front, so that each number can be read backwards from its end.
    codes = np.frombuffer(b"    " + text.encode("ascii", "replace") + b" ", np.uint8)
    ends = 4 + np.flatnonzero(codes[4:] == _SPACE)
    tens = codes[ends - 2]
    values = _ONES[codes[ends - 1]] + _TENS[tens]
    values += np.where(tens == _SPACE, np.int16(0), _HUNDREDS[codes[ends - 3]])
    lengths = np.diff(ends, prepend=3) - 1
    usual = len(values) == _N_PIXELS and lengths.max() <= 3
    if usual and values.min() >= 0 and values.max() <= 255:
        return values.astype(np.uint8).reshape(FACE_SIZE, FACE_SIZE)
    return _parse_odd_pixels(text, where)


def _parse_odd_pixels(text: str, where: str) -> NDArray[np.uint8]:
    """The same for any white space, with error messages."""
    words = text.split()
    if len(words) != _N_PIXELS:
        raise FervidError(
            f"{where} has {len(words)} pixels, not {_N_PIXELS}; the file is damaged or cut off: "
            "get it again"
        )
    for word in words:
        if not (word.isascii() and word.isdigit() and int(word) <= 255):
            raise FervidError(f"{where} has the pixel {word!r}, not 0 to 255; get the file again")
    return np.array(words, dtype=np.uint8).reshape(FACE_SIZE, FACE_SIZE)
