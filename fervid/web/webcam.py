"""The tab for a camera: bars of what the largest face shows; no frame is kept."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import Any

import cv2
import gradio as gr
import numpy as np
from numpy.typing import NDArray

from fervid.photos.arrays import analyze_image
from fervid.records import EXPRESSIONS
from fervid.web import texts

SMOOTH_S = 0.4
"""Time constant of the bars."""

_WORKING_SIZE = 320
_LONGEST = 2 * _WORKING_SIZE
"""Pixels on the longer side to which frames are scaled: that is how finely they are searched."""

_USUAL = (480, 640, 3)
_ASKED = {"width": _USUAL[1], "height": _USUAL[0]}
_EVERY_S, _LIMIT_S, _CAMERAS = 0.1, 3_600, 4


@dataclass(frozen=True)
class LatestFace:
    """What the largest face shows, smoothed, and how many faces there are.

    Attributes:
        probs: (7,) float64, the sum is 1; None as long as no face was seen.
        at_s: when, on the monotonic clock.
        faces: in the last frame.
    """

    probs: NDArray[np.float64] | None = None
    at_s: float = 0.0
    faces: int = 0

    def then(self, probs: NDArray[np.float64] | None, faces: int, now_s: float) -> LatestFace:
        """The next one; without a face, what was seen before counts no more."""
        if probs is None or self.probs is None:
            return LatestFace(probs, now_s, faces)
        old = math.exp((self.at_s - now_s) / SMOOTH_S)
        return LatestFace(old * self.probs + (1 - old) * probs, now_s, faces)


class Camera:
    """Looks at frames, one at a time: the models are shared by all cameras."""

    def __init__(self) -> None:
        self._turn = threading.Lock()

    def look(self, frame: NDArray[np.uint8], before: LatestFace) -> LatestFace:
        """What a frame of (H, W, 3) uint8 shows, after what was seen before."""
        scale = _LONGEST / max(frame.shape)
        if scale < 1:
            frame = np.asarray(cv2.resize(frame, None, fx=scale, fy=scale), np.uint8)
        with self._turn:
            found = analyze_image(frame, working_size=_WORKING_SIZE)
        if found.empty:
            return before.then(None, 0, time.monotonic())
        largest = int((found["face_w"] * found["face_h"]).to_numpy().argmax())
        probs = found[list(EXPRESSIONS)].to_numpy(np.float64)[largest]
        return before.then(probs, len(found), time.monotonic())


def webcam_tab(tab: gr.Tab) -> None:
    """Lay the tab out, and say what happens on it."""
    camera = Camera()
    gr.HTML(texts.NOT_KEPT)
    with gr.Row():
        live = gr.Image(
            sources=["webcam"],
            streaming=True,
            type="numpy",
            label="Camera",
            height=360,
            buttons=[],
            elem_id="camera",
            webcam_options=gr.WebcamOptions(constraints={"video": _ASKED}),
        )
        bars = gr.HTML(texts.bars(None, texts.HOW_TO_BEGIN), elem_id="bars")
    latest = gr.State(LatestFace())

    def get_ready() -> None:
        camera.look(np.zeros(_USUAL, np.uint8), LatestFace())

    def look(frame: NDArray[np.uint8] | None, before: LatestFace) -> tuple[Any, LatestFace]:
        if frame is None:
            return texts.bars(None, texts.HOW_TO_BEGIN), LatestFace()
        now = camera.look(frame, before)
        words = texts.NO_FACE if now.probs is None else texts.shown_by(now.probs, now.faces)
        return texts.bars(now.probs, words), now

    tab.select(get_ready, show_progress="hidden", api_visibility="private")
    # Gradio puts each frame in the place of the one that waits.
    live.stream(
        look,
        [live, latest],
        [bars, latest],
        stream_every=_EVERY_S,
        time_limit=_LIMIT_S,
        concurrency_limit=_CAMERAS,
        show_progress="hidden",
        api_visibility="private",
    )
