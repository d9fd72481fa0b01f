"""What is no video is refused in one line."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from fervid.errors import MediaError
from fervid.video.probing import probe
from fervid.video.reader import VideoReader
from tests.helpers.clips import MakeClip, children, read

GARBAGE: dict[str, bytes] = {
    "text.mp4": b"not a recording\n" * 500,
    "noise.mp4": np.random.default_rng(0).bytes(5000),
    "empty.mp4": b"",
    "head.mp4": b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41" + b"\x00" * 64,
    "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nconstant.mp4\n#EXT-X-ENDLIST\n",
    "list.mp4": b"ffconcat version 1.0\nfile constant.mp4\n",
    "picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>',
    "master.mpd": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "session.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\n"
    b"m=video 5004 RTP/AVP 96\n",
}


def refusal(path: Path) -> str:
    """The error's text, after checking its form and that it came soon."""
    began = time.monotonic()
    with pytest.raises(MediaError) as caught:
        VideoReader(path)
    assert time.monotonic() - began < 5
    with pytest.raises(MediaError):
        probe(path)
    text = str(caught.value)
    assert text.isprintable()
    assert text.startswith(repr(str(path)))
    assert children() == []
    return text


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_refused(constant_clip: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(GARBAGE[name])
    shutil.copy(constant_clip, tmp_path / "constant.mp4")
    assert " is " in refusal(path)


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "not a regular file" in refusal(tmp_path / "pipe.mp4")
    assert "not a regular file" in refusal(Path(os.devnull))
    assert "folder" in refusal(tmp_path)
    assert "No such file" in refusal(tmp_path / "missing\n.mp4")
    assert "not a valid file name" in refusal(tmp_path / "nul\0.mp4")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "tiff"])
def test_still_image_is_refused(make_clip: MakeClip, suffix: str) -> None:
    still = make_clip(f"still.{suffix}", "-f", "lavfi", "-i", "testsrc=s=64x48", "-frames:v", 1)
    assert "is not a recording" in refusal(still)


def test_sound_without_video_is_refused(make_clip: MakeClip, cover_picture: Path) -> None:
    tone = ("-f", "lavfi", "-i", "sine=d=1")
    assert "has no video" in refusal(make_clip("tone.wav", *tone))
    cover = ("-map", 0, "-map", 1, "-c:v", "copy", "-disposition:v", "attached_pic")
    assert "has no video" in refusal(make_clip("tone.m4a", *tone, "-i", cover_picture, *cover))


@pytest.mark.slow
def test_huge_picture_is_refused(make_clip: MakeClip) -> None:
    source = ("-f", "lavfi", "-i", "color=black:s=16000x8000:r=1,format=gray")
    path = make_clip("huge.mkv", *source, "-frames:v", 1, "-c:v", "png")
    assert "100 megapixels" in refusal(path)


@pytest.mark.parametrize(
    "name",
    [
        b"-y.mp4",
        b"two words.mp4",
        b"new\nline.mp4",
        "naïve 录像.mp4".encode(),
        b"caf\xe9.mp4",
        b"a%03d:b.mp4",
    ],
)
def test_odd_names(
    constant_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes
) -> None:
    path = Path(os.fsdecode(name))
    monkeypatch.chdir(tmp_path)
    shutil.copy(constant_clip, path)
    assert len(read(path)[0]) == 50


def test_errors_name_files_as_people_wrote_them(tmp_path: Path) -> None:
    path = tmp_path / "Müller 录像.mp4"
    path.write_text("no recording")
    assert refusal(path).startswith(f"'{tmp_path}/Müller 录像.mp4': ")
    path = tmp_path / os.fsdecode(b"caf\xe9 \xe2\x80\xae.mp4")
    path.write_text("no recording")
    assert refusal(path).startswith(f"'{tmp_path}/caf\\udce9 \\u202e.mp4': ")


def test_tags_cannot_imitate_the_log(make_clip: MakeClip, constant_clip: Path) -> None:
    tag = "x\n  Duration: 99:00:00.00, start: 0.0, bitrate: 1 kb/s"
    path = make_clip("tags.mkv", "-i", constant_clip, "-c", "copy", "-metadata", f"{tag}={tag}")
    assert probe(path).duration_s in (None, pytest.approx(2.0, abs=0.05))
    assert len(read(path)[0]) == 50
