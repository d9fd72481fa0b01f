"""The same recording gives the same result, however the work is cut up."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fervid import pipeline
from fervid.detection import search
from fervid.records import EXPRESSIONS
from fervid.results.codebook import BOX_COLUMNS
from fervid.settings import Settings
from tests.conftest import SAMPLES

pytestmark = pytest.mark.slow

CLIP = SAMPLES / "two_speakers.mp4"
END_S = 5.0


def frames_csv(folder: Path, **settings: object) -> Path:
    chosen = Settings(end=END_S, **settings)
    pipeline.Analyzer(chosen).analyze(CLIP, folder)
    return folder / "frames.csv"


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return frames_csv(tmp_path_factory.mktemp("usual") / "r.fervid")


def assert_same(path: Path, other: Path) -> None:
    one, two = pd.read_csv(path), pd.read_csv(other)
    assert len(one) > 40
    for name in ("frame", "timestamp", "face_id", "success", "filled"):
        pd.testing.assert_series_equal(one[name], two[name])
    for names, most in ((BOX_COLUMNS, 0.5), (EXPRESSIONS, 0.01)):
        columns = list(names)
        np.testing.assert_allclose(one[columns], two[columns], rtol=0, atol=most, equal_nan=True)


@pytest.mark.parametrize("batch_size", [1, 3, 50])
def test_batches_of_any_size(usual: Path, tmp_path: Path, batch_size: int) -> None:
    assert_same(usual, frames_csv(tmp_path / "r.fervid", batch_size=batch_size))


def test_one_thread_or_several(
    usual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for threads in (1, 4):
        monkeypatch.setattr(search, "SEARCHERS", threads)
        assert_same(usual, frames_csv(tmp_path / f"{threads}.fervid"))


def test_two_runs_write_the_same_bytes(usual: Path, tmp_path: Path) -> None:
    again = frames_csv(tmp_path / "r.fervid")
    assert again.read_bytes() == usual.read_bytes()
    summary = "summary.csv"
    assert again.with_name(summary).read_bytes() == usual.with_name(summary).read_bytes()


def test_frames_between_searches_are_as_good_as_searched_ones(
    tmp_path: Path, results: dict[str, Path]
) -> None:
    """On a clip of slow rendered people; `results` has it with the usual number of searches."""
    name = "expressions"
    searched = tmp_path / "searched.fervid"
    analyzer = pipeline.Analyzer(Settings(detect_every=1))
    analyzer.analyze(SAMPLES / f"{name}.mp4", searched)
    one, two = (pd.read_csv(folder / "frames.csv") for folder in (results[name], searched))
    assert one["frame"].equals(two["frame"])
    apart = (one[list(BOX_COLUMNS)] - two[list(BOX_COLUMNS)]).abs().max(axis=1) / two["face_h"]
    assert apart.mean() <= 0.02
    assert (one["emotion"] == two["emotion"]).mean() >= 0.97
