"""The contents of `meta.json`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fervid import __version__
from fervid.records import EXPRESSIONS, VideoInfo
from fervid.results.codebook import TABLES
from fervid.results.files import NEWEST_SCHEMA
from fervid.settings import Settings


def provenance(made_by: str, settings: Settings, tables: Sequence[str]) -> list[dict[str, Any]]:
    """Provenance of the tables of a result: what made them, with all settings that are not
    defaults.

    Args:
        made_by: the public function, such as "fervid.analyze".
        settings: the user's settings.
        tables: names of the tables.
    """
    default = asdict(Settings())
    chosen = {name: value for name, value in asdict(settings).items() if value != default[name]}
    if "detector" in chosen:
        chosen["detector"] = detector_name(settings)
    if "weights" in chosen:
        chosen["weights"] = Path(settings.weights).name
    if "baseline" in chosen:
        chosen["baseline"] = baseline_name(settings)
    return [
        {
            "tables": list(tables),
            "made_by": made_by,
            "fervid": __version__,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "arguments": chosen,
        }
    ]


def result_metadata(
    info: VideoInfo,
    folder: Path,
    settings: Settings,
    used: dict[str, Any],
    models: Sequence[dict[str, Any]],
    warnings: Sequence[str],
    damage: dict[str, Any] | None,
    tracking: dict[str, Any],
    elapsed_s: float,
    made_by: str,
) -> dict[str, Any]:
    """The metadata of a result, except the detection rate, which comes from the tables.

    Args:
        info: properties of the recording.
        folder: the result folder.
        settings: the user's settings.
        used: the values used for settings that the user left open.
        models: the model cards.
        warnings: one line each.
        damage: what could not be decoded; None if everything could.
        tracking: how faces were found and followed.
        elapsed_s: seconds that the analysis took.
        made_by: the public function that made the result.
    """
    return {
        "schema": NEWEST_SCHEMA,
        "fervid": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "recording": {
            "name": info.path.name,
            "beside": _beside(info.path, folder),
            "width": info.width,
            "height": info.height,
            "fps": info.fps,
            "duration_s": info.duration_s,
            "size_bytes": info.size_bytes,
            "track": {"number": info.track, "of": info.tracks, "stream": info.stream},
        },
        "expressions": list(EXPRESSIONS),
        "settings": {**asdict(settings), **_names(settings), **used},
        "models": list(models),
        "status": "ok" if damage is None else "partial",
        "damage": damage,
        "warnings": list(warnings),
        "tracking": tracking,
        "elapsed_s": round(elapsed_s, 1),
        "provenance": provenance(made_by, settings, tuple(TABLES)),
    }


def detector_name(settings: Settings) -> str:
    """The chosen detector; a file without its folder."""
    kind, colon, file = settings.detector.partition(":")
    return kind + colon + Path(file).name


def baseline_name(settings: Settings) -> tuple[float, float] | str | None:
    """The chosen baseline; a file without its folder."""
    chosen = settings.baseline
    return Path(chosen).name if isinstance(chosen, str) else chosen


def _names(settings: Settings) -> dict[str, Any]:
    """Settings that can be paths, without folders."""
    return {"detector": detector_name(settings), "baseline": baseline_name(settings)}


def _beside(recording: Path, folder: Path) -> str | None:
    """The recording's path relative to the result folder, so that both can be moved together."""
    try:
        return Path(os.path.relpath(recording.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return None
