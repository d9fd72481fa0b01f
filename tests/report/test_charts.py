"""Figures that answer a question, against recordings whose answer is known."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fervid.errors import SetupError
from fervid.records import EXPRESSIONS
from fervid.report.charts import CHARTS
from fervid.report.matrix_charts import followers, seconds_together
from fervid.report.strip_chart import longest_in_columns
from fervid.timeline import Timeline
from tests.helpers.made_results import episode_table
from tests.helpers.made_talk import made_talk


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Timeline:
    return Timeline.read(made_talk(tmp_path_factory.mktemp("talk")))


def values(packed: Any) -> Any:
    """Numbers as plotly.js reads them."""
    return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"])


def index(name: str) -> int:
    return EXPRESSIONS.index(name)


def test_followers_are_those_that_come_soon_and_are_of_the_same_person() -> None:
    counts = followers(
        episode_table(
            [
                (1, "happy", 0.0, 1.0),
                (1, "sad", 1.0, 2.0),
                (2, "angry", 2.0, 3.0),
                (1, "happy", 4.0, 5.0),
                (1, "fear", 7.5, 8.0),
            ]
        )
    )
    assert counts.sum() == 2
    assert counts[index("happy"), index("sad")] == counts[index("sad"), index("happy")] == 1


def test_seconds_together_are_those_of_one_expression_at_once() -> None:
    table = episode_table(
        [
            (1, "happy", 0.0, 4.0),
            (1, "sad", 4.0, 6.0),
            (1, "happy", 6.0, 9.0),
            (2, "happy", 3.0, 5.0),
            (2, "sad", 5.0, 5.5),
            (2, "happy", 5.5, 7.0),
        ]
    )
    one, other = (table[table["face_id"] == face] for face in (1, 2))
    seconds = seconds_together(one, other)
    assert seconds[index("happy")] == pytest.approx(2.0)
    assert seconds[index("sad")] == pytest.approx(0.5)
    assert seconds.sum() == pytest.approx(2.5)
    assert (seconds == seconds_together(other, one)).all()


def test_columns_of_a_strip_show_what_lasts_longest() -> None:
    table = episode_table(
        [(1, "happy", 10.0 * k, 10.0 * k + 8) for k in range(400)]
        + [(1, "sad", 10.0 * k + 8, 10.0 * k + 9) for k in range(400)]
    )
    shown = longest_in_columns(table, np.array([0.0, 4000.0]))
    lasts = (shown["offset"] - shown["onset"]).groupby(shown["expression"]).sum()
    assert lasts["happy"] > 0.8 * 4000
    assert len(shown) <= 800


@pytest.mark.parametrize("name", CHARTS)
def test_every_figure_has_a_row_for_each_person(talk: Timeline, name: Any) -> None:
    figure = talk.chart(name)
    assert figure.layout.title.text.startswith("<b>")
    words = [note.text for note in figure.layout.annotations]
    words += list(figure.layout.yaxis.ticktext or ())
    if name == "transitions":
        assert words == list(EXPRESSIONS)
    elif name == "together":
        assert words[0] == "face 1 + face 2"
        assert figure.data[0].text[0] == "4.0 s"
    else:
        plain = [word.removeprefix("<b>").removesuffix("</b>") for word in words]
        assert plain == [f"face {k}" for k in range(1, 6)]


def test_shares_sum_to_one_where_a_person_is_seen(talk: Timeline) -> None:
    figure = talk.chart("shares")
    second = [trace for trace in figure.data if trace.yaxis == "y2"]
    assert len(second) == 7
    total = np.sum([values(trace.y) for trace in second], axis=0)
    assert set(np.round(total, 3)) == {0.0, 1.0}


def test_the_title_says_whose_transitions_they_are(talk: Timeline) -> None:
    assert (
        "Which expression follows which: face 3" in talk.chart("transitions", 3).layout.title.text
    )
    with pytest.raises(ValueError, match="no face 9"):
        talk.chart("transitions", 9)


def test_changes_and_intensity_are_means_of_those_compared(talk: Timeline) -> None:
    frames = talk.frames.copy()
    is_one = frames["face_id"].eq(1).fillna(False).to_numpy(bool)
    changes = [name for name in frames if name.startswith("change_")]
    frames.loc[is_one, ["intensity", *changes]] = 0.0
    frames.loc[is_one, "intensity"] = 0.25
    frames.loc[is_one, "change_happy"] = 1.5
    made = Timeline(frames, talk.episodes, talk.people, talk.summary, talk.meta)
    intensity = [values(trace.y) for trace in made.chart("intensity").data]
    assert np.nanmin(intensity[0]) == np.nanmax(intensity[0]) == 0.25
    assert np.isnan(intensity[1]).all()
    figure = made.chart("change")
    happy = [trace for trace in figure.data if trace.name == "happy"]
    assert np.nanmax(values(happy[0].y)) == 1.5
    assert figure.layout.yaxis.range == (-1.5, 1.5)


def test_pictures_say_what_they_need(
    talk: Timeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = talk.save_figure(tmp_path / "strip.html", "strip")
    assert page.stat().st_size > 1_000_000
    monkeypatch.setattr("plotly.io._kaleido.kaleido_available", lambda: False)
    with pytest.raises(SetupError, match=r"strip\.svg: pictures .* kaleido .*fervid\[figures\]"):
        talk.save_figure(tmp_path / "strip.svg", "strip")
    assert not (tmp_path / "strip.svg").exists()
    with pytest.raises(ValueError, match=r"strip\.gif: must end in \.svg, \.png, \.pdf, \.html"):
        talk.save_figure(tmp_path / "strip.gif", "strip")


@pytest.mark.slow
def test_a_figure_becomes_a_picture(talk: Timeline, tmp_path: Path) -> None:
    pytest.importorskip("kaleido")
    if shutil.which("chromium") is None and shutil.which("google-chrome") is None:
        pytest.skip("no Chromium")
    with Image.open(talk.save_figure(tmp_path / "timeline.png", width=900)) as picture:
        assert picture.width == 1800
        assert len(picture.convert("RGB").getcolors(1_000_000) or ()) > 50


def test_without_faces_figures_are_empty(talk: Timeline) -> None:
    nobody = talk.frames[talk.frames["success"] == 0]
    nothing = pd.DataFrame(columns=talk.episodes.columns).astype(talk.episodes.dtypes)
    made = Timeline(nobody, nothing, talk.people.head(0), talk.summary, talk.meta)
    for name in CHARTS:
        made.chart(name)
