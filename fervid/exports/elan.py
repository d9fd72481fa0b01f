"""ELAN: an .eaf file with a tier for each person and an annotation for each episode."""

from __future__ import annotations

import mimetypes
import os
from datetime import datetime
from pathlib import Path

from pympi import Elan

from fervid.exports import Job
from fervid.exports.tables import Cue, read_cues
from fervid.records import EXPRESSIONS

_KIND = "expression"
_LANGUAGE = ("eng", "http://cdb.iso.org/lg/CDB-00138502-001", "English (eng)")


def write(job: Job, out: Path) -> None:
    """Write the episodes as `out`; times in milliseconds.

    Raises:
        ResultError: a table is missing or damaged.
    """
    eaf = Elan.Eaf(author="fervid")
    # pympi writes time zones with half hours as invalid dates.
    eaf.adocument["DATE"] = datetime.now().astimezone().isoformat(timespec="seconds")
    eaf.header = {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"}
    if job.recording is not None:
        _link(eaf, job.recording, job.home)
    _add_vocabulary(eaf)
    cues = read_cues(job.folder)
    _add_tiers(eaf, cues)
    eaf.remove_tier("default")
    eaf.remove_linguistic_type("default-lt")
    eaf.properties = [("lastUsedAnnotationId", sum(map(len, cues.values())))]
    Elan.to_eaf(out, eaf)


def _link(eaf: Elan.Eaf, recording: Path, home: Path) -> None:
    """Link the recording by its relative path, so that both files can be moved together."""
    try:
        way = Path(os.path.relpath(recording.resolve(), home.resolve())).as_posix()
    except ValueError:  # on Windows, on another drive
        return
    if not way.isprintable():  # XML allows neither control characters nor bytes that are not text
        return
    way = way if way.startswith("../") else f"./{way}"
    kind = mimetypes.guess_type(recording.name)[0] or "unknown"
    eaf.add_linked_file(way, relpath=way, mimetype=kind)


def _add_vocabulary(eaf: Elan.Eaf) -> None:
    eaf.add_language(*_LANGUAGE)
    eaf.add_controlled_vocabulary(_KIND)
    for name in EXPRESSIONS:
        eaf.add_cv_entry(_KIND, f"cve_{name}", [(name, _LANGUAGE[0], None)])
    about = {
        "LINGUISTIC_TYPE_ID": _KIND,
        "TIME_ALIGNABLE": "true",
        "GRAPHIC_REFERENCES": "false",
        "CONTROLLED_VOCABULARY_REF": _KIND,
    }
    eaf.add_linguistic_type(_KIND, param_dict=about)


def _add_tiers(eaf: Elan.Eaf, cues: dict[str, list[Cue]]) -> None:
    for name, mine in cues.items():
        eaf.add_tier(name, ling=_KIND, part=name)
        for cue in mine:
            eaf.add_annotation(name, cue.start_ms, cue.end_ms, cue.expression)
    # ELAN needs time slots sorted by time.
    ordered = sorted(eaf.timeslots.items(), key=lambda slot: slot[1])
    new = {old: f"ts{number}" for number, (old, _) in enumerate(ordered, 1)}
    eaf.timeslots = {new[old]: time_ms for old, time_ms in ordered}
    for tier, *_ in eaf.tiers.values():
        for key, (start, end, *rest) in tier.items():
            tier[key] = (new[start], new[end], *rest)
