"""Every result in a folder is exported, and all tables into one workbook."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner

from fervid.cli import main
from fervid.exports import excel, export
from fervid.results.codebook import TABLES
from tests.helpers.made_results import AWKWARD, made_frames, made_result


def test_a_folder_of_results_is_exported(tmp_path: Path) -> None:
    results = tmp_path / "results"
    for name in ("a.mp4", "a.mkv", "b.mp4"):
        made_result(results / "day 1" / f"{name}.fervid", episodes=AWKWARD)
    (results / "day 1" / "b.mp4.fervid" / "episodes.csv").write_text("")
    said = CliRunner().invoke(main, ["export", str(results), "--to", "elan"])
    assert said.exit_code == 1
    assert (results / "day 1" / "a.mp4.fervid" / "a.eaf").exists()
    assert "not exported" in said.output
    assert "b.mp4.fervid" in said.output
    out = tmp_path / "out"
    CliRunner().invoke(main, ["export", str(results), "--to", "srt", "-o", str(out)])
    assert sorted(path.name for path in (out / "day 1").iterdir()) == ["a.mkv.srt", "a.mp4.srt"]


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["export", str(tmp_path), "--to", "elan"])
    assert said.exit_code == 1
    assert "contains no result" in said.output


def test_a_workbook_has_all_tables_with_numbers_as_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = made_frames(times=[0.0, 0.5, 1.25], faces=[(0, 1, (8, 8, 24, 24))])
    about = {"name": "=1+1.mp4"}
    folder = made_result(
        tmp_path / "x.mp4.fervid", episodes=AWKWARD, frames=frames, recording=about
    )
    monkeypatch.setattr(excel, "MOST_ROWS", 3)
    (path,) = export(folder, "excel")
    book = openpyxl.load_workbook(path, read_only=True)
    assert book["summary"]["A2"].data_type == "s"
    sheets = {name: list(book[name].iter_rows(values_only=True)) for name in book.sheetnames}
    book.close()
    assert {"summary", "people", "episodes", "codebook", "frames", "frames 2"} <= set(sheets)
    assert sheets["frames"][0] == tuple(column.name for column in TABLES["frames"])
    times = [row[1] for name in ("frames", "frames 2") for row in sheets[name][1:]]
    assert times == [0.0, 0.5, 1.25]
    assert sheets["summary"][1][0] == "=1+1.mp4"
    columns = len(TABLES["frames"]) + sum(len(TABLES[t]) for t in TABLES if t != "frames")
    assert len(sheets["codebook"]) == columns + 1
