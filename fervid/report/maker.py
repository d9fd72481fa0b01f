"""The report of a result that is being written: it looks at the tables as they pass by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from fervid.report.overview import META_KEY, OverviewMaker
from fervid.report.page import save_report


class ReportMaker:
    """What `fervid.results.writer.ResultWriter` has a report made by."""

    def __init__(self) -> None:
        self._overview = OverviewMaker()

    def watch(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """The pieces of the frame table, as they are."""
        return self._overview.watch(frames)

    def metadata(self, folder: Path) -> dict[str, Any]:
        """What `meta.json` is to hold for indexes of many results."""
        return {META_KEY: self._overview.stored(folder)}

    def save(self, folder: Path, people: pd.DataFrame, summary: pd.DataFrame) -> None:
        """Write the page into a folder that holds everything else."""
        save_report(folder, (people, summary))
