"""Of several video tracks, the one is read that players show, or the chosen one."""

from __future__ import annotations

from pathlib import Path

import pytest

from fervid.errors import MediaError
from fervid.exports import export
from fervid.pipeline import Analyzer
from fervid.results.files import read_meta
from fervid.settings import Settings
from fervid.video.probing import probe
from tests.helpers.clips import X264, MakeClip, read

pytestmark = pytest.mark.slow

SCREEN = ["-f", "lavfi", "-i", "color=black:s=96x64:r=25:d=1"]
CAMERA = ["-f", "lavfi", "-i", "color=white:s=64x96:r=25:d=1"]
BOTH = [*SCREEN, *CAMERA, "-map", "0:v", "-map", "1:v", *X264]
SECOND = [*BOTH, "-disposition:v:0", 0, "-disposition:v:1", "default"]


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov"])
def test_the_track_flagged_default_is_read(make_clip: MakeClip, suffix: str) -> None:
    path = make_clip(f"second.{suffix}", *SECOND)
    frames, reader = read(path)
    assert reader.info.displayed == (64, 96)
    assert frames.images.min() > 200
    assert (reader.info.track, reader.info.tracks) == (2, 2)
    assert len(frames) == 25


@pytest.mark.parametrize("suffix", ["mkv", "ts"])
def test_of_equal_tracks_the_first_one_is_read(make_clip: MakeClip, suffix: str) -> None:
    path = make_clip(f"equal.{suffix}", *BOTH)
    info = probe(path)
    assert (info.displayed, info.track, info.tracks) == ((96, 64), 1, 2)


def test_of_programs_the_first_one_is_read(make_clip: MakeClip) -> None:
    programs = ["-program", "program_num=1:st=1", "-program", "program_num=2:st=0"]
    assert probe(make_clip("programs.ts", *BOTH, *programs)).displayed == (64, 96)


def test_a_track_can_be_chosen(make_clip: MakeClip) -> None:
    path = make_clip("second.mkv", *SECOND)
    frames, reader = read(path, track=1)
    assert reader.info.displayed == (96, 64)
    assert frames.images.max() < 50
    with pytest.raises(MediaError, match="has 2 video tracks, so there is no track 3"):
        probe(path, 3)


def test_neither_covers_nor_thumbnails_are_the_recording(
    make_clip: MakeClip, cover_picture: Path
) -> None:
    cover = ["-map", 0, "-map", 1, "-c:v:0", "mjpeg", "-disposition:v:0", "attached_pic"]
    video = [*cover, *X264[2:], "-c:v:1", "libx264"]
    with_cover = make_clip("with_cover.mp4", "-i", cover_picture, *CAMERA, *video)
    info = probe(with_cover)
    assert (info.displayed, info.tracks) == ((64, 96), 1)
    small = ["-f", "lavfi", "-i", "color=red:s=16x16:r=25:d=0.04"]
    thumbs = ["-map", "0", "-map", "1", "-c:v:0", "mjpeg", "-c:v:1", "libx264"]
    flagged = ["-disposition:v:0", "default", "-disposition:v:1", "default"]
    for suffix in ("mkv", "mov"):
        path = make_clip(f"thumbs.{suffix}", *small, *CAMERA, *thumbs, *flagged)
        assert probe(path).displayed == (64, 96)


def test_a_result_says_which_track_was_read(make_clip: MakeClip, tmp_path: Path) -> None:
    path = make_clip("second.mkv", *SECOND)
    for track, line in (
        (None, "number 2 was read, the one that players show"),
        (1, "number 1 was read"),
    ):
        folder = tmp_path / f"{track}.fervid"
        Analyzer(Settings(working_size=96, track=track)).analyze(path, folder)
        meta = read_meta(folder)
        stream = 1 if track is None else 0
        assert meta["recording"]["track"] == {"number": stream + 1, "of": 2, "stream": stream}
        assert any(line in warning for warning in meta["warnings"])
        (out,) = export(folder, "video", tmp_path / f"{track}.mp4", recording=path)
        assert probe(out).displayed == ((64, 96) if stream else (96, 64))


def test_one_track_needs_no_word(constant_clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "r.fervid"
    Analyzer(Settings(working_size=96)).analyze(constant_clip, folder)
    assert not any("track" in line for line in read_meta(folder)["warnings"])
    with pytest.raises(MediaError, match="has 1 video track, so there is no track 2"):
        probe(constant_clip, 2)


def test_a_track_without_pictures_is_passed_over(make_clip: MakeClip, tmp_path: Path) -> None:
    whole = make_clip("equal.ts", *BOTH).read_bytes()
    packets = [whole[start : start + 188] for start in range(0, len(whole), 188)]
    first = b"\x01\x00"  # the number of the first track's packets
    kept = [one for one in packets if bytes([one[1] & 0x1F, one[2]]) != first]
    assert 0 < len(kept) < len(packets)
    path = tmp_path / "half.ts"
    path.write_bytes(b"".join(kept))
    info = probe(path)
    assert (info.displayed, info.track, info.tracks) == ((64, 96), 2, 2)
