"""The recording in the report, in a real browser: its boxes, and what cannot be shown."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fervid.pipeline import Analyzer
from fervid.settings import Settings
from tests.conftest import SAMPLES
from tests.helpers.report_pages import CLIP, open_page, said, until, until_loaded

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def variable(tmp_path_factory: pytest.TempPathFactory, run_ffmpeg: Callable[..., None]) -> Path:
    """The result of a clip with ever longer times between frames, which lies beside it."""
    folder = tmp_path_factory.mktemp("variable")
    slower = ("-vf", "setpts='(N+N*N/60)/24/TB'", "-fps_mode", "vfr", "-enc_time_base", "1/1000")
    h264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
    run_ffmpeg("-t", 8, "-i", SAMPLES / CLIP, *slower, *h264, folder / CLIP)
    Analyzer(Settings()).analyze(folder / CLIP, folder / f"{CLIP}.fervid")
    return folder / f"{CLIP}.fervid"


def overlap(one: Any, other: Any) -> float:
    """Intersection over union of two boxes told by their corners."""
    left, top = np.maximum(one[:2], other[:2])
    right, bottom = np.minimum(one[2:], other[2:])
    inside = max(0.0, right - left) * max(0.0, bottom - top)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return float(inside / (sum(areas) - inside))


PLAYED = """() => new Promise((done) => {
    const video = document.getElementById("recording"), seen = [];
    const note = (_, { mediaTime }) => {
        seen.push([mediaTime, shownAt(mediaTime)]);
        video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
    video.addEventListener("ended", () => done(seen));
    video.playbackRate = 2;
    video.play();
})"""


def test_boxes_are_those_of_the_frame_that_is_played(browser: Any, variable: Path) -> None:
    page = open_page(browser, variable)
    until_loaded(page)
    played = page.evaluate(PLAYED)
    table = pd.read_csv(variable / "frames.csv")
    times = table["timestamp"].unique()
    assert len(played) > 30
    right = wrong = 0
    for time_s, seen in played:
        sampled = times[np.abs(times - time_s).argmin()]
        assert sampled == pytest.approx(time_s, abs=2e-3)
        shown = {one["name"]: np.array(one["box"]) * [640, 360, 640, 360] for one in seen}
        rows = table[(table["timestamp"] == sampled) & (table["success"] == 1)]
        for row in rows.itertuples():
            box = np.array(
                [row.face_x, row.face_y, row.face_x + row.face_w, row.face_y + row.face_h]
            )
            drawn = shown.pop(f"face {row.face_id}", None)
            fits = drawn is not None and overlap(drawn, box.clip(0, [640, 360, 640, 360])) > 0.8
            right, wrong = right + fits, wrong + (not fits)
        wrong += len(shown)
    assert right > 60
    assert wrong <= 0.01 * (right + wrong)
    page.close()


def test_without_the_recording_it_can_be_chosen(browser: Any, result: Path, tmp_path: Path) -> None:
    alone = tmp_path / "moved.fervid"
    shutil.copytree(result, alone)
    page = open_page(browser, alone)
    page.wait_for_selector("#beside.missing")
    assert page.locator("#recording").is_hidden()
    assert "The recording (two_speakers.mp4) has moved" in said(page)
    page.locator("#choose").set_input_files(result.parent / CLIP)
    page.wait_for_selector("#beside:not(.missing)")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(200)
    page.close()


@pytest.fixture(scope="module")
def unplayable(tmp_path_factory: pytest.TempPathFactory, run_ffmpeg: Callable[..., None]) -> Path:
    """A folder of two copies of the clip, with sound and without, in a codec that browsers lack."""
    folder = tmp_path_factory.mktemp("unplayable")
    pictures = ("-i", SAMPLES / CLIP, "-c:v", "mpeg4", "-frames:v", 24)
    run_ffmpeg(*pictures, folder / "silent.mp4")
    run_ffmpeg("-f", "lavfi", "-i", "sine=d=2", *pictures, "-c:a", "aac", folder / "sound.mp4")
    return folder


def beside(result: Path, recording: Path, tmp_path: Path) -> Path:
    """A copy of a result that stands beside another recording of the same name."""
    shutil.copy(recording, tmp_path / CLIP)
    copy = tmp_path / result.name
    shutil.copytree(result, copy)
    return copy


def test_a_recording_without_sound_that_the_browser_lacks_the_codec_for(
    browser: Any, result: Path, unplayable: Path, tmp_path: Path
) -> None:
    """A browser cannot tell it from one that is not there; of a chosen one it can."""
    page = open_page(browser, beside(result, unplayable / "silent.mp4", tmp_path))
    page.wait_for_selector("#beside.missing")
    assert "(two_speakers.mp4) has moved, or this browser cannot play it" in said(page)
    assert "fervid export two_speakers.mp4.fervid --to video makes such a copy" in said(page)
    page.locator("#choose").set_input_files(unplayable / "silent.mp4")
    page.wait_for_selector("#beside.unseen")
    assert said(page).startswith("This browser cannot show the pictures of this recording.")
    assert "fervid export" in said(page)
    page.locator("#choose").set_input_files(result.parent / CLIP)
    until_loaded(page)
    until(page, "document.getElementById('beside').className === ''")
    assert page.locator("#beside .absent").is_hidden()
    page.close()


def test_a_recording_of_which_the_browser_plays_the_sound_alone(
    browser: Any, result: Path, unplayable: Path, tmp_path: Path
) -> None:
    page = open_page(browser, beside(result, unplayable / "sound.mp4", tmp_path))
    until_loaded(page)
    assert page.locator("#recording").is_visible()
    assert said(page).startswith("This browser cannot show the pictures of this recording.")
    assert "fervid export two_speakers.mp4.fervid --to video makes such a copy" in said(page)
    page.close()
