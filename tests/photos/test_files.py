"""Photos of every format, mode and orientation: what people see is what is analysed."""

import io
import os
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from fervid.errors import MediaError
from fervid.photos.reading import MOST_SIDE, SHOWN_SIDE, photo_of, read_photo, without_notes
from fervid.video.kinds import kind_of
from tests.conftest import SAMPLES
from tests.helpers.heic import write_tiled

PORTRAIT = SAMPLES / "portrait.jpg"
WIDTH, HEIGHT = 416, 520
HELD = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What turns an upright picture into the one that a camera held so stores."""


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return Image.open(PORTRAIT).convert("RGB")


def off(path: Path, picture: Image.Image) -> float:
    """Mean difference between what is read of a file and a picture, in levels of gray."""
    photo = read_photo(path)
    assert photo.displayed == picture.size
    luma = np.asarray(picture.convert("L"), np.float64)
    assert photo.luma.shape == luma.shape
    return float(np.abs(photo.luma - luma).mean())


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_exif_orientations(tmp_path: Path, picture: Image.Image, held: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = held
    turn = HELD[held]
    stored = picture if turn is None else picture.transpose(turn)
    path = tmp_path / f"photo.{suffix}"
    quality = {"quality": 95} if suffix in ("jpg", "webp") else {}
    stored.save(path, exif=exif, **quality)
    assert kind_of(path) == "photo"
    assert off(path, picture) < 3


@pytest.mark.slow
@pytest.mark.parametrize("turns", range(4))
def test_heic_of_tiles_that_are_to_be_turned(
    tmp_path: Path, picture: Image.Image, turns: int
) -> None:
    path = tmp_path / "IMG_0001.HEIC"
    upright = picture.resize((384, 512))
    write_tiled(path, upright.rotate(-90 * turns, expand=True), 128, turns)
    assert kind_of(path) == "photo"
    assert off(path, upright) < 3


@pytest.mark.slow
def test_a_heic_whose_main_picture_is_not_its_first_grid(
    tmp_path: Path, picture: Image.Image
) -> None:
    path = tmp_path / "gain.heic"
    upright = picture.resize((384, 512))
    write_tiled(path, upright, 128, before=Image.new("RGB", (256, 256), (250, 10, 10)))
    assert off(path, upright) < 3


def test_a_heic_without_tiles_may_speak_of_grids(tmp_path: Path, picture: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x010E] = "power grid in spring"
    exif[0x0112] = 6
    path = tmp_path / "grid.heic"
    stored = picture.rotate(90, expand=True)
    pillow_heif.from_pillow(stored).save(path, exif=exif.tobytes(), quality=90)
    shown = pillow_heif.open_heif(path).to_pillow().convert("RGB")
    assert b"grid" in path.read_bytes()
    assert off(path, shown) < 3


def sixteen(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L")).astype(np.uint16) * 257


def test_modes_of_pixels(tmp_path: Path, picture: Image.Image) -> None:
    gray = picture.convert("L")
    Image.fromarray(sixteen(picture)).save(tmp_path / "16.png")
    Image.fromarray(sixteen(picture)).save(tmp_path / "16.tif")
    colours = np.asarray(picture)[:, :, ::-1].astype(np.uint16) * 257
    assert cv2.imwrite(str(tmp_path / "48.png"), colours)
    picture.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    picture.convert("CMYK").save(tmp_path / "cmyk.tif")
    picture.save(tmp_path / "progressive.jpg", progressive=True, quality=95)
    picture.save(tmp_path / "two.jpg", "MPO", save_all=True, append_images=[gray], quality=95)
    for name in ("gray.png", "gray.jpg", "gray.pgm", "gray.webp"):
        gray.save(tmp_path / name)
    for name in ("x.bmp", "x.ppm", "x.avif", "x.gif"):
        picture.save(tmp_path / name)
    worst = {path.name: off(path, picture) for path in sorted(tmp_path.iterdir())}
    assert len(worst) == 15
    assert max(worst.values()) < 6, worst  # GIF has 256 colours


def test_what_is_transparent_is_white(tmp_path: Path, picture: Image.Image) -> None:
    mask = Image.new("L", picture.size, 0)
    mask.paste(255, (100, 60, 320, 480))
    over_white = Image.composite(picture, Image.new("RGB", picture.size, "white"), mask)
    cut_out = picture.copy()
    cut_out.putalpha(mask)
    for name, mode in (("rgba.png", "RGBA"), ("rgba.webp", "RGBA"), ("la.png", "LA")):
        path = tmp_path / name
        lossless = {"lossless": True} if name.endswith("webp") else {}
        cut_out.convert(mode).save(path, **lossless)
        assert off(path, over_white) < 1
    palette = cut_out.quantize(200)
    palette.save(tmp_path / "palette.png")
    assert off(tmp_path / "palette.png", over_white) < 4


def test_large_photos_are_scaled_down_and_tell_their_own_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4000, 3000), "gray").save(tmp_path / "large.jpg", exif=exif)
    Image.new("L", (1, 5000)).save(tmp_path / "tall.png")
    large, tall = read_photo(tmp_path / "large.jpg"), read_photo(tmp_path / "tall.png")
    assert large.displayed == (3000, 4000)
    assert large.luma.shape == (MOST_SIDE, MOST_SIDE * 3 // 4)
    assert large.colour.shape == (SHOWN_SIDE, SHOWN_SIDE * 3 // 4, 3)
    assert tall.displayed == (1, 5000)
    assert tall.luma.shape == (MOST_SIDE, 1)


@pytest.mark.slow
def test_a_hundred_megapixels_are_read_and_more_refused(tmp_path: Path) -> None:
    Image.new("L", (10_000, 10_000)).save(tmp_path / "most.png")
    Image.new("1", (10_001, 10_000)).save(tmp_path / "over.png")
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [b"IHDR" + head, b"IDAT" + zlib.compress(bytes(1000)), b"IEND"]
    coded = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(coded))
    assert read_photo(tmp_path / "most.png").displayed == (10_000, 10_000)
    for name in ("over.png", "bomb.png"):
        with pytest.raises(MediaError, match="larger than 100 megapixels"), without_notes():
            read_photo(tmp_path / name)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp", "avif", "gif", "heic"])
def test_photos_that_are_cut_off_get_one_line(
    tmp_path: Path, picture: Image.Image, suffix: str
) -> None:
    path = tmp_path / f"cut.{suffix}"
    if suffix == "heic":
        write_tiled(path, picture.resize((256, 256)), 128)
    else:
        picture.save(path)
    whole = path.read_bytes()
    for share in (0.02, 0.5, 0.95):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert kind_of(path) in ("photo", "recording")
        with pytest.raises(MediaError) as error:
            read_photo(path)
        assert "\n" not in str(error.value)
        assert str(error.value).startswith(repr(str(path)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is an empty file"),
        (b"hello, I am no photo", "is not a photo"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a photo"),
        (b"\xff\xd8\xff\xe0 nothing of a JPEG follows", "cut off"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "is not a photo"),
    ],
)
def test_what_is_no_photo_gets_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=words):
        read_photo(path)


def test_real_numbers_and_pipes_are_refused(tmp_path: Path, picture: Image.Image) -> None:
    floats = np.asarray(picture.convert("L"), np.float32) / 255
    Image.fromarray(floats).save(tmp_path / "float.tif")
    with pytest.raises(MediaError, match="floating-point pixels"):
        read_photo(tmp_path / "float.tif")
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(MediaError, match="not a regular file"):
        read_photo(tmp_path / "pipe.jpg")
    with pytest.raises(MediaError, match="a folder"):
        read_photo(tmp_path)


def test_damaged_bytes_never_raise_anything_else(tmp_path: Path, picture: Image.Image) -> None:
    small = picture.resize((64, 80))
    random = np.random.default_rng(7)
    path = tmp_path / "photo"
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"):
        file = io.BytesIO()
        small.save(file, kind)
        whole = np.frombuffer(file.getvalue(), np.uint8)
        for _ in range(25):
            bad = whole.copy()
            places = random.integers(0, len(bad), 6)
            bad[places] = random.integers(0, 256, 6)
            path.write_bytes(bad.tobytes())
            try:
                with without_notes():
                    photo = read_photo(path)
            except MediaError as error:
                assert "\n" not in str(error)  # noqa: PT017
            else:
                assert photo.luma.ndim == 2


@pytest.mark.slow
def test_animations_are_recordings_and_stills_are_photos(
    tmp_path: Path, picture: Image.Image
) -> None:
    frames = [picture.rotate(angle) for angle in (0, 2, 4)]
    for suffix in ("gif", "webp", "png"):
        still, moving = tmp_path / f"still.{suffix}", tmp_path / f"moving.{suffix}"
        frames[0].save(still)
        frames[0].save(moving, save_all=True, append_images=frames[1:], duration=100)
        assert kind_of(still) == "photo"
        assert kind_of(moving) == "recording"


def test_arrays_are_checked_and_read_as_photos_are(picture: Image.Image) -> None:
    colours = np.asarray(picture)
    gray = np.asarray(picture.convert("L"))
    for pixels in (colours, gray, gray[:, :, None], np.dstack([colours, 255 * (gray >= 0)])):
        photo = photo_of(pixels.astype(np.uint8))
        assert photo.displayed == (WIDTH, HEIGHT)
        assert np.abs(photo.luma.astype(int) - gray).max() <= 1
    for wrong in (gray.astype(float), gray[0], colours[None], colours[:, :, :2], gray[:0]):
        with pytest.raises(ValueError, match="image"):
            photo_of(wrong)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is told by /proc")
def test_large_photos_are_decoded_one_at_a_time(tmp_path: Path) -> None:
    """Memory: two threads that read photos of 100 megapixels hold the pixels of one."""
    path = tmp_path / "large.png"
    Image.new("RGB", (10_000, 9_000), "gray").save(path, compress_level=1)
    code = (
        "import re, sys, threading; from pathlib import Path\n"
        "from fervid.photos.reading import read_photo\n"
        "path = Path(sys.argv[1])\n"
        "jobs = [threading.Thread(target=read_photo, args=(path,)) for _ in range(3)]\n"
        "[job.start() for job in jobs]; [job.join() for job in jobs]\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', status)[1]) // 1024)\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, path]
    done = subprocess.run(command, capture_output=True, check=True)
    assert int(done.stdout) < 360 + 250  # four bytes a pixel, once, and what Python takes


def test_planning_waits_for_no_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "photo.jpg")
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(kind_of(tmp_path / "photo.jpg")))
    thread.start()
    thread.join(timeout=5)
    assert found == [None]
