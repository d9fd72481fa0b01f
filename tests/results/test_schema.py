"""Results of earlier versions are read, and those of later ones are refused."""

import json
import shutil
from pathlib import Path

import pytest

from fervid import Timeline
from fervid.errors import ResultError
from fervid.exports import export
from fervid.pipeline import Analyzer
from fervid.report import write_report
from fervid.results.files import NEWEST_SCHEMA, missing_from, read_meta
from fervid.settings import Settings
from tests.conftest import SAMPLES

pytestmark = pytest.mark.slow

OF_0_9 = Path(__file__).with_name("result_of_0_9")
"""What 0.9.0 made by `fervid analyze two_speakers.mp4 --fps 2 --end 4 --no-thumbnails`."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OF_0_9, tmp_path / "two_speakers.mp4.fervid"))


def test_a_result_of_0_9_is_read_and_shown(old: Path) -> None:
    timeline = Timeline.read(old)
    assert len(timeline.frames) == 16
    assert timeline.people["face_id"].tolist() == [1, 2]
    assert "schema" not in timeline.meta
    assert timeline.frames["change_happy"].isna().all()
    assert timeline.people["resting_face"].tolist() == ["unused", "unused"]
    page = write_report(old).read_text("utf-8")
    assert "this result was made by fervid 0.9.0, which did not record resting faces" in page
    assert export(old, "json")[0].is_file()
    assert export(old, "webvtt")[0].is_file()


def test_a_result_of_0_9_is_replaced_only_for_a_reason(old: Path) -> None:
    settings = Settings(fps=2, end=4.0, thumbnails=False)
    clip = Path(shutil.copy(SAMPLES / "two_speakers.mp4", old.parent))
    done = Analyzer(settings).analyze(clip, old)
    assert not done.reused
    assert done.redone
    meta = read_meta(old)
    assert meta["schema"] == NEWEST_SCHEMA
    assert missing_from(meta) == []


def test_provenance_names_what_made_each_table(tmp_path: Path) -> None:
    folder = tmp_path / "r.fervid"
    Analyzer(Settings(fps=2, end=1.0)).analyze(SAMPLES / "two_speakers.mp4", folder)
    (entry,) = read_meta(folder)["provenance"]
    assert entry["made_by"] == "fervid.analyze"
    assert set(entry["tables"]) == {"frames", "episodes", "people", "summary"}
    assert entry["arguments"] == {"fps": 2, "end": 1.0}


@pytest.mark.parametrize("schema", [NEWEST_SCHEMA + 1, "two"])
def test_a_result_of_a_later_version_is_refused_in_one_line(old: Path, schema: object) -> None:
    path = old / "meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "schema": schema}), "utf-8")
    with pytest.raises(ResultError, match="was written by a newer version of fervid"):
        Timeline.read(old)
