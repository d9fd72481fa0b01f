"""What a user may choose for an analysis. Imports nothing heavy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from fervid.settings.choices import (
    DEINTERLACE,
    DETECTORS,
    EXPRESSION_MODELS,
    Deinterlace,
    Device,
    Labels,
    Reading,
    check_deinterlace,
    check_detector,
    check_device,
    check_labels,
    check_reading,
)

_LATEST_S = 1e9

USUAL_WORKING_SIZE = 640
"""Pixels of the longer side at which frames are searched, unless there is a reason for another."""


@dataclass(frozen=True)
class Settings:
    """What a user may choose; written to `meta.json`.

    Attributes:
        fps: frames a second to analyse, or None for every frame.
        track: number of the video track to read, from 1; None: the one that players show.
        deinterlace: "auto": frames of interlaced recordings become whole pictures; "on": all
            frames do; "off": none.
        start, end: part of the recording in seconds, start included, end excluded; None: all.
        working_size: frames are searched with their longer side scaled down to this many pixels.
            None: a recording is searched at the smallest size that finds its faces, see
            `fervid.detection.working_size`; streams and photos at the usual one.
        scale: frames are scaled by this factor instead; None: to the working size.
        detector: "fervid" for the shipped detector, or "yunet:FILE" for YuNet's ONNX file.
        min_score: detector score from which a face is followed; None: the detector's own. A face
            that is followed is kept down to half of it.
        min_face: faces shorter than this many pixels of the searched frame are ignored.
        batch_size: frames searched for faces in one call; None: what suits the device.
        detect_every: faces are searched for in every so many sampled frames, and in all between
            where these do not show the same faces; see `fervid.detection.search`. None: five
            times a second.
        smooth: time constant in seconds of the smoothed probabilities; 0: not smoothed.
        min_confidence: smoothed probability from which an expression begins an episode; without
            one a face's state is uncertain.
        min_episode: shorter episodes, in seconds, are dropped.
        reading: "relative": what people show is told by its change from their own resting face,
            which is found in the recording; "absolute": by the model's answers alone.
        baseline: start and end in seconds of a stretch in which people show nothing: their resting
            faces are then taken from there; or the path of another recording or a photo, in which
            they do all the time; None: from the whole recording.
        thumbnails: keep small pictures of people where they show an expression most clearly.
        explain: keep maps beside these pictures of what the expression model reacts to in them.
        device: "cpu", "gpu" or "tpu", all of that kind; "auto": what JAX prefers.
        weights: the expression model: a shipped one by name, or a path to NAME.npz, to its model
            card NAME.json, or NAME for both; `meta.json` gets the name on its card.
        labels: whose answers the probabilities imitate: "fer2013" for the labels of FER-2013,
            "ferplus" for the votes of FER+, or the "mixture" that the model card states.

    Raises:
        ValueError: a number is out of range, `end` is not after `start`, other labels, or
            `explain` without `thumbnails`.
    """

    fps: float | None = None
    track: int | None = None
    deinterlace: Deinterlace = DEINTERLACE[0]
    start: float | None = None
    end: float | None = None
    working_size: int | None = None
    scale: float | None = None
    detector: str = DETECTORS[0]
    min_score: float | None = None
    min_face: float = 16.0
    batch_size: int | None = None
    detect_every: int | None = None
    smooth: float = 0.3
    min_confidence: float = 0.5
    min_episode: float = 0.3
    reading: Reading = "relative"
    baseline: tuple[float, float] | str | None = None
    thumbnails: bool = True
    explain: bool = False
    device: Device = "auto"
    weights: str | Path = EXPRESSION_MODELS[0]
    labels: Labels = "mixture"

    def __post_init__(self) -> None:
        if self.fps is not None and not 1e-6 <= self.fps < math.inf:
            raise ValueError("fps must be a positive number")
        end = _LATEST_S if self.end is None else self.end
        if not 0 <= (self.start or 0.0) < end <= _LATEST_S:
            raise ValueError("the end must lie after the start, and the start at 0 or later")
        if self.min_score is not None and not 0 <= self.min_score <= 1:
            raise ValueError("min_score must lie between 0 and 1")
        if self.scale is not None and not 0 < self.scale <= 1:
            raise ValueError("scale must lie above 0 and be 1 at most")
        for name in ("batch_size", "detect_every", "track", "working_size"):
            if (count := getattr(self, name)) is not None and count < 1:
                raise ValueError(f"{name} must be 1 or more")
        if isinstance(self.baseline, tuple):
            start_s, end_s = self.baseline
            if not 0 <= start_s < end_s <= _LATEST_S:
                raise ValueError("the baseline must end after its start")
        if self.baseline is not None and self.reading == "absolute":
            raise ValueError("a baseline is of no use to the absolute reading")
        if not 0 < self.min_confidence <= 1:
            raise ValueError("min_confidence must lie above 0 and be 1 at most")
        for name in ("min_face", "smooth", "min_episode"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be 0 or more")
        if self.explain and not self.thumbnails:
            raise ValueError("explain needs thumbnails: its maps are pictures of people, too")
        check_detector(self.detector)
        check_labels(self.labels)
        check_reading(self.reading)
        check_device(self.device)
        check_deinterlace(self.deinterlace)

    @property
    def search_size(self) -> int:
        """The working size, or the usual one where none was chosen."""
        return self.working_size or USUAL_WORKING_SIZE


def seconds_of(text: str) -> float:
    """Seconds of a time as people write it: seconds, m:ss or h:mm:ss, with decimals.

    >>> seconds_of("1:30"), seconds_of("75.5")
    (90.0, 75.5)

    Raises:
        ValueError: it is no time.
    """
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(0 <= part < math.inf for part in parts):
        raise ValueError(f"{text!r} is not a time; write seconds (75.5), m:ss or h:mm:ss")
    seconds = 0.0
    for part in parts:
        seconds = 60 * seconds + part
    return seconds


def stretch_of(text: str) -> tuple[float, float]:
    """Start and end in seconds of two times with a hyphen between them.

    >>> stretch_of("0:05-0:15")
    (5.0, 15.0)

    Raises:
        ValueError: it is no stretch.
    """
    start, hyphen, end = text.partition("-")
    if not hyphen:
        raise ValueError(f"{text!r} is not a stretch; write two times, as in 0:05-0:15")
    return seconds_of(start), seconds_of(end)


def baseline_of(text: str) -> tuple[float, float] | str:
    """A stretch, as `stretch_of` reads it, or the path of a file that is there.

    >>> baseline_of("0:05-0:15")
    (5.0, 15.0)

    Raises:
        ValueError: it is neither.
    """
    try:
        return stretch_of(text)
    except ValueError:
        if Path(text).is_file():
            return text
    raise ValueError(f"{text!r} is neither two times, as in 0:05-0:15, nor a file that is there")
