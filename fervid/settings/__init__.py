"""The settings of an analysis. Imports nothing heavy."""

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
"""Default size at which frames are searched, in pixels of the longer side."""


@dataclass(frozen=True)
class Settings:
    """The settings of an analysis; `meta.json` records them.

    Attributes:
        fps: frames per second to analyse; None: every frame.
        track: number of the video track to read, from 1; None: the one that players show.
        deinterlace: whether to turn interlaced frames into whole pictures: "on", "off", or "auto"
            for recordings that are interlaced.
        start, end: part of the recording to analyse, in seconds; `end` is excluded; None: all.
        working_size: size to which frames are scaled down for the search, in pixels of the longer
            side. None: for recordings, the smallest size that finds their faces, see
            `fervid.detection.working_size`; for streams and photos, 640.
        scale: factor by which frames are scaled instead; None: to the working size.
        detector: "fervid" for the shipped detector, or "yunet:FILE" for YuNet's ONNX file.
        min_score: detector score at which a face begins to be followed; it is then followed down to
            half of this score. None: the detector's default.
        min_face: faces shorter than this are ignored, in pixels of the searched frame.
        batch_size: number of frames searched in one call; None: suited to the device.
        detect_every: faces are searched for in every Nth sampled frame, and in those between where
            two searched frames differ; see `fervid.detection.search`. None: five times a second.
        smooth: time constant of the smoothing of probabilities in seconds; 0: no smoothing.
        min_confidence: smoothed probability at which an episode begins. Outside episodes, a face's
            state is uncertain.
        min_episode: episodes shorter than this many seconds are dropped.
        reading: "relative": compare each person with their own resting face, which is found in the
            recording; "absolute": use the model's answers as they are.
        baseline: where to take resting faces from: start and end in seconds of a part in which
            people show no expression, or the path of another recording or a photo in which they
            show none; None: the whole recording.
        thumbnails: whether to keep small pictures of people where their expressions are clearest.
        explain: whether to keep maps of what the expression model reacts to in these pictures.
        device: "cpu", "gpu" or "tpu", all devices of that kind; "auto": JAX chooses.
        weights: the expression model: the name of a shipped one, or the path of NAME.npz, of its
            model card NAME.json, or NAME for both. `meta.json` records the name on the card.
        labels: whose labels the probabilities imitate: "fer2013" for the labels of FER-2013,
            "ferplus" for the votes of FER+, or "mixture" for the mixture that the model card
            states.

    Raises:
        ValueError: a value is out of range or unknown, `end` is not after `start`, or `explain` is
            used without `thumbnails`.
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
            raise ValueError("start must be 0 or more, and end must be after start")
        if self.min_score is not None and not 0 <= self.min_score <= 1:
            raise ValueError("min_score must be between 0 and 1")
        if self.scale is not None and not 0 < self.scale <= 1:
            raise ValueError("scale must be above 0 and at most 1")
        for name in ("batch_size", "detect_every", "track", "working_size"):
            if (count := getattr(self, name)) is not None and count < 1:
                raise ValueError(f"{name} must be 1 or more")
        if isinstance(self.baseline, tuple):
            start_s, end_s = self.baseline
            if not 0 <= start_s < end_s <= _LATEST_S:
                raise ValueError("the baseline must end after its start")
        if self.baseline is not None and self.reading == "absolute":
            raise ValueError("baseline has no effect with reading='absolute'")
        if not 0 < self.min_confidence <= 1:
            raise ValueError("min_confidence must be above 0 and at most 1")
        for name in ("min_face", "smooth", "min_episode"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be 0 or more")
        if self.explain and not self.thumbnails:
            raise ValueError("explain needs thumbnails, because its maps are shown beside them")
        check_detector(self.detector)
        check_labels(self.labels)
        check_reading(self.reading)
        check_device(self.device)
        check_deinterlace(self.deinterlace)

    @property
    def search_size(self) -> int:
        """The chosen working size, or else the default."""
        return self.working_size or USUAL_WORKING_SIZE


def seconds_of(text: str) -> float:
    """Read a time as people write it: seconds, m:ss or h:mm:ss, with decimals.

    >>> seconds_of("1:30"), seconds_of("75.5")
    (90.0, 75.5)

    Raises:
        ValueError: the text is not a time.
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
    """Read two times separated by a hyphen as start and end in seconds.

    >>> stretch_of("0:05-0:15")
    (5.0, 15.0)

    Raises:
        ValueError: the text is not two times.
    """
    start, hyphen, end = text.partition("-")
    if not hyphen:
        raise ValueError(f"{text!r} is not a part of a recording; write two times, as in 0:05-0:15")
    return seconds_of(start), seconds_of(end)


def baseline_of(text: str) -> tuple[float, float] | str:
    """Read two times, as `stretch_of` does, or the path of an existing file.

    >>> baseline_of("0:05-0:15")
    (5.0, 15.0)

    Raises:
        ValueError: the text is neither.
    """
    try:
        return stretch_of(text)
    except ValueError:
        if Path(text).is_file():
            return text
    raise ValueError(f"{text!r} is neither two times, as in 0:05-0:15, nor an existing file")
