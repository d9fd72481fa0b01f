"""Recordings without a result in the page of a folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from fervid.report.index import Failure, write_index
from tests.helpers.index_pages import edit_meta, rows_of, run, shown


def test_recordings_without_a_result_get_a_row(many: Path) -> None:
    edit_meta(many / "b.mp4.fervid", status="partial", warnings=["The end is damaged."])
    failures = [
        Failure("day 1/z.mp4", "failed", "the disk is full"),
        Failure("b.mp4", "failed", "of an earlier run"),
        Failure("notes.txt", "refused", "is text, <b>no</b> recording"),
    ]
    page = write_index(many, failures=failures).read_text("utf-8")
    table = pd.read_csv(many / "recordings.csv").set_index("path")
    assert table["status"].to_dict() == {
        "a.mp4.fervid": "ok",
        "b.mp4.fervid": "partial",
        "day 1/a.mp4.fervid": "ok",
        "day 1/z.mp4": "failed",
        "notes.txt": "refused",
    }
    assert table.loc["day 1/z.mp4", "reason"] == "the disk is full"
    assert pd.isna(table.loc["day 1/z.mp4", "frames"])
    assert "is text, &lt;b&gt;no" in rows_of(page)[-1]
    assert "1 warning" in rows_of(page)[1]
    assert "2 without a result" in page


def test_recordings_without_a_result_stay_in_the_table_until_they_have_one(many: Path) -> None:
    failures = [Failure("=z.mp4", "refused", "-is empty"), Failure("c.mp4", "failed", "disk full")]
    write_index(many, failures=failures)
    shown(many, "c.mp4")
    assert run(many).exit_code == 0
    table = pd.read_csv(many / "recordings.csv").set_index("path")
    assert table.loc["'=z.mp4", ["status", "reason"]].tolist() == ["refused", "'-is empty"]
    assert table.loc["c.mp4.fervid", "status"] == "ok"
    assert "c.mp4" not in table.index
    assert len(table) == 5


def test_recordings_that_were_deleted_leave_the_table(many: Path) -> None:
    """But not if none is where it was: results are copied to other machines without them."""
    recordings = many.parent / "recordings"
    odd = os.fsdecode(b"day 1/caf\xe9.mp4")
    for name in ("a.mp4", odd, "day 2/gone.mp4"):
        (recordings / name).parent.mkdir(parents=True, exist_ok=True)
        (recordings / name).touch()
    failures = [
        Failure(name, "refused", "is empty", recordings / name) for name in (odd, "day 2/gone.mp4")
    ]
    write_index(many, failures=[*failures, Failure("unknown.mp4", "failed", "disk full")])
    shutil.rmtree(recordings / "day 2")
    for place in (recordings, many.parent / "elsewhere"):
        assert run(many).exit_code == 0
        table = pd.read_csv(many / "recordings.csv").set_index("path")
        left = table.index[table["status"] != "ok"].tolist()
        assert left == ["day 1/caf\\udce9.mp4", "unknown.mp4"]
        if recordings.exists():
            recordings.rename(place.parent / "elsewhere")


def test_only_failures_make_a_page_too(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    page = write_index(folder, failures=[Failure("x.mp4", "refused", "is empty")])
    assert len(rows_of(page.read_text("utf-8"))) == 1
    assert pd.read_csv(folder / "recordings.csv")["status"].tolist() == ["refused"]


@pytest.mark.parametrize(
    "rest",
    [
        "",
        ', "groups": null, "without_result": [{"path": 5}]}',
        ', "groups": {"by": "a", "columns": ["b"], "rows": []}, "without_result": []}',
        ', "groups": {"by": "a", "columns": ["a"], "rows": [["x"]]}, "without_result": []}',
    ],
)
def test_a_damaged_memory_is_told_and_costs_no_index(many: Path, rest: str) -> None:
    (many / "index.json").write_text('{"generator": "fervid 1"' + rest)
    done = run(many)
    assert done.exit_code == 0
    assert done.stderr.startswith("fervid: skipped: ")
    assert done.stderr.count("\n") == 1
