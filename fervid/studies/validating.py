"""Compares results with the codes of human coders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fervid.errors import ResultError
from fervid.records import EXPRESSIONS
from fervid.report.recordings import is_one_result, result_folders
from fervid.studies.coding import NONE, episode_matches, expression_of, rated_frames
from fervid.studies.events import read_events
from fervid.studies.excerpts import in_recordings, read_excerpts
from fervid.studies.matching import RecordingIndex, first_few
from fervid.studies.opening import Notify, sources
from fervid.studies.rules import Tally
from fervid.studies.sources import Source
from fervid.studies.validation import Validation

_EPISODE_COLUMNS = (
    *("recording", "face_id", "coder", "expression", "result", "onset", "offset"),
    *("fervid_onset", "fervid_offset", "onset_difference", "offset_difference"),
)


def validate(
    results: str | Path,
    codes: Sequence[str | Path] | Mapping[str, pd.DataFrame],
    *,
    excerpts: str | Path | pd.DataFrame | None = None,
    names: Mapping[str, str] | None = None,
    seed: int = 0,
    draws: int = 2000,
    notify: Notify = lambda line: None,
) -> Validation:
    """Compare results with the codes of human coders.

    Args:
        results: a folder of results, or one result.
        codes: a file (or a folder of files) for each coder, or a table of events by coder. Labels
            are expressions. A column `coder` separates the coders in one file.
        excerpts: the `excerpts.csv` of a sample, if only these were coded; codes may refer to the
            clips. None: recordings with codes were coded from start to end.
        names: expressions by the coders' labels, if these are other words.
        seed, draws: seed and number of samples of the bootstrap.
        notify: called with a line for everything that is left out.

    Raises:
        ResultError: a file cannot be read, no label is an expression, or nothing matches the
            results.
    """
    notes: list[str] = []

    def note(line: str) -> None:
        notes.append(line)
        notify(line)

    folder = Path(results)
    tables = _expressions(_coders(codes), names or {}, note)
    cut = (
        None
        if excerpts is None
        else (excerpts if isinstance(excerpts, pd.DataFrame) else read_excerpts(Path(excerpts)))
    )
    if cut is not None:
        tables = {coder: in_recordings(table, cut) for coder, table in tables.items()}
    said = {name for table in tables.values() for name in table["expression"]}
    categories = [NONE, *(name for name in EXPRESSIONS if name in said)]
    made = Validation(list(tables), categories, [], pd.DataFrame(), {}, notes, seed, draws)
    _collect(made, folder, tables, cut, note)
    if not made.rated:
        raise ResultError(f"{folder}: no code matches a recording with a result")
    return made


def _coders(codes: Sequence[str | Path] | Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    if isinstance(codes, Mapping):
        return dict(codes)
    tables: dict[str, pd.DataFrame] = {}
    for path in map(Path, codes):
        table = read_events([path])
        if "coder" in table:
            parts = {str(name) or path.stem: part for name, part in table.groupby("coder")}
        else:
            parts = {path.stem: table}
        for name, part in parts.items():
            unique = name if name not in tables else str(path)
            tables[unique] = part
    return tables


def _expressions(
    tables: Mapping[str, pd.DataFrame], names: Mapping[str, str],
    note: Callable[[str], None],
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """Codes with a column `expression`; other codes are left out and reported."""
    found, unknown = {}, []
    for coder, table in tables.items():
        meant = table["label"].map(lambda label: expression_of(str(label), names))
        unknown += table["label"][meant == ""].tolist()
        moments = table["end"].isna()
        if (moments & (meant != "")).any():
            note(f"{int(moments.sum())} codes of {coder} have no end and are left out")
        found[coder] = table.assign(expression=meant)[(meant != "") & ~moments]
    if unknown:
        labels = first_few([*dict.fromkeys(unknown)])
        note(f"codes that are not expressions ({len(unknown)}): {labels}")
    if not any(map(len, found.values())):
        raise ResultError(
            "no code is an expression with a start and an end; use --map to say what labels mean, "
            f"as in --map smile=happy (expressions: {', '.join(EXPRESSIONS)})"
        )
    return found


def _collect(
    made: Validation, folder: Path, tables: Mapping[str, pd.DataFrame],
    cut: pd.DataFrame | None, note: Callable[[str], None],
) -> None:  # fmt: skip
    indexes = {coder: RecordingIndex(table) for coder, table in tables.items()}
    cuts = None if cut is None else RecordingIndex(cut)
    places = [folder] if is_one_result(folder) else list(result_folders(folder, note))
    episodes: list[dict[str, Any]] = []
    several = 0
    for source in sources(places, folder, "probability", Tally(), note):
        coded = {coder: index.of(source) for coder, index in indexes.items()}
        spans = None if cuts is None else cuts.of(source)[["start", "end"]].to_numpy(np.float64)
        if (spans is None and not any(map(len, coded.values()))) or (
            spans is not None and not len(spans)
        ):
            continue
        unnamed = any((table["participant"] == "").any() for table in coded.values())
        several += unnamed and len(source.people) > 1
        for face_id, mine in _by_face(source, coded).items():
            rated = rated_frames(source, face_id, list(mine.values()), made.categories, spans)
            if len(rated.time_s):
                made.rated.append(rated)
            for coder, table in mine.items():
                episodes += episode_matches(source, face_id, table, made.categories, spans, coder)
        made.folders[source.path] = source
    if several:
        note(
            f"in {several} recordings with several people, codes without a person are compared "
            "with the person seen longest; to code others, name them face 1, face 2 and so on"
        )
    for coder, index in indexes.items():
        if len(index.unused):
            names = [*dict.fromkeys(tables[coder]["recording"].iloc[index.unused])]
            count = len(index.unused)
            note(f"codes of {coder} that match no recording ({count}): {first_few(names)}")
    made.episodes = pd.DataFrame(episodes, columns=list(_EPISODE_COLUMNS))


def _by_face(
    source: Source, coded: Mapping[str, pd.DataFrame]
) -> dict[int, dict[str, pd.DataFrame]]:
    """For each coded person, the codes of each coder."""
    people = source.people
    if not len(people):
        return {}
    main = source.main_face
    faces: dict[str, int] = {"": main}
    for face in people["face_id"].tolist():
        faces |= {f"face {face}": face, str(face): face}
    meant = {
        coder: table["participant"].astype(str).map(lambda name: faces.get(name, main))
        for coder, table in coded.items()
    }
    whom = (
        {main}
        if not any(map(len, coded.values()))
        else {face for column in meant.values() for face in column.unique().tolist()}
    )
    return {
        face: {coder: table[meant[coder] == face] for coder, table in coded.items()}
        for face in sorted(whom)
    }
