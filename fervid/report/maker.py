"""Makes the report of a result from its tables while they are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from fervid.report.overview import META_KEY, OverviewMaker
from fervid.report.page import save_report


class ReportMaker:
    """Makes the report for `fervid.results.writer.ResultWriter`."""

    def __init__(self) -> None:
        self._overview = OverviewMaker()

    def watch(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Pass the pieces of the frame table on unchanged, and learn from them."""
        return self._overview.watch(frames)

    def metadata(self, folder: Path) -> dict[str, Any]:
        """Contents of `meta.json` for indexes of many results."""
        return {META_KEY: self._overview.stored(folder)}

    def save(self, folder: Path, people: pd.DataFrame, summary: pd.DataFrame) -> None:
        """Write the page into a folder that is otherwise complete."""
        save_report(folder, (people, summary))
