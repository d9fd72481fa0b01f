"""Events of other programs come in with their times, to the millisecond."""

import json
from pathlib import Path

import pandas as pd
import pytest
from pympi import Elan, Praat
from pysubs2 import SSAEvent, SSAFile

from fervid.errors import ResultError
from fervid.studies.events import events_from_table, read_events
from fervid.studies.formats import READERS, read_events_file

KNOWN = [
    (0.0, 0.001, "begin"),
    (1.234, 2.345, "first question"),
    (59.999, 61.0, 'says "yes", then no'),
    (3599.5, 3725.042, "Fr\u00e4ge \u65e5\u672c"),
]


def check(table: pd.DataFrame, known: list[tuple[float, float, str]] = KNOWN) -> None:
    assert table["label"].tolist() == [label for *_, label in known]
    assert table["start"].tolist() == pytest.approx([start for start, *_ in known], abs=5e-4)
    assert table["end"].tolist() == pytest.approx([end for _, end, _ in known], abs=5e-4)


def test_elan(tmp_path: Path) -> None:
    eaf = Elan.Eaf(author="test")
    eaf.add_tier("ann")
    eaf.tiers["ann"][2]["PARTICIPANT"] = "Ann"
    eaf.add_linked_file("file:///data/my%20clip.mp4", mimetype="video/mp4")
    for start, end, label in KNOWN:
        eaf.add_annotation("ann", round(start * 1000), round(end * 1000), label)
    eaf.to_file(str(tmp_path / "a.eaf"))
    table = read_events_file(tmp_path / "a.eaf")
    check(table)
    assert set(table["recording"]) == {"my clip.mp4"}
    assert set(table["participant"]) == {"Ann"}


def test_textgrid(tmp_path: Path) -> None:
    grid = Praat.TextGrid(xmax=4000)
    words, points = grid.add_tier("words"), grid.add_tier("points", tier_type="TextTier")
    for start, end, label in KNOWN:
        words.add_interval(start, end, label.replace('"', '""'))
    points.add_point(7.125, "click")
    for mode in ("normal", "short", "binary"):
        grid.to_file(str(tmp_path / "a.TextGrid"), mode=mode)
        table = read_events_file(tmp_path / "a.TextGrid")
        moment = table[table["tier"] == "points"]
        assert moment[["start", "label"]].values.tolist() == [[7.125, "click"]]
        assert moment["end"].isna().all()
        if mode != "binary":  # it keeps quotes as they are
            check(table[table["tier"] == "words"])


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_subtitles(tmp_path: Path, kind: str) -> None:
    cues = SSAFile()
    for start, end, label in KNOWN:
        cues.append(SSAEvent(start=round(start * 1000), end=round(end * 1000), text=label))
    cues.append(SSAEvent(start=3_800_000, end=3_801_500, text="Ann: well"))
    cues.save(str(tmp_path / f"a.{kind}"), encoding="utf-8")
    table = read_events_file(tmp_path / f"a.{kind}")
    check(table.iloc[:-1])
    assert table.iloc[-1][["participant", "label"]].tolist() == ["Ann", "well"]


def test_rttm_of_pyannote(tmp_path: Path) -> None:
    core = pytest.importorskip("pyannote.core")
    turns = core.Annotation(uri="talk")
    for start, end, _ in KNOWN:
        turns[core.Segment(start, end)] = "Ann"
    with (tmp_path / "a.rttm").open("w") as file:
        turns.write_rttm(file)
    table = read_events_file(tmp_path / "a.rttm")
    check(table, [(start, end, "speech") for start, end, _ in KNOWN])
    assert set(table["participant"]) == {"Ann"}
    assert set(table["recording"]) == {"talk.*"}


RTTM = """SPKR-INFO talk 1 <NA> <NA> <NA> unknown Ann <NA> <NA>
SPEAKER talk 1 1.234 1.111 <NA> <NA> Ann <NA> <NA>
SPEAKER talk 1 3599.500 125.542 <NA> <NA> Bob <NA> <NA>
"""


def test_rttm(tmp_path: Path) -> None:
    (tmp_path / "a.rttm").write_text(RTTM)
    table = read_events_file(tmp_path / "a.rttm")
    assert table["end"].tolist() == pytest.approx([2.345, 3725.042], abs=5e-4)
    assert table["participant"].tolist() == ["Ann", "Bob"]


TABULAR = """Observation id,Media file name,Time,Subject,Behavior,Modifiers,Behavior type
o,/data/clip.mp4,0.000,Ann,smile,,START
o,/data/clip.mp4,1.234,Ann,look,,POINT
o,/data/clip.mp4,2.345,Ann,smile,,STOP
o,/data/clip.mp4,3.000,No focal subject,smile,,START
o,/data/clip.mp4,3725.042,No focal subject,smile,,STOP
"""
AGGREGATED = """Observation id,Media file name,Subject,Behavior,Behavior type,Start (s),Stop (s)
o,/data/clip.mp4,Ann,smile,STATE,0.000,2.345
o,/data/clip.mp4,Ann,look,POINT,1.234,1.234
o,/data/clip.mp4,No focal subject,smile,STATE,3.000,3725.042
"""
PROJECT = {
    "behaviors_conf": {
        "0": {"code": "smile", "type": "State event"},
        "1": {"code": "look", "type": "Point event"},
    },
    "observations": {
        "o": {
            "file": {"1": ["/data/clip.mp4"], "2": []},
            "events": [
                [0.0, "Ann", "smile", "", ""],
                [1.234, "Ann", "look", "", ""],
                [2.345, "Ann", "smile", "", ""],
                [3.0, "", "smile", "", ""],
                [3725.042, "", "smile", "", ""],
            ],
        }
    },
}


@pytest.mark.parametrize(
    "kind", ["tabular.csv", "tabular.tsv", "aggregated.csv", "a.boris", "a.xlsx"]
)
def test_boris(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "a.boris":
        path.write_text(json.dumps(PROJECT))
    elif kind == "a.xlsx":
        (tmp_path / "t.csv").write_text(TABULAR)
        pd.read_csv(tmp_path / "t.csv").to_excel(path, index=False)
    else:
        text = AGGREGATED if kind.startswith("agg") else TABULAR
        path.write_text(text.replace(",", "\t") if kind.endswith("tsv") else text)
    table = read_events_file(path).sort_values("start")
    assert table["start"].tolist() == [0.0, 1.234, 3.0]
    assert table["end"].tolist() == pytest.approx([2.345, float("nan"), 3725.042], nan_ok=True)
    assert table["participant"].tolist() == ["Ann", "Ann", ""]
    assert table["label"].tolist() == ["smile", "look", "smile"]
    assert set(table["recording"]) == {"clip.mp4"}


def test_what_fervid_writes_for_boris_comes_back(tmp_path: Path) -> None:
    from fervid.exports import export
    from tests.studies.made_studies import Shows, bump, made_study_result, times

    smile = bump(times(30), [5.0, 11.5], 2.3)
    folder = made_study_result(tmp_path / "a.mp4.fervid", [Shows({"happy": smile})], 30)
    for form in ("boris", "elan"):
        (path,) = export(folder, form)  # type: ignore[arg-type]
        table = read_events_file(path)
        assert table["start"].tolist() == pytest.approx([5.0, 11.5])
        assert table["end"].tolist() == pytest.approx([7.3, 13.8])
        assert set(table["participant"]) == {"face 1"}


def test_tables_of_people_and_of_bids(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_bytes(
        "start;end;label;condition\n1:02,5;;Gr\u00fc\u00dfe;x\n".replace("1:02,5", "1:02.5").encode(
            "cp1252"
        )
    )
    table = read_events_file(own)
    assert table.iloc[0][["start", "label", "condition"]].tolist() == [62.5, "Gr\u00fc\u00dfe", "x"]
    bids = tmp_path / "bids.tsv"
    bids.write_text("onset\tduration\ttrial_type\n1.5\t2.25\tface\n4.0\tn/a\thouse\n")
    table = read_events_file(bids)
    assert table["label"].tolist() == ["face", "house"]
    assert table["end"].tolist() == pytest.approx([3.75, float("nan")], nan_ok=True)


def test_several_files_speak_of_the_recordings_of_their_names(tmp_path: Path) -> None:
    for name in ("p1", "p2"):
        (tmp_path / f"{name}.csv").write_text("start,label\n1.0,x\n")
    (tmp_path / "notes.txt").write_text("no events")
    table = read_events([tmp_path])
    assert table["recording"].tolist() == ["p1.*", "p2.*"]
    assert read_events([tmp_path / "p1.csv"])["recording"].tolist() == [""]


@pytest.mark.parametrize("ending", list(READERS))
def test_files_that_are_none_are_told_in_one_line(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    for content in (b"", b"\x00\x01\xff\xfe junk", b"<xml", b"{}", b"SPEAKER a\n"):
        path.write_bytes(content)
        with pytest.raises(ResultError) as caught:
            read_events_file(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_state_that_never_ends_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Time,Subject,Behavior,Status\n1.0,Ann,smile,START\n")
    with pytest.raises(ResultError, match="smile of Ann starts but never stops"):
        read_events_file(path)


def test_durations_and_words_are_kept() -> None:
    table = events_from_table(pd.DataFrame({"start": ["1"], "duration": ["2"], "advert": ["A"]}))
    assert table.iloc[0][["end", "advert"]].tolist() == [3.0, "A"]
