"""What Python gets from an analysis: tables, figures, the report."""

from pathlib import Path

import pytest
from plotly.graph_objects import Figure

import fervid
from fervid.errors import ResultError
from fervid.timeline import Timeline

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def timeline(results: dict[str, Path]) -> Timeline:
    return fervid.Timeline.read(results["two_speakers"])


def test_it_holds_the_tables_of_the_folder(timeline: Timeline, results: dict[str, Path]) -> None:
    assert timeline.folder == results["two_speakers"]
    assert timeline.people["face_id"].tolist() == [1, 2]
    assert set(timeline.episodes["face_id"]) == {1, 2}
    assert timeline.summary.loc[0, "faces"] == (timeline.frames["success"] == 1).sum()
    assert timeline.meta["recording"]["name"] == "two_speakers.mp4"


def test_the_figure_shows_everyone_or_one_person(timeline: Timeline) -> None:
    def lanes(figure: Figure) -> set[str]:
        return {lane for trace in figure.data if trace.type == "bar" for lane in trace.y}

    everyone, one = timeline.figure(), timeline.figure(1)
    assert isinstance(everyone, Figure)
    assert lanes(everyone) == {"face 1", "face 2"}
    assert lanes(one) == {"face 1"}
    with pytest.raises(ValueError, match="no face 7; face ids are"):
        timeline.figure(7)


def test_the_report_is_the_one_in_the_folder(timeline: Timeline, tmp_path: Path) -> None:
    page = timeline.to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8") == page
    assert timeline.folder is not None
    written = (timeline.folder / "report.html").read_text("utf-8")
    assert len(page) == pytest.approx(len(written), 0.01)


def test_a_notebook_shows_the_report_in_a_frame_of_its_own(timeline: Timeline) -> None:
    shown = timeline._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert shown.count("<") == 2


def test_a_folder_that_is_no_result_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="not a fervid result"):
        Timeline.read(tmp_path)


def test_it_is_shown_in_a_line(analyzed: Path) -> None:
    timeline = Timeline.read(analyzed)
    assert repr(timeline) == (
        "<Timeline of 'expressions.mp4': 210 frames, 210 with a face, "
        f"1 people, {len(timeline.episodes)} episodes>"
    )
