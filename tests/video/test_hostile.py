"""Files that were made to do harm: they cost little, and nothing else is opened for them."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fervid.errors import MediaError
from fervid.video.executable import MAX_BLOCK_BYTES, find_ffmpeg
from fervid.video.probing import probe
from fervid.video.reader import VideoReader
from tests.helpers.clips import X264, MakeClip, counter, read

pytestmark = pytest.mark.slow


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of an ISO media file or a QuickTime movie."""
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + kind + content


def replaced_movie(clip: Path, change: Callable[[bytes], bytes]) -> bytes:
    """A clip whose `moov` box, the last one, is changed."""
    data = clip.read_bytes()
    at = data.rindex(b"moov") - 4
    return data[:at] + change(data[at:])


def packed(movie: bytes, unpacked_bytes: int | None = None) -> bytes:
    """A `moov` box compressed as QuickTime may, with zeros after it up to a length."""
    packer = zlib.compressobj(9)
    content = [packer.compress(movie)]
    left = (unpacked_bytes or len(movie)) - len(movie)
    while left > 0:
        content.append(packer.compress(bytes(min(left, 1 << 24))))
        left -= 1 << 24
    size = struct.pack(">I", unpacked_bytes or len(movie))
    whole = box(b"cmvd", size, *content, packer.flush())
    return box(b"moov", box(b"cmov", box(b"dcom", b"zlib"), whole))


def edited(movie: bytes, edits: int) -> bytes:
    """A `moov` box whose edit list plays the whole clip so many times."""
    at = movie.index(b"edts") - 4
    old = movie[at : at + struct.unpack(">I", movie[at : at + 4])[0]]
    entry = struct.pack(">IiI", 2000, 0, 0x10000)
    new = box(b"edts", box(b"elst", struct.pack(">II", 0, edits), entry * edits))
    for kind in (b"trak", b"moov"):
        start = movie.index(kind) - 4
        size = struct.unpack(">I", movie[start : start + 4])[0] + len(new) - len(old)
        movie = movie[:start] + struct.pack(">I", size) + movie[start + 4 :]
    return movie.replace(old, new)


@pytest.fixture(scope="module")
def still_clip(make_clip: MakeClip) -> Path:
    """200 black frames of 16x16, about 20 bytes each."""
    black = ("-f", "lavfi", "-i", "color=black:s=16x16:r=100", "-frames:v", 200)
    return make_clip("still.mp4", *black, *X264, "-bf", 0)


def test_libraries_beside_the_recordings_are_not_loaded(
    constant_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "libm.so.6").write_bytes(b"no library")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere:")  # as OpenCV sets it
    find_ffmpeg.cache_clear()
    assert len(read(constant_clip)[0]) == 50


def test_packed_index(constant_clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "packed.mov"
    path.write_bytes(replaced_movie(constant_clip, packed))
    assert len(read(path)[0]) == 50


def test_packed_index_that_fills_the_memory(constant_clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "bomb.mov"
    path.write_bytes(replaced_movie(constant_clip, lambda it: packed(it, MAX_BLOCK_BYTES + 1)))
    assert path.stat().st_size < 1_000_000
    began = time.monotonic()
    with pytest.raises(MediaError):
        probe(path)
    assert time.monotonic() - began < 2


def test_edit_list_that_repeats(still_clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "twice.mp4"
    path.write_bytes(replaced_movie(still_clip, lambda movie: edited(movie, 2)))
    frames, reader = read(path)
    np.testing.assert_allclose(frames.time_s, np.arange(400) / 100)
    assert reader.warnings == []


def test_edit_list_that_repeats_without_end(still_clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "endless.mp4"
    path.write_bytes(replaced_movie(still_clip, lambda movie: edited(movie, 500)))
    with pytest.raises(MediaError, match="without end"), VideoReader(path) as reader:
        for _ in reader:
            pass


def test_long_stretch_of_zeros_in_a_transport_stream(make_clip: MakeClip, tmp_path: Path) -> None:
    data = make_clip("zeros.ts", *counter(50), *X264).read_bytes()
    path = tmp_path / "zeros.ts"
    with path.open("wb") as file:
        file.write(data)
        file.truncate(150_000_000)
    began = time.monotonic()
    frames, _ = read(path)
    assert frames.time_s.tolist() == [n / 25 for n in range(50)]
    assert time.monotonic() - began < 15
