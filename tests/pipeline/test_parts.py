"""A recording in parts has the result of the whole one, however often the work was stopped."""

import json
import os
from pathlib import Path

import pytest

from fervid.engine import part
from fervid.errors import MediaError
from fervid.pipeline import Analyzer, PartLength, Progress
from fervid.results.codebook import TABLES
from fervid.results.parts_folder import PartsFolder, remove_abandoned_parts
from fervid.settings import Settings
from tests.conftest import SAMPLES

CLIP = SAMPLES / "two_speakers.mp4"
SHORT = PartLength(4.0)
STRETCH = {"start": 1.0, "end": 20.0, "fps": 6.0}


def assert_same(folder: Path, other: Path) -> None:
    for table in TABLES:
        name = f"{table}.csv"
        assert (folder / name).read_bytes() == (other / name).read_bytes(), name
    pictures, others = (sorted((one / "thumbnails").iterdir()) for one in (folder, other))
    assert [one.name for one in pictures] == [one.name for one in others]
    assert [one.read_bytes() for one in pictures] == [one.read_bytes() for one in others]
    found, also = (json.loads((one / "meta.json").read_text()) for one in (folder, other))
    for key in ("detection", "tracking", "warnings", "damage", "resting_faces", "status"):
        assert found[key] == also[key], key


def parts_of(folder: Path) -> dict[str, object]:
    told = json.loads((folder / "meta.json").read_text())["parts"]
    assert isinstance(told, dict)
    return told


def in_parts(folder: Path, recording: Path = CLIP, **settings: object) -> Path:
    Analyzer(Settings(**settings)).analyze(recording, folder, part_length=SHORT)
    assert [one.name for one in folder.parent.iterdir()] == [folder.name], "parts are left"
    return folder


@pytest.mark.slow
def test_parts_give_the_result_of_the_whole(results: dict[str, Path], tmp_path: Path) -> None:
    folder = in_parts(tmp_path / "r.fervid")
    assert_same(folder, results["two_speakers"])
    assert parts_of(folder) == {"count": 5, "length_s": 4.0, "read_again": 0}


@pytest.mark.slow
def test_a_stretch_with_few_frames_a_second(tmp_path: Path) -> None:
    folder = in_parts(tmp_path / "parts" / "r.fervid", **STRETCH)
    Analyzer(Settings(**STRETCH)).analyze(CLIP, tmp_path / "whole.fervid")
    assert_same(folder, tmp_path / "whole.fervid")


@pytest.mark.slow
def test_what_a_part_was_not_asked_is_read_again(
    results: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here nothing is kept of faces that were seen before a part began."""
    monkeypatch.setattr(part, "_BEGUN_BEFORE_S", -1.0)
    monkeypatch.setattr("fervid.tracking.people._EVERY_S", 1.0)
    Analyzer(Settings()).analyze(CLIP, tmp_path / "whole.fervid")
    folder = in_parts(tmp_path / "parts" / "r.fervid")
    assert_same(folder, tmp_path / "whole.fervid")
    assert int(str(parts_of(folder)["read_again"])) > 0


class StoppedError(Exception):
    pass


@pytest.mark.slow
def test_the_same_call_goes_on_where_it_was_stopped(
    results: dict[str, Path], tmp_path: Path
) -> None:
    folder, analyzer = tmp_path / "r.fervid", Analyzer(Settings())
    kept = PartsFolder(folder)
    made: list[int] = []

    def stop(now: Progress) -> None:
        made.append(now.frames)
        assert now.expected == 264
        if len(kept.missing(5)) < 4:
            raise StoppedError

    with pytest.raises(StoppedError):
        analyzer.analyze(CLIP, folder, part_length=SHORT, progress=stop)
    assert made == sorted(made), "parts are one work with one progress"
    begun = analyzer.begin(CLIP, folder, part_length=SHORT)
    assert (len(begun.parts), begun.missing, begun.anew) == (5, (2, 3, 4), "")
    assert kept.path.stat().st_mode & 0o077 == 0
    assert not folder.exists()

    changed = Analyzer(Settings(smooth=0.5)).begin(CLIP, folder, part_length=SHORT)
    assert changed.anew == "smooth was 0.3 and is now 0.5"
    assert len(changed.missing) == 5

    done = analyzer.analyze(CLIP, folder, part_length=SHORT)
    assert done.anew == "smooth was 0.5 and is now 0.3"
    assert_same(folder, results["two_speakers"])
    assert not kept.path.exists()


@pytest.mark.slow
def test_a_recording_that_cannot_be_entered_is_read_whole_and_says_why(
    results: dict[str, Path], tmp_path: Path
) -> None:
    folder = in_parts(tmp_path / "r.fervid", SAMPLES / "video_call.mp4")
    assert_same(folder, results["video_call"])
    why = "too few of its frames can be decoded without the frames before"
    assert parts_of(folder) == {"count": 1, "read_whole": why}


def test_short_recordings_are_not_cut_up(tmp_path: Path) -> None:
    begun = Analyzer(Settings()).begin(
        CLIP, tmp_path / "r.fervid", part_length=PartLength(4.0, from_s=60.0)
    )
    assert (begun.parts, begun.why) == ((), "")
    few = Analyzer(Settings(end=15.0)).begin(
        CLIP, tmp_path / "r.fervid", part_length=PartLength(4.0, from_s=16.0)
    )
    assert (few.parts, few.why) == ((), "")


def test_a_recording_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    recording, folder = tmp_path / "a.mp4", tmp_path / "r.fervid"
    recording.write_bytes(CLIP.read_bytes())
    analyzer = Analyzer(Settings())
    analyzer.begin(recording, folder, part_length=SHORT)
    os.utime(recording, (1, 1))
    with pytest.raises(MediaError, match="has changed while it was being"):
        analyzer.join(recording, folder)


def test_parts_of_recordings_that_are_gone_are_removed(tmp_path: Path) -> None:
    for name in ("gone", "there"):
        recording = tmp_path / f"{name}.mp4"
        recording.write_bytes(b"a")
        PartsFolder(tmp_path / f"{name}.fervid").begin({"recording": str(recording)}, {})
    (tmp_path / "gone.mp4").unlink()
    old = PartsFolder(tmp_path / "old.fervid")
    old.begin({"recording": str(tmp_path / "there.mp4")}, {})
    for file in old.path.iterdir():
        os.utime(file, (1, 1))
    remove_abandoned_parts(tmp_path)
    assert [one.name for one in tmp_path.glob(".*")] == [".there.fervid-parts"]
