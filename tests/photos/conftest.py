"""A folder of photos and its result."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.heic import write_tiled
from tests.helpers.photo_runs import PORTRAIT, run


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def result(album: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    done = run(album, "-o", out)
    assert done.exit_code == 1, done.output  # two could not be read
    lines = done.output.splitlines()
    assert lines[0] == "9 photos; skipped 2 other files"
    assert sum("broken.jpg: is not a photo" in line for line in lines) == 1
    assert sum("cut.jpg: is cut off" in line for line in lines) == 1
    assert lines[-3] == "5 of 7 photos show a face (71%), 6 faces in all"
    assert lines[-2] == "2 of 9 photos could not be read"
    assert lines[-1] == f"report: {out / 'photos.fervid' / 'report.html'}"
    assert [path.name for path in out.iterdir()] == ["photos.fervid"]
    return out / "photos.fervid"
