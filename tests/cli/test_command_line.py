"""How the command line behaves where people stumble."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fervid.batch.worker import Task
from fervid.cli import main, one
from fervid.video import decoding_plan
from tests.helpers.clips import X264, MakeClip, counter

SAMPLES = Path(__file__).parents[2] / "sample_media"
QUICK = ("--working-size", "96")


def run(*args: object) -> Result:
    return CliRunner().invoke(main, [*map(str, args)])


def test_python_runs_the_package() -> None:
    command = [sys.executable, "-m", "fervid", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("fervid, version ")


@pytest.mark.parametrize("command", ["analyze", "explain", "export"])
def test_a_name_that_begins_with_a_hyphen_gets_a_hint(command: str) -> None:
    done = run(command, "-clip.mp4")
    assert done.exit_code == 2
    assert "If '-clip.mp4' is a file, write './-clip.mp4'." in done.output
    assert "is a file" not in run(command, "--nonsense").output


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("args", [["--help"], ["models"], ["analyze", "CLIP", "--dry-run"]])
def test_a_full_standard_output_is_one_line(constant_clip: Path, args: list[str]) -> None:
    given = [str(constant_clip) if arg == "CLIP" else arg for arg in args]
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "fervid", *given]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    line = "fervid: standard output: No space left on device"
    assert [one for one in done.stderr.splitlines() if "1 recording" not in one] == [line]


@pytest.mark.slow
def test_a_long_run_without_a_terminal_says_how_far_it_is(
    constant_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one, "LINE_EVERY_S", 0.0)
    done = run("analyze", constant_clip, "-o", tmp_path / "a", *QUICK)
    assert " of about 50 frames, " in done.output
    assert " of about " not in run("analyze", constant_clip, "-o", tmp_path / "b", "-q").output


@pytest.mark.slow
def test_the_last_lines_say_what_was_found(tmp_path: Path) -> None:
    done = run("analyze", SAMPLES / "expressions.mp4", "-o", tmp_path, "--end", 2)
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.output.splitlines() if "most often" in line]
    assert line.startswith("1 person, seen for 2.0 of ")
    assert line.count("%") <= 3


def test_a_dry_run_refuses_what_the_run_would(make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip("dry.mp4", *counter(5), *X264)
    (tmp_path / "broken.mp4").write_bytes(b"no recording" * 100)
    (tmp_path / "out" / "dry.mp4.fervid").mkdir(parents=True)
    (tmp_path / "out" / "dry.mp4.fervid" / "mine.txt").write_text("mine")
    given = (clip, tmp_path / "broken.mp4", tmp_path / "gone.mp4", "-o", tmp_path / "out")
    dry = run("analyze", *given, "--dry-run")
    real = run("analyze", *given, *QUICK)
    assert dry.exit_code == real.exit_code == 1
    for why in ("is not a recording", "No such file", "not a fervid result"):
        assert why in dry.output
        assert why in real.output
    assert "would be refused: 3 recordings" in dry.output
    assert run("analyze", clip, "-o", tmp_path, "--dry-run", "--address", "x").exit_code == 2


def test_a_dry_run_refuses_what_is_no_photo(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    shutil.copy(SAMPLES / "portrait.jpg", tmp_path)
    dry = run("analyze", tmp_path, "-o", tmp_path / "out", "--dry-run")
    assert dry.exit_code == 1
    assert "broken.jpg: would be refused: is not a photo" in dry.output
    assert dry.output.count(" -> ") == 1
    assert "would be refused: 1 photo" in dry.output


@pytest.mark.slow
def test_doctor_says_what_works() -> None:
    done = run("doctor")
    assert done.exit_code == 0, done.output
    assert "FAILED" not in done.output
    for name in ("python", "ffmpeg", "jax", "models", "cache", "extras", "10 of 10 frames"):
        assert name in done.output
    assert len(done.output.splitlines()) == 10


def test_doctor_names_what_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    from fervid.errors import SetupError
    from fervid.video import executable

    def missing() -> str:
        raise SetupError("no ffmpeg 7.0 or newer was found")

    monkeypatch.setattr(executable, "find_ffmpeg", missing)
    done = run("doctor")
    assert done.exit_code == 3
    assert "ffmpeg           FAILED: SetupError: no ffmpeg 7.0 or newer was found" in done.output


@pytest.mark.parametrize(("cores", "seconds"), [(3, None), (4, 300.0)])
def test_long_recordings_come_in_parts_where_there_are_enough_cores(
    monkeypatch: pytest.MonkeyPatch, cores: int, seconds: float | None
) -> None:
    monkeypatch.setattr(decoding_plan, "usable_cores", lambda: cores)
    given: list[Task] = []

    def only_noted(_: Path, __: Path, task: Task, *___: object) -> int:
        given.append(task)
        return 0

    monkeypatch.setattr(one, "analyze", only_noted)
    for options in ((), ("--parts", "auto"), ("--parts", "off"), ("--parts", "2")):
        assert run("analyze", SAMPLES / "expressions.mp4", *options).exit_code == 0
    assert [task.part_s for task in given] == [seconds, seconds, None, 120.0]
    assert given[0].parts_from_s == 600.0
    assert given[3].parts_from_s == 0.0
