"""Many recordings in one run, as a lab starts it in the evening and reads it in the morning."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.helpers.clips import X264, MakeClip
from tests.helpers.commands import Done, fervid

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
QUICK = ("--working-size", "192", "--fps", "4")


def run(*args: object, data: bytes = b"", cwd: Path | None = None) -> Done:
    return fervid("analyze", *args, data=data, cwd=cwd)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory, make_clip: MakeClip) -> Path:
    """A folder with a face, noise, a broken file and notes, in two folders."""
    folder = tmp_path_factory.mktemp("recordings")
    for name in ("a", "b/deep"):
        (folder / name).mkdir(parents=True)
    shutil.copy(ROOT / "sample_media" / "expressions.mp4", folder / "a" / "face.mp4")
    noise = ("-f", "lavfi", "-i", "testsrc2=s=192x144:r=12:d=2")
    shutil.copy(make_clip("batch.mkv", *noise, *X264), folder / "b" / "deep" / "test.mkv")
    shutil.copy(make_clip("batch.gif", *noise), folder / "b" / "moving.gif")
    (folder / "b" / "broken.mp4").write_bytes(b"not a recording" * 9)
    (folder / "b" / "notes.txt").write_text("notes")
    return folder


@pytest.fixture(scope="module")
def first(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a first run, by one worker."""
    out = tmp_path_factory.mktemp("first")
    done = run(recordings, "-o", out, *QUICK)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"refused {recordings / 'b' / 'broken.mp4'}: ")
    assert lines[1].startswith("4 recordings in 0:0")
    assert lines[1].endswith(": 3 ok, 1 refused")
    assert lines[2:] == [f"index: {out / 'index.html'}"]
    table = pd.read_csv(out / "recordings.csv")
    assert dict(zip(table["path"], table["status"], strict=True)) == {
        "a/face.mp4.fervid": "ok",
        "b/deep/test.mkv.fervid": "ok",
        "b/moving.gif.fervid": "ok",
        "b/broken.mp4": "refused",
    }
    return out


def tables(out: Path) -> dict[str, str]:
    """sha256 of each CSV of each result, by its place."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in out.rglob("*.csv")
        if path.parent.suffix == ".fervid"
    }


def hidden(out: Path) -> list[Path]:
    return list(out.rglob(".*"))


def test_the_tree_is_mirrored(first: Path) -> None:
    found = {str(path.relative_to(first)) for path in first.rglob("*.fervid")}
    assert found == {"a/face.mp4.fervid", "b/deep/test.mkv.fervid", "b/moving.gif.fervid"}
    assert all((first / name / "report.html").exists() for name in found)
    assert hidden(first) == []


def test_two_workers_and_one_recording_alone_write_the_same_tables(
    first: Path, recordings: Path, tmp_path: Path
) -> None:
    done = run(recordings, "-o", tmp_path / "two", "-j", 2, *QUICK)
    assert done.returncode == 1
    assert tables(tmp_path / "two") == tables(first)
    done = run(recordings / "a" / "face.mp4", "-o", tmp_path / "one", *QUICK)
    assert done.returncode == 0
    alone = tables(tmp_path / "one")
    assert {f"a/{name}": digest for name, digest in alone.items()}.items() <= tables(first).items()


def test_a_second_run_keeps_what_is_the_same_and_makes_again_what_is_not(
    first: Path, recordings: Path, tmp_path: Path
) -> None:
    out, source = tmp_path / "out", tmp_path / "in"
    shutil.copytree(first, out)
    shutil.copytree(recordings, source)
    made = {path: path.stat().st_ino for path in out.rglob("*.fervid")}
    (out / "a" / "face.mp4.fervid" / "own notes.txt").write_text("mine")
    (out / "b" / "moving.gif.fervid" / "meta.json").write_text("{")
    os.utime(source / "b" / "deep" / "test.mkv", (1, 1))

    done = run(source, "-o", out, "--json", *QUICK)
    told = {
        Path(line["recording"]).name: line for line in map(json.loads, done.stdout.split("\n")[:-1])
    }
    assert set(told) == {"face.mp4", "test.mkv", "moving.gif", "broken.mp4"}
    assert told["face.mp4"]["reused"]
    assert told["test.mkv"]["redone"] == "the recording has changed"
    assert told["moving.gif"]["redone"] == "its meta.json is missing or damaged"
    assert told["broken.mp4"]["status"] == "refused"
    assert tables(out) == tables(first)
    assert [path.name for path, inode in made.items() if path.stat().st_ino == inode] == [
        "face.mp4.fervid"
    ]

    done = run(source, "-o", out, *QUICK, "--smooth", 1, "--dry-run")
    assert done.stdout.count(" (would be analysed again: smooth was 0.3 and is now 1.0)\n") == 3
    done = run(source, "-o", out, *QUICK, "--dry-run")
    assert done.stdout.count(" (kept)\n") == 3
    done = run(source, "-o", out, *QUICK, "-q")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "broken.mp4" in done.stderr

    done = run(source / "a" / "face.mp4", "-o", out / "a", *QUICK, "--smooth", 1)
    assert done.returncode == 0
    assert done.stderr == "fervid: analysed again: smooth was 0.3 and is now 1.0\n"
    assert (out / "a" / "face.mp4.fervid" / "own notes.txt").read_text() == "mine"
    assert hidden(out) == []


@pytest.mark.parametrize(("recordings", "times"), [(3, 1), (25, 2)])
def test_failures_are_told_again_at_the_end_if_they_are_out_of_sight(
    tmp_path: Path, recordings: int, times: int
) -> None:
    for number in range(recordings):
        (tmp_path / f"{number:02}.mp4").write_bytes(b"not a recording" * 9)
    command = [sys.executable, "-m", "fervid.cli", "analyze", tmp_path, "-o", tmp_path / "out"]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
    )
    assert done.returncode == 1
    for number in range(recordings):
        assert done.stdout.count(f"{number:02}.mp4: ") == times
    last = done.stdout.splitlines()[-recordings - 2 :]
    assert all("refused " in line for line in last[:-2])
    assert last[-2].endswith(f": {recordings} refused")
    assert last[-1] == f"index: {tmp_path / 'out' / 'index.html'}"


def test_a_folder_that_is_no_result_is_left_alone(recordings: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "moving.gif.fervid"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("years of work")
    done = run(recordings / "b" / "moving.gif", "-o", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "not a fervid result" in done.stderr
    assert (foreign / "thesis.txt").read_text() == "years of work"


def test_a_recording_that_may_not_be_read_does_not_stop_the_others(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    given = (recordings / "a" / "face.mp4", recordings / "b" / "moving.gif")
    done = run(*given, "-o", tmp_path / "out", "--dry-run")
    # Both are told, and why the run would refuse them.
    assert (done.returncode, done.stdout.count("would be refused")) == (1, 2)


def test_a_list_from_standard_input_and_a_dry_run(recordings: Path, tmp_path: Path) -> None:
    listed = b"a/face.mp4\0b/moving.gif\0"
    done = run("-", "-o", tmp_path / "out", "--dry-run", data=listed, cwd=recordings)
    assert (done.returncode, done.stderr) == (0, "2 recordings\n")
    assert done.stdout.splitlines() == [
        f"a/face.mp4 -> {tmp_path / 'out' / 'a' / 'face.mp4.fervid'}",
        f"b/moving.gif -> {tmp_path / 'out' / 'b' / 'moving.gif.fervid'}",
    ]
    assert not (tmp_path / "out").exists()
    done = run("--files-from", tmp_path / "none")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
