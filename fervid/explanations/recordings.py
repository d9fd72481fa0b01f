"""Explains faces in a frame of a recording or in a photo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fervid.detection.crops import crop
from fervid.engine.engine import Engine
from fervid.errors import MediaError, ResultError, quoted
from fervid.explanations.moments import RESOLUTION_S, moment
from fervid.explanations.numbering import NumberedFaces, as_in_table, left_to_right, rows_at
from fervid.expressions.maps import Explanations, explain
from fervid.photos.faces import PhotoAnalyzer
from fervid.photos.reading import read_photo
from fervid.records import FaceCrops, FrameBatch
from fervid.results.files import read_meta
from fervid.results.folder_names import result_folder
from fervid.settings import Settings
from fervid.settings.choices import EXPRESSION_MODELS
from fervid.video.kinds import kind_of


@dataclass(frozen=True)
class Explained:
    """N faces of one frame, and what the classifier reacts to in them.

    Attributes:
        name: file name of the recording or photo.
        batch: the frame at the working size; a photo has time NaN.
        displayed: displayed width and height; boxes are in these pixels.
        everyone: all faces of the frame.
        chosen: the N explained faces.
        crops: these faces as the classifier sees them.
        maps: maps of what it reacts to.
        result: the result folder that the numbers come from; None: faces are numbered from left to
            right.
    """

    name: str
    batch: FrameBatch
    displayed: tuple[int, int]
    everyone: NumberedFaces
    chosen: NumberedFaces
    crops: FaceCrops
    maps: Explanations
    result: Path | None


def explain_recording(
    path: Path,
    at: float | None = None,
    *,
    numbers: Sequence[int] = (),
    expression: str | None = None,
    result: Path | None = None,
    **chosen: Any,
) -> Explained:
    """Explain the faces in a frame of a recording, or in a photo.

    Args:
        path: path of the recording or photo.
        at: time of the frame in seconds; None: the first frame, or the photo.
        numbers: numbers of the faces; empty: all faces.
        expression: one of `EXPRESSIONS`; None: each face's most probable one.
        result: the recording's result folder; None: RECORDING.fervid beside it or in the current
            folder, if there is one. Its frames, face ids and settings are used.
        **chosen: fields of `Settings`, such as `weights`, that override those of the result.

    Raises:
        MediaError: the file is neither recording nor photo, the time is outside it, or a face does
            not exist.
        ResultError: the result folder cannot be used, or belongs to another recording.
        ModelError, SetupError: see `fervid.expressions.classifier.ExpressionClassifier`.
        ValueError: a setting is out of range, or the expression is unknown.
    """
    is_photo = kind_of(path) == "photo"
    folder = None if is_photo else _result_of(path, result)
    settings = Settings(**chosen) if folder is None else _settings_of(folder, chosen)
    engine = Engine(settings)
    if is_photo:
        batch, displayed, everyone = _of_photo(path, at, settings)
    elif folder is None:
        batch, displayed = moment(path, at, settings)
        found = engine.detector.detect(batch, displayed)
        everyone = left_to_right(found[found.score >= engine.detector.start_score])
    else:
        rows = rows_at(folder, at, start=settings.start, end=settings.end, length_s=_length(folder))
        time_s = float(rows["timestamp"].iloc[0])
        batch, displayed = moment(path, time_s, settings)
        if abs(batch.time_s[0] - time_s) > RESOLUTION_S:
            raise ResultError(f"{folder}: its frames do not match those of {quoted(path)}")
        everyone = as_in_table(rows, engine.detector.detect(batch, displayed))
    chosen_faces = _chosen(everyone, numbers, _where(path, batch))
    crops = crop(batch, chosen_faces.faces, displayed)
    maps = explain(crops, engine.classifier, expression)
    return Explained(path.name, batch, displayed, everyone, chosen_faces, crops, maps, folder)


def _of_photo(
    path: Path, at: float | None, settings: Settings
) -> tuple[FrameBatch, tuple[int, int], NumberedFaces]:
    """A photo as a frame, its size, and its faces, numbered as in `faces.csv`."""
    if at is not None:
        raise MediaError(f"{quoted(path)}: is a photo, which has no times; leave out --at")
    photo = read_photo(path)
    (found,) = PhotoAnalyzer(settings).find([photo])
    return photo.as_frame(), photo.displayed, left_to_right(found.faces)


def _where(path: Path, batch: FrameBatch) -> str:
    time_s = float(batch.time_s[0])
    return quoted(path) if math.isnan(time_s) else f"{quoted(path)} at {time_s:.3f} s"


def _chosen(everyone: NumberedFaces, numbers: Sequence[int], where: str) -> NumberedFaces:
    """The faces with these numbers, in the order of all faces; all if there are no numbers."""
    if not len(everyone):
        raise MediaError(f"{where}: there is no face; try another time or a larger --working-size")
    there = everyone.number.tolist()
    for number in numbers:
        if number not in there:
            known = (
                f"are faces {', '.join(map(str, there))}" if there[1:] else f"is face {there[0]}"
            )
            raise MediaError(f"{where}: there is no face {number}; there {known}")
    wanted = numbers or there
    return everyone[np.flatnonzero(np.isin(everyone.number, wanted))]


def _result_of(path: Path, given: Path | None) -> Path | None:
    """The result folder to use, if there is one."""
    if given is not None:
        if not _same_recording(given, path):
            raise ResultError(
                f"{given}: is not the result of {quoted(path)}, as the file sizes differ"
            )
        return given
    for folder in (result_folder(path, path.parent), result_folder(path)):
        # Another recording with the same name may have been analysed here.
        if folder.is_dir() and _same_recording(folder, path):
            return folder
    return None


def _same_recording(folder: Path, path: Path) -> bool:
    about = read_meta(folder).get("recording") or {}
    try:
        return bool(about.get("size_bytes") == path.stat().st_size)
    except OSError:
        return True  # errors are reported when the recording is opened


def _length(folder: Path) -> float | None:
    length_s = (read_meta(folder).get("recording") or {}).get("duration_s")
    return float(length_s) if isinstance(length_s, int | float) else None


def _settings_of(folder: Path, chosen: dict[str, Any]) -> Settings:
    """The settings of the analysis that affect where faces are and what they show."""
    settings_then = read_meta(folder).get("settings") or {}
    kept = ("start", "end", "track", "deinterlace", "working_size", "scale", "labels")
    # Scores of another detector are not comparable.
    ours = ("min_score",) if settings_then.get("detector") == "fervid" else ()
    known = {name: settings_then[name] for name in (*kept, *ours) if name in settings_then}
    try:
        settings = Settings(**known)
    except (TypeError, ValueError) as error:
        raise ResultError(f"{folder}: is damaged: settings in meta.json: {error}") from error
    if "weights" not in chosen:
        if settings_then.get("weights") not in EXPRESSION_MODELS:
            raise ResultError(f"{folder}: was made with your own model; give it with --weights")
        settings = replace(settings, weights=settings_then["weights"])
    return replace(settings, **chosen)
