"""Opens the results of a study."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from fervid.errors import ResultError
from fervid.report.recordings import is_one_result, result_folders
from fervid.results.files import read_meta
from fervid.results.user_tables import read_csv_table
from fervid.studies.areas import Area, area_of
from fervid.studies.matching import first_few
from fervid.studies.people import PeopleReader
from fervid.studies.rules import Rules, Tally
from fervid.studies.sources import Measure, Source, fitting_measure, read_people, read_source

Notify = Callable[[str], None]
Tables = str | Path | pd.DataFrame

_PROBED = 50
"""Number of results whose people decide the default measure."""


@dataclass
class Opened:
    """The results of a study, to be read one by one.

    Attributes:
        folder: folder of the results.
        places: result folders.
        measure: the measure.
        reader: reads the people in results.
        tally: counts exclusions.
        notes: warnings for the reader, one line each.
    """

    folder: Path
    places: list[Path]
    measure: Measure
    reader: PeopleReader
    tally: Tally
    notify: Notify
    notes: list[str] = field(default_factory=list)

    def note(self, line: str) -> None:
        """Add a note, and notify the user of it."""
        self.notes.append(line)
        self.notify(line)

    def sources(self) -> Iterator[Source]:
        """Yield the usable results; add a note for each of the others.

        Raises:
            ResultError: there is no usable result; raised at the end.
        """
        used = 0
        for source in sources(self.places, self.folder, self.measure, self.tally, self.note):
            used += 1
            yield source
        if not used:
            raise ResultError(f"{self.folder}: contains no usable result of a recording")
        unused = [*dict.fromkeys(self.reader.unused_rows())]
        if unused:
            self.note(
                f"rows of the table of people that match no recording ({len(unused)}): "
                f"{first_few(unused)}"
            )


def open_results(
    results: str | Path,
    people: Tables | None = None,
    *,
    areas: Sequence[Area | str] = (),
    measure: Measure | None = None,
    rules: Rules | None = None,
    notify: Notify = lambda line: None,
) -> Opened:
    """Find the results of a study, and read the table of people.

    Raises:
        ResultError: there are no results, or the table of people cannot be read.
        ValueError: an area is invalid.
    """
    folder, notes = Path(results), list[str]()
    places = [folder] if is_one_result(folder) else list(result_folders(folder, notes.append))
    if not places:
        raise ResultError(f"{folder}: contains no result of fervid")
    table = people if isinstance(people, pd.DataFrame | None) else read_csv_table(Path(people))
    chosen = measure or fitting_measure(_people_of(places[:_PROBED]))
    tally = Tally()
    wanted = [area if isinstance(area, Area) else area_of(area) for area in areas]
    reader = PeopleReader(chosen, rules or Rules(), tally, table, wanted)
    opened = Opened(folder, places, chosen, reader, tally, notify)
    for line in notes:
        opened.note(line)
    return opened


def sources(
    places: Sequence[Path], folder: Path, measure: Measure, tally: Tally, note: Notify
) -> Iterator[Source]:
    """Yield the usable results; add a note for each of the others."""
    for place in places:
        path = place.name if place == folder else place.relative_to(folder).as_posix()
        try:
            if read_meta(place).get("kind") == "photos":
                continue
            source = read_source(place, path, measure)
        except (ResultError, OSError) as error:
            tally.add("recording", "result cannot be used", 1, 1)
            note(f"skipped: {error}")
            continue
        tally.add("recording", "result cannot be used", 0, 1)
        yield source


def _people_of(places: Sequence[Path]) -> Iterator[pd.DataFrame]:
    for place in places:
        try:
            yield read_people(place)
        except (ResultError, OSError):
            continue  # reported when it is read
