"""Photos analysed: tables, pictures, contact sheet, command line and Python."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import fervid
from fervid.cli import main
from fervid.errors import MediaError, PlanError, ResultError
from fervid.photos.canvas import lay_out
from fervid.photos.columns import FACES, PHOTOS
from fervid.photos.reading import photo_of
from fervid.records import EXPRESSIONS, Detections
from tests.conftest import SAMPLES
from tests.helpers.browsing import open_address
from tests.helpers.heic import write_tiled

pytestmark = pytest.mark.slow

PORTRAIT = SAMPLES / "portrait.jpg"
SPEAKERS = SAMPLES / "two_speakers.mp4"
CENTRE = (208, 194)
"""A point between eyes and mouth of the portrait."""


def run(*args: object) -> Result:
    return CliRunner().invoke(main, ["analyze", *map(str, args)])


def shows_happy(faces: pd.DataFrame, width: int = 416) -> bool:
    """Whether the one face of the portrait is where it is, and happy."""
    scale = width / 416
    row = faces.iloc[0]
    x, y = (scale * coordinate for coordinate in CENTRE)
    inside = row.face_x < x < row.face_x + row.face_w and row.face_y < y < row.face_y + row.face_h
    return len(faces) == 1 and inside and row.emotion == "happy" and row.state == "happy"


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos in folders: good ones of several formats, two without a face, two broken."""
    folder = tmp_path_factory.mktemp("album")
    picture = Image.open(PORTRAIT).convert("RGB")
    (folder / "trip" / "day 1").mkdir(parents=True)
    shutil.copy(PORTRAIT, folder / "a.jpg")
    picture.save(folder / "a.png")
    picture.save(folder / "trip" / "x.webp", quality=95)
    write_tiled(folder / "trip" / "day 1" / "IMG_1.HEIC", picture.resize((384, 512)), 128)
    wide = Image.new("RGB", (1600, 1040), "gray")
    wide.paste(picture.resize((832, 1040)), (0, 0))
    wide.paste(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (1100, 300))
    wide.save(folder / "trip" / "two.jpg", quality=95)
    Image.new("L", (1, 1)).save(folder / "dot.png")
    Image.effect_noise((640, 480), 60).save(folder / "noise.jpg")
    (folder / "notes.txt").write_text("nothing")
    (folder / "broken.jpg").write_text("no photo")
    whole = PORTRAIT.read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / ".hidden.jpg").write_bytes(whole)
    return folder


@pytest.fixture(scope="module")
def result(album: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    done = run(album, "-o", out)
    assert done.exit_code == 1, done.output  # two could not be read
    lines = done.output.splitlines()
    assert lines[0] == "9 photos; passed over: 2 other files"
    assert sum("broken.jpg: is not a photo" in line for line in lines) == 1
    assert sum("cut.jpg: is cut off" in line for line in lines) == 1
    assert lines[-3] == "5 of 7 photos show a face (71%), 6 faces in all"
    assert lines[-2] == "2 of 9 photos could not be read"
    assert lines[-1] == f"report: {out / 'photos.fervid' / 'report.html'}"
    assert [path.name for path in out.iterdir()] == ["photos.fervid"]
    return out / "photos.fervid"


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
    assert "kept the result of an earlier run" in again.output
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
    assert "holds other photos" in run(tmp_path / "bob", "-o", out, "--dry-run").output
    done = run(tmp_path / "bob", "-o", out)
    assert done.exit_code == 1
    assert "holds other photos, such as 'anna.jpg'" in done.output
    assert "(kept)" in run(tmp_path / "anna", "-o", out, "--dry-run").output
    shutil.copy(PORTRAIT, tmp_path / "anna" / "bob.jpg")
    more = run(tmp_path / "anna", "-o", out)
    assert "made again: 1 of the photos are new, and 0 are gone" in more.output
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


def test_the_contact_sheet_in_a_browser(browser: Any, result: Path) -> None:
    page = open_address(browser, (result / "report.html").as_uri())
    assert page.complaints == []
    assert all(address.startswith("file:") for address in page.requests)
    cards = page.locator("#cards > li")
    assert cards.count() == 7
    cards.nth(6).scroll_into_view_if_needed()
    page.evaluate("Promise.all([...document.images].map((one) => one.decode()))")
    widths = page.evaluate("[...document.images].map((one) => one.naturalWidth)")
    assert len(widths) == 5
    assert all(widths)
    page.select_option("#state", "happy")
    assert page.locator("#cards > li:visible").count() == 5
    page.select_option("#state", "none")
    assert page.locator("#cards > li:visible").count() == 2
    page.select_option("#state", "")
    page.fill("#words", "trip TWO")
    assert page.locator("#cards > li:visible h3").all_text_contents() == ["trip/two.jpg"]
    assert page.text_content("#shown") == "1 of 7 photos on this page"
    page.fill("#words", "nowhere")
    assert page.is_visible("#nothing")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_the_contact_sheet_is_accessible(
    browser: Any, result: Path, scheme: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    address = (result / "report.html").as_uri()
    page = open_address(browser, address, width=width, color_scheme=scheme)
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:80]) for one in found] == []


def test_python_gives_the_tables(album: Path, tmp_path: Path) -> None:
    seen = []
    photos = fervid.analyze_photos(album, progress=seen.append)
    assert (len(photos.photos), len(photos.faces), photos.folder) == (9, 6, None)
    assert [outcome.status for outcome in seen].count("refused") == 2
    assert repr(photos) == "<Photos: 9 photos, 6 faces>"
    some = fervid.analyze_photos([PORTRAIT, album / "a.png"], out=tmp_path)
    assert some.folder == tmp_path / "photos.fervid"
    assert fervid.Photos.read(some.folder).faces.equals(some.faces)
    with pytest.raises(MediaError, match="only recordings"):
        fervid.analyze_photos(SPEAKERS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(PlanError, match="no recording or photo"):
        fervid.analyze_photos(tmp_path / "empty")
    with pytest.raises(MediaError, match="is a photo; see"):
        fervid.analyze(PORTRAIT)
    with pytest.raises(ResultError, match="not a result of photos"):
        fervid.Photos.read(tmp_path)


def test_an_array_gives_what_its_file_gives(tmp_path: Path) -> None:
    picture = np.asarray(Image.open(PORTRAIT).convert("RGB"))
    faces = fervid.analyze_image(picture)
    assert shows_happy(faces)
    Image.fromarray(picture).save(tmp_path / "same.png")
    of_file = fervid.analyze_photos(tmp_path / "same.png").faces
    numbers = [column.name for column in FACES if column.kind in ("share", "number")]
    assert np.allclose(faces[numbers], of_file[numbers], atol=1e-4)
    assert fervid.analyze_image(np.zeros((480, 640), np.uint8)).empty
    assert list(fervid.analyze_image(picture[:1, :1]).columns) == list(faces.columns)
    none = fervid.analyze_image(picture, min_face=400)
    assert none.empty


def test_what_is_found_does_not_depend_on_other_photos() -> None:
    from fervid.photos.faces import PhotoAnalyzer
    from fervid.settings import Settings

    picture = np.asarray(Image.open(PORTRAIT).convert("RGB"))
    sizes: Sequence[tuple[int, int]] = [(416, 520), (300, 300), (800, 500), (640, 480), (90, 90)]
    photos = [photo_of(np.asarray(Image.fromarray(picture).resize(size))) for size in sizes]
    analyzer = PhotoAnalyzer(Settings())
    together, alone = analyzer.find(photos), [analyzer.find([one])[0] for one in photos]
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one.faces.xywh, other.faces.xywh)
        assert np.allclose(one.expressions.probs, other.expressions.probs, atol=1e-5)


def test_boxes_on_a_canvas_come_back_to_the_photo() -> None:
    photo = photo_of(np.zeros((3000, 1000), np.uint8))
    canvas = lay_out(photo, 1280)
    assert canvas.used == (1280, 427)
    assert canvas.image.shape == (1280, 960)
    points = np.zeros((2, 3, 2), np.float32)
    boxes = np.array([[0, 0, 427, 1280], [430, 10, 100, 100]], np.float32)
    score, row = np.ones(2, np.float32), np.zeros(2, np.int32)
    (box,) = canvas.displayed(Detections(row, boxes, score, points), photo.displayed).xywh
    assert np.allclose(box, [0, 0, 1000, 3000])  # the other one lies beside the photo


def test_few_sizes_of_canvas_hold_photos_of_every_size() -> None:
    random = np.random.default_rng(3)
    shapes = set()
    for _ in range(300):
        height, width = random.integers(1, 4000, 2).tolist()
        canvas = lay_out(photo_of(np.zeros((min(height, 400), min(width, 400)), np.uint8)), 1280)
        shapes.add(canvas.image.shape)
        photo = photo_of(np.broadcast_to(np.uint8(7), (height, width)))
        canvas = lay_out(photo, 1280)
        shapes.add(canvas.image.shape)
        assert canvas.used[0] <= canvas.image.shape[0]
        assert canvas.used[1] <= canvas.image.shape[1]
        assert (canvas.image == 7).all()
    assert len(shapes) <= 9


def test_faces_that_are_cut_out_are_classified() -> None:
    picture = np.asarray(Image.open(PORTRAIT).convert("RGB"))
    crop = picture[100:320, 110:320]
    found = fervid.predict([crop, crop[:, :, 0], crop[::4, ::4]])
    assert (found.probs.argmax(axis=1) == EXPRESSIONS.index("happy")).all()
    both = fervid.predict(np.stack([crop, crop[:, ::-1]]))
    assert both.probs.shape == (2, 7)
    assert np.allclose(both.probs[0], found.probs[0], atol=1e-5)
    assert len(fervid.predict([])) == 0
    with pytest.raises(ValueError, match="images are"):
        fervid.predict(crop[:, 0])
    with pytest.raises(ValueError, match="image is"):
        fervid.predict([crop.astype(float)])
