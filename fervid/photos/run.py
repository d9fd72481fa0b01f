"""Analyses many photos into one result folder: threads read ahead, and several are searched per
call."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fervid import __version__
from fervid.errors import MediaError, ResultError, quoted
from fervid.inputs.plan import PhotoFile
from fervid.photos.annotated import annotated
from fervid.photos.faces import FINER, PhotoAnalyzer, PhotoFaces
from fervid.photos.files import is_photo_result, read_photo_tables, text_of
from fervid.photos.folder import PhotoFolder
from fervid.photos.jobs import Notify, PhotoOutcome
from fervid.photos.reading import Photo, read_photo, sha256_of, without_notes
from fervid.photos.tables import PhotoResult
from fervid.records import EXPRESSIONS
from fervid.results.files import NEWEST_SCHEMA, PHOTOS
from fervid.results.memory import release_memory
from fervid.results.metadata import detector_name, provenance
from fervid.results.reuse import AnalysisOutcome, difference, digests_of_models
from fervid.settings import Settings

WINDOW = 8
"""Photos searched in one call."""

_WORKERS = 2
"""Windows processed in parallel, because XLA uses about one core for a convolution."""

_OF_PHOTOS = (
    *("working_size", "scale", "detector", "min_score", "min_face", "min_confidence"),
    *("thumbnails", "weights", "labels"),
)
"""Settings that affect photos."""


def analyze_files(
    photos: Sequence[PhotoFile],
    folder: Path,
    settings: Settings,
    *,
    overwrite: bool = False,
    notify: Notify = lambda outcome: None,
) -> AnalysisOutcome:
    """Analyse photos into one result folder unless an equal result exists.

    Args:
        photos: at least one; no two have the same place.
        folder: the result folder.
        settings: settings; those that concern time have no effect.
        overwrite: analyse again even if an equal result exists, and replace a result of other
            photos. Without it, a result of the same photos, settings, models and version is kept.
        notify: called with the outcome of each photo, in order.

    Raises:
        ResultError: the result cannot be written, or something else is in its place, such as a
            result of other photos only.
        ModelError, SetupError: see `fervid.engine.engine.Engine`.
    """
    redone = ""
    with without_notes():
        if not overwrite and is_photo_result(folder):
            redone = difference_of_photos(photos, folder, settings)
            if not redone:
                for outcome in _outcomes(photos, folder):
                    notify(outcome)
                return AnalysisOutcome(reused=True)
        _analyze(photos, folder, settings, notify)
    return AnalysisOutcome(redone=redone)


def _analyze(
    photos: Sequence[PhotoFile],
    folder: Path,
    settings: Settings,
    notify: Notify,
) -> None:
    began = time.perf_counter()
    counts: Counter[str] = Counter(photos=len(photos))
    pool = ThreadPoolExecutor(_WORKERS)
    unopened, analyzer = PhotoFolder(folder), PhotoAnalyzer(settings)
    try:
        with unopened as writer:
            for results in _Windows(analyzer, writer).results(photos, pool):
                writer.append(results, settings.min_confidence)
                for one in results:
                    counts["refused"] += one.outcome.status == "refused"
                    counts["with_face"] += one.outcome.faces > 0
                    counts["faces"] += one.outcome.faces
                    notify(one.outcome)
            elapsed_s = round(time.perf_counter() - began, 1)
            writer.finish({**_meta(analyzer, counts), "elapsed_s": elapsed_s})
    finally:  # a user who stops need not wait for photos in progress
        pool.shutdown(wait=False, cancel_futures=True)
        release_memory()


class _Windows:
    """Analyses windows of photos in several threads."""

    def __init__(self, analyzer: PhotoAnalyzer, writer: PhotoFolder) -> None:
        self._analyzer, self._writer = analyzer, writer

    def results(
        self, photos: Sequence[PhotoFile], pool: ThreadPoolExecutor
    ) -> Iterator[list[PhotoResult]]:
        """Yield the results of each window, in order; only a few windows are in progress."""
        begun: deque[Future[list[PhotoResult]]] = deque()
        for start in range(0, len(photos), WINDOW):
            window = photos[start : start + WINDOW]
            # Clashing names are made unique in the order of the photos.
            pictures = [self._writer.name_of_annotated(photo.place) for photo in window]
            begun.append(pool.submit(self._analyze, window, pictures))
            if len(begun) > _WORKERS:
                yield begun.popleft().result()
        for job in begun:
            yield job.result()

    def _analyze(self, window: Sequence[PhotoFile], pictures: Sequence[str]) -> list[PhotoResult]:
        read = [_read(photo.path) for photo in window]
        found = iter(self._analyzer.find([one for one in read if isinstance(one, Photo)]))
        results = []
        for photo, pixels, picture in zip(window, read, pictures, strict=True):
            if isinstance(pixels, Photo):
                results.append(self._found(photo, pixels, next(found), picture))
            else:
                reason = str(pixels).removeprefix(f"{quoted(photo.path)}: ")
                outcome = PhotoOutcome(photo, "refused", reason)
                results.append(PhotoResult(outcome, sha256=sha256_of(photo.path)))
        return results

    def _found(
        self, photo: PhotoFile, pixels: Photo, faces: PhotoFaces, picture: str
    ) -> PhotoResult:
        settings = self._analyzer.settings
        is_drawn = settings.thumbnails and len(faces) > 0
        if is_drawn:
            jpeg = annotated(pixels, faces, settings.min_confidence)
            self._writer.write_annotated(picture, jpeg)
        outcome = PhotoOutcome(photo, faces=len(faces))
        kept = picture if is_drawn else ""
        return PhotoResult(outcome, pixels.displayed, pixels.sha256, kept, faces)


def _read(path: Path) -> Photo | MediaError:
    try:
        return read_photo(path)
    except MediaError as error:
        return error


def _meta(analyzer: PhotoAnalyzer, counts: Counter[str]) -> dict[str, Any]:
    """The contents of `meta.json`."""
    settings, engine = analyzer.settings, analyzer.engine
    cards = engine.cards
    return {
        "schema": NEWEST_SCHEMA,
        "fervid": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "kind": PHOTOS,
        "expressions": list(EXPRESSIONS),
        "detection": {key: counts[key] for key in ("photos", "with_face", "faces", "refused")},
        "settings": {
            **{name: getattr(settings, name) for name in _OF_PHOTOS},
            "detector": detector_name(settings),
            "min_score": engine.detector.photo_score,
            "searched_at": FINER * settings.search_size,
            "weights": cards[1]["name"],
        },
        "models": cards,
        "warnings": list(engine.classifier.warnings),
        "request": _request(settings),
        "provenance": provenance("fervid.analyze_photos", settings, ("faces", "photos")),
    }


def difference_of_photos(photos: Sequence[PhotoFile], folder: Path, settings: Settings) -> str:
    """Why a result of photos differs from what an analysis would give; empty if it does not.

    Raises:
        ResultError: it contains none of these photos, so it must not be replaced.
    """
    try:
        rows = read_photo_tables(folder)[1]
    except ResultError:
        return "its tables are damaged"
    earlier, now = rows["photo"].tolist(), [text_of(photo.place) for photo in photos]
    gone, new = len(set(earlier) - set(now)), len(set(now) - set(earlier))
    if earlier and gone == len(set(earlier)):
        other = f"contains other photos, such as {earlier[0]!a}"
        raise ResultError(f"{folder}: {other}; choose another --out, or use --overwrite")
    if why := difference(folder, _request(settings)):
        return why
    if earlier != now:
        return f"{new:,} of the photos are new, and {gone:,} are gone"
    with ThreadPoolExecutor(_WORKERS) as pool:
        digests = list(pool.map(sha256_of, [photo.path for photo in photos]))
    changed = sum(one != other for one, other in zip(digests, rows["sha256"], strict=True))
    return f"{changed:,} of the photos have changed" if changed else ""


def _outcomes(photos: Sequence[PhotoFile], folder: Path) -> Iterator[PhotoOutcome]:
    """The outcomes of photos according to an existing result."""
    rows = read_photo_tables(folder)[1]
    entries = zip(photos, rows["status"], rows["reason"], rows["faces"].tolist(), strict=True)
    for photo, status, reason, faces in entries:
        yield PhotoOutcome(photo, status, reason, faces)


def _request(settings: Settings) -> dict[str, Any]:
    """Everything that determines a result, apart from the photos; see `request_of`."""
    by_content = ("weights", "detector")
    kept = {name: getattr(settings, name) for name in _OF_PHOTOS if name not in by_content}
    models = digests_of_models(settings)
    return {"fervid": __version__, "recording": {}, "settings": kept, "models": models}
