"""What all workers of one test run share: made by the first that needs it, read by the others."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The temporary folder of the whole run, the same for every worker."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder that `make` fills, once a run; tests only read it.

    The folder has another name while it is being filled. If `make` fails, whoever asks next tries
    again.
    """
    home = shared_folder(factory) / "once"
    home.mkdir(exist_ok=True)
    whole, unfinished = home / name, home / f"{name}.unfinished"
    with FileLock(home / f"{name}.lock"):
        if not whole.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(whole)
    return whole
