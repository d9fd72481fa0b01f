"""Audiences and pairs whose truth is known: when they moved together, who followed whom."""

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.ndimage import gaussian_filter1d
from scipy.signal import fftconvolve

from fervid.cli import main
from fervid.errors import ResultError
from fervid.studies.intersubject import moments_together
from fervid.studies.pairs import together
from fervid.studies.sound import RATE, offset_of
from fervid.studies.stimulus import audience
from fervid.studies.synchrony import synchrony
from tests.studies.made_studies import Shows, bump, made_study_result, times

LAUGHS = [20.0, 65.0]
NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise")


def movements(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Curves that wander as faces do: correlated for about a second."""
    return gaussian_filter1d(rng.normal(size=shape), 5, axis=1)


def soundtrack(seconds: float) -> np.ndarray:
    """Noise whose loudness changes."""
    rng = np.random.default_rng(11)
    loud = 0.2 + np.abs(gaussian_filter1d(rng.normal(size=round(seconds * RATE)), RATE / 10))
    return (rng.normal(size=len(loud)) * loud / loud.max() * 0.3).astype(np.float32)


def save_sound(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def in_a_room(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Quieter, with echoes, and a microphone that hisses."""
    echo = np.zeros(RATE // 5)
    echo[0] = 1
    echo[rng.integers(50, len(echo), 8)] = rng.uniform(-0.4, 0.4, 8)
    heard = fftconvolve(sound, echo)[: len(sound)] * rng.uniform(0.1, 0.6)
    return heard + rng.normal(0, 0.01, len(heard))


@pytest.mark.slow
def test_offsets_of_sounds_are_exact_in_rooms() -> None:
    rng, sound = np.random.default_rng(0), soundtrack(40)
    for _ in range(10):
        late = int(rng.integers(0, 12 * RATE))
        heard = in_a_room(np.concatenate([np.zeros(late), sound, np.zeros(RATE)]), rng)
        found = offset_of(sound, heard.astype(np.float32))
        assert found.is_sure
        assert found.seconds == pytest.approx(late / RATE, abs=0.001)


def test_a_recording_that_begins_later_has_an_offset_below_zero() -> None:
    sound = soundtrack(40)
    found = offset_of(sound, sound[5 * RATE :])
    assert found.is_sure
    assert found.seconds == pytest.approx(-5)


@pytest.mark.slow
def test_another_sound_is_not_aligned() -> None:
    rng = np.random.default_rng(1)
    sound = soundtrack(40)
    other = rng.normal(size=45 * RATE).astype(np.float32)
    assert not offset_of(sound, other).is_sure


def test_shared_moments_are_found_and_no_others() -> None:
    rng = np.random.default_rng(3)
    curves = movements(rng, 20, 500, 6)
    time = np.arange(500) * 0.2
    for start in LAUGHS:
        shown = np.exp(-(((time - start) / 1.0) ** 2) / 2)
        curves[:, :, 3] += shown * rng.uniform(1, 3, (20, 1))
    found = moments_together(curves, NAMES, draws=60).moments
    assert found["expression"].tolist() == ["happy", "happy"]
    assert found["peak"].tolist() == pytest.approx(LAUGHS, abs=0.5)
    assert found["p"].max() < 0.05


@pytest.mark.slow
def test_without_shared_moments_few_are_found() -> None:
    rng = np.random.default_rng(3)
    found = [
        len(moments_together(movements(rng, 12, 300, 2), NAMES[:2], draws=60, seed=k).moments) > 0
        for k in range(40)
    ]
    # 5% of stimuli, within what chance allows in 40 of them.
    assert sum(found) <= 6


@pytest.fixture(scope="module")
def screening(
    tmp_path_factory: pytest.TempPathFactory, run_ffmpeg: Callable[..., None]
) -> tuple[Path, Path, dict[str, float]]:
    """Twenty recordings of a stimulus that starts at other times, all of whom laugh twice."""
    folder = tmp_path_factory.mktemp("screening")
    rng, sound, offsets = np.random.default_rng(4), soundtrack(90), {}
    film = save_sound(folder / "film.wav", sound)
    for k in range(20):
        name, late = f"viewer{k:02}", float(rng.uniform(0, 15))
        pause = np.zeros(round(late * RATE))
        wav = save_sound(folder / "heard.wav", in_a_room(np.concatenate([pause, sound]), rng))
        recording = folder / f"{name}.mp4"
        black = ("-f", "lavfi", "-i", "color=black:s=32x32:r=5", "-i", wav)
        aac = ("-c:a", "aac", "-aac_coder", "fast", "-b:a", "64k")
        run_ffmpeg(*black, "-shortest", "-c:v", "libx264", *aac, recording)
        seconds = late + 90
        time = times(seconds)
        laughs = bump(time, [start + late for start in LAUGHS], 2.5)
        alone = bump(time, rng.uniform(0, seconds, 3), 2.0)
        about = {"beside": f"../{name}.mp4", "size_bytes": recording.stat().st_size}
        shows = Shows(
            {"happy": np.maximum(laughs, alone), "sad": bump(time, [30.0 + 3 * k % 40], 2)}
        )
        result = folder / f"{name}.mp4.fervid"
        made_study_result(result, [shows], seconds, recording=about, seed=k)
        offsets[result.name] = late
    return folder, film, offsets


@pytest.mark.slow
def test_recordings_are_aligned_on_the_stimulus(
    screening: tuple[Path, Path, dict[str, float]], tmp_path: Path
) -> None:
    folder, film, offsets = screening
    made = audience(folder, film)
    found = made.offsets.set_index("recording")["offset"]
    frame = 1 / 25
    assert max(abs(found[name] - late) for name, late in offsets.items()) < frame
    moments = made.together.moments
    assert moments["expression"].tolist() == ["happy", "happy"]
    assert moments["peak"].tolist() == pytest.approx([start + 1.25 for start in LAUGHS], abs=1.5)
    happy = made.mean.mean[:, made.expressions.index("happy")]
    laughing = (made.centres > LAUGHS[0] + 0.3) & (made.centres < LAUGHS[0] + 2.2)
    assert happy[laughing].min() > 2.8
    page = made.save(tmp_path)
    assert "<video" in page.read_text("utf-8")
    assert len(pd.read_csv(tmp_path / "moments.csv")) == 2


@pytest.mark.slow
def test_offsets_can_be_told(screening: tuple[Path, Path, dict[str, float]]) -> None:
    folder, _, offsets = screening
    people = pd.DataFrame(
        {"recording": list(offsets), "offset": [str(x) for x in offsets.values()]}
    )
    made = audience(folder, people=people)
    assert set(made.offsets["known_by"]) == {"table"}
    assert made.together.moments["expression"].tolist() == ["happy", "happy"]


def test_without_sound_nothing_is_aligned(tmp_path: Path) -> None:
    made_study_result(tmp_path / "a.mp4.fervid", [Shows()], 30)
    with pytest.raises(ResultError, match="fewer than two people could be aligned"):
        audience(tmp_path)


def test_who_follows_whom_is_found() -> None:
    rng = np.random.default_rng(5)
    first = movements(rng, 1, 1500)[0]
    second = np.roll(first, 6) + 0.7 * movements(rng, 1, 1500)[0]
    found = synchrony(first, second, first > 0.3, second > 0.3)
    assert found is not None
    assert found.lag_s == pytest.approx(1.2)
    assert found.lag_low > 0
    assert found.p < 0.01
    assert found.correlation > found.chance_high


def test_strangers_move_together_in_one_of_twenty() -> None:
    rng = np.random.default_rng(6)
    p = []
    for _ in range(200):
        a, b = movements(rng, 2, 600)
        found = synchrony(a, b, a > 0.3, b > 0.3)
        assert found is not None
        p.append(found.p)
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.09


def test_pairs_of_a_recording(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    time = times(240)
    starts = np.sort(rng.uniform(5, 230, 20))
    leads, follows = bump(time, list(starts), 2.0), bump(time, list(starts + 1.0), 2.0)
    alone = bump(time, list(rng.uniform(5, 230, 20)), 2.0)
    people = [
        Shows({"happy": follows}, box=(10, 10, 80, 80)),
        Shows({"happy": leads}, box=(200, 10, 80, 80)),
        Shows({"happy": alone}, box=(400, 10, 80, 80)),
    ]
    made_study_result(tmp_path / "call.mp4.fervid", people, 240)
    made = together(tmp_path)
    happy = made.table[made.table["expression"] == "happy"].set_index(["first", "second"])
    pair = happy.loc[("face 1", "face 2")]
    assert pair["leader"] == "face 2"
    assert pair["lag_s"] == pytest.approx(-1.0, abs=0.21)
    assert pair["p_holm"] < 0.05
    assert pair["together"] > pair["together_chance"]
    assert (made.table["p_holm"] < 0.05).sum() == 1
    done = CliRunner().invoke(main, ["report", str(tmp_path), "--together"])
    assert done.exit_code == 0, done.output
    assert "in 1 of 18 combinations of pair and expression, people change together" in done.output
    assert (tmp_path / "together" / "together.html").is_file()
