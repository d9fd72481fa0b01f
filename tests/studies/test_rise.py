"""When a rise begins: exact, whatever its height, and only where it is seen."""

import numpy as np
import pytest

from fervid.studies.rise import rise_starts
from fervid.studies.series import Series


def ramp(begins: float, lasts: float, height: float, fps: float, noise: float = 0.0) -> Series:
    """A curve that is 0, then rises to a height, for ten seconds."""
    time = np.arange(round(10 * fps)) / fps
    curve = np.interp(time, [begins, begins + lasts], [0, height])
    curve += np.random.default_rng(0).normal(0, noise, len(time))
    return Series(time, np.full(len(time), 1 / fps), curve[:, None])


def start_of(series: Series, shown_from: float, until: float = 8.0, base: float = 0.0) -> float:
    found = rise_starts(series, 0, np.array([[shown_from, until]]), np.array([base]))
    return float(found[0])


@pytest.mark.parametrize("fps", [10, 25, 60])
@pytest.mark.parametrize("lasts", [0.4, 1.0])
@pytest.mark.parametrize("height", [1.0, 3.0])
def test_the_beginning_does_not_depend_on_height_speed_or_frame_rate(
    fps: float, lasts: float, height: float
) -> None:
    # An episode begins at 0.5 nats, so late in a weak rise and early in a strong one.
    series = ramp(4.03, lasts, height, fps, noise=0.02)
    shown_from = float(series.time_s[np.argmax(series.values[:, 0] >= 0.5)])
    assert start_of(series, shown_from) == pytest.approx(4.03, abs=0.06)


def test_a_rise_from_a_raised_baseline() -> None:
    series = ramp(4.0, 0.5, 2.0, 25)
    raised = Series(series.time_s, series.lasts_s, series.values + 1)
    assert start_of(raised, 4.2, base=1.0) == pytest.approx(4.0, abs=0.03)


def test_without_a_rise_that_is_seen_it_is_the_onset_of_the_episode() -> None:
    series = ramp(4.0, 0.5, 2.0, 25)
    hidden = series.without((series.time_s > 3) & (series.time_s < 4.3))
    assert start_of(hidden, 4.32) == 4.32
    assert start_of(series, 4.2, base=np.nan) == 4.2
    assert start_of(series, 4.2, base=5.0) == 4.2
    # Shown from the first frame.
    assert start_of(ramp(-1.0, 0.5, 2.0, 25), 0.0) == 0.0
