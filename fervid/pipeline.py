"""The main job: one recording in, one result folder out. The only file that wires the stages."""

from __future__ import annotations

import math
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from fervid import __version__, faces
from fervid.blinks import Follower
from fervid.choices import DETECTORS, EXPRESSION_MODELS, Labels, check_detector, check_labels
from fervid.classifier import ExpressionClassifier
from fervid.detector import Detector, load_detector
from fervid.errors import MediaError
from fervid.records import EXPRESSIONS, Detections, FrameBatch, VideoInfo
from fervid.results import ResultWriter, read_timeline
from fervid.timeline import Timeline, frame_table
from fervid.tracks import Tracker
from fervid.video import VideoReader
from fervid.video.ffmpeg import quoted

RESULT_SUFFIX = ".fervid"
_LATEST_S = 1e9
_DETECTORS = 2


@dataclass(frozen=True)
class Settings:
    """What a user may choose; written to `meta.json`.

    Attributes:
        fps: frames a second to analyse, or None for every frame.
        start, end: part of the recording in seconds, start included, end excluded; None: all.
        working_size: frames are searched with their longer side scaled down to this many pixels.
        detector: "fervid" for the shipped detector, or "yunet:FILE" for YuNet's ONNX file.
        min_score: detector score from which a face is followed; None: the detector's own. A face
            that is followed is kept down to half of it.
        min_face: faces lower than this many pixels of the working frame are left out.
        batch_size: frames a call.
        weights: the expression model: a shipped one by name, or a path to NAME.npz, to its model
            card NAME.json, or NAME for both; `meta.json` gets the name on its card.
        labels: whose answers the probabilities imitate: "fer2013" for the labels of FER-2013,
            "ferplus" for the votes of FER+, or the "mixture" that the model card states.

    Raises:
        ValueError: a number is out of range, `end` is not after `start`, or other labels.
    """

    fps: float | None = None
    start: float | None = None
    end: float | None = None
    working_size: int = 640
    detector: str = DETECTORS[0]
    min_score: float | None = None
    min_face: float = 0.0
    batch_size: int = 16
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
        if not 0 <= self.min_face < math.inf:
            raise ValueError("min_face must be 0 or more")
        check_detector(self.detector)
        check_labels(self.labels)


@dataclass(frozen=True)
class Progress:
    """How far an analysis is: frames done, frames expected (None: unknown), seconds so far."""

    frames: int
    expected: int | None
    elapsed_s: float


class Analyzer:
    """Both models, loaded and compiled once when first needed, for any number of recordings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def detector(self) -> Detector:
        """The chosen face detector; one that cannot be used is refused here."""
        return load_detector(self.settings.detector, start_score=self.settings.min_score)

    @cached_property
    def classifier(self) -> ExpressionClassifier:
        """The chosen expression classifier; a model that cannot be used is refused here."""
        return ExpressionClassifier.load(self.settings.weights, self.settings.labels)

    def tables(self, reader: VideoReader, follower: Follower) -> Iterator[pd.DataFrame]:
        """The frame table of a recording, a batch of frames at a time."""
        displayed = (reader.info.width, reader.info.height)
        for batch, tracked in follower.follow(self._detect_ahead(reader, displayed)):
            crops = faces.crop(batch, tracked.faces, displayed)
            expressions = self.classifier.classify(crops)
            yield frame_table(batch, tracked, expressions)

    def _detect_ahead(
        self, reader: VideoReader, displayed: tuple[int, int]
    ) -> Iterator[tuple[FrameBatch, Detections]]:
        """Each batch with its faces, in order, while the next ones are searched in threads.

        XLA keeps about one core busy with a convolution, so two calls at a time use two.
        """

        def detect(batch: FrameBatch) -> Detections:
            found = self.detector.detect(batch, displayed, batch_size=self.settings.batch_size)
            working_height = found.xywh[:, 3] * (batch.images.shape[1] / displayed[1])
            return found[working_height >= self.settings.min_face]

        waiting: deque[tuple[FrameBatch, Future[Detections]]] = deque()
        with ThreadPoolExecutor(_DETECTORS) as pool:
            for number, batch in enumerate(reader):
                found = pool.submit(detect, batch)
                if number == 0:  # so that only one thread compiles
                    wait([found])
                waiting.append((batch, found))
                if len(waiting) > _DETECTORS:
                    oldest, found = waiting.popleft()
                    yield oldest, found.result()
            for oldest, found in waiting:
                yield oldest, found.result()

    def analyze(
        self,
        recording: Path,
        folder: Path,
        *,
        overwrite: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """Analyse one recording into a new result folder; see `analyze`."""
        began, frames = time.perf_counter(), 0
        choice = self.settings
        # Writer and models refuse before the recording is probed; the folder is made after that.
        unopened = ResultWriter(folder, overwrite=overwrite)
        _ = self.classifier
        follower = Follower(Tracker(choice.fps, self.detector.start_score))
        with (
            VideoReader(
                recording,
                working_size=choice.working_size,
                batch_size=choice.batch_size,
                fps=choice.fps,
                start=choice.start,
                end=choice.end,
            ) as reader,
            unopened as writer,
        ):
            for table in self.tables(reader, follower):
                writer.append(table)
                frames += int(table["frame"].nunique())
                if progress is not None:
                    elapsed = time.perf_counter() - began
                    progress(Progress(frames, reader.expected_frames, elapsed))
            if frames == 0:
                raise MediaError(_nothing_chosen(reader.info))
            writer.finish(self._meta(reader, follower, time.perf_counter() - began))

    def _meta(self, reader: VideoReader, follower: Follower, elapsed_s: float) -> dict[str, Any]:
        kind, colon, file = self.settings.detector.partition(":")
        used = {
            "detector": kind + colon + Path(file).name,
            "min_score": self.detector.start_score,
            "weights": self.classifier.card["name"],
        }
        return {
            "fervid": __version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "recording": _recording(reader.info),
            "expressions": list(EXPRESSIONS),
            "settings": {**asdict(self.settings), **used},
            "models": [self.detector.card, self.classifier.card],
            "warnings": [
                *reader.warnings,
                *self.classifier.warnings,
                *(
                    f"face {face} does not move for {seconds:.0f} s: a picture or a thing, perhaps"
                    for face, seconds in follower.still.found()
                ),
            ],
            "tracking": {"filled": follower.filled, "dropped": follower.dropped},
            "elapsed_s": round(elapsed_s, 1),
        }


def _nothing_chosen(info: VideoInfo) -> str:
    length = "" if info.duration_s is None else f", which is {info.duration_s:.2f} s long"
    return f"{quoted(info.path)}: no frame lies in the chosen part of the recording{length}"


def _recording(info: VideoInfo) -> dict[str, Any]:
    return {
        "name": info.path.name,
        "width": info.width,
        "height": info.height,
        "fps": info.fps,
        "duration_s": info.duration_s,
        "size_bytes": info.size_bytes,
    }


def result_folder(recording: Path, out: Path = Path()) -> Path:
    """Where the result of a recording goes: `<out>/<recording name>.fervid`."""
    return out / (recording.name + RESULT_SUFFIX)


def analyze(
    recording: str | Path,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
    **settings: Any,
) -> Timeline:
    """Read a recording, follow its faces and classify their expressions frame by frame.

    Args:
        recording: path of a video file.
        out: folder in which `<recording name>.fervid/` is written; None: nothing is kept on disk.
        overwrite: replace an earlier result.
        progress: called after each batch of frames.
        **settings: the fields of `fervid.pipeline.Settings` by name, such as `fps` or `weights`.

    Returns:
        The timeline: `.frames` has one row for each face in each frame, `.summary` one for
        everyone and one for each face id, `.meta` the sidecar.

    Raises:
        MediaError: the input is not a recording that can be read, or its chosen part is empty.
        ResultError: there is a result already, or it cannot be written.
        ModelError: `weights` or `detector` names no model, or one that is damaged or unfit.
        SetupError: ffmpeg or the shipped weights are missing, or JAX finds no device.
        ValueError: a setting is out of range.
    """
    recording = Path(recording)
    analyzer = Analyzer(Settings(**settings))
    if out is not None:
        folder = result_folder(recording, Path(out))
        analyzer.analyze(recording, folder, overwrite=overwrite, progress=progress)
        return read_timeline(folder)
    with tempfile.TemporaryDirectory(prefix="fervid-") as temporary:
        folder = result_folder(recording, Path(temporary))
        analyzer.analyze(recording, folder, progress=progress)
        return replace(read_timeline(folder), folder=None)
