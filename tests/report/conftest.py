"""Results whose pages are looked at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fervid.pipeline import Analyzer
from fervid.settings import Settings
from tests.conftest import SAMPLES
from tests.helpers.browsing import Page
from tests.helpers.index_pages import SAD, shown
from tests.helpers.once import made_once
from tests.helpers.report_pages import CLIP, open_page


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three results, one in a folder of its own, and what does not count."""
    folder = tmp_path_factory.mktemp("made")
    shown(folder, "b.mp4")
    shown(folder, "a.mp4", SAD, frames=60)
    shown(folder, "day 1/a.mp4")
    shown(folder, ".hidden/c.mp4")
    (folder / "notes").mkdir()
    return folder


@pytest.fixture
def many(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "results"))


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of a clip that lies beside it, as `fervid analyze --explain` leaves it."""

    def make(folder: Path) -> None:
        shutil.copy(SAMPLES / CLIP, folder)
        Analyzer(Settings(explain=True)).analyze(folder / CLIP, folder / f"{CLIP}.fervid")

    return made_once(tmp_path_factory, "explained", make) / f"{CLIP}.fervid"


@pytest.fixture
def page(browser: Any, result: Path) -> Iterator[Page]:
    opened = open_page(browser, result)
    yield opened
    assert opened.complaints == []
    opened.close()
