"""Datavyu: its own CSV format, with a column for each person."""

from __future__ import annotations

from pathlib import Path

from fervid.exports import Job
from fervid.exports.tables import hours_fit, read_cues

_VERSION = "#4"


def write(job: Job, out: Path) -> None:
    """Write a cell for each episode; times in milliseconds.

    Raises:
        ResultError: a table is missing or damaged, or the recording is longer than 100 hours.
    """
    cues = read_cues(job.folder)
    hours_fit(cues, job.folder)
    with out.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{_VERSION}\n")
        for face, mine in cues.items():
            # Type of the column, visibility, an empty comment, and the codes of its cells.
            file.write(f"{_column(face)} (MATRIX,true,)-expression|NOMINAL\n")
            file.writelines(
                f"{_timecode(cue.start_ms)},{_timecode(cue.end_ms)},({cue.expression})\n"
                for cue in mine
            )


def _column(name: str) -> str:
    """A valid name of a column: letters and digits, starting with a letter."""
    plain = "".join(sign for sign in name if sign.isalnum() or sign == "_")
    return plain if plain[:1].isalpha() else f"person{plain}"


def _timecode(time_ms: int) -> str:
    """Milliseconds as HH:MM:SS:mmm."""
    seconds, rest = divmod(time_ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{rest:03}"
