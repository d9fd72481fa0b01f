"""Where exports go, what they leave alone, and how the command speaks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fervid.cli import main
from fervid.errors import ResultError
from fervid.exports import FORMATS, FormatName, export
from tests.helpers.made_results import AWKWARD, made_result

NO_VIDEO: list[FormatName] = [name for name in FORMATS if name != "video"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_result(tmp_path_factory.mktemp("made") / "lecture.mp4.fervid", episodes=AWKWARD)


@pytest.fixture
def result(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / made.name))


def run(*args: object) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, args)])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("to", NO_VIDEO)
def test_the_command_says_where_the_file_is_and_keeps_the_rest(
    result: Path, to: FormatName
) -> None:
    before = contents(result)
    done = run(result, "--to", to)
    assert done.exit_code == 0, done.output
    paths = [Path(line.removeprefix(f"{to}: ")) for line in done.output.splitlines()]
    after = contents(result)
    assert set(after) == set(before) | {path.name for path in paths}
    assert {name: after[name] for name in before} == before
    if to != "parquet":
        assert [path.name for path in paths] == [f"lecture{FORMATS[to].ending}"]


@pytest.mark.parametrize("to", NO_VIDEO)
def test_an_existing_file_is_kept_unless_overwrite_is_asked_for(
    result: Path, to: FormatName
) -> None:
    name = "summary.parquet" if to == "parquet" else f"lecture{FORMATS[to].ending}"
    (result / name).write_text("mine")
    before = contents(result)
    done = run(result, "--to", to)
    assert done.exit_code == 1
    assert done.output.count("\n") == 1
    assert name in done.output
    assert "--overwrite" in done.output
    assert contents(result) == before
    assert run(result, "--to", to, "--overwrite").exit_code == 0
    assert (result / name).read_bytes() != b"mine"


@pytest.mark.parametrize("to", ["elan", "srt"])
def test_out_names_a_file_or_a_folder_for_it(result: Path, tmp_path: Path, to: FormatName) -> None:
    ending = FORMATS[to].ending
    assert export(result, to, tmp_path / "here") == [tmp_path / "here"]
    (tmp_path / "folder").mkdir()
    assert export(result, to, tmp_path / "folder") == [tmp_path / "folder" / f"lecture{ending}"]
    with pytest.raises(ResultError, match="no such folder"):
        export(result, to, tmp_path / "none" / "x")
    with pytest.raises(ResultError, match="no such folder"):
        export(result, "parquet", tmp_path / "none")


@pytest.mark.parametrize("name", ["meta.json", "episodes.csv", "frames.csv", "report.html"])
def test_the_result_itself_is_never_overwritten(result: Path, name: str) -> None:
    before = contents(result)
    with pytest.raises(ResultError, match="another name"):
        export(result, "json", result / name, overwrite=True)
    assert contents(result) == before


@pytest.mark.parametrize("to", NO_VIDEO)
def test_a_full_disk_leaves_nothing_and_keeps_the_old_file(
    result: Path, to: FormatName, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(result, to)
    before = contents(result)

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(ResultError, match="No space left"):
        export(result, to, overwrite=True)
    assert contents(result) == before


@pytest.mark.parametrize("to", FORMATS)
def test_what_is_no_result_gets_one_line(tmp_path: Path, to: FormatName) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "none", tmp_path / "empty"):
        done = run(folder, "--to", to)
        assert done.exit_code == 1
        assert done.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "empty"]
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize("to", NO_VIDEO)
def test_a_damaged_frame_table_leaves_nothing(result: Path, to: FormatName) -> None:
    with (result / "frames.csv").open("a") as file:
        file.write("nonsense\n")
    before = contents(result)
    done = run(result, "--to", to)
    if to in ("excel", "parquet", "json", "openface", "pyfeat"):
        assert done.exit_code == 1
        assert "frames.csv" in done.output
        assert contents(result) == before
    else:
        assert done.exit_code == 0


def test_wrong_usage_is_told_as_such(result: Path) -> None:
    for args in (["--to", "nonsense"], [], ["--to", "srt", "--recording", "x.mp4"]):
        assert run(result, *args).exit_code == 2
    with pytest.raises(ValueError, match="does not use a recording"):
        export(result, "srt", recording="x.mp4")
    with pytest.raises(ValueError, match="is not a format"):
        export(result, "nonsense")  # type: ignore[arg-type]


def test_hostile_names_reach_neither_terminal_nor_file_raw(tmp_path: Path) -> None:
    name = "a\x1b[2J\n<b>\udce9"
    result = made_result(
        tmp_path / f"{name}.mp4.fervid", episodes=AWKWARD, recording={"name": f"{name}.mp4"}
    )
    for to in NO_VIDEO:
        done = run(result, "--to", to)
        assert done.exit_code == 0, done.output
        assert "\x1b" not in done.output
        assert done.output.count("\n") == len(FORMATS[to].tables or "1")
    for to in ("elan", "datavyu", "webvtt", "srt"):
        assert b"\x1b" not in (result / f"{name}{FORMATS[to].ending}").read_bytes()
    done = run(result, "--to", "video")
    assert done.exit_code == 1
    assert done.output.count("\n") == 1
    assert "\x1b" not in done.output


def test_a_recording_that_is_another_one_is_refused_where_it_was_named(
    result: Path, tmp_path: Path
) -> None:
    made = made_result(tmp_path / "r", recording={"name": "lecture.mp4", "size_bytes": 5})
    clip = tmp_path / "lecture.mp4"
    clip.write_bytes(b"other recording")
    for to in ("elan", "video"):
        done = run(made, "--to", to, "--recording", clip)
        assert done.exit_code == 1
        assert "is not the analysed recording" in done.output
    assert run(made, "--to", "elan").exit_code == 0
