"""A large photo takes the memory of its pixels once, whatever its format."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fervid.photos.reading import MOST_SIDE, read_photo
from tests.helpers.heic import write_tiled

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's figures of memory"),
]

WIDTH, HEIGHT = 6000, 5000
"""30 megapixels: 120 MB in Pillow's memory, four bytes a pixel."""

READ = """
import re, resource, sys
from pathlib import Path
from fervid.photos.reading import read_photo

def megabytes(name):
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\\s+(\\d+)", status)[1]) // 1024

before = megabytes("VmRSS")
read_photo(Path(sys.argv[1]))
child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(megabytes("VmHWM") - before, child)
"""


def _megabytes(photo: Path) -> tuple[int, int]:
    """What reading a photo takes in this process, and in ffmpeg."""
    command = [sys.executable, "-W", "ignore", "-c", READ, photo]
    own, of_ffmpeg = subprocess.run(command, capture_output=True, check=True).stdout.split()
    return int(own), int(of_ffmpeg)


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("raw.tif", "RGB", {}),
        ("clear.png", "RGBA", {"compress_level": 1}),
        ("lossy.webp", "RGB", {"method": 0, "quality": 80}),
        ("clear.webp", "RGBA", {"method": 0, "quality": 80}),
    ],
)
def test_its_pixels_are_held_once(
    tmp_path: Path, name: str, mode: str, options: dict[str, int]
) -> None:
    path = tmp_path / name
    picture = Image.new("RGB", (WIDTH, HEIGHT), (30, 120, 200))
    picture.paste((220, 60, 20), (0, 0, WIDTH // 2, HEIGHT // 4))
    if mode == "RGBA":
        picture.putalpha(Image.new("L", picture.size, 255))
        picture.paste((0, 0, 0, 0), (WIDTH // 2, HEIGHT // 2, WIDTH, HEIGHT))
    picture.save(path, **options)
    own, of_ffmpeg = _megabytes(path)
    assert own < 120 + 80
    assert of_ffmpeg < 250

    photo = read_photo(path)
    assert photo.displayed == (WIDTH, HEIGHT)
    assert photo.luma.shape == (MOST_SIDE * HEIGHT // WIDTH, MOST_SIDE)
    below = (255, 255, 255) if mode == "RGBA" else (30, 120, 200)
    places = {(0.1, 0.1): (220, 60, 20), (0.4, 0.1): (30, 120, 200), (0.9, 0.9): below}
    for (down, across), colour in places.items():
        height, width = photo.colour.shape[:2]
        found = photo.colour[int(down * height), int(across * width)]
        np.testing.assert_allclose(found.astype(int), colour, atol=4)


def test_ffmpeg_scales_a_heic_of_tiles_down(tmp_path: Path) -> None:
    path = tmp_path / "IMG_0002.HEIC"
    # 48 megapixels, as newer phones take them; turned, which ffmpeg does before it scales.
    write_tiled(path, Image.new("RGB", (8192, 6144), (30, 120, 200)), 512, turns=1)
    own, of_ffmpeg = _megabytes(path)
    assert own < 100
    assert of_ffmpeg < 450

    photo = read_photo(path)
    assert photo.displayed == (6144, 8192)
    assert photo.luma.shape == (MOST_SIDE, 1920)
    assert np.abs(photo.colour.reshape(-1, 3).mean(0) - (30, 120, 200)).max() < 4
