"""Draws random excerpts for human coders, without fervid's answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from fervid.errors import ResultError
from fervid.exports.recordings import recording_of
from fervid.report.recordings import is_one_result, result_folders
from fervid.results.files import PHOTOS, disk_errors, read_meta, read_table, text_file
from fervid.results.user_tables import read_csv_table
from fervid.studies.frames import cut

Notify = Callable[[str], None]

TABLE_NAME = "excerpts.csv"
COLUMNS = ("excerpt", "recording", "start", "end")


def sample_of(text: str) -> tuple[int, float]:
    """Read a sample such as 20x10s: the number of excerpts and their length in seconds.

    >>> sample_of("20x10s")
    (20, 10.0)

    Raises:
        ValueError: the text is not a sample.
    """
    found = re.fullmatch(r"(\d+)\s*[x\u00d7]\s*(\d+(?:\.\d+)?)\s*s?", text.strip())
    if not found or int(found[1]) < 1 or not float(found[2]) > 0:
        raise ValueError(f"{text!r} is not a sample; write number and length, as in 20x10s")
    return int(found[1]), float(found[2])


def drawn(
    folders: Sequence[Path], root: Path, count: int, length_s: float, seed: int
) -> pd.DataFrame:
    """Draw excerpts that do not overlap, with equal probability wherever faces are seen.

    Args:
        folders: result folders.
        root: folder of the study.
        count: number of excerpts.
        length_s: length of each in seconds.
        seed: seed of the random numbers.

    Returns:
        Table of `COLUMNS`, in random order, so that coders see no pattern.

    Raises:
        ResultError: the recordings are too short for this many excerpts.
    """
    rng = np.random.default_rng(seed)
    slots = []
    for folder in folders:
        people = read_table(folder, "people")
        if not len(people):
            continue
        first, last = float(people["first_seen"].min()), float(people["last_seen"].max())
        pieces = int((last - first) // length_s)
        shift = rng.uniform(0, max(last - first - pieces * length_s, 0))
        path = folder.name if folder == root else folder.relative_to(root).as_posix()
        slots += [(path, first + shift + k * length_s) for k in range(pieces)]
    if len(slots) < count:
        raise ResultError(
            f"{root}: has only {len(slots)} stretches of {length_s:g} s with a face, not {count}"
        )
    chosen = [slots[k] for k in rng.permutation(len(slots))[:count]]
    digits = len(str(count))
    rows = [
        (f"excerpt-{k:0{digits}}", path, round(start, 3), round(start + length_s, 3))
        for k, (path, start) in enumerate(chosen, 1)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def draw_excerpts(
    root: Path, out: Path, count: int, length_s: float, seed: int, notify: Notify
) -> tuple[pd.DataFrame, list[str]]:
    """Draw excerpts from the results in a folder and write them; see `drawn`, `save_excerpts`."""
    folders = [root] if is_one_result(root) else list(result_folders(root, notify))
    folders = [folder for folder in folders if read_meta(folder).get("kind") != PHOTOS]
    table = drawn(folders, root, count, length_s, seed)
    return table, save_excerpts(table, root, out)


def save_excerpts(table: pd.DataFrame, root: Path, out: Path) -> list[str]:
    """Write the table, and a clip for each excerpt whose recording is found.

    Returns:
        The recordings that were not found.
    """
    missing = []
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        with text_file(out / TABLE_NAME) as file:
            table.to_csv(file, index=False, lineterminator="\n")
    for excerpt, path, start, end in table.itertuples(index=False):
        folder = root if path == root.name and not (root / path).is_dir() else root / path
        recording = recording_of(folder, None, needed=False)
        if recording is None:
            missing.append(str((read_meta(folder).get("recording") or {}).get("name") or path))
            continue
        cut(recording, float(start), float(end), out / f"{excerpt}.mp4")
    return [*dict.fromkeys(missing)]


def read_excerpts(path: Path) -> pd.DataFrame:
    """Read the table that `save_excerpts` wrote.

    Raises:
        ResultError: the table cannot be read, or columns are missing.
    """
    table = read_csv_table(path)
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ResultError(
            f"{path}: has no column {missing[0]!r}; give the excerpts.csv of --sample"
        )
    try:
        return table.astype({"start": "float64", "end": "float64"})
    except ValueError as error:
        raise ResultError(f"{path}: start and end are not numbers of seconds") from error


def in_recordings(codes: pd.DataFrame, excerpts: pd.DataFrame) -> pd.DataFrame:
    """Convert codes of clips of excerpts to the recordings and times that they were cut from.

    Codes that do not name an excerpt belong to the recordings themselves and are not changed.
    """
    names = codes["recording"].astype(str).str.replace("\\", "/").str.rpartition("/")[2]
    stems = names.str.replace(r"\.[^.]*$", "", regex=True)
    place = stems.map({name: k for k, name in enumerate(excerpts["excerpt"])})
    is_clip = place.notna()
    rows = excerpts.iloc[place[is_clip].astype(int)]
    moved = codes.copy()
    for column in ("start", "end"):
        moved.loc[is_clip, column] += rows["start"].to_numpy()
    moved.loc[is_clip, "recording"] = rows["recording"].to_numpy()
    return moved
