"""A folder of made results."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers.index_pages import SAD, shown


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
