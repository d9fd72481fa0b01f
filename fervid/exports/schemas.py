"""Frame tables with the column names of OpenFace 2 and py-feat, for scripts that read these."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from fervid.exports import Job
from fervid.records import EXPRESSIONS
from fervid.results.codebook import BOX_COLUMNS
from fervid.results.files import read_frames, read_meta

_PYFEAT_BOX = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore")
_PYFEAT_NAMES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


def write(job: Job, out: Path) -> None:
    """Write the frame table with other column names, row by row.

    OpenFace counts frames from 1 and has no expressions, so ours follow its first columns; the
    face_id is 0 without a face. py-feat counts frames from 0 and leaves unknown values empty.

    Raises:
        ResultError: a table is missing or damaged.
    """
    name = str((read_meta(job.folder).get("recording") or {}).get("name") or "")
    shape = _SHAPES[job.to]
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, table in enumerate(_shaped(job.folder, shape, name)):
            if not number:
                writer.writerow(table.columns)
            writer.writerows(table.astype(object).where(table.notna(), "").to_numpy().tolist())


def _shaped(
    folder: Path, shape: Callable[[pd.DataFrame, str], pd.DataFrame], name: str
) -> Iterator[pd.DataFrame]:
    for frames in read_frames(folder):
        yield shape(frames, name)


def _openface(frames: pd.DataFrame, _: str) -> pd.DataFrame:
    first = {
        "frame": frames["frame"] + 1,
        "face_id": frames["face_id"].fillna(0),
        "timestamp": frames["timestamp"],
        "confidence": frames["confidence"].fillna(0.0),
        "success": frames["success"],
    }
    rest = frames[[*BOX_COLUMNS, *EXPRESSIONS]]
    return pd.concat([pd.DataFrame(first), rest], axis=1)


def _pyfeat(frames: pd.DataFrame, name: str) -> pd.DataFrame:
    ours = (*BOX_COLUMNS, "confidence", *EXPRESSIONS)
    names = (*_PYFEAT_BOX, *_PYFEAT_NAMES)
    columns = {new: frames[old] for new, old in zip(names, ours, strict=True)}
    person = frames["face_id"].map(lambda who: "" if who is pd.NA else f"Person_{who}")
    last = {"frame": frames["frame"], "approx_time": frames["timestamp"], "Identity": person}
    return pd.DataFrame({**columns, **last}).assign(input=_plain(name))


def _plain(name: str) -> str:
    """A name in printable ASCII that a spreadsheet does not take for a formula."""
    plain = ascii(name)[1:-1]
    return f"'{plain}" if plain.startswith(("=", "+", "-", "@")) else plain


_SHAPES: dict[str, Callable[[pd.DataFrame, str], pd.DataFrame]] = {
    "openface": _openface,
    "pyfeat": _pyfeat,
}
