"""Draws the picture of an explanation: faces, maps, probabilities, and what the maps mean."""

from __future__ import annotations

import contextlib
import os
import secrets
import textwrap
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.errors import ResultError
from fervid.explanations.recordings import Explained
from fervid.expressions.map_pictures import FOR, Picture, gradient_tile, occlusion_tile, plain_tile
from fervid.records import EXPRESSIONS

_WIDTH, _MARGIN, _LINE = 1000, 20, 20
_TILE, _GAP, _TITLE = 192, 16, 56
_ROW = _TITLE + _TILE + 24
_OVERVIEW = 320
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_INK, _FAINT, _PAPER = (30, 30, 30), (110, 110, 110), (255, 255, 255)

MEANING = (
    "Orange areas raise this model's probability of the named expression, and blue areas lower it; "
    "+ and - mark the strongest. The gradient map (HiResCAM) comes from the network's gradients, "
    "the occlusion map from hiding squares of 12 x 12 of the 48 x 48 pixels. Trust areas that both "
    "maps mark. Each map has its own scale. The maps do not say whether the answer is right or "
    "what the person feels."
)


def draw(explained: Explained) -> Picture:
    """Draw the panel: (H, 1000, 3) uint8, blue, green, red."""
    rows = [_header(explained)]
    rows += [_face(explained, row) for row in range(len(explained.chosen))]
    return np.concatenate([*rows, _footer(MEANING)])


def picture_path(
    recording: Path,
    at: float | None,
    out: Path | None,
    *,
    numbers: Sequence[int] = (),
    expression: str | None = None,
    overwrite: bool,
) -> Path:
    """The path of the picture: `out`, or a name made of what it shows.

    Raises:
        ResultError: the file exists and may not be replaced.
    """
    moment = "" if at is None else f"-{at:.3f}"
    faces = "".join(f"-face-{number}" for number in numbers)
    asked = "" if expression is None else f"-{expression}"
    path = Path(f"{recording.name}{moment}{faces}{asked}.png") if out is None else out
    if path.is_dir() or (path.exists() and not overwrite):
        raise ResultError(f"{path}: already exists; choose another file or use --overwrite")
    return path


def save(picture: Picture, path: Path) -> None:
    """Write a picture as PNG, completely or not at all.

    Raises:
        ResultError: it cannot be written.
    """
    done, content = cv2.imencode(".png", picture)
    temporary = path.with_name(f".{secrets.token_hex(6)}.fervid-part")
    try:
        if not done:
            raise OSError("no PNG")
        with temporary.open("wb") as file:
            file.write(content.tobytes())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ResultError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _paper(height: int) -> Picture:
    return np.full((height, _WIDTH, 3), 255, np.uint8)


def _write(
    picture: Picture,
    text: str,
    x: int,
    y: int,
    size: float = 0.5,
    colour: tuple[int, int, int] = _INK,
) -> None:
    """Write a line of ASCII with its lower left corner at (x, y); a long line ends in dots."""
    text = "".join(c if c.isascii() and c.isprintable() else ascii(c)[1:-1] for c in text)
    if _length(text, size) > _WIDTH - x:
        while text and _length(text + "...", size) > _WIDTH - x:
            text = text[:-1]
        text += "..."
    cv2.putText(picture, text, (x, y), _FONT, size, colour, 1, cv2.LINE_AA)


def _length(text: str, size: float) -> int:
    return int(cv2.getTextSize(text, _FONT, size, 1)[0][0])


def _header(explained: Explained) -> Picture:
    """The frame with its numbered faces, and a description."""
    overview = _overview(explained)
    height, width = overview.shape[:2]
    picture = _paper(max(height, 5 * _LINE) + 2 * _MARGIN)
    picture[_MARGIN : _MARGIN + height, _MARGIN : _MARGIN + width] = overview
    x = 2 * _MARGIN + _OVERVIEW
    order = "from left to right" if explained.result is None else "as in the analysis"
    time_s = float(explained.batch.time_s[0])
    frame = f"frame {explained.batch.index[0]}, shown from {time_s:.3f} s"
    lines = ("photo" if np.isnan(time_s) else frame, f"faces are numbered {order}")
    _write(picture, explained.name, x, _MARGIN + _LINE, 0.65)
    for number, line in enumerate(lines, start=2):
        _write(picture, line, x, _MARGIN + number * (_LINE + 4), 0.5, _FAINT)
    return picture


def _overview(explained: Explained) -> Picture:
    luma = explained.batch.images[0]
    wide, high = explained.displayed
    unit = min(_OVERVIEW / wide, _OVERVIEW / high)
    size = (max(1, round(wide * unit)), max(1, round(high * unit)))
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    picture = np.repeat(small[..., None], 3, axis=2)
    for number, box in zip(explained.everyone.number, explained.everyone.faces.xywh, strict=True):
        colour = FOR if number in explained.chosen.number else _FAINT
        left, top, width, height = (box * unit).round().astype(int).tolist()
        cv2.rectangle(picture, (left, top), (left + width, top + height), colour, 2)
        corner = (left + 3, max(top - 4, 12))
        cv2.putText(picture, str(number), corner, _FONT, 0.5, _PAPER, 3, cv2.LINE_AA)
        cv2.putText(picture, str(number), corner, _FONT, 0.5, colour, 1, cv2.LINE_AA)
    return np.asarray(picture, np.uint8)


def _face(explained: Explained, row: int) -> Picture:
    """A face: title, crop, both maps, probabilities."""
    maps, chosen = explained.maps, explained.chosen
    name, share = EXPRESSIONS[maps.expression[row]], maps.probs[row, maps.expression[row]]
    picture = _paper(_ROW)
    guessed = "" if chosen.found[row] else ", eyes and mouth guessed from the box"
    _write(picture, f"face {chosen.number[row]}: {name} {share:.0%}{guessed}", _MARGIN, 22, 0.65)
    gradient, occlusion = maps.gradient[row], maps.occlusion[row]
    least = share * np.exp(-max(float(occlusion.max()), 0.0))
    crop = explained.crops.images[row]
    tiles = (
        ("as the model sees it", plain_tile(crop, _TILE)),
        ("gradient map", gradient_tile(crop, gradient, _TILE)),
        (f"occlusion (lowest {least:.0%})", occlusion_tile(crop, occlusion, _TILE)),
    )
    for number, (title, tile) in enumerate(tiles):
        x = _MARGIN + number * (_TILE + _GAP)
        _write(picture, title, x, _TITLE - 8, 0.42, _FAINT)
        picture[_TITLE : _TITLE + _TILE, x : x + _TILE] = tile
    _bars(picture, maps.probs[row], chosen.written[row], int(maps.expression[row]))
    return picture


def _bars(
    picture: Picture, probs: NDArray[np.float32], written: NDArray[np.float64], explained: int
) -> None:
    """The seven probabilities, with a tick where the frame table differs."""
    left = _MARGIN + 3 * (_TILE + _GAP) + 76
    longest, step = _WIDTH - _MARGIN - 52 - left, _TILE // len(EXPRESSIONS)
    for number, (name, share) in enumerate(zip(EXPRESSIONS, probs.tolist(), strict=True)):
        top = _TITLE + number * step
        colour = FOR if number == explained else _FAINT
        _write(picture, name, left - 76, top + 17, 0.45)
        end = left + round(longest * share)
        cv2.rectangle(picture, (left, top + 4), (max(end, left + 1), top + 20), colour, -1)
        _write(picture, f"{share:.0%}", end + 6, top + 17, 0.45)
        if np.isfinite(written[number]):
            tick = left + round(longest * float(written[number]))
            cv2.line(picture, (tick, top + 1), (tick, top + 23), _INK, 1)
    if np.isfinite(written).all():
        _write(picture, "ticks: values in frames.csv", left, _TITLE - 8, 0.42, _FAINT)


def _footer(text: str) -> Picture:
    # Lines are filled by measured width, because fonts differ between OpenCV's versions.
    letters = int(len(text) * (_WIDTH - 2 * _MARGIN) / _length(text, 0.42) * 0.95)
    lines = textwrap.wrap(text, letters)
    picture = _paper(len(lines) * _LINE + 2 * _MARGIN)
    for number, line in enumerate(lines, start=1):
        _write(picture, line, _MARGIN, number * _LINE, 0.42, _FAINT)
    return picture
