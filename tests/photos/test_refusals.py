"""Photos that cannot be read, and results that are not replaced or not left behind."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

import fervid
from tests.helpers.photo_runs import PORTRAIT, SPEAKERS, run, shows_happy

pytestmark = pytest.mark.slow


def test_names_that_are_text_for_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    names = ["<b>&\n.jpg", "=1+1.jpg", "a,\"b'.jpg", "\udcff.jpg", f"{'x' * 240}.jpg", "A.JPG"]
    names += ["a.png.jpg", "a.png", "a.jpg"]
    for name in names:
        if name.endswith(".png"):
            Image.open(PORTRAIT).save(folder / name)
        else:
            shutil.copy(PORTRAIT, folder / name)
    done = run(folder, "-o", tmp_path)
    assert done.exit_code == 0, done.output
    result = tmp_path / "photos.fervid"
    photos = pd.read_csv(result / "photos.csv", keep_default_na=False)
    assert sorted(photos["photo"]) == sorted(name.replace("\udcff", "\\udcff") for name in names)
    assert len({name.casefold() for name in photos["annotated"]}) == len(names)
    assert len(list((result / "annotated").iterdir())) == len(names)
    page = (result / "report.html").read_text("utf-8")
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;" in page


def test_something_else_in_the_result_s_place_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "portrait.jpg.fervid"
    folder.mkdir()
    (folder / "thesis.doc").write_text("years of work")
    done = run(PORTRAIT, "-o", tmp_path, "--overwrite")
    assert done.exit_code == 1
    assert "not a result of photos" in done.output
    assert [path.name for path in folder.iterdir()] == ["thesis.doc"]
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_a_disk_that_refuses_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fervid.photos.folder import PhotoFolder

    def full(self: PhotoFolder, name: str, jpeg: bytes) -> None:
        with self._disk():
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(PhotoFolder, "write_annotated", full)
    done = run(PORTRAIT, "-o", tmp_path)
    assert done.exit_code == 1
    assert done.output.count("\n") == 1
    assert "No space left on device" in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals are Unix's")
def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(2000):
        shutil.copy(PORTRAIT, tmp_path / "in" / f"{number}.jpg")
    command = [sys.executable, "-m", "fervid.cli", "analyze", tmp_path / "in", "-o", tmp_path / "o"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not list(tmp_path.glob("o/.*/annotated/*.jpg")):
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=10)
    assert process.returncode == 130
    assert told.decode().splitlines()[-1] == "fervid: interrupted"
    assert list((tmp_path / "o").iterdir()) == []


def test_unreadable_photos_alone_are_told_and_others_found(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(9):
        (folder / f"{number}.jpg").write_text("no photo")
    shutil.copy(PORTRAIT, folder / "z.jpg")
    done = run(folder, "-o", tmp_path)
    assert done.exit_code == 1
    assert done.output.count("is not a photo") == 9
    assert "9 of 10 photos could not be read" in done.output
    assert shows_happy(pd.read_csv(tmp_path / "photos.fervid" / "faces.csv"))
    for bad in (folder / "0.jpg", tmp_path / "nowhere.jpg"):
        alone = run(bad, "-o", tmp_path / "alone")
        assert alone.exit_code == 1
        assert len([line for line in alone.output.splitlines() if "fervid:" in line]) == 1
    assert fervid.analyze_photos(folder / "0.jpg").faces.empty


def test_a_result_of_other_photos_is_not_replaced_unasked(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in ("anna", "bob"):
        (tmp_path / name).mkdir()
        shutil.copy(PORTRAIT, tmp_path / name / f"{name}.jpg")
    assert run(tmp_path / "anna", "-o", out).exit_code == 0
    assert "contains other photos" in run(tmp_path / "bob", "-o", out, "--dry-run").output
    done = run(tmp_path / "bob", "-o", out)
    assert done.exit_code == 1
    assert "contains other photos, such as 'anna.jpg'" in done.output
    assert "(kept)" in run(tmp_path / "anna", "-o", out, "--dry-run").output
    shutil.copy(PORTRAIT, tmp_path / "anna" / "bob.jpg")
    more = run(tmp_path / "anna", "-o", out)
    assert "analysed again: 1 of the photos are new, and 0 are gone" in more.output
    assert run(tmp_path / "bob", "-o", out, "--overwrite").exit_code == 0
    table = pd.read_csv(out / "photos.fervid" / "photos.csv")
    assert table["photo"].tolist() == ["bob.jpg"]


def test_folders_named_like_pictures_and_recordings_named_photos(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "b.png.jpg").mkdir(parents=True)
    (folder / "c.jpg").mkdir()
    Image.open(PORTRAIT).save(folder / "b.png")
    for place in ("b.png.jpg/c.jpg", "c.jpg/a.jpg"):
        shutil.copy(PORTRAIT, folder / place)
    shutil.copy(PORTRAIT, folder / "c")  # known by its content
    shutil.copy(SPEAKERS, folder / "photos")
    done = run(folder, "-o", tmp_path, "--fps", 1)
    assert done.exit_code == 0, done.output
    drawn = pd.read_csv(tmp_path / "photos.fervid" / "photos.csv")["annotated"]
    assert len(drawn) == 4
    assert all((tmp_path / "photos.fervid" / name).is_file() for name in drawn)
    assert len(list(tmp_path.glob("photos-*.fervid/frames.csv"))) == 1


def test_photos_of_one_name_from_two_places_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        shutil.copy(PORTRAIT, tmp_path / name)
    given = [tmp_path / name / "portrait.jpg" for name in ("a", "b")]
    done = run(*given, "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "would get the same name in the table of photos" in done.output
    assert run(given[0], given[0], "-o", tmp_path / "out").exit_code == 0
