"""Who is who through cuts, on joined pieces of the sample clips and of real people."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fervid
from fervid.timeline import Timeline
from tests.helpers.clips import X264, MakeClip

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "sample_media"
RATE, SIZE = 12, "640:360"


def joined(make_clip: MakeClip, name: str, pieces: list[tuple[Path, float, float]]) -> Path:
    """Pieces (clip, start, seconds) one after the other, on a canvas of 640x360."""
    inputs = [word for clip, _, _ in pieces for word in ("-i", clip)]
    fit = f"scale={SIZE}:force_original_aspect_ratio=decrease,pad={SIZE}:-1:-1:gray,setsar=1"
    chains = [
        f"[{k}:v]fps={RATE},trim={start}:{start + length},setpts=PTS-STARTPTS,{fit}[v{k}];"
        for k, (_, start, length) in enumerate(pieces)
    ]
    names = "".join(f"[v{k}]" for k in range(len(pieces)))
    graph = "".join(chains) + f"{names}concat=n={len(pieces)}[out]"
    return make_clip(name, *inputs, "-filter_complex", graph, "-map", "[out]", *X264)


def ids_by_shot(timeline: Timeline, starts: list[float]) -> list[list[int]]:
    """The face ids of each shot from left to right."""
    faces = timeline.frames[timeline.frames["success"] == 1]
    shot = np.searchsorted(starts, faces["timestamp"].to_numpy() + 1e-3, side="right") - 1
    places = faces.groupby([pd.Series(shot, faces.index), "face_id"])["face_x"].median()
    return [places.loc[k].sort_values().index.tolist() for k in range(len(starts))]


def test_people_are_known_again_after_cuts_and_never_taken_for_another(
    make_clip: MakeClip,
) -> None:
    two, one = SAMPLES / "two_speakers.mp4", SAMPLES / "expressions.mp4"
    pieces = [(two, 0.0, 4.0), (one, 2.0, 3.0), (two, 5.0, 4.0), (one, 9.0, 3.0), (two, 17.5, 4.0)]
    timeline = fervid.analyze(joined(make_clip, "joined.mp4", pieces))
    starts = [0.0, 4.0, 7.0, 11.0, 14.0]
    np.testing.assert_allclose(timeline.meta["tracking"]["cuts"], starts[1:], atol=1e-3)
    shots = ids_by_shot(timeline, starts)
    assert [len(shot) for shot in shots] == [2, 1, 2, 1, 2]
    assert shots[0] == shots[2] == shots[4]
    assert set(shots[0]) == {1, 2}
    assert not {*shots[1], *shots[3]} & {1, 2}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2, 1, 3, 0), (2, 0, 2, 1, 2)])
def test_real_people_are_never_taken_for_another(
    make_clip: MakeClip, real_clips: Path, order: tuple[int, ...]
) -> None:
    clips = [
        (real_clips / "one_man_sad_to_happy.mp4", 3.0),
        (real_clips / "two_people_turning.gif", 3.0),
        (real_clips / "three_people_walking.gif", 3.0),
        (real_clips / "phone_vfr_face_then_none.mov", 2.0),
    ]
    pieces = [(clips[k][0], 0.0, clips[k][1]) for k in order]
    timeline = fervid.analyze(joined(make_clip, "".join(map(str, order)) + ".mp4", pieces))
    lengths = [clips[k][1] for k in order]
    starts = np.concatenate([[0.0], np.cumsum(lengths)[:-1]]).tolist()
    np.testing.assert_allclose(timeline.meta["tracking"]["cuts"], starts[1:], atol=0.09)
    shots = ids_by_shot(timeline, starts)
    both = list(zip(shots, order, strict=True))
    for mine, clip in both:
        assert mine
        assert all(clip == other or not {*mine} & {*theirs} for theirs, other in both)
    people = sum(max(len(ids) for ids, clip in both if clip == k) for k in {*order})
    extra = len({face for ids in shots for face in ids}) - people
    seconds = sum(length * len(ids) for length, ids in zip(lengths, shots, strict=True))
    assert extra <= seconds / 60
