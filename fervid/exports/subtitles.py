"""WebVTT and SubRip: a cue for each episode."""

from __future__ import annotations

from pathlib import Path

from pysubs2 import SSAEvent, SSAFile

from fervid.exports import Job
from fervid.exports.tables import hours_fit, read_cues

_PYSUBS2_NAMES = {"webvtt": "vtt", "srt": "srt"}


_MARKUP = str.maketrans("<>&{}\\", "      ")


def write(job: Job, out: Path) -> None:
    """Write cues such as `face 1: happy`, sorted by onset; times in milliseconds.

    Characters that players take for markup are removed from names.

    Raises:
        ResultError: a table is missing or damaged, or the recording is longer than 100 hours.
    """
    cues = read_cues(job.folder)
    hours_fit(cues, job.folder)
    subtitles = SSAFile()
    subtitles.extend(
        SSAEvent(start=cue.start_ms, end=cue.end_ms, text=f"{_plain(cue.person)}: {cue.expression}")
        for mine in cues.values()
        for cue in mine
    )
    subtitles.sort()
    with out.open("w", encoding="utf-8", newline="\n") as file:
        subtitles.to_file(file, _PYSUBS2_NAMES[job.to])


def _plain(name: str) -> str:
    return " ".join(name.translate(_MARKUP).replace("-->", " ").split()) or "face"
