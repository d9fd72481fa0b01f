"""Recordings joined byte by byte, whose time stamps start again: time goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fervid.video.reader import VideoReader
from fervid.video.stamps import EntryError
from tests.helpers.annotated_videos import annotated, frame_times
from tests.helpers.clips import X264, MakeClip, counter, drawn_numbers, read

SOUND = ("-f", "lavfi", "-i", "sine=d=2")
KINDS = {
    "ts": (*X264, "-g", 10, "-bf", 2),
    "vob": ("-c:v", "mpeg2video", "-q:v", 1, "-g", 10, "-bf", 2),
}
LATER = ("-output_ts_offset", 500)


def joined(make_clip: MakeClip, folder: Path, kind: str, *, falls_far: bool = False) -> Path:
    """50 frames and 40 more, with sound, whose time stamps start again."""
    late = LATER if falls_far else ()
    first = make_clip(f"first{falls_far}.{kind}", *SOUND, *counter(50), *KINDS[kind], *late)
    second = make_clip(f"second.{kind}", *SOUND, *counter(40), *KINDS[kind])
    path = folder / f"joined.{kind}"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    return path


@pytest.mark.parametrize(("kind", "far"), [("ts", False), ("vob", False), ("ts", True)])
def test_time_goes_on(make_clip: MakeClip, tmp_path: Path, kind: str, far: bool) -> None:
    frames, reader = read(joined(make_clip, tmp_path, kind, falls_far=far))
    assert drawn_numbers(frames) == [*range(50), *range(40)]
    np.testing.assert_allclose(np.diff(frames.time_s), 1 / 25, atol=1e-6)
    assert reader.info.duration_s == pytest.approx(frames.time_s[-1] + 1 / 25, abs=1e-5)
    lines = [line for line in reader.warnings if "time stamps start again once" in line]
    assert len(lines) == 1


def test_frames_after_the_join_are_sampled_and_chosen(make_clip: MakeClip, tmp_path: Path) -> None:
    path = joined(make_clip, tmp_path, "ts")
    whole = read(path)[0].time_s
    assert read(path, fps=5)[0].index.tolist() == list(range(0, 90, 5))
    part = read(path, start=2.5, end=3)[0].time_s
    assert part.tolist() == whole[(whole >= 2.5) & (whole < 3)].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_no_section_after_a_join_is_decoded_alone(
    make_clip: MakeClip, tmp_path: Path, kind: str
) -> None:
    def read_last() -> None:
        with VideoReader(joined(make_clip, tmp_path, kind), batch_size=4) as reader:
            *_, last = reader.sections(reader.stamps(), 1.0)
            reader.enter(last)
            list(reader)

    with pytest.raises(EntryError):
        read_last()


@pytest.mark.parametrize("kind", KINDS)
def test_the_annotated_video_has_all_of_it(make_clip: MakeClip, tmp_path: Path, kind: str) -> None:
    path = joined(make_clip, tmp_path, kind)
    times = [float(time) for time in frame_times(annotated(path, tmp_path))]
    np.testing.assert_allclose(times, read(path)[0].time_s, atol=2e-4)


def test_sound_that_begins_first_is_not_a_join(make_clip: MakeClip) -> None:
    late = ("-itsoffset", 0.4, *counter(50), *KINDS["ts"])
    frames, reader = read(make_clip("late-video.ts", *SOUND, *late))
    assert frames.time_s[0] == pytest.approx(0.4, abs=0.03)
    assert reader.warnings == []
