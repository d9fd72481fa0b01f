"""Converts decoded frames to displayed pictures, and back."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream

Image = NDArray[np.uint8]

_UNTAGGED, _BT709, _LIMITED = 2, 1, 1
"""FFmpeg's numbers of colour spaces and ranges."""
_HD_LINES = 720


def upright_picture(
    frame: VideoFrame, matrix: NDArray[np.int32], pixel_aspect: Fraction | None
) -> Image:
    """The displayed picture, (H, W, 3) uint8 blue, green, red: upright, with square pixels."""
    # Players assume BT.709 for untagged pictures of at least this size.
    untagged = frame.colorspace == _UNTAGGED and frame.height >= _HD_LINES
    decoded: Any = frame.to_ndarray(
        format="bgr24", src_colorspace=_BT709 if untagged else frame.colorspace
    )
    picture, turned = _upright(decoded, matrix)
    aspect = Fraction(pixel_aspect or 1) or Fraction(1)
    height, width = picture.shape[:2]
    shown = max(1, round(width * (1 / aspect if turned else aspect)))
    if shown != width:
        picture = np.asarray(cv2.resize(picture, (shown, height)), np.uint8)
    return np.ascontiguousarray(picture)


def display_matrix(frame: VideoFrame) -> NDArray[np.int32]:
    """The upper left (2, 2) of the display matrix, which players apply to rows (x, y).

    Call it on few frames, because it puts the frame in a reference cycle.
    """
    from av.sidedata.sidedata import Type

    known: Any = frame.side_data
    try:
        data = bytes(known[Type.DISPLAYMATRIX])
    except KeyError:
        return np.eye(2, dtype=np.int32)
    return np.frombuffer(data, np.int32, 9).reshape(3, 3)[:2, :2]


def _upright(picture: Image, matrix: NDArray[np.int32]) -> tuple[Image, bool]:
    """The picture after quarter turns and mirroring, and whether rows have become columns."""
    turned = abs(int(matrix[0, 1])) > abs(int(matrix[0, 0]))
    if turned:
        # Columns become rows, so x and y are swapped.
        picture, matrix = picture.transpose(1, 0, 2), matrix[::-1]
    horizontal, vertical = (-1 if matrix[k, k] < 0 else 1 for k in (0, 1))
    return picture[::vertical, ::horizontal], turned


def tag_colours(encoder: VideoStream, frame: VideoFrame) -> None:
    """Tag the colours that `to_frame` makes, as in a decoded frame."""
    context = encoder.codec_context
    context.colorspace, context.color_range = _BT709, _LIMITED
    context.color_primaries, context.color_trc = frame.color_primaries, frame.color_trc


def _fitted(picture: Image, width: int, height: int) -> Image:
    """The whole picture in its own shape, centred on black."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = max(1, int(picture.shape[1] * scale)), max(1, int(picture.shape[0] * scale))
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[top : top + size[1], left : left + size[0]] = cv2.resize(picture, size)
    return canvas


def to_frame(
    picture: Image, encoder: VideoStream, pts: int, base: Fraction, duration: int
) -> VideoFrame:
    """The picture for an encoder, with edges repeated to make its sides even."""
    from av import VideoFrame
    from av.video.reformatter import ColorRange, Colorspace

    height, width = picture.shape[:2]
    if (height, width) != (encoder.height, encoder.width):
        fits = abs(encoder.height - height) <= 1 and abs(encoder.width - width) <= 1
        if fits:
            right, below = encoder.width - width, encoder.height - height
            picture = np.asarray(
                cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8
            )
        else:  # the recording changes its size
            picture = _fitted(picture, encoder.width, encoder.height)
    frame = VideoFrame.from_ndarray(picture, format="bgr24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )
    frame.pts, frame.time_base, frame.duration = pts, base, duration
    return frame
