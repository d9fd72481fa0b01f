"""What is known of made people comes back: means, latencies, curves, and who is left out."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fervid
from fervid.errors import ResultError
from fervid.studies.responses import Window
from fervid.studies.rules import Rules
from tests.studies.made_studies import Shows, bump, made_study_result, times

EVENTS = [10.0, 30.0, 50.0]


@pytest.fixture(scope="module")
def smilers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six recordings of one minute: a smile of 2 s, 1.2 s after each event, and nothing else."""
    folder = tmp_path_factory.mktemp("smilers")
    time = times(60)
    for k in range(6):
        smile = bump(time, [start + 1.2 for start in EVENTS], 2.0, height=2.0 + k / 10)
        made_study_result(folder / f"p{k}.mp4.fervid", [Shows({"happy": smile})], 60, seed=k)
    return folder


def events(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"start": EVENTS, "label": "question", **columns})


def of(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    for name, value in values.items():
        table = table[table[name] == value]
    return table


def test_responses_are_what_people_show(smilers: Path) -> None:
    made = fervid.study(smilers, events(), window=Window(2, 4))
    assert made.measure == "change"
    happy = of(made.responses, expression="happy")
    assert len(happy) == 18
    heights = happy["recording"].str[1].astype(int) / 10 + 2
    # 2 of the 4 seconds after an event.
    assert happy["mean"].to_numpy() == pytest.approx(heights.to_numpy() / 2, abs=0.05)
    assert happy["response"].to_numpy() == pytest.approx(heights.to_numpy() / 2, abs=0.05)
    assert happy["shown_after"].to_numpy() == pytest.approx(1.2, abs=1e-6)
    # The smile begins between the frames at 1.1 and 1.2 s.
    assert happy["latency"].between(1.1 - 0.01, 1.2).all()
    assert happy["shown"].to_numpy() == pytest.approx(0.5, abs=1e-6)
    assert (happy["showings"] == 1).all()
    assert of(made.responses, expression="sad")["response"].abs().max() < 0.05


def test_curves_rise_when_people_do_and_every_person_counts_once(smilers: Path) -> None:
    times_five = pd.DataFrame({"start": EVENTS * 5, "recording": "p5.mp4"})
    rows = [{"start": s, "recording": f"p{k}.mp4"} for k in range(5) for s in EVENTS]
    made = fervid.study(smilers, pd.concat([times_five, pd.DataFrame(rows)]), window=Window(2, 4))
    band, k = made.curves[""], made.expressions.index("happy")
    centres = made.window.centres
    plateau = (centres > 1.3) & (centres < 3.1)
    # The mean of 2.0 to 2.5, not pulled towards the one with five times as many events.
    assert band.mean[plateau, k] == pytest.approx(2.25, abs=0.05)
    assert band.mean[centres < 1.15, k] == pytest.approx(0, abs=0.06)
    assert np.all(band.low[plateau, k] < 2.25)
    assert np.all(band.high[plateau, k] > 2.25)
    assert (band.people, band.repetitions) == (6, 30)


def test_an_event_with_an_end_counts_to_its_end(smilers: Path) -> None:
    long = events(end=[start + 8.0 for start in EVENTS])
    happy = of(fervid.study(smilers, long, window=Window(2, 4)).responses, expression="happy")
    assert happy["mean"].to_numpy() == pytest.approx(
        (happy["recording"].str[1].astype(int).to_numpy() / 10 + 2) / 4, abs=0.05
    )


def test_no_latency_where_it_is_shown_before(tmp_path: Path) -> None:
    smile = bump(times(30), [9.0], 3.0)
    made_study_result(tmp_path / "a.mp4.fervid", [Shows({"happy": smile})], 30)
    made = fervid.study(tmp_path, pd.DataFrame({"start": [10.0]}))
    happy = of(made.responses, expression="happy").iloc[0]
    assert np.isnan(happy["latency"])
    assert np.isnan(happy["shown_after"])
    assert happy["showings"] == 0
    assert happy["shown"] == pytest.approx(2 / 8)


def test_rules_leave_out_what_they_say_and_say_it(tmp_path: Path) -> None:
    seen = np.ones(300, np.bool_)
    seen[110:200] = False
    people = [
        Shows(),
        Shows(rests=False, box=(300, 100, 80, 80)),
        Shows(seen=seen, box=(500, 100, 80, 80)),
        Shows(frontality=0.3, box=(10, 10, 80, 80)),
    ]
    made_study_result(tmp_path / "a.mp4.fervid", people, 30)
    rules = Rules(min_frontality=0.5, min_seen=5)
    made = fervid.study(tmp_path, pd.DataFrame({"start": [10.0, 25.0, 45.0]}), rules=rules)
    dropped = made.exclusions.set_index("rule")
    assert dropped.loc["resting face unknown", ["dropped", "of"]].tolist() == [1, 4]
    assert dropped.loc["usable for less than 5 s", ["dropped", "of"]].tolist() == [1, 3]
    turned = dropped.loc["face turned away (frontality below 0.5)"]
    assert (turned["dropped"], turned["of"]) == (300, 300 * 3 + 210)
    assert dropped.loc["outside the recording", "dropped"] == 2
    assert dropped.loc["usable in less than 50% of the window", "dropped"] == 1
    reasons = made.responses.groupby(["face_id", "start"])["dropped_by"].first()
    assert reasons[3, 10.0] == "usable in less than 50% of the window"
    assert reasons[1, 25.0] == ""
    assert made.dropped["face_id"].tolist() == [2, 4]
    assert "1 of 4 people (resting face unknown)" in made.methods


def test_curves_have_gaps_where_nobody_is_seen(tmp_path: Path) -> None:
    seen = np.ones(300, np.bool_)
    seen[120:130] = False
    made_study_result(tmp_path / "a.mp4.fervid", [Shows(seen=seen)], 30)
    made = fervid.study(tmp_path, pd.DataFrame({"start": [10.0]}))
    gap = np.isnan(made.curves[""].mean[:, 0])
    centres = made.window.centres
    assert np.array_equal(gap, (centres > 2) & (centres < 3))


def test_without_known_resting_faces_probabilities_count(tmp_path: Path) -> None:
    made_study_result(tmp_path / "a.mp4.fervid", [Shows(rests=False)], 30)
    made = fervid.study(tmp_path, pd.DataFrame({"start": [10.0]}))
    assert made.measure == "probability"
    assert "neutral" in made.expressions
    assert of(made.responses, expression="neutral")["mean"].iloc[0] > 0.7


def test_speech_is_told_apart(tmp_path: Path) -> None:
    time = times(60)
    # Who talks from 11 to 13 seems to smile then; a true smile comes at 40.
    talks = bump(time, [11.0], 2.0) + bump(time, [41.0], 2.0)
    made_study_result(tmp_path / "a.mp4.fervid", [Shows({"happy": talks})], 60)
    speech = pd.DataFrame({"start": [11.0], "end": [13.0], "label": "speech"})
    made = fervid.study(
        tmp_path, pd.DataFrame({"start": [10.0, 40.0]}), speech=speech, window=Window(2, 4)
    )
    happy = of(made.responses, expression="happy").set_index(["speech", "start"])["mean"]
    assert happy["all", 10.0] == pytest.approx(1.5, abs=0.05)
    assert happy["silent", 10.0] == pytest.approx(0, abs=0.05)
    assert happy["silent", 40.0] == pytest.approx(1.5, abs=0.05)
    assert made.people["speaking_s"].iloc[0] == pytest.approx(2.0)
    assert of(made.responses, expression="happy")["speaking"].tolist() == [0.5, 0, 0.5, 0]
    bars = {bar["name"]: bar for bar in made.plots()["lanes"]["data"]}["speech"]
    assert (bars["base"], bars["x"]) == ([11.0], [2.0])
    # The figures without speech are about the same two events.
    of_events = made.exclusions[made.exclusions["level"] == "event"]
    assert of_events["of"].tolist() == [2] * 5


def test_areas_name_people(tmp_path: Path) -> None:
    people = [Shows(box=(10, 100, 80, 80)), Shows(box=(500, 100, 80, 80))]
    made_study_result(tmp_path / "a.mp4.fervid", people, 30)
    one = pd.DataFrame({"start": [10.0]})
    made = fervid.study(tmp_path, one, areas=["left=0,0,.5,1", "right=.5,0,.5,1"], by="area")
    assert made.people["area"].tolist() == ["left", "right"]
    alone = fervid.study(tmp_path, one, areas=["right=.5,0,.5,1"])
    assert alone.people["face_id"].tolist() == [2]
    assert alone.dropped["rule"].tolist() == ["outside all areas"]


def test_participants_are_those_seen_longest_unless_a_face_is_named(tmp_path: Path) -> None:
    seen = times(30) < 12
    people = [Shows(seen=seen, box=(10, 100, 80, 80)), Shows(box=(500, 100, 80, 80))]
    made_study_result(tmp_path / "a.mp4.fervid", people, 30)
    one = pd.DataFrame({"start": [5.0]})
    table = pd.DataFrame({"recording": ["a.mp4"], "participant": ["Ann"]})
    made = fervid.study(tmp_path, one, table)
    assert made.people[["face_id", "participant"]].values.tolist() == [[2, "Ann"]]
    named = fervid.study(tmp_path, one, table.assign(face_id="1"))
    assert named.people["participant"].tolist() == ["Ann", "a.mp4.fervid#2"]
    by_event = fervid.study(tmp_path, one.assign(participant="Bob"))
    assert by_event.people["participant"].tolist() == ["Bob"]


@pytest.mark.parametrize(
    ("table", "options", "expected"),
    [
        ({"begin": [1.0]}, {}, "no column 'start'"),
        ({"start": ["soon"]}, {}, "row 1: start"),
        ({"start": [2.0], "end": [1.0]}, {}, "row 1: ends before it starts"),
        ({"start": [1.0], "recording": ["other.mp4"]}, {}, "no event matches a recording"),
        ({"start": [1.0], "participant": ["face 9"]}, {}, "no event matches a person"),
        ({"start": [1.0], "label": ["a"]}, {"labels": ["b"]}, "no event is labelled 'b'"),
        ({"start": [1.0]}, {"by": "colour"}, "no table has a column 'colour'"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    smilers: Path, table: dict[str, list[object]], options: dict[str, object], expected: str
) -> None:
    with pytest.raises(ResultError) as caught:
        fervid.study(smilers, pd.DataFrame(table), **options)  # type: ignore[arg-type]
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_events_that_fit_no_recording_are_told(smilers: Path) -> None:
    said: list[str] = []
    table = pd.DataFrame({"start": [10.0, 10.0], "recording": ["p1.mp4", "gone.mp4"]})
    made = fervid.study(smilers, table, notify=said.append)
    assert said == made.notes == ["events that match no recording (1): 'gone.mp4'"]


def test_a_damaged_result_is_left_out_and_counted(tmp_path: Path) -> None:
    for name in "ab":
        made_study_result(tmp_path / f"{name}.mp4.fervid", [Shows()], 30)
    (tmp_path / "b.mp4.fervid" / "meta.json").write_text("{")
    said: list[str] = []
    made = fervid.study(tmp_path, pd.DataFrame({"start": [10.0]}), notify=said.append)
    assert made.people["recording"].tolist() == ["a.mp4.fervid"]
    assert len(said) == 1
    assert "b.mp4.fervid" in said[0]
    assert made.exclusions.iloc[0][["dropped", "of"]].tolist() == [1, 2]


def test_many_results_give_the_same_from_less_memory(
    smilers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = events(condition=["a", "b", "a"])
    whole = fervid.study(smilers, table, window=Window(2, 4))
    spooled: list[pd.DataFrame] = []
    monkeypatch.setattr("fervid.studies.run_study.FEW", 2)
    averaged = fervid.study(smilers, table, window=Window(2, 4), spool=spooled.append)
    columns = ["expression", "level", "reference", "n", "estimate", "low", "high", "p_holm"]
    pd.testing.assert_frame_equal(whole.comparisons[columns], averaged.comparisons[columns])
    for level, band in whole.curves.items():
        assert averaged.curves[level].mean == pytest.approx(band.mean, abs=1e-5)
    assert len(pd.concat(spooled)) == len(whole.responses) > len(averaged.responses)


def test_parquet_beside_the_tables_gives_the_same(smilers: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    from fervid.exports import export

    folder = tmp_path / "p0.mp4.fervid"
    shutil.copytree(smilers / "p0.mp4.fervid", folder)
    plain = fervid.study(folder, events()).responses
    export(folder, "parquet")
    (folder / "frames.csv").write_text((folder / "frames.csv").read_text().splitlines()[0] + "\n")
    pd.testing.assert_frame_equal(fervid.study(folder, events()).responses, plain)


def test_conditions_are_compared_within_people(tmp_path: Path) -> None:
    time = times(60)
    for k in range(5):
        # People differ far more than the two conditions do.
        smile = bump(time, [11.0], 2.0, height=1.0 + k) + bump(time, [31.0], 2.0, height=1.5 + k)
        made_study_result(tmp_path / f"p{k}.mp4.fervid", [Shows({"happy": smile})], 60, seed=k)
    table = pd.DataFrame({"start": [10.0, 30.0], "condition": ["a", "b"]})
    made = fervid.study(tmp_path, table, window=Window(2, 4))
    band, k = made.differences["b", "a"], made.expressions.index("happy")
    shown = (made.window.centres > 1) & (made.window.centres < 3)
    assert band.people == 5
    assert band.mean[shown, k] == pytest.approx(0.5, abs=0.1)
    assert band.low[shown, k].min() > 0.3
    assert made.curves["a"].high[shown, k].min() > made.curves["b"].low[shown, k].max()
    (line,) = [one for one in made.plots()["differences"]["data"] if one.get("showlegend")]
    assert line["name"] == "b \u2212 a (5 people)"
    apart = pd.DataFrame({"start": [10.0] * 5, "recording": [f"p{k}.mp4" for k in range(5)]})
    apart["condition"] = list("aaabb")
    assert not fervid.study(tmp_path, apart).differences


def test_a_single_condition_is_not_compared(smilers: Path) -> None:
    made = fervid.study(smilers, events(condition="easy"), window=Window(2, 4))
    assert not made.compares
    assert "Levels of" not in made.methods
    assert "Responses were tested against 0" in made.methods
    assert "happy, response: +1.1" in made.headline
