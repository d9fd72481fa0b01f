"""What tests of the training share."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.once import made_once
from tests.helpers.toy_data import toy_fer
from tests.helpers.toy_pictures import toy_pictures
from training.detector import presets
from training.detector import train as detector
from training.presets import smoke
from training.train import train

LEARN = dataclasses.replace(smoke(), epochs=5, ema=0.9)


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learned the toy classes; only read it."""

    def make(folder: Path) -> None:
        train(toy_fer(256), LEARN, folder, report=lambda _: None)

    return made_once(tmp_path_factory, "learned", make)


@pytest.fixture(scope="session")
def detector_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the detector's preset `smoke` on the toy pictures; only read it."""

    def make(folder: Path) -> None:
        detector.train(toy_pictures(), presets.smoke(), folder, report=lambda _: None)

    return made_once(tmp_path_factory, "detector-run", make)


@pytest.fixture
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder of the test's own, gone after it."""
    home = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    yield home
    shutil.rmtree(home, ignore_errors=True)
