"""Runs of `fervid live`, and what they leave."""

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from fervid.results.codebook import FRAME_COLUMNS
from fervid.settings import Settings

FERVID = (sys.executable, "-m", "fervid.cli", "live")


WHOLE = {
    *("codebook.csv", "episodes.csv", "frames.csv", "meta.json", "people.csv", "report.html"),
    "summary.csv",
}


CHOICE = Settings(detect_every=1, batch_size=1)


def wait_for(what: Callable[[], Any], seconds: float = 40.0) -> None:
    """Wait until it is true."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def result_of(out: Path) -> Path:
    """The one result folder, beside which nothing is left."""
    (folder,) = out.iterdir()
    assert folder.suffix == ".fervid"
    assert {path.name for path in folder.iterdir()} - {"thumbnails"} == WHOLE
    return folder


def rows_of(out: Path) -> int:
    """How many rows the table holds so far, all of them whole."""
    tables = list(out.glob("*.running.csv"))
    if not tables:
        return 0
    content = tables[0].read_bytes()
    if not content:
        return 0
    assert content.endswith(b"\n")
    table = pd.read_csv(io.BytesIO(content))
    assert tuple(table.columns) == FRAME_COLUMNS
    assert not table[["frame", "timestamp", "success", "status"]].isna().to_numpy().any()
    return len(table)
