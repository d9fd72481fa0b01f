"""The tab for a camera: expressions of the largest face as bars; keeps no frame."""

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
"""Time constant of the bars in seconds."""

_WORKING_SIZE = 320
_LONGEST = 2 * _WORKING_SIZE
"""Longer side to which frames are scaled before they are sent, in pixels."""

_USUAL = (480, 640, 3)
_ASKED = {"width": _USUAL[1], "height": _USUAL[0]}
_EVERY_S, _LIMIT_S, _CAMERAS = 0.1, 3_600, 4


@dataclass(frozen=True)
class LatestFace:
    """The smoothed expressions of the largest face, and the number of faces.

    Attributes:
        probs: (7,) float64 with sum 1; None before a face is seen.
        at_s: time on the monotonic clock.
        faces: number of faces in the last frame.
    """

    probs: NDArray[np.float64] | None = None
    at_s: float = 0.0
    faces: int = 0

    def then(self, probs: NDArray[np.float64] | None, faces: int, now_s: float) -> LatestFace:
        """The next state; a frame without a face resets it."""
        if probs is None or self.probs is None:
            return LatestFace(probs, now_s, faces)
        old = math.exp((self.at_s - now_s) / SMOOTH_S)
        return LatestFace(old * self.probs + (1 - old) * probs, now_s, faces)


class Camera:
    """Classifies frames, one at a time; all cameras share the models."""

    def __init__(self) -> None:
        self._turn = threading.Lock()

    def look(self, frame: NDArray[np.uint8], before: LatestFace) -> LatestFace:
        """Classify a frame, (H, W, 3) uint8, given the state before."""
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
    """Build the tab and its events."""
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
    # In Gradio, each frame replaces the one that waits.
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
