"""Draws faces into a picture: box, name, state and a bar for each expression."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.exports.sampled_frames import SampledFrame
from fervid.records import EXPRESSIONS
from fervid.report.figures import COLOURS
from fervid.results.people_edits import unnamed

Image = NDArray[np.uint8]
Rectangle = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""

_GRAY, _WHITE = (160, 160, 160), (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LETTERS_HIGH = 22.0
"""Height in pixels of letters in OpenCV's font at scale 1."""
_DARKER = 4


def _bgr(colour: str) -> tuple[int, int, int]:
    """`#RRGGBB` as OpenCV's (blue, green, red)."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return blue, green, red


_BGR = {name: _bgr(colour) for name, colour in COLOURS.items()}


def draw(image: Image, faces: SampledFrame, names: Mapping[int, str] | None = None) -> None:
    """Draw all faces into an image, (H, W, 3) uint8, blue, green, red.

    Args:
        image: the image, which is changed.
        faces: the faces to draw.
        names: names of people by face_id; None: no names.
    """
    line = max(10, round(image.shape[0] / 45))
    boxes = [_edges(box, image.shape) for box in faces.xywh]
    taken = list(boxes)
    for box, smooth in zip(boxes, faces.smooth, strict=True):
        taken.append(_place(box, _panel_size(line), taken, image.shape))
        _bars(image, smooth, taken[-1], line)
    # Labels are drawn last, above the panels.
    for face, box, state in zip(faces.face_id, boxes, faces.state, strict=True):
        colour = _BGR.get(state, _GRAY)
        cv2.rectangle(image, box[:2], box[2:], colour, max(1, line // 8))
        _label(
            image,
            f"{_written((names or {}).get(face, unnamed(face)), face)}:  {state}",
            box[:2],
            line,
            colour,
        )


def _written(name: str, face_id: int) -> str:
    """The name in ASCII, the only letters of OpenCV's font."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().strip()
    return plain or unnamed(face_id)


def _place(
    box: Rectangle, size: tuple[int, int], taken: list[Rectangle], shape: tuple[int, ...]
) -> Rectangle:
    """The place beside a box where a panel of this size covers the least of what is drawn."""
    (left, top, right, bottom), (width, height) = box, size
    corners = [
        (right + 2, top),
        (left - 2 - width, top),
        (left, bottom + 2),
        (left, top - height - height // 5),
        (right + 2, bottom - height),
        (left - 2 - width, bottom - height),
    ]
    room = np.array([shape[1] - width, shape[0] - height])
    starts = np.clip(corners, 0, np.maximum(room, 0))
    ends, known = starts + size, np.array(taken)
    overlap = np.minimum(ends[:, None], known[None, :, 2:])
    overlap = overlap - np.maximum(starts[:, None], known[None, :, :2])
    covered = np.maximum(overlap, 0).prod(axis=2).sum(axis=1)
    best = int(np.argmin(covered))
    (x, y), (x_end, y_end) = starts[best].tolist(), ends[best].tolist()
    return x, y, x_end, y_end


def _edges(box: NDArray[np.float64], shape: tuple[int, ...]) -> Rectangle:
    """The edges of a box x, y, w, h, clipped to the picture."""
    corners = np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]])
    limits = np.array([shape[1], shape[0], shape[1], shape[0]]) - 1
    left, top, right, bottom = np.clip(np.rint(corners), 0, limits).astype(int).tolist()
    return left, top, right, bottom


def _darken(image: Image, left: int, top: int, right: int, bottom: int) -> None:
    image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] //= _DARKER


def _text(image: Image, text: str, left: int, bottom: int, line: int) -> None:
    """Write a line of text with its base line at `bottom`."""
    scale = 0.65 * line / _LETTERS_HIGH
    cv2.putText(image, text, (left, bottom), _FONT, scale, _WHITE, max(1, line // 14), cv2.LINE_AA)


def _width(text: str, line: int) -> int:
    return int(cv2.getTextSize(text, _FONT, 0.65 * line / _LETTERS_HIGH, max(1, line // 14))[0][0])


def _label(
    image: Image, text: str, corner: tuple[int, int], line: int, colour: tuple[int, int, int]
) -> None:
    """A label above the corner, or below it at the upper edge of the picture."""
    pad = line // 4
    width = _width(text, line) + 3 * pad
    left = max(0, min(corner[0], image.shape[1] - width))
    top = corner[1] - line - pad if corner[1] >= line + pad else corner[1]
    _darken(image, left, top, left + width, top + line + pad)
    cv2.rectangle(image, (left, top), (left + pad, top + line + pad - 1), colour, cv2.FILLED)
    _text(image, text, left + 2 * pad, top + line - pad // 2, line)


def _panel_size(line: int) -> tuple[int, int]:
    """Width and height of a panel with names and bars."""
    return _text_width(line) + 6 * line, line * len(EXPRESSIONS)


@functools.cache
def _text_width(line: int) -> int:
    return max(_width(name, line) for name in EXPRESSIONS)


def _bars(image: Image, smooth: NDArray[np.float64], place: Rectangle, line: int) -> None:
    """A panel with a name and a bar for each expression."""
    left, top, *_ = place
    _darken(image, *place)
    start = left + _text_width(line) + line // 2
    for row, (name, share) in enumerate(zip(EXPRESSIONS, smooth.tolist(), strict=True), 1):
        bottom = top + row * line - line // 4
        _text(image, name, left + line // 4, bottom, line)
        end = (start + round(5 * line * share), bottom)
        cv2.rectangle(image, (start, bottom - line // 2), end, _BGR[name], cv2.FILLED)
