"""Photos: tables, annotated pictures and results of one or many."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from fervid.cli import main
from fervid.photos.columns import FACES, PHOTOS
from fervid.records import EXPRESSIONS
from tests.helpers.photo_runs import PORTRAIT, SPEAKERS, run, shows_happy

pytestmark = pytest.mark.slow


def test_tables_tell_of_every_photo_and_face(result: Path) -> None:
    photos = pd.read_csv(result / "photos.csv", keep_default_na=False)
    assert list(photos.columns) == [column.name for column in PHOTOS]
    told = photos.set_index("photo")
    assert told["status"].to_dict() == {
        **dict.fromkeys(("a.jpg", "a.png", "dot.png", "noise.jpg"), "ok"),
        **dict.fromkeys(("broken.jpg", "cut.jpg"), "refused"),
        **dict.fromkeys(("trip/day 1/IMG_1.HEIC", "trip/two.jpg", "trip/x.webp"), "ok"),
    }
    assert told.loc["trip/two.jpg", ["width", "height", "faces"]].tolist() == [1600, 1040, 2]
    assert told.loc["trip/day 1/IMG_1.HEIC", ["width", "height"]].tolist() == [384, 512]
    faces = pd.read_csv(result / "faces.csv")
    assert list(faces.columns) == [column.name for column in FACES]
    assert (faces.groupby("photo").size() == told["faces"][told["faces"] > 0]).all()
    assert np.allclose(faces[list(EXPRESSIONS)].sum(axis=1), 1, atol=2e-3)
    for name in ("a.jpg", "a.png", "trip/x.webp"):
        assert shows_happy(faces[faces["photo"] == name]), name
    assert shows_happy(faces[faces["photo"] == "trip/day 1/IMG_1.HEIC"], 384)
    two = faces[faces["photo"] == "trip/two.jpg"]
    assert two["face"].tolist() == [1, 2]
    assert two["face_x"].is_monotonic_increasing
    assert shows_happy(two[:1], 832)
    assert two["emotion"].tolist() == ["happy", "happy"]


def test_every_column_is_in_the_codebook(result: Path) -> None:
    with (result / "codebook.csv").open(newline="") as file:
        told = [(row["table"], row["column"]) for row in csv.DictReader(file) if row["meaning"]]
    assert told == [
        *(("faces", column.name) for column in FACES),
        *(("photos", column.name) for column in PHOTOS),
    ]


def test_annotated_photos_are_the_photos_with_something_drawn(result: Path, album: Path) -> None:
    photos = pd.read_csv(result / "photos.csv", keep_default_na=False)
    there = {str(path.relative_to(result)) for path in (result / "annotated").rglob("*.jpg")}
    assert there == set(photos["annotated"]) - {""}
    assert there >= {"annotated/a.jpg", "annotated/a.png.jpg", "annotated/trip/two.jpg"}
    drawn = np.asarray(Image.open(result / "annotated" / "a.jpg").convert("L"), int)
    before = np.asarray(Image.open(PORTRAIT).convert("L"), int)
    changed = np.abs(drawn - before) > 40
    assert drawn.shape == before.shape
    assert 0.01 < changed.mean() < 0.2
    assert not changed[350:].any()
    with Image.open(result / "annotated" / "trip" / "two.jpg") as two:
        assert two.size == (1280, 832)


def test_a_result_of_the_same_is_kept_and_one_of_others_made_again(
    album: Path, tmp_path: Path
) -> None:
    shutil.copytree(album, tmp_path / "album")
    folder, out = tmp_path / "album", tmp_path / "out"
    assert run(folder, "-o", out).exit_code == 1
    made = (out / "photos.fervid" / "meta.json").read_bytes()
    (out / "photos.fervid" / "mine.txt").write_text("kept")
    again = run(folder, "-o", out)
    assert "kept the earlier result" in again.output
    assert "cut.jpg: is cut off" in again.output
    assert again.exit_code == 1
    assert (out / "photos.fervid" / "meta.json").read_bytes() == made
    (folder / "cut.jpg").unlink()
    (folder / "broken.jpg").unlink()
    done = run(folder, "-o", out)
    assert done.exit_code == 0
    assert "kept" not in done.output
    assert (out / "photos.fervid" / "mine.txt").read_text() == "kept"
    for change in (("--labels", "ferplus"), ("--no-thumbnails",)):
        assert "kept" not in run(folder, "-o", out, *change).output
    assert not (out / "photos.fervid" / "annotated").exists()
    assert "<img" not in (out / "photos.fervid" / "report.html").read_text()
    assert "kept" in run(folder, "-o", out, "--no-thumbnails", "--fps", 3).output


def test_one_photo_gets_a_result_of_its_own(tmp_path: Path) -> None:
    done = run(PORTRAIT, "-o", tmp_path)
    assert done.exit_code == 0
    folder = tmp_path / "portrait.jpg.fervid"
    assert done.output.splitlines() == [
        "1 of 1 photos show a face (100%), 1 face in all",
        f"report: {folder / 'report.html'}",
    ]
    assert shows_happy(pd.read_csv(folder / "faces.csv"))


def test_photos_and_recordings_in_one_run(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(SPEAKERS, tmp_path / "in")
    shutil.copy(PORTRAIT, tmp_path / "in")
    out = tmp_path / "out"
    plan = run(tmp_path / "in", "-o", out, "--dry-run").output.splitlines()
    assert plan[-1] == "1 recording and 1 photo"
    assert f"{tmp_path / 'in' / 'portrait.jpg'} -> {out / 'photos.fervid'}" in plan
    done = run(tmp_path / "in", "-o", out, "--fps", 2)
    assert done.exit_code == 0, done.output
    assert {path.name for path in out.iterdir()} == {
        *("two_speakers.mp4.fervid", "photos.fervid", "index.html", "recordings.csv"),
    }
    index = (out / "index.html").read_text()
    assert 'href="photos.fervid/report.html"' in index
    assert "left out" not in index


def test_json_and_quiet(album: Path, tmp_path: Path) -> None:
    done = run(album, "-o", tmp_path / "a", "--json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == 9
    by_name = {Path(one["photo"]).name: one for one in told}
    assert by_name["two.jpg"]["faces"] == 2
    assert by_name["cut.jpg"]["status"] == "refused"
    assert by_name["cut.jpg"]["reason"].startswith("is cut off")
    quiet = run(PORTRAIT, "-o", tmp_path / "b", "-q")
    assert (quiet.exit_code, quiet.output) == (0, "")


def test_shards_share_photos_out_and_never_meet(album: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        run(album, "-o", tmp_path, "--shard", f"{number}/2")
    names = [f"photos-{number}-of-2.fervid" for number in (1, 2)]
    tables = [pd.read_csv(tmp_path / name / "photos.csv") for name in names]
    places = [place for table in tables for place in table["photo"]]
    assert len(places) == len(set(places)) == 9


def test_the_report_is_made_again_and_pages_are_turned(
    result: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(result, tmp_path / "photos.fervid")
    folder = tmp_path / "photos.fervid"
    (folder / "report.html").unlink()
    done = CliRunner().invoke(main, ["report", str(folder)])
    assert done.output == f"report: {folder / 'report.html'}\n"
    assert (folder / "report.html").read_text() == (result / "report.html").read_text()
    monkeypatch.setattr("fervid.photos.sheet.PHOTOS_A_PAGE", 3)
    assert CliRunner().invoke(main, ["report", str(folder)]).exit_code == 0
    pages = [folder / name for name in ("report.html", "report-2.html", "report-3.html")]
    shown = [page.read_text().count("<li data-states=") for page in pages]
    assert shown == [3, 3, 1]
    assert 'href="report-3.html"' in pages[0].read_text()
    monkeypatch.undo()
    assert CliRunner().invoke(main, ["report", str(folder)]).exit_code == 0
    assert not pages[1].exists()
    (folder / "faces.csv").write_text("photo,face\n")
    broken = CliRunner().invoke(main, ["report", str(folder)])
    assert broken.exit_code == 1
    assert "not a table of fervid" in broken.output


def test_explaining_a_photo_numbers_faces_as_the_table_does(album: Path, tmp_path: Path) -> None:
    out = tmp_path / "why.png"
    args = ["explain", str(album / "trip" / "two.jpg"), "--face", "2", "-o", str(out)]
    done = CliRunner().invoke(main, args)
    assert done.exit_code == 0, done.output
    assert out.stat().st_size > 10_000
