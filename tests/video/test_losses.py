"""What was lost is known: each frame of the intact recording came or is told as lost."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fervid.video.damage import Damage
from fervid.video.losses import Losses, Stretch
from fervid.video.reader import VideoReader
from fervid.video.sampling import Sampling
from tests.helpers.clips import X264, MakeClip, counter, read

SAMPLES = Path(__file__).parents[2] / "sample_media"
FRAME_S = 1 / 25
SOURCE = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=12")
ENCODED = (*SOURCE, *X264[:4], "-qp", 24, "-threads", 1, "-g", 50, "-bf", 2)
WITH_SOUND = ("-f", "lavfi", "-i", "sine=d=12", *ENCODED, "-c:a", "aac")
FRONT = ("-movflags", "faststart")


def overwritten(data: bytes) -> bytes:
    """Garbage in the middle."""
    middle = len(data) // 2
    return data[:middle] + np.random.default_rng(1).bytes(8000) + data[middle + 8000 :]


def cut_off(data: bytes) -> bytes:
    return data[: len(data) * 3 // 4]


def dropped(data: bytes) -> bytes:
    """Forty packets of a transport stream are missing."""
    middle = len(data) // 188 // 2 * 188
    return data[:middle] + data[middle + 40 * 188 :]


DAMAGED: dict[str, tuple[tuple[object, ...], Callable[[bytes], bytes]]] = {
    "middle.mp4": (ENCODED, overwritten),
    "sound.mp4": (WITH_SOUND, overwritten),
    "middle.mkv": (ENCODED, overwritten),
    "packets.ts": (ENCODED, dropped),
    "cut.mkv": (ENCODED, cut_off),
    "cut.mp4": ((*ENCODED, *FRONT), cut_off),
    "cut.flv": (ENCODED, cut_off),
}


def pair(make_clip: MakeClip, folder: Path, name: str) -> tuple[Path, Path]:
    """The intact recording and the damaged one."""
    arguments, damage = DAMAGED[name]
    intact = make_clip(f"intact-{name}", *arguments)
    damaged = folder / name
    damaged.write_bytes(damage(intact.read_bytes()))
    return intact, damaged


def lost_of(reader: VideoReader) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Positions and times of the lost frames that would have been sampled."""
    parts = [(np.zeros(0, np.int64), np.zeros(0)), *reader.losses.sampled()]
    return np.concatenate([p for p, _ in parts]), np.concatenate([t for _, t in parts])


@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGED)
def test_every_frame_came_or_is_told_as_lost(
    make_clip: MakeClip, tmp_path: Path, name: str
) -> None:
    intact, damaged = pair(make_clip, tmp_path, name)
    truth = read(intact)[0].time_s
    frames, reader = read(damaged)
    missing = truth[np.abs(truth[:, None] - frames.time_s).min(axis=1) > FRAME_S / 2]
    positions, due = lost_of(reader)
    assert 0 < len(missing) < 110
    np.testing.assert_allclose(due, missing, atol=FRAME_S / 2)
    assert reader.losses.partial
    assert reader.losses.lost_frames == len(missing)
    assert reader.losses.first_bad_s == pytest.approx(missing[0], abs=FRAME_S / 2)
    every = np.concatenate([reader.losses.positions(frames.index), positions])
    assert np.sort(every).tolist() == list(range(len(every)))
    if len(every) == len(truth):  # a decoder may show a picture twice
        times = np.concatenate([frames.time_s, due])
        np.testing.assert_allclose(times[np.argsort(every)], truth, atol=FRAME_S / 2)


@pytest.mark.parametrize("options", [{"fps": 5}, {"fps": 10, "start": 1.1}, {"start": 3, "end": 8}])
@pytest.mark.parametrize("name", ["packets.ts", "cut.mkv", "middle.mp4"])
def test_sampled_places_only_get_rows(
    make_clip: MakeClip, tmp_path: Path, name: str, options: dict[str, float]
) -> None:
    intact, damaged = pair(make_clip, tmp_path, name)
    truth = read(intact, **options)[0].time_s
    frames, reader = read(damaged, **options)
    positions, due = lost_of(reader)
    # Where the frame to be sampled is lost, the next one of its interval stands in for it.
    interval = 1 / options.get("fps", 25)
    times = np.sort(np.concatenate([frames.time_s, due]))
    np.testing.assert_allclose(times, truth, atol=interval - FRAME_S / 2)
    every = np.concatenate([reader.losses.positions(frames.index), positions])
    assert len(set(every.tolist())) == len(truth)
    assert (np.diff(every[np.argsort(np.concatenate([frames.time_s, due]))]) > 0).all()


def test_where_a_recording_was_cut_off_does_not_depend_on_sampling(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    intact, damaged = pair(make_clip, tmp_path, "cut.mp4")
    whole, *sampled = (read(damaged, fps=fps)[1].losses for fps in (None, 5, 0.7))
    assert whole.first_bad_s == pytest.approx((len(read(intact)[0]) - whole.lost_frames) / 25)
    for losses in sampled:
        assert losses.lost_frames == whole.lost_frames
        assert losses.first_bad_s == pytest.approx(whole.first_bad_s)
        assert losses.to_json() == whole.to_json()


@pytest.mark.slow
def test_what_was_lost_does_not_depend_on_the_run(make_clip: MakeClip, tmp_path: Path) -> None:
    for name in DAMAGED:
        _, damaged = pair(make_clip, tmp_path, name)
        found = [read(damaged, threads=threads)[1].losses for threads in (1, 2, 4, 1)]
        assert all(one == found[0] for one in found)


def test_nothing_is_counted_where_sound_may_play_on(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("sound-front.mp4", *WITH_SOUND, *FRONT)
    damaged = tmp_path / "cut.mp4"
    damaged.write_bytes(cut_off(source.read_bytes()))
    frames, reader = read(damaged)
    assert reader.losses.partial
    assert reader.losses.lost_frames is None
    assert len(frames) < 250
    # A frame or two before the last one may be missing for sure.
    assert reader.losses.first_bad_s == pytest.approx(len(frames) / 25, abs=3 * FRAME_S)
    assert len(lost_of(reader)[1]) < 4


def healthy(make_clip: MakeClip) -> list[Path]:
    pause = "setpts='if(gte(N,20),N+50,N)'"
    sound = ("-f", "lavfi", "-i", "sine=d=9")
    held = ("-bsf:v", r"setts=duration=if(eq(N\,49)\,3/TB\,DURATION)")
    plays_on = (*sound, *counter(50), *X264, "-c:a", "aac")
    return [
        make_clip("pause.mkv", *counter(40, extra=pause), *X264),
        make_clip("pause.mp4", *counter(40, extra=pause), *X264),
        make_clip("held.mp4", *counter(50), *X264, "-bf", 0, *held),
        make_clip("last.gif", *counter(20, rate=10), "-final_delay", 500),
        make_clip("late.mp4", *sound, "-itsoffset", 0.7, *counter(50), *X264),
        make_clip("backwards.flv", *counter(50), *X264, "-bf", 3),
        *(make_clip(f"plays-on.{kind}", *plays_on) for kind in ("mp4", "ts", "mkv")),
    ]


@pytest.mark.slow
def test_healthy_recordings_are_whole(
    make_clip: MakeClip,
    constant_clip: Path,
    variable_clip: Path,
    corner_clip: Path,
    long_clip: Path,
) -> None:
    clips = [constant_clip, variable_clip, corner_clip, long_clip, *SAMPLES.glob("*.mp4")]
    for path in [*clips, *healthy(make_clip)]:
        for options in ({}, {"fps": 3}, {"start": 0.1, "end": 1.5}):
            reader = read(path, **options)[1]
            assert reader.losses == Losses.none(reader.losses.sampling), path.name


@pytest.mark.slow
def test_real_recordings_are_whole(real_clips: Path) -> None:
    for path in sorted(real_clips.iterdir()):
        if path.suffix != ".md":
            assert not read(path)[1].losses.partial, path.name


MILLISECONDS = Sampling(Fraction(1, 1000))
ERROR = "[h264 @ 0x1] [error] error while decoding MB 1 2"


def found(
    stamps: list[int], *, complaint: str = ERROR, sampling: Sampling = MILLISECONDS
) -> Losses:
    """What is lost of a recording of 25 frames a second by its time stamps in milliseconds."""
    damage = Damage(Fraction(25), MILLISECONDS, None, alone=False)
    damage.log(complaint, None)
    for index, pts in enumerate(stamps):
        damage.frame(index, pts)
    return damage.findings(0).losses


def test_a_late_frame_is_not_lost() -> None:
    stamps = [40 * n for n in range(50)]
    losses = found([*stamps, 2600, 2560, 2640, 2680])
    assert losses.lost_frames == 14
    assert [t.tolist() for _, t in losses.sampled()] == [pytest.approx(np.arange(50, 64) / 25)]


def test_time_stamps_that_jump_by_hours_are_no_million_frames() -> None:
    hours = [40 * n + 95_443_717 * (n >= 50) for n in range(100)]
    losses = found(hours)
    assert losses.partial
    assert losses.lost_frames is None
    assert list(losses.sampled()) == []


def test_a_length_that_is_a_lie_makes_no_rows() -> None:
    damage = Damage(Fraction(25), MILLISECONDS, 1e12, alone=True)
    for index in range(10):
        damage.frame(index, 40 * index)
    losses = damage.findings(0).losses
    assert (losses.partial, losses.lost_frames, losses.first_bad_s) == (
        True,
        None,
        pytest.approx(0.4),
    )
    assert list(losses.sampled()) == []


def test_more_gaps_than_are_kept_still_count() -> None:
    kept = [40 * n for n in range(300_000) if n % 25]
    losses = found(kept)
    assert losses.lost_frames == 300_000 // 25 - 1  # before the first frame nobody knows
    assert len(losses.stretches) == 10_000


def test_a_variable_rate_has_no_places_for_lost_frames() -> None:
    losses = found([n * n + 10 * n for n in range(40)])
    assert losses.partial
    assert (losses.lost_frames, losses.first_bad_s, losses.stretches) == (None, None, ())


@pytest.mark.parametrize(
    "line",
    [
        "[h264 @ 0x1] [error] co located POCs unavailable",
        "[mjpeg @ 0x1] [warning] unable to decode APP fields: Invalid data",
        "[swscaler @ 0x1] [error] corrupt",
        "nonsense",
    ],
)
def test_harmless_lines_lose_nothing(line: str) -> None:
    stamps = [40 * n for n in range(50)]
    assert not found([*stamps, 2600], complaint=line).partial
    assert not found([*stamps, 1960, 2000], complaint=line).partial


def test_a_long_loss_comes_in_pieces() -> None:
    stretches = (Stretch(1, 40.0, 40.0 * 20_001, 20_000, 19_999), Stretch(9, 9e5, 900_120.0, 3, 2))
    losses = Losses(True, 20_001, 0.08, stretches, MILLISECONDS)
    pieces = list(losses.sampled())
    assert max(len(times) for _, times in pieces) <= 5000
    positions = np.concatenate([positions for positions, _ in pieces])
    assert positions.tolist() == [*range(2, 20_001), 20_009, 20_010]
    for (_, earlier), (_, later) in pairwise(pieces):
        assert later[0] > earlier[-1]
    assert losses.positions(np.arange(12)).tolist() == [
        *(0, 1),
        *range(20_001, 20_009),
        *(20_011, 20_012),
    ]
    assert [one["lost_frames"] for one in losses.to_json()["stretches"]] == [19_999, 2]  # type: ignore[index]
